// Secrets: from the environment, or from a file only its owner can read. Never from the
// configuration. Tests: tests/cli/secrets_test.cpp
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace tradeguard::cli {

enum class Secret { api_key, api_secret, telegram_token };
std::string_view environment_name(
    Secret secret);  // "TRADEGUARD_API_KEY"; the file's name has _FILE behind

// Where a secret would come from; nothing is opened and no value leaves the environment.
struct SecretSource {
  Secret secret;
  std::string where;  // "not set", "environment", "file /run/secrets/key"
  std::string fault;  // both are set, or the file is missing or open to others; empty: none
};
std::vector<SecretSource> secret_sources(const Pairs& environment);

// The value without a newline at its end. An error names the place, never the value.
Result<std::string> read_secret(Secret secret, const Pairs& environment);

}  // namespace tradeguard::cli
