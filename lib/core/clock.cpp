#include "tradeguard/clock.hpp"

#include <ctime>

namespace tradeguard {

Instant SystemClock::now() { return std::chrono::floor<Micros>(std::chrono::system_clock::now()); }

Micros SystemClock::monotonic() {
  return std::chrono::floor<Micros>(std::chrono::steady_clock::now().time_since_epoch());
}

void SystemClock::wait(Micros span) {
  if (span <= Micros{0}) return;
  timespec left{};
  left.tv_sec = static_cast<std::time_t>(span / 1s);
  left.tv_nsec = static_cast<long>((span % 1s).count() * 1000);
  // Not this_thread::sleep_for, which sleeps on after a signal: whoever waits looks at its stop
  // flag when it wakes. EINTR is the early return and needs no handling.
  clock_nanosleep(CLOCK_MONOTONIC, 0, &left, nullptr);
}

Instant ManualClock::now() {
  const std::lock_guard guard{mutex_};
  return now_;
}

Micros ManualClock::monotonic() {
  const std::lock_guard guard{mutex_};
  return monotonic_;
}

void ManualClock::advance(Micros span) {
  if (span <= Micros{0}) return;  // only set() turns a clock back, and never the monotonic one
  const std::lock_guard guard{mutex_};
  now_ += span;
  monotonic_ += span;
}

void ManualClock::set(Instant to) {
  const std::lock_guard guard{mutex_};
  now_ = to;
}

}  // namespace tradeguard
