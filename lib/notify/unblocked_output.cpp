#include "tradeguard/unblocked_output.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "tradeguard/clock.hpp"

namespace tradeguard {

namespace {

// How much a descriptor that we cannot keep from blocking takes for certain once it says that it
// has room: a pipe a page, a terminal less.
constexpr std::size_t certain_room = 256;

}  // namespace

UnblockedOutput::UnblockedOutput(int descriptor) : descriptor_{descriptor} {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return;  // the write will say so
  if (S_ISSOCK(status.st_mode)) {
    way_ = Way::socket;
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    // O_NONBLOCK belongs to the open description, which a shell and other processes share with us.
    // Opened once more there is one of our own. A pipe of another user cannot be opened so.
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    own_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    way_ = own_ >= 0 ? Way::own : Way::polled;
  }
}

UnblockedOutput::~UnblockedOutput() {
  if (own_ >= 0) ::close(own_);
}

bool UnblockedOutput::put(std::string_view text) {
  drain();
  const std::size_t written = kept_.empty() ? write_some(text) : 0;
  if (written == text.size()) return true;
  const bool fits = written > 0 || kept_bytes_ + text.size() <= most_kept;
  if (broken_ || !fits) return false;
  keep(text, written);
  return true;
}

bool UnblockedOutput::put_now(std::string_view text) {
  if (!drain()) return false;
  const std::size_t written = write_some(text);
  if (written == text.size()) return true;
  if (written > 0 && !broken_) keep(text, written);
  return false;
}

bool UnblockedOutput::drain(Micros patience) {
  SystemClock clock;
  const Micros until = clock.monotonic() + patience;
  broken_ = false;  // a full disk may have room again
  while (!kept_.empty() && !broken_) {
    std::string& first = kept_.front();
    const std::size_t written = write_some(first);
    kept_bytes_ -= written;
    if (written == first.size()) {
      kept_.pop_front();
      begun_ = false;
      continue;
    }
    if (written > 0) {
      first.erase(0, written);
      begun_ = true;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock.monotonic());
    if (left.count() <= 0) return false;
    has_room(static_cast<int>(left.count()));
  }
  return kept_.empty();
}

std::size_t UnblockedOutput::give_up() {
  const std::size_t lost = kept_.size();
  // The end of a line that has begun stays: the next one must not be written into its middle.
  if (begun_)
    kept_.resize(1);
  else
    kept_.clear();
  kept_bytes_ = kept_.empty() ? 0 : kept_.front().size();
  return lost;
}

void UnblockedOutput::keep(std::string_view text, std::size_t written) {
  kept_.emplace_back(text.substr(written));
  kept_bytes_ += kept_.back().size();
  begun_ = begun_ || written > 0;
}

std::size_t UnblockedOutput::write_some(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    std::string_view piece = text.substr(done);
    ssize_t written = 0;
    switch (way_) {
      case Way::file:
        written = ::write(descriptor_, piece.data(), piece.size());
        break;
      case Way::own:
        // Up to PIPE_BUF a pipe takes all or nothing, so lines of many processes do not mix.
        written = ::write(own_, piece.data(), piece.size());
        break;
      case Way::socket:
        written = ::send(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Way::polled:
        if (!has_room(0)) return done;
        piece = piece.substr(0, ::isatty(descriptor_) == 1 ? certain_room : PIPE_BUF);
        written = ::write(descriptor_, piece.data(), piece.size());
        break;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return done;
    if (written <= 0) {
      broken_ = true;
      return done;
    }
    done += static_cast<std::size_t>(written);
    // A regular file that takes less than all of it is full.
    if (way_ == Way::file && done < text.size()) {
      broken_ = true;
      return done;
    }
  }
  return done;
}

bool UnblockedOutput::has_room(int milliseconds) const {
  pollfd ready{own_ >= 0 ? own_ : descriptor_, POLLOUT, 0};
  return ::poll(&ready, 1, milliseconds) == 1 && (ready.revents & (POLLOUT | POLLERR)) != 0;
}

}  // namespace tradeguard
