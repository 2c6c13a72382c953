#include "run_marker.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace tradeguard::cli {

namespace {

constexpr std::size_t line_length = 128;  // with its newline
constexpr std::size_t lines = 3;          // open trades, and one for each topic

constexpr Micros same_again = 1h;
constexpr Micros another_cause = 5min;

std::size_t line_of(Topic topic) {
  switch (topic) {
    case Topic::run_failed:
      return 1;
    case Topic::log_file:
      return 2;
  }
  return 1;
}

std::string padded(std::string text) {
  text.resize(line_length - 1, ' ');
  return text + '\n';
}

// A stranger's word that no trade is open would be worth a CRITICAL. Root looks after the bots of others: their
// markers belong to whom their folder belongs to.
bool is_ours(const std::string& path, const struct stat& status) {
  if ((status.st_mode & S_IWOTH) != 0) return false;
  if (status.st_uid == 0 || status.st_uid == ::geteuid()) return true;
  struct stat folder {};
  const std::string where = std::filesystem::path{path}.parent_path();
  return ::geteuid() == 0 && ::stat(where.c_str(), &folder) == 0 && folder.st_uid == status.st_uid &&
         (folder.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

class Opened {
 public:
  Opened(const std::string& path, int flags)
      : descriptor_{::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600)} {
    struct stat status {};
    if (descriptor_ >= 0 &&
        (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode) || !is_ours(path, status))) {
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  explicit operator bool() const { return descriptor_ >= 0; }

  std::string line(std::size_t number) const {
    std::array<char, line_length> text{};
    const auto place = static_cast<off_t>(number * line_length);
    const ssize_t size = ::pread(descriptor_, text.data(), text.size(), place);
    if (size != static_cast<ssize_t>(text.size()) || text.back() != '\n') return "";
    std::string_view whole{text.data(), text.size() - 1};
    return std::string{whole.substr(0, whole.find_last_not_of(' ') + 1)};
  }
  bool put(std::string_view text, std::size_t place) const {
    return ::pwrite(descriptor_, text.data(), text.size(), static_cast<off_t>(place)) ==
           static_cast<ssize_t>(text.size());
  }
  bool sync() const { return ::fdatasync(descriptor_) == 0; }

 private:
  int descriptor_;
};

// "word=2 at=2025-01-01T12:00:00.000000Z rest"
struct Record {
  std::string what;
  Instant at;
};
std::optional<Record> read_record(const std::string& line, std::string_view word) {
  const std::string beginning = std::string{word} + "=";
  const auto at = line.find(" at=");
  if (!line.starts_with(beginning) || at == std::string::npos) return std::nullopt;
  const auto time = parse_iso(line.substr(at + 4));
  if (!time) return std::nullopt;
  return Record{line.substr(beginning.size(), at - beginning.size()), *time};
}
std::string written_record(std::string_view word, std::string_view what, Instant at) {
  return std::string{word} + "=" + std::string{what} + " at=" + iso_micros(at);
}

using Places = std::vector<RunMarker::Place>;

std::optional<Record> newest(const Places& places, std::size_t number, std::string_view word) {
  std::optional<Record> best;
  for (const auto& place : places) {
    const Opened file{place.path, O_RDONLY};
    if (!file) continue;
    auto record = read_record(file.line(number), word);
    if (record && (!best || record->at > best->at)) best = std::move(record);
  }
  return best;
}

bool make(const RunMarker::Place& place, std::size_t number, const std::string& text) {
  const std::string& path = place.path;
  const std::string folder = std::filesystem::path{path}.parent_path();
  if (place.own_folder) ::mkdir(folder.c_str(), 0700);
  std::string whole;
  for (std::size_t i = 0; i < lines; ++i) whole += padded(i == number ? text : "");
  const Opened file{path, O_WRONLY | O_CREAT | O_EXCL};
  if (!file) return false;
  if (!file.put(whole, 0) || !file.sync()) {
    ::unlink(path.c_str());
    return false;
  }
  struct stat around {};
  // Of root's making it is still the bot's.
  if (::geteuid() == 0 && ::stat(folder.c_str(), &around) == 0 && (around.st_mode & S_IWOTH) == 0)
    (void)!::chown(path.c_str(), around.st_uid, around.st_gid);
  // The name has to survive a power cut like the bytes.
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
  return true;
}

// Into every marker that is there, else into the first place that takes a new one.
bool write(const Places& places, std::size_t number, const std::string& text) {
  bool written = false;
  for (const auto& place : places) {
    const Opened file{place.path, O_WRONLY};
    if (file && file.put(padded(text), number * line_length) && file.sync()) written = true;
  }
  for (const auto& place : places) {
    if (written) break;
    written = make(place, number, text);
  }
  return written;
}

std::string_view word_of(Topic topic) {
  switch (topic) {
    case Topic::run_failed:
      return "told_run_failed";
    case Topic::log_file:
      return "told_log_file";
  }
  return "";
}

// The numbers in a cause change from run to run.
std::string short_of_cause(std::string_view cause) {
  std::string words{cause};
  std::erase_if(words, [](char c) { return c >= '0' && c <= '9'; });
  return short_of(words);
}

}  // namespace

std::optional<int> RunMarker::open_trades() const {
  const auto record = newest(places_, 0, "open");
  if (!record) return std::nullopt;
  int trades = 0;
  const char* const end = record->what.data() + record->what.size();
  const auto [stop, error] = std::from_chars(record->what.data(), end, trades);
  if (error != std::errc{} || stop != end || trades < 0) return std::nullopt;
  return trades;
}

bool RunMarker::note_open_trades(int trades, Instant now) const {
  return write(places_, 0, written_record("open", std::to_string(trades), now));
}

std::optional<RunMarker::Told> RunMarker::told(Topic topic) const {
  const auto record = newest(places_, line_of(topic), word_of(topic));
  if (!record || record->what == "-") return std::nullopt;
  return Told{record->at, record->what};
}

bool RunMarker::is_due(Topic topic, std::string_view cause, Instant now) const {
  const auto last = told(topic);
  if (!last || last->at > now) return true;
  return now - last->at >= (last->cause == short_of_cause(cause) ? same_again : another_cause);
}

bool RunMarker::note_told(Topic topic, std::string_view cause, Instant now) const {
  return write(places_, line_of(topic), written_record(word_of(topic), short_of_cause(cause), now));
}

void RunMarker::forget_told(Topic topic, Instant now) const {
  if (told(topic)) write(places_, line_of(topic), written_record(word_of(topic), "-", now));
}

std::string short_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::array<char, 17> hex{};
  std::to_chars(hex.data(), hex.data() + hex.size() - 1, hash, 16);
  return hex.data();
}

}  // namespace tradeguard::cli
