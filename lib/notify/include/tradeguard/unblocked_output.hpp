// Writes to a descriptor without ever waiting for whoever reads it: a reader that sleeps must not
// stand between a fill and its stop.
// Tests: tests/cli/log_sink_test.cpp
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "tradeguard/time.hpp"

namespace tradeguard {

// For pipes, sockets and terminals. A regular file has no reader to wait for; it is written as ever.
class UnblockedOutput {
 public:
  // The descriptor stays the caller's and outlives this. Its flags are not changed: other processes
  // share them.
  explicit UnblockedOutput(int descriptor);
  UnblockedOutput(const UnblockedOutput&) = delete;
  UnblockedOutput& operator=(const UnblockedOutput&) = delete;
  ~UnblockedOutput();

  // Writes the text, or keeps it in memory and writes it when the reader has room; the order is
  // kept. False: the text is lost, because nothing can be written there or too much is kept already.
  bool put(std::string_view text);
  // Writes the text at once or not at all. False: not written whole; nothing new is kept, except the
  // end of a text whose beginning was taken.
  bool put_now(std::string_view text);
  // Writes what is kept. Waits for the reader for `patience` at most; true: nothing is left.
  bool drain(Micros patience = Micros{0});
  // Gives up what is kept; returns how many texts are lost by it.
  std::size_t give_up();

  static constexpr std::size_t most_kept = 4 * 1024 * 1024;  // bytes

 private:
  enum class Way { file, own, socket, polled };
  void keep(std::string_view text, std::size_t written);
  std::size_t write_some(std::string_view text);  // sets broken_
  bool has_room(int milliseconds) const;

  int descriptor_;
  int own_ = -1;  // a description of our own of the same pipe or terminal, not blocking
  Way way_ = Way::file;
  bool broken_ = false;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
  bool begun_ = false;  // the first kept text is the end of one whose beginning was written
};

}  // namespace tradeguard
