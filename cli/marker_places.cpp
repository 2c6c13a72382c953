// Where the marker of an account lies, see run_marker.hpp.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "run_marker.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

std::string variable(const Pairs& environment, std::string_view name) {
  const auto found = std::ranges::find_if(environment, [&](const auto& pair) { return pair.first == name; });
  return found == environment.end() ? "" : found->second;
}

bool is_missing(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
}

bool is_ours_alone(const std::string& folder) {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

RunMarker marker_of(const Settings& settings, const AccountKey& account, const std::string& config_file,
                    const Pairs& environment) {
  const std::string name = account.venue + "." + account.account + ".marker";
  std::vector<RunMarker::Place> places;
  std::string store = masked_url(settings.store_url);
  if (!is_postgres(settings)) {
    const std::string file = sqlite_file(settings);
    const std::unique_ptr<char, decltype(&std::free)> real{::realpath(file.c_str(), nullptr), &std::free};
    store = real ? std::string{real.get()} : std::filesystem::absolute(file).string();
    places.push_back({store + "." + name});
  } else if (!config_file.empty()) {
    places.push_back({std::filesystem::absolute(config_file).string() + "." + name});
  }
  // In a folder that other stores use too the name says which store it is.
  const std::string elsewhere = "/" + short_of(store) + "." + name;
  const std::string home = variable(environment, "HOME");
  const std::string state = variable(environment, "XDG_STATE_HOME");
  if (const std::string given = variable(environment, "STATE_DIRECTORY"); given.starts_with("/"))
    places.push_back({given.substr(0, given.find(':')) + elsewhere});
  if (state.starts_with("/"))
    places.push_back({state + "/tradeguard" + elsewhere, true});
  else if (home.starts_with("/"))
    places.push_back({home + "/.local/state/tradeguard" + elsewhere, true});
  // In /tmp anybody may have made the folder first.
  const std::string last = "/tmp/tradeguard-" + std::to_string(::geteuid());
  if (is_missing(last) || is_ours_alone(last)) places.push_back({last + elsewhere, true});
  return RunMarker{std::move(places)};
}

}  // namespace tradeguard::cli
