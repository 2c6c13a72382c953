#include <unistd.h>
#include <catch2/catch.hpp>

#include "scratch.hpp"
#include "secrets.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

TEST_CASE("a secret comes from the environment or from a file only its owner can read") {
  const Scratch folder;
  CHECK(read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY", "k-123"}})->reveal() == "k-123");
  const std::string file = folder.write("key", "from-file\n", 0600);
  CHECK(read_secret(SecretName::api_secret, {{"TRADEGUARD_API_SECRET_FILE", file}})->reveal() == "from-file");
}

// systemd's LoadCredential and container secrets: nobody may write them, and the group is the service's.
TEST_CASE("a secret's file of mode 0400 or 0440 is taken") {
  const Scratch folder;
  for (const mode_t mode : {0400U, 0440U}) {
    const std::string file = folder.write("key" + std::to_string(mode), "provided\n", mode);
    const auto read = read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", file}});
    REQUIRE(read);
    CHECK(read->reveal() == "provided");
    CHECK(secret_sources({{"TRADEGUARD_API_KEY_FILE", file}}).front().fault.empty());
  }
}

TEST_CASE("a secret's file that others can open is refused, and its content is not told") {
  const Scratch folder;
  for (const mode_t mode : {0644U, 0640U, 0604U, 0620U, 0444U, 0460U, 0540U}) {
    const std::string file = folder.write("key", "very-secret", mode);
    const auto refused = read_secret(SecretName::telegram_token, {{"TRADEGUARD_TELEGRAM_TOKEN_FILE", file}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::configuration);
    CHECK(refused.error().what.find("0600") != std::string::npos);
    // Whose it is and who asks: most such files belong to another user than the one cron runs as.
    const std::string uid = "uid " + std::to_string(::geteuid());
    CHECK(refused.error().what.find("owner " + uid + "; this process is " + uid) != std::string::npos);
    CHECK(refused.error().what.find("very-secret") == std::string::npos);
  }
}

TEST_CASE("a secret that is missing, empty, or given twice is an error") {
  const Scratch folder;
  CHECK_FALSE(read_secret(SecretName::api_key, {}));
  CHECK_FALSE(read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", folder.file("none")}}));
  CHECK_FALSE(read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", folder.path()}}));
  CHECK_FALSE(read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", folder.write("e", "\n", 0600)}}));
  CHECK_FALSE(
      read_secret(SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", folder.write("l", std::string(5000, 'x'), 0600)}}));
  CHECK_FALSE(read_secret(SecretName::api_key,
                          {{"TRADEGUARD_API_KEY", "a"}, {"TRADEGUARD_API_KEY_FILE", folder.write("k", "b", 0600)}}));
}

TEST_CASE("where secrets would come from is told without opening anything") {
  const Scratch folder;
  const auto sources =
      secret_sources({{"TRADEGUARD_API_KEY", "abc"}, {"TRADEGUARD_API_SECRET_FILE", folder.write("s", "x", 0644)}});
  REQUIRE(sources.size() == 3);
  CHECK(sources[0].where == "environment");
  CHECK(sources[0].fault.empty());
  CHECK(sources[1].where == "file " + folder.file("s"));
  CHECK_FALSE(sources[1].fault.empty());
  CHECK(sources[2].where == "not set");
}

TEST_CASE("the configuration names the files of secrets, and one that is named twice is an error") {
  const Scratch folder;
  Settings settings;
  settings.api_key_file = folder.write("key", "k-1\n", 0600);
  settings.api_secret_file = folder.write("secret", "s-1\n", 0600);
  settings.telegram_token_file = folder.write("token", "t-1\n", 0644);
  const SecretFiles files{settings};
  CHECK(read_secret(SecretName::api_key, {}, files)->reveal() == "k-1");
  CHECK(read_secret(SecretName::api_secret, {}, files)->reveal() == "s-1");
  const auto open_to_others = read_secret(SecretName::telegram_token, {}, files);
  REQUIRE_FALSE(open_to_others);
  CHECK(open_to_others.error().what.starts_with("telegram.token_file: " + folder.file("token")));
  for (const auto* other : {"TRADEGUARD_API_KEY", "TRADEGUARD_API_KEY_FILE"}) {
    const Pairs environment{{other, folder.file("key")}};
    const auto twice = read_secret(SecretName::api_key, environment, files);
    REQUIRE_FALSE(twice);
    CHECK(twice.error().what.find(std::string{other} + " and venue.api_key_file") != std::string::npos);
    CHECK_FALSE(secret_sources(environment, files)[0].fault.empty());
  }
  CHECK(secret_sources({}, files)[1].where == "file " + folder.file("secret"));
}
