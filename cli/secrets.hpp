// Secrets: from the environment, or from a file only its owner can read. Never from the
// configuration. Tests: tests/cli/secrets_test.cpp
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard::cli {

enum class SecretName { api_key, api_secret, telegram_token };
std::string_view environment_name(SecretName secret);  // "TRADEGUARD_API_KEY"; the file's name has _FILE behind

// Where a secret would come from; nothing is opened and no value leaves the environment.
struct SecretSource {
  SecretName secret;
  std::string where;  // "not set", "environment", "file /run/secrets/key"
  std::string fault;  // both are set, or the file is missing or open to others; empty: none
};
std::vector<SecretSource> secret_sources(const Pairs& environment);

// The value without a newline at its end. An error names the place, never the value.
Result<Secret> read_secret(SecretName secret, const Pairs& environment);

// From here on the log shows nothing of it, and a crash leaves no image of this process behind.
void keep_out_of_sight(std::string_view secret, Log& log);

}  // namespace tradeguard::cli
