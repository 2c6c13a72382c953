#include "tradeguard/file_notifier.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>

namespace tradeguard {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

TryLater not_written(const std::string& path, int error) {
  return {1s, path + ": " + std::generic_category().message(error)};
}

Delivery append(const std::string& path, const std::string& message) {
  // Not blocking, so that a pipe without a reader at this path cannot hang the run.
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
  const Descriptor file{::open(path.c_str(), flags, 0600)};
  if (file.get() < 0) return not_written(path, errno);
  ssize_t written = 0;
  do written = ::write(file.get(), message.data(), message.size());
  while (written < 0 && errno == EINTR);
  if (written < 0) return not_written(path, errno);
  // A message cut short by a full disk is told again, whole.
  if (static_cast<std::size_t>(written) != message.size()) return not_written(path, ENOSPC);
  return Delivered{};
}

}  // namespace

Delivery FileNotifier::deliver(const Notice& notice, Micros) noexcept {
  try {
    return append(path_, plain_text(notice) + "\n\n");
  } catch (const std::exception& thrown) {
    return TryLater{1s, thrown.what()};
  }
}

}  // namespace tradeguard
