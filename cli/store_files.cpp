#include "store_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tradeguard/lock_holder.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

std::string folder_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

// The database and what belongs to it: SQLite's own files, and the lock and the marker of each
// account.
std::vector<std::string> files_of(const std::string& database) {
  std::vector<std::string> files{database};
  for (const char* end : {"-wal", "-shm", "-journal"}) files.push_back(database + end);
  std::error_code ignored;
  const std::string beginning = std::filesystem::path{database}.filename().string() + ".";
  std::vector<std::string> more;
  for (const auto& entry : std::filesystem::directory_iterator{folder_of(database), ignored}) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(beginning) && (name.ends_with(".lock") || name.ends_with(".marker")))
      more.push_back(entry.path().string());
  }
  std::ranges::sort(more);
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

// A store that a group shares lies in a folder that the group can write: SQLite makes files beside
// it.
Trusted who_shares(const Settings& settings, const std::string& folder) {
  Trusted trusted{.others = settings.besides};
  struct stat status {};
  if ((settings.store_mode & S_IRWXG) == 0 || ::lstat(folder.c_str(), &status) != 0) return trusted;
  if (!trusted.includes(status.st_uid) || (status.st_mode & S_IWGRP) == 0) return trusted;
  trusted.group = status.st_gid;
  for (const uid_t member : members_of(status.st_gid)) trusted.others.push_back(member);
  return trusted;
}

class Judge {
 public:
  Judge(Trusted trusted, mode_t mode, Mending mending) : trusted_{std::move(trusted)}, mode_{mode}, mending_{mending} {}

  void folder(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return;  // whoever opens the store says so
    // In a sticky folder too anybody can put a log beside the database before SQLite makes one.
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) != 0)
      return fault(path, {Distrust::Kind::unsafe, whose(status) + ": anybody can put files beside the store",
                          "put the store into a folder of its own, of mode 0700"});
    if (auto distrust = writable_by_others(path, status, trusted_)) fault(path, std::move(*distrust));
  }

  void file(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return;
    const std::string remove = "look at it, and when no run is going: rm " + shell_word(path);
    if (!S_ISREG(status.st_mode)) return fault(path, {Distrust::Kind::unfit, "is no regular file", remove});
    if (path.ends_with(".lock") && status.st_nlink > 1)
      return fault(path, {Distrust::Kind::unfit, "has several names (hard links)", remove});
    const mode_t allowed = may_be_shared(path, status) ? mode_ : mode_ & S_IRWXU;
    const bool wide = (status.st_mode & 0777 & ~(allowed | S_IXUSR)) != 0;
    if (!wide && trusted_.includes(status.st_uid)) return;
    if (auto distrust = writable_by_others(path, status, trusted_)) {
      if (trusted_.includes(status.st_uid)) distrust->mend = narrow(path, allowed);
      return fault(path, std::move(*distrust));
    }
    tighten(path, status, allowed);
  }

  void fault(const std::string& path, Distrust distrust) { found_.faults.push_back({path, std::move(distrust)}); }
  StoreFiles finish() && { return std::move(found_); }

 private:
  static std::string whose(const struct stat& status) {
    return "belongs to " + user_text(status.st_uid) + ", mode " + mode_text(status.st_mode);
  }
  static std::string narrow(const std::string& path, mode_t allowed) {
    return "chmod " + mode_text(allowed).substr(1) + " " + shell_word(path);
  }
  bool may_be_shared(const std::string& path, struct stat status) const {
    status.st_mode = (status.st_mode & ~static_cast<mode_t>(S_IWOTH)) | S_IWGRP;
    return (mode_ & S_IRWXG) != 0 && !writable_by_others(path, status, trusted_);
  }

  void tighten(const std::string& path, const struct stat& status, mode_t allowed) {
    const bool ours = status.st_uid == ::geteuid() || ::geteuid() == 0;
    if (mending_ == Mending::no && ours) {
      found_.readable.push_back(path);
      return;
    }
    const mode_t mode = status.st_mode & allowed;
    struct stat after {};
    if (ours && ::chmod(path.c_str(), mode) == 0 && ::lstat(path.c_str(), &after) == 0 &&
        (after.st_mode & 0777) == mode) {
      if (found_.tightened.empty()) found_.before = mode_text(status.st_mode);
      found_.tightened.push_back(path);
      return;
    }
    fault(path, {Distrust::Kind::unsafe, whose(status) + ": others can read it, and who can read it can lock it",
                 narrow(path, allowed)});
  }

  Trusted trusted_;
  mode_t mode_;
  Mending mending_;
  StoreFiles found_;
};

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
  return all;
}

std::vector<LockHolder> holders(const Settings& settings, const AccountKey& account, LockedPart what) {
  const auto real = follow(sqlite_file(settings), nullptr);
  if (!real || !real->exists) return {};
  if (what == LockedPart::run) return lock_holders(real->path + "." + account.venue + "." + account.account + ".lock");
  std::vector<LockHolder> all;
  for (const char* end : {"", "-shm", "-wal"})
    for (LockHolder& holder : lock_holders(real->path + end))
      if (std::ranges::find(all, holder.pid, &LockHolder::pid) == all.end()) all.push_back(std::move(holder));
  return all;
}

Result<void> result_of(const StoreFiles& files) {
  if (files.faults.empty()) return {};
  std::string all;
  for (const StoreFault& fault : files.faults) all += (all.empty() ? "" : "; ") + fault.text();
  return failed(Fault::configuration, "others can change or lock the store, so it was not opened: " + all);
}

}  // namespace

StoreFiles judge_store_files(const Settings& settings, Mending mending) {
  if (is_postgres(settings) || settings.staged) return {};
  const std::string file = sqlite_file(settings);
  const auto found = follow(file, nullptr);
  if (!found) return {};  // what is missing is said by whoever opens the store
  const Trusted trusted = who_shares(settings, folder_of(found->path));
  Judge judge{trusted, settings.store_mode, mending};
  if (auto real = follow(file, &trusted); !real) {
    judge.fault(file, std::move(real.error()));
    return std::move(judge).finish();
  }
  judge.folder(folder_of(found->path));
  for (const std::string& path : files_of(found->path)) judge.file(path);
  return std::move(judge).finish();
}

Result<void> secure_store(const Settings& settings, Log& log) {
  const StoreFiles files = judge_store_files(settings, Mending::what_is_ours);
  if (!files.tightened.empty())
    log.write(Line{Event::store_tightened}
                  .add("was", files.before)
                  .add("mode", mode_text(settings.store_mode))
                  .add("files", joined(files.tightened)));
  return result_of(files);
}

Result<void> require_ours(const Settings& settings) { return result_of(judge_store_files(settings, Mending::no)); }

std::string lock_holder_text(const Settings& settings, const AccountKey& account) {
  if (is_postgres(settings)) return "";
  std::string all;
  for (const LockHolder& holder : holders(settings, account, LockedPart::run))
    all += (all.empty() ? "" : ", ") + std::string{holder.is_tradeguard ? "tradeguard" : "NOT tradeguard"} +
           ", process " + std::to_string(holder.pid) + " of " + holder.user + ": " + holder.command;
  return all;
}

std::string say_lock_holders(const Settings& settings, const AccountKey& account, LockedPart what, Named named,
                             Log& log) {
  if (is_postgres(settings)) return "";
  std::string strangers;
  for (const LockHolder& holder : holders(settings, account, what)) {
    // Ended meanwhile: nobody can say what it was.
    if (holder.command.empty() && holder.user == "?") continue;
    if (holder.is_tradeguard && named == Named::strangers) continue;
    log.write(Line{Event::lock_holder, holder.is_tradeguard ? Level::info : Level::critical}
                  .add("pid", std::to_string(holder.pid))
                  .add("uid", std::to_string(holder.uid))
                  .add("user", holder.user)
                  .add("command", holder.command)
                  .add("tradeguard", holder.is_tradeguard ? 1 : 0));
    if (!holder.is_tradeguard)
      strangers += (strangers.empty() ? "" : ", ") + std::string{"process "} + std::to_string(holder.pid) + " of " +
                   holder.user + " (" + holder.command + ")";
  }
  return strangers;
}

}  // namespace tradeguard::cli
