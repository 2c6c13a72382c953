// The real binary in processes of its own: started, fed, watched, and read.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scratch.hpp"

namespace tradeguard::cli::test {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct Ran {
  int code;  // the exit code, or minus the signal that ended it
  std::string out;
  std::string err;
  std::vector<std::string> lines() const;  // of standard error
};

// A process that is still going. Killed, if need be, by the destructor.
class Started {
 public:
  Started(pid_t pid, std::string out, std::string err) : pid_{pid}, out_{std::move(out)}, err_{std::move(err)} {}
  Started(Started&& other) noexcept;
  Started& operator=(Started&&) = delete;
  ~Started();

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  // Until standard error has this; fails the test after 20 s.
  void wait_for(std::string_view text) const;
  Ran finish();  // fails the test if it takes longer than 60 s

 private:
  pid_t pid_;
  std::string out_;
  std::string err_;
};

// A folder in which the binary runs, with an environment of nothing but PATH and what is said here.
class Place {
 public:
  explicit Place(Environment environment = {}) : environment_{std::move(environment)} {}

  Started start(std::vector<std::string> arguments, const Environment& more = {}, std::string_view input = "") const;
  Ran run(std::vector<std::string> arguments, const Environment& more = {}, std::string_view input = "") const;

  void set(std::string name, std::string value) { environment_.emplace_back(std::move(name), std::move(value)); }
  const Scratch& folder() const { return folder_; }

 private:
  Scratch folder_;
  Environment environment_;
  mutable int count_ = 0;
};

// Any program, found in PATH; for psql and sqlite3.
Ran run_program(const std::vector<std::string>& command, const std::string& folder);

// A pipe in the folder that stays open until the writer goes: a run that reads it holds its lock.
class HeldSignals {
 public:
  explicit HeldSignals(const Place& place);
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { close(); }
  const std::string& path() const { return path_; }
  void write(std::string_view text) const;
  // Until a run has the lock, has looked after what is open, and reads here.
  void wait_for_reader() const;
  void close();

 private:
  std::string path_;
  int descriptor_;
};

// "2025-01-01T12:00:07Z", so many seconds from now.
std::string time_text(long seconds_from_now = 0);
// The key a signal of that time has.
std::string key_of(std::string_view symbol, std::string_view side, const std::string& time);
std::string buy(std::string_view symbol, const std::string& time, std::string_view price = "250",
                std::string_view more = "");
std::string sell(std::string_view symbol, const std::string& time);

// What differs from run to run made the same: ids, times, hosts, counters of time.
std::string normalised(std::string text);
// Whether these lines come in this order, with fields behind theirs and lines between them allowed.
bool is_subsequence(const std::vector<std::string>& expected_beginnings, const std::vector<std::string>& lines);
std::vector<std::string> lines_with(const std::vector<std::string>& lines, std::string_view text);
std::vector<std::string> lines_beginning(const std::vector<std::string>& lines, std::string_view text);

// Compares with a file of fixtures/golden; TRADEGUARD_TEST_WRITE_GOLDEN=1 writes it instead.
void check_golden(const std::string& name, const std::string& text);

}  // namespace tradeguard::cli::test
