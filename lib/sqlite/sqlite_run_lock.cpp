#include "tradeguard/sqlite_run_lock.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

// A fork shares its parent's locks until it closes the descriptor, so a child that outlives the
// holder would go on holding. Programs it starts are served by O_CLOEXEC; for a plain fork the
// descriptors are kept here, and closed in the child.
constexpr std::size_t most_locks = 64;
std::array<std::atomic<int>, most_locks> descriptors_held{};  // 0: free; else descriptor + 1

void close_in_child() {
  for (auto& held : descriptors_held)
    if (const int descriptor = held.exchange(0) - 1; descriptor >= 0) ::close(descriptor);
}

class LockFile {
 public:
  explicit LockFile(int descriptor) : descriptor_{descriptor} {
    static const int registered = ::pthread_atfork(nullptr, nullptr, close_in_child);
    (void)registered;
    for (auto& held : descriptors_held) {
      int free = 0;
      if (held.compare_exchange_strong(free, descriptor + 1)) {
        place_ = &held;
        return;
      }
    }
  }
  ~LockFile() {
    int mine = descriptor_ + 1;
    // In a fork the descriptor is closed already, and its number may be somebody else's.
    if (!place_ || place_->compare_exchange_strong(mine, 0)) ::close(descriptor_);
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
  std::atomic<int>* place_ = nullptr;
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

std::string SqliteRunLock::lock_file(const AccountKey& account) const {
  return session_.real_path() + "." + account.venue + "." + account.account + ".lock";
}

}  // namespace tradeguard
