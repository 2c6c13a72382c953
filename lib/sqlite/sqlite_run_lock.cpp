#include "tradeguard/sqlite_run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tradeguard/not_for_forks.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

class LockFile {
 public:
  explicit LockFile(int descriptor) : descriptor_{descriptor} {
    not_for_forks_.emplace(descriptor);
  }
  ~LockFile() {
    not_for_forks_.reset();
    ::close(descriptor_);
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // Whoever opens the path now gets the very file that is locked.
  bool is_at(const std::string& path) const {
    struct stat here {};
    struct stat there {};
    return ::fstat(descriptor_, &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
  }
  bool try_lock(int& fault) const {
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
      if (errno != EINTR) {
        fault = errno;
        return false;
      }
    return true;
  }

 private:
  int descriptor_;
  std::optional<NotForForks> not_for_forks_;
};

class SqliteHold final : public RunLease::Hold {
 public:
  SqliteHold(std::unique_ptr<LockFile> file, std::string path, SqliteSession& session,
             AccountKey account, Fence fence)
      : file_{std::move(file)},
        path_{std::move(path)},
        session_{session},
        account_{std::move(account)},
        fence_{fence} {}

  Result<bool> still_held() override {
    if (!file_->is_at(path_)) return false;
    auto fence = read_fence(session_, account_);
    if (!fence) return tl::unexpected{std::move(fence.error())};
    return *fence == fence_;
  }

 private:
  std::unique_ptr<LockFile> file_;
  std::string path_;
  SqliteSession& session_;
  AccountKey account_;
  Fence fence_;
};

// Of somebody who writes nothing, so that no fence has to be his.
class LookersHold final : public RunLease::Hold {
 public:
  LookersHold(std::unique_ptr<LockFile> file, std::string path)
      : file_{std::move(file)}, path_{std::move(path)} {}
  Result<bool> still_held() override { return file_ && file_->is_at(path_); }

 private:
  std::unique_ptr<LockFile> file_;
  std::string path_;
};

}  // namespace

Result<std::variant<RunLease, HeldElsewhere>> SqliteRunLock::try_acquire(
    const AccountKey& account) {
  const std::string path = lock_file(account);
  constexpr int attempts = 10;
  for (int i = 0; i < attempts; ++i) {
    // Reading is enough to lock, so that users who share a store need not share a umask.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    if (descriptor < 0)
      return failed(Fault::configuration, "the lock file " + path + ": " + std::strerror(errno));
    auto file = std::make_unique<LockFile>(descriptor);
    int fault = 0;
    if (!file->try_lock(fault)) {
      if (fault != EWOULDBLOCK)
        return failed(Fault::unreachable, "locking " + path + ": " + std::strerror(fault));
      // Locked, but is it still the file that counts?
      if (!file->is_at(path)) continue;
      auto holder = read_holder(session_, account);
      if (!holder) return HeldElsewhere{};  // what cannot be read at once is not waited for
      return *holder;
    }
    if (!file->is_at(path)) continue;  // unlinked between opening and locking
    auto bumped = bump_account(session_, account);
    if (!bumped) return tl::unexpected{std::move(bumped.error())};
    return RunLease{
        bumped->fence, bumped->cycle,
        std::make_unique<SqliteHold>(std::move(file), path, session_, account, bumped->fence)};
  }
  return failed(Fault::unreachable, "somebody keeps replacing the lock file " + path);
}

// Makes no file: a run that finds none knows by that what happened to the store.
Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> SqliteRunLock::try_hold(
    const AccountKey& account) {
  const std::string path = lock_file(account);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0 && errno == ENOENT) return std::make_unique<LookersHold>(nullptr, path);
  if (descriptor < 0)
    return failed(Fault::configuration, "the lock file " + path + ": " + std::strerror(errno));
  auto file = std::make_unique<LockFile>(descriptor);
  int fault = 0;
  if (file->try_lock(fault)) return std::make_unique<LookersHold>(std::move(file), path);
  if (fault != EWOULDBLOCK)
    return failed(Fault::unreachable, "locking " + path + ": " + std::strerror(fault));
  auto holder = read_holder(session_, account);
  if (!holder) return HeldElsewhere{};  // what cannot be read at once is not waited for
  return *holder;
}

std::string SqliteRunLock::lock_file(const AccountKey& account) const {
  return session_.real_path() + "." + account.venue + "." + account.account + ".lock";
}

}  // namespace tradeguard
