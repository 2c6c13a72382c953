#include "run_clock.hpp"

namespace tradeguard {

RunClock::RunClock(Clock& clock, const CycleSettings& settings, const std::atomic<bool>* stop_asked)
    : clock_{clock},
      stop_asked_{stop_asked},
      deadline_{settings.deadline},
      max_offset_{settings.max_clock_offset},
      started_{clock.monotonic()} {
  begin_pass();
}

void RunClock::begin_pass() {
  look();
  if (stop_asked() && !stop_seen_) stop_seen_ = elapsed();
}

bool RunClock::is_off() const { return venue_offset && std::chrono::abs(*venue_offset) > max_offset_; }

bool RunClock::may_wait_for_entries() const {
  constexpr Micros after_stop = 5s;
  return !past(deadline_) && (!stop_seen_ || elapsed() - *stop_seen_ < after_stop);
}

}  // namespace tradeguard
