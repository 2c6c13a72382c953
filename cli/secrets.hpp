// Secrets: from the environment, or from a file only its owner can read, which the environment or
// the configuration names. A configuration never holds one. Tests: tests/cli/secrets_test.cpp
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
bool is_secret_variable(std::string_view name);        // one of these three
std::string_view key_name(SecretName secret);          // "venue.api_key_file", of the configuration

// The files that the configuration names, which is where secrets come from that the environment
// does not have. One that is named in both places is an error, even if it is the same.
class SecretFiles {
 public:
  SecretFiles() = default;
  explicit SecretFiles(const Settings& settings);
  const std::string& of(SecretName secret) const;                 // empty: none is named
  const std::vector<uid_t>& besides() const { return besides_; }  // whose files are taken too

 private:
  std::string api_key_;
  std::string api_secret_;
  std::string telegram_token_;
  std::vector<uid_t> besides_;
};

// Where a secret would come from; no value leaves the environment or is read from a file.
struct SecretSource {
  SecretName secret;
  std::string where;  // "not set", "environment", "file /run/secrets/key"
  std::string fault;  // several are set, or the file is missing or open to others; empty: none
};
std::vector<SecretSource> secret_sources(const Pairs& environment, const SecretFiles& files = {});

// The value without a newline at its end. An error names the place, never the value.
Result<Secret> read_secret(SecretName secret, const Pairs& environment, const SecretFiles& files = {});

// From here on the log shows nothing of it, and a crash leaves no image of this process behind.
void keep_out_of_sight(std::string_view secret, Log& log);

}  // namespace tradeguard::cli
