#include "log_sink.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "tradeguard/unblocked_output.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

namespace {

constexpr Micros patience = 1s;  // with a reader that is slow, when the run is over

class Outlets {
 public:
  // Owns the file; -1: there is none.
  Outlets(int file, const LogTarget& target)
      : descriptor_{file}, bare_{target.bare}, watched_{::isatty(STDERR_FILENO) == 1} {
    if (file >= 0) file_.emplace(file);
    if (!target.file_only) error_.emplace(STDERR_FILENO);
  }
  Outlets(const Outlets&) = delete;
  Outlets& operator=(const Outlets&) = delete;
  ~Outlets() {
    if (!waited_) drain();
    file_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write(Level level, Instant at, std::string_view line) {
    const std::string whole = formatted(level, at, line, bare_);
    const bool kept = file_ && file_->put(whole);
    const bool wanted = error_ && (watched_ || !kept || level >= Level::warn);
    const bool lost = wanted ? !error_->put(whole) : !kept;
    if (lost) ++lost_;
  }

  std::int64_t flush() {
    drain();
    waited_ = true;
    for (auto* outlet : {&file_, &error_})
      if (*outlet) lost_ += static_cast<std::int64_t>((*outlet)->give_up());
    return std::exchange(lost_, 0);
  }

 private:
  void drain() {
    SystemClock clock;
    const Micros until = clock.monotonic() + patience;
    for (auto* outlet : {&file_, &error_})
      if (*outlet) (*outlet)->drain(std::max(Micros{0}, until - clock.monotonic()));
  }

  int descriptor_;
  bool bare_;
  bool watched_;
  std::optional<UnblockedOutput> file_;
  std::optional<UnblockedOutput> error_;
  std::int64_t lost_ = 0;
  bool waited_ = false;
};

struct LogFile {
  int descriptor;
  std::string path;
};
tl::expected<LogFile, Distrust> open_log_file(const LogTarget& target) {
  const Trusted trusted{.others = target.besides, .group_of_root = true};
  const auto real = follow(target.file, &trusted);
  if (!real) return relayed(real);
  constexpr mode_t for_the_group = 0640;
  // Not blocking: a named pipe without a reader is no log.
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (target.create ? O_CREAT : 0) |
                    (real->inherited ? 0 : O_NOFOLLOW);
  const int descriptor = ::open(real->path.c_str(), flags, for_the_group);
  const auto unfit = [&](std::string what) {
    if (descriptor >= 0) ::close(descriptor);
    return tl::unexpected{Distrust{Distrust::Kind::unfit, std::move(what), ""}};
  };
  if (descriptor < 0)
    return unfit("cannot be opened: " + (errno == ENXIO ? std::string{"it is a pipe that nobody reads"}
                                                        : std::system_category().message(errno)));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return unfit(std::system_category().message(errno));
  if (real->inherited) return LogFile{descriptor, real->path};
  if (auto distrust = distrust_of_output(real->path, status, trusted)) {
    ::close(descriptor);
    return tl::unexpected{std::move(*distrust)};
  }
  return LogFile{descriptor, real->path};
}

}  // namespace

Result<OpenedLog> open_log(const LogTarget& target) {
  int descriptor = -1;
  std::string path;
  if (!target.file.empty()) {
    auto file = open_log_file(target);
    if (!file) return failed(Fault::configuration, "run.log_file: " + target.file + " " + file.error().text());
    descriptor = file->descriptor;
    path = std::move(file->path);
  }
  const auto outlets = std::make_shared<Outlets>(descriptor, target);
  return OpenedLog{[outlets](Level level, Instant at, std::string_view line) { outlets->write(level, at, line); },
                   [outlets] { return outlets->flush(); }, std::move(path)};
}

bool write_whole(int descriptor, std::string_view text) {
  ssize_t written = 0;
  do written = ::write(descriptor, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(text.size());
}

}  // namespace tradeguard::cli
