#include "tradeguard/sqlite_run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fence_file.hpp"
#include "holder_note.hpp"
#include "tradeguard/not_for_forks.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

class LockFile {
 public:
  explicit LockFile(int descriptor) : descriptor_{descriptor} { not_for_forks_.emplace(descriptor); }
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
    return ::fstat(descriptor_, &here) == 0 && ::lstat(path.c_str(), &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
  }
  int descriptor() const { return descriptor_; }
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
  SqliteHold(std::unique_ptr<LockFile> file, std::string path, SqliteSession& session, AccountKey account, Fence fence)
      : file_{std::move(file)},
        path_{std::move(path)},
        session_{session},
        account_{std::move(account)},
        fence_{fence} {}

  Result<bool> still_held() override {
    if (!file_->is_at(path_)) return false;
    if (auto in_place = session_.require_in_place(); !in_place) return relayed(in_place);
    auto fence = read_fence(session_, account_);
    if (!fence) return relayed(fence);
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
  LookersHold(std::unique_ptr<LockFile> file, std::string path) : file_{std::move(file)}, path_{std::move(path)} {}
  Result<bool> still_held() override { return file_ && file_->is_at(path_); }

 private:
  std::unique_ptr<LockFile> file_;
  std::string path_;
};

struct OpenedLockFile {
  int descriptor;
  bool just_made;
};

// The folder's entry for a new file survives a power loss as well.
bool sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

constexpr int always = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

tl::unexpected<Error> refused(const std::string& path, int error) {
  std::string why = error == ELOOP ? "is a symbolic link" : std::strerror(error);
  struct stat status {};
  if (error == EACCES && ::lstat(path.c_str(), &status) == 0)
    why += ": it is uid " + std::to_string(status.st_uid) + "'s and this process is uid " +
           std::to_string(::geteuid()) + "; to mend it: chown " + std::to_string(::geteuid()) + " " + path;
  if (error == ELOOP) why += "; to mend it, while no run is going: rm " + path;
  return failed(Fault::configuration, "the lock file " + path + ": " + why);
}

// Somebody else's pipe, device or file is not locked, and not written to.
Result<void> require_plain(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return refused(path, errno);
  const char* const why = !S_ISREG(status.st_mode) ? "is not a regular file"
                          : status.st_nlink > 1    ? "has several names (hard links)"
                                                   : nullptr;
  if (why == nullptr) return {};
  return failed(Fault::configuration,
                "the lock file " + path + ": " + why + "; to mend it, while no run is going: rm " + path);
}

// A new one gets the rights of the database, as SQLite gives them to its log, and never more than
// owner and group: who can read a lock file can hold it. Of root's making it is the database's
// owner's.
Result<OpenedLockFile> open_lock_file(const std::string& path, const std::string& database) {
  constexpr mode_t owner_only = 0600;
  const int made = ::open(path.c_str(), O_CREAT | O_EXCL | always, owner_only);
  if (made >= 0) {
    struct stat like {};
    if (::stat(database.c_str(), &like) == 0) {
      // Who may not give it to the database's group has a file of his own group.
      const uid_t owner = ::geteuid() == 0 ? like.st_uid : static_cast<uid_t>(-1);
      if (::fchown(made, owner, like.st_gid) != 0) errno = 0;
      (void)::fchmod(made, like.st_mode & 0660);
    }
    if (!sync_folder_of(path)) {
      const auto why = refused(path, errno);
      ::close(made);
      return why;
    }
    return OpenedLockFile{made, true};
  }
  // Not blocking, so that a pipe in its place holds nobody up.
  int descriptor = ::open(path.c_str(), always);
  if (descriptor < 0 && errno == ENOENT) descriptor = ::open(path.c_str(), O_CREAT | always, owner_only);
  if (descriptor < 0) return refused(path, errno);
  if (auto plain = require_plain(descriptor, path); !plain) {
    ::close(descriptor);
    return relayed(plain);
  }
  return OpenedLockFile{descriptor, false};
}

}  // namespace

Result<std::variant<RunLease, HeldElsewhere>> SqliteRunLock::try_acquire(const AccountKey& account) {
  const std::string path = lock_file(account);
  constexpr int attempts = 10;
  for (int i = 0; i < attempts; ++i) {
    auto opened = open_lock_file(path, session_.real_path());
    if (!opened) return relayed(opened);
    const auto [descriptor, just_made] = *opened;
    auto file = std::make_unique<LockFile>(descriptor);
    int fault = 0;
    if (!file->try_lock(fault)) {
      if (fault != EWOULDBLOCK) return failed(Fault::unreachable, "locking " + path + ": " + std::strerror(fault));
      // Locked, but is it still the file that counts?
      if (!file->is_at(path)) continue;
      auto holder = read_holder(session_, account);
      if (!holder) return HeldElsewhere{};  // what cannot be read at once is not waited for
      return *holder;
    }
    if (!file->is_at(path)) continue;  // unlinked between opening and locking
    if (auto in_place = session_.require_in_place(); !in_place) return relayed(in_place);
    auto bumped = bump_account(session_, account, read_fence_file(descriptor, just_made));
    if (!bumped) return relayed(bumped);
    // After the database: broken off in between, the file is behind it, which says nothing.
    if (auto written = write_fence_file(descriptor, path, bumped->fence); !written) return relayed(written);
    note_holder(descriptor);
    return RunLease{bumped->fence, bumped->cycle,
                    std::make_unique<SqliteHold>(std::move(file), path, session_, account, bumped->fence)};
  }
  return failed(Fault::unreachable, "somebody keeps replacing the lock file " + path);
}

// Makes no file: a run that finds none knows by that what happened to the store.
Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> SqliteRunLock::try_hold(
    const AccountKey& account) {
  const std::string path = lock_file(account);
  const int descriptor = ::open(path.c_str(), always);
  if (descriptor < 0 && errno == ENOENT) return std::make_unique<LookersHold>(nullptr, path);
  if (descriptor < 0) return refused(path, errno);
  auto file = std::make_unique<LockFile>(descriptor);
  if (auto plain = require_plain(descriptor, path); !plain) return relayed(plain);
  int fault = 0;
  if (file->try_lock(fault)) return std::make_unique<LookersHold>(std::move(file), path);
  if (fault != EWOULDBLOCK) return failed(Fault::unreachable, "locking " + path + ": " + std::strerror(fault));
  auto holder = read_holder(session_, account);
  if (!holder) return HeldElsewhere{};  // what cannot be read at once is not waited for
  return *holder;
}

std::string SqliteRunLock::lock_file(const AccountKey& account) const {
  return session_.real_path() + "." + account.venue + "." + account.account + ".lock";
}

}  // namespace tradeguard
