#include "log_sink.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace tradeguard::cli {

namespace {

class AppendedFile {
 public:
  explicit AppendedFile(int descriptor) : descriptor_{descriptor} {}
  AppendedFile(const AppendedFile&) = delete;
  AppendedFile& operator=(const AppendedFile&) = delete;
  ~AppendedFile() { ::close(descriptor_); }
  bool append(std::string_view line) const { return write_whole(descriptor_, line); }

 private:
  int descriptor_;
};

}  // namespace

Result<LogSink> open_log(const LogTarget& target) {
  if (target.file.empty())
    return [bare = target.bare](Level level, Instant at, std::string_view line) {
      write_whole(STDERR_FILENO, formatted(level, at, line, bare));
    };

  constexpr mode_t for_the_group = 0640;
  const int descriptor = ::open(
      target.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, for_the_group);
  if (descriptor < 0)
    return failed(Fault::configuration, "run.log_file: " + target.file + " cannot be opened: " +
                                            std::system_category().message(errno));
  const auto file = std::make_shared<AppendedFile>(descriptor);
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  if (target.file_only)
    return [file, bare = target.bare](Level level, Instant at, std::string_view line) {
      file->append(formatted(level, at, line, bare));
    };
  return [file, watched, bare = target.bare](Level level, Instant at, std::string_view line) {
    const std::string whole = formatted(level, at, line, bare);
    const bool kept = file->append(whole);
    if (watched || !kept || level >= Level::warn) write_whole(STDERR_FILENO, whole);
  };
}

bool write_whole(int descriptor, std::string_view text) {
  ssize_t written = 0;
  do written = ::write(descriptor, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(text.size());
}

}  // namespace tradeguard::cli
