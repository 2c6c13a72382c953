// The only place the house reads a clock or waits. Tests hand in a ManualClock and never sleep.
// Contract test: tests/unit/time_test.cpp
#pragma once

#include <mutex>

#include "tradeguard/time.hpp"

namespace tradeguard {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;           // wall clock, may be set back
  virtual Micros monotonic() = 0;      // never runs backwards; for deadlines and durations
  virtual void wait(Micros span) = 0;  // returns early when a signal arrives
};

class SystemClock final : public Clock {
 public:
  Instant now() override;
  Micros monotonic() override;
  void wait(Micros span) override;
};

// Waiting moves the clock. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start) : now_{start} {}
  Instant now() override;
  Micros monotonic() override;
  void wait(Micros span) override { advance(span); }
  void advance(Micros span);
  void set(Instant to);  // the wall clock only; the monotonic one stays

 private:
  std::mutex mutex_;
  Instant now_;
  Micros monotonic_{0};
};

}  // namespace tradeguard
