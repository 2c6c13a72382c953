// Signals that are in memory already: a recorded day, a test, a bot that decides in this process.
// Contract test: tests/contract/memory_signals_test.cpp
#pragma once

#include <iterator>
#include <utility>

#include "tradeguard/signal.hpp"

namespace tradeguard {

class MemorySignals final : public SignalSource {
 public:
  MemorySignals() = default;
  explicit MemorySignals(SignalBatch batch) : waiting_{std::move(batch)} {}

  // Adds to what the next read() returns.
  void give(Signal signal) { waiting_.signals.push_back(std::move(signal)); }
  void give(SignalBatch batch) {
    std::move(batch.signals.begin(), batch.signals.end(), std::back_inserter(waiting_.signals));
    std::move(batch.rejected.begin(), batch.rejected.end(), std::back_inserter(waiting_.rejected));
    std::move(batch.left_out.begin(), batch.left_out.end(), std::back_inserter(waiting_.left_out));
  }
  // Everything given since the last read.
  Result<SignalBatch> read() override { return std::exchange(waiting_, {}); }

 private:
  SignalBatch waiting_;
};

}  // namespace tradeguard
