#include "secrets.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "trusted_file.hpp"

namespace tradeguard::cli {

namespace {

constexpr std::array all_secrets{SecretName::api_key, SecretName::api_secret, SecretName::telegram_token};
constexpr std::size_t longest_secret = 4096;

const std::string* find(const Pairs& environment, std::string_view name);
// Every place that names this secret; value and file are of the last of them.
struct Named {
  const std::string* value = nullptr;
  const std::string* file = nullptr;
  std::vector<std::string> places;  // "TRADEGUARD_API_KEY_FILE", "venue.api_key_file"
};
Named named_for(SecretName secret, const Pairs& environment, const SecretFiles& files);
std::string joined(const std::vector<std::string>& places);
tl::expected<OpenedFile, std::string> open_secret(const std::string& path, const SecretFiles& files);
std::string file_variable(SecretName secret) { return std::string{environment_name(secret)} + "_FILE"; }

}  // namespace

std::string_view environment_name(SecretName secret) {
  switch (secret) {
    case SecretName::api_key:
      return "TRADEGUARD_API_KEY";
    case SecretName::api_secret:
      return "TRADEGUARD_API_SECRET";
    case SecretName::telegram_token:
      return "TRADEGUARD_TELEGRAM_TOKEN";
  }
  return "";
}

bool is_secret_variable(std::string_view name) {
  return std::ranges::any_of(all_secrets, [&](SecretName secret) { return environment_name(secret) == name; });
}

std::string_view key_name(SecretName secret) {
  switch (secret) {
    case SecretName::api_key:
      return "venue.api_key_file";
    case SecretName::api_secret:
      return "venue.api_secret_file";
    case SecretName::telegram_token:
      return "telegram.token_file";
  }
  return "";
}

SecretFiles::SecretFiles(const Settings& settings)
    : api_key_{settings.api_key_file},
      api_secret_{settings.api_secret_file},
      telegram_token_{settings.telegram_token_file},
      besides_{settings.besides} {}

const std::string& SecretFiles::of(SecretName secret) const {
  switch (secret) {
    case SecretName::api_key:
      return api_key_;
    case SecretName::api_secret:
      return api_secret_;
    case SecretName::telegram_token:
      break;
  }
  return telegram_token_;
}

std::vector<SecretSource> secret_sources(const Pairs& environment, const SecretFiles& files) {
  std::vector<SecretSource> sources;
  for (const SecretName secret : all_secrets) {
    const Named given = named_for(secret, environment, files);
    SecretSource source{secret, "not set", ""};
    if (given.value != nullptr) source.where = "environment";
    if (given.file != nullptr) {
      source.where = "file " + *given.file;
      if (const auto opened = open_secret(*given.file, files); !opened) source.fault = opened.error();
    }
    if (given.places.size() > 1)
      source.fault = "is set in several places (" + joined(given.places) + "), so nobody knows which counts";
    sources.push_back(std::move(source));
  }
  return sources;
}

Result<Secret> read_secret(SecretName secret, const Pairs& environment, const SecretFiles& files) {
  const std::string name{environment_name(secret)};
  const Named given = named_for(secret, environment, files);
  if (given.places.size() > 1)
    return failed(Fault::configuration, joined(given.places) + " are both set; unset all of them but one");
  if (given.value != nullptr) return Secret{std::string{*given.value}};
  const std::string* file = given.file;
  if (file == nullptr)
    return failed(Fault::configuration, name + " is not set, and neither is " + name + "_FILE or " +
                                            std::string{key_name(secret)} + " with the path of a file of mode 0600");
  const std::string& place = given.places.front();
  // What was judged is what is read: by its descriptor, not once more by its name.
  const auto opened = open_secret(*file, files);
  if (!opened) return failed(Fault::configuration, place + ": " + *file + " " + opened.error());
  std::string text(longest_secret + 1, '\0');
  ssize_t size = 0;
  do size = ::read(opened->descriptor(), text.data(), text.size());
  while (size < 0 && errno == EINTR);
  if (size < 0 || static_cast<std::size_t>(size) > longest_secret) {
    wipe(text);
    return failed(Fault::configuration, place + ": " + *file + " cannot be read, or is no secret");
  }
  text.resize(static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return failed(Fault::configuration, place + ": " + *file + " is empty");
  return Secret{std::move(text)};
}

void keep_out_of_sight(std::string_view secret, Log& log) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  log.keep_secret(secret);
  // A key of several lines could be shown line by line.
  for (std::size_t from = 0, to = 0; secret.find('\n') != std::string_view::npos && to < secret.size(); from = to + 1) {
    to = std::min(secret.find('\n', from), secret.size());
    log.keep_secret(secret.substr(from, to - from));
  }
}

namespace {

const std::string* find(const Pairs& environment, std::string_view name) {
  const auto found = std::ranges::find_if(environment, [&](const auto& pair) { return pair.first == name; });
  return found == environment.end() ? nullptr : &found->second;
}

Named named_for(SecretName secret, const Pairs& environment, const SecretFiles& files) {
  Named given;
  given.value = find(environment, environment_name(secret));
  if (given.value != nullptr) given.places.emplace_back(environment_name(secret));
  const std::string variable = file_variable(secret);
  if (const std::string* file = find(environment, variable)) {
    given.file = file;
    given.places.push_back(variable);
  }
  if (const std::string& file = files.of(secret); !file.empty()) {
    given.file = &file;
    given.places.emplace_back(key_name(secret));
  }
  return given;
}

std::string joined(const std::vector<std::string>& places) {
  std::string all;
  for (const std::string& place : places) all += (all.empty() ? "" : " and ") + place;
  return all;
}

tl::expected<OpenedFile, std::string> open_secret(const std::string& path, const SecretFiles& files) {
  const Trusted trusted{.others = files.besides()};
  const std::string we = "this process is uid " + std::to_string(::geteuid());
  auto file = open_for_reading(path, {.most_bytes = std::uintmax_t(-1), .trusted = std::nullopt});
  if (!file) {
    if (file.error().kind != Distrust::Kind::missing) return tl::unexpected{file.error().text()};
    return tl::unexpected{"does not exist or cannot be seen (" + std::system_category().message(ENOENT) + "; " + we +
                          ")"};
  }
  const struct stat& status = file->status();
  if (!S_ISREG(status.st_mode)) return tl::unexpected{std::string{"is not a plain file"}};
  const mode_t rights = status.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
  // systemd's LoadCredential and container secrets come as 0440: nobody may change them, and the group is
  // there for the service alone. A file of a stranger is none of those.
  constexpr mode_t readable = S_IRUSR | S_IRGRP;
  const bool provided = (rights | readable) == readable && trusted.includes(status.st_uid);
  if ((rights & (S_IRWXG | S_IRWXO)) != 0 && !provided)
    return tl::unexpected{
        "can be opened by others (mode " + mode_text(rights) + ", owner uid " + std::to_string(status.st_uid) + "; " +
        we + "); its mode has to be 0600, or 0440 and nobody's to write; to mend it: chmod 600 " + shell_word(path)};
  // Whose it is, and whether somebody can put another one in its place.
  if (auto distrust = distrust_of(path, {.most_bytes = std::uintmax_t(-1), .trusted = trusted}))
    return tl::unexpected{distrust->text()};
  return std::move(*file);
}

}  // namespace
}  // namespace tradeguard::cli
