// The log: lines that are an interface, with a grammar, a golden test and one redaction point.
// Contract test: tests/unit/log_test.cpp
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/event.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard {

// NAME key=value key=value. A value that is empty or has a space, quote, '=', backslash or anything a
// terminal does not show as itself is quoted and escaped, so foreign text cannot forge a line or a field.
class Line {
 public:
  Line(Event event) : Line{event, row_of(event).level} {}
  // Of an event whose lines have another level at times.
  Line(Event event, Level level) : level_{level}, name_{row_of(event).name} {}
  // A line of a bot's own.
  Line(Level level, std::string_view name) : level_{level}, name_{name} {}
  Line& add(std::string_view key, std::string_view value);
  Line& add(std::string_view key, std::int64_t value);
  Line& words(std::string_view fixed);                        // trusted text behind the name, as RUN_LOCKED has it
  Line& debug(std::string_view key, std::string_view value);  // only in the [DEBUG_TRADING] twin
  Line& debug(std::string_view key, std::int64_t value);

  Level level() const { return level_; }
  std::string plain() const;
  std::string twin() const;  // "[DEBUG_TRADING] " + plain + debug fields

 private:
  Level level_;
  std::string name_;
  std::string fields_;
  std::string debug_fields_;
};

// Reads a line back by the grammar; nullopt if it is none. What stands before the first field is
// the name: "GUARD cooldown_passed", "[DEBUG_TRADING] RUN_START". For tests and tools.
struct ParsedLine {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;
};
std::optional<ParsedLine> parse_line(std::string_view bare);

// The value as a line carries it: itself, or in double quotes with \n, \t, \", \\ and \xNN. Different
// values never look the same, and the result is valid UTF-8 without control characters.
std::string escape_value(std::string_view value);

// Where lines go. `line` has no prefix and no newline; it is redacted, and with both at most 4096
// bytes. What was too long was cut where it can still be read, and ends with " cut=1". Called with
// the log locked: a sink does not log.
// A sink that cannot take a line throws; one that cannot take it now does not wait, because a run
// that waits here holds the lock and has perhaps no stop yet.
using LogSink = std::function<void(Level level, Instant at, std::string_view line)>;

// Where the sink keeps lines for a slow reader: brings them out, with a patience of its own, and
// says how many are lost since it was asked last. Called when the run has nothing left to do.
using LogFlush = std::function<std::int64_t()>;

class Log {
 public:
  Log(LogSink sink, Clock& clock, bool twins = false, LogFlush flush = nullptr)
      : sink_{std::move(sink)}, clock_{clock}, twins_{twins}, flush_{std::move(flush)} {}

  // The line and, when twins are on, its twin behind it, at level debug. Never throws; a sink that
  // throws has lost the line.
  void write(const Line& line) noexcept;
  // For a line whose twin is made of other words: RUN_LOCKED.
  void write(const Line& line, const Line& twin) noexcept;
  // The twin first: RUN_END is the last line of all.
  void write_twin_first(const Line& line) noexcept;
  // Never appears in any line from now on, percent-encoded or escaped neither, but as "***"; shorter
  // than 6 characters is ignored.
  void keep_secret(std::string_view secret);
  // How many lines did not arrive so far, twins included. Asks the flush first.
  std::int64_t lost_lines() noexcept;

 private:
  void emit(Level level, const std::string& line) noexcept;
  LogSink sink_;
  Clock& clock_;
  bool twins_;
  LogFlush flush_;
  std::int64_t lost_ = 0;
  std::mutex mutex_;
  std::vector<Secret> secrets_;
};

// Default form: "2025-01-01T12:00:00.123456Z INFO " + line + newline; bare leaves the prefix out.
std::string formatted(Level level, Instant at, std::string_view line, bool bare);

}  // namespace tradeguard
