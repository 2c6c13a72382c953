// Signals from a file or a pipe, one JSON object a line. What is wrong is rejected with its line;
// the rest is carried out. Tests: tests/cli/signal_file_test.cpp
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tradeguard/clock.hpp"
#include "tradeguard/signal.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

inline constexpr std::size_t longest_line = 65'536;  // bytes, without the newline
// Stale lines, and lines that are no signal, beyond so many are counted and not given one by one.
inline constexpr std::size_t most_of_no_use = 100;

// More from a pipe is not read: it may never end, and every line of it may ask for an exit.
inline constexpr std::size_t most_of_a_pipe = std::size_t{16} << 20;  // bytes
inline constexpr Micros longest_reading = 30s;

// What a line that gives no time may take instead. A BUY takes one only with an id, which stays its
// identity when the file changes; a SELL without both has the moment it was read.
struct TimeOfSource {
  std::optional<Instant> file;     // the file's modification time; a pipe has none
  std::optional<Instant> with_id;  // now, for a line from a pipe that has an id
  std::optional<Instant> read;     // now, for a SELL
};
// One line, without its newline. The error is a reason for a person, never the line itself.
tl::expected<Signal, RejectedLine> parse_signal(std::string_view line, int number, const TimeOfSource& time);

// What a signal of a plain file takes that gives no time: the file's, or a rejection. Of a recorded
// day the file's time says nothing.
enum class Timeless { takes_file_time, rejected };

// How old a line may be and still do something; what is older is stale by any judgement.
struct UsefulAge {
  Micros entries = Micros::max();
  Micros exits = Micros::max();
};

class SignalFile final : public SignalSource {
 public:
  // "-" is standard input. A pipe that stays open, or never ends, is left after `patience` or when it gave
  // more than most_of_a_pipe, whatever it has ready; what came until then counts. With `trusted` a file or
  // named pipe that others can change is not read; what was handed over as a descriptor is.
  SignalFile(std::string path, Clock& clock, Micros patience = 10s, const std::atomic<bool>* stop_asked = nullptr,
             Timeless timeless = Timeless::takes_file_time, UsefulAge useful = {},
             std::optional<Trusted> trusted = std::nullopt)
      : path_{std::move(path)},
        clock_{clock},
        patience_{patience},
        stop_asked_{stop_asked},
        timeless_{timeless},
        useful_{useful},
        trusted_{std::move(trusted)} {}

  // A file is read to the end it had when it was opened, however long, for `longest_reading` at most; of its
  // stale lines the newest are given, the others counted. Empty lines, a byte order mark and CRLF are no fault.
  // Fault::configuration: there is no such file, it cannot be read, is a device, or others can change it.
  Result<SignalBatch> read() override;
  // It was not read because others can change it.
  bool distrusted() const { return distrusted_; }

 private:
  std::string path_;
  Clock& clock_;
  Micros patience_;
  const std::atomic<bool>* stop_asked_;
  Timeless timeless_;
  UsefulAge useful_;
  std::optional<Trusted> trusted_;
  bool distrusted_ = false;
};

}  // namespace tradeguard::cli
