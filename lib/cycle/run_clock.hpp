// One run's time: this machine's clock, read once a pass and passed down, and how the venue's differs from it.
#pragma once

#include <atomic>
#include <optional>

#include "tradeguard/monitor_cycle.hpp"

namespace tradeguard {

class RunClock {
 public:
  RunClock(Clock& clock, const CycleSettings& settings, const std::atomic<bool>* stop_asked);

  Instant now;                         // of this pass
  std::optional<Micros> venue_offset;  // venue less host; nullopt: not measured
  void look() { now = read(); }
  Instant read() const { return clock_.now(); }
  void wait(Micros pause) { clock_.wait(pause); }

  Instant venue_now() const { return now + venue_offset.value_or(Micros{0}); }
  // Measured, and further apart than the settings allow.
  bool is_off() const;
  // This machine's clock, unless the venue's proves it wrong: for what is stored for good and judged later.
  Instant sound_now() const { return is_off() ? venue_now() : now; }

  // Since the run began, by a clock that nobody sets.
  Micros elapsed() const { return clock_.monotonic() - started_; }
  bool past(Micros limit) const { return elapsed() >= limit; }
  bool stop_asked() const { return stop_asked_ != nullptr && *stop_asked_; }
  // A run asked to stop looks a little longer for fills to protect, and not until its deadline.
  bool may_wait_for_entries() const;

 private:
  // A pass begins for clock and venue together, or stale prices would stay.
  friend class VenueView;
  void begin_pass();

  Clock& clock_;
  const std::atomic<bool>* stop_asked_;
  Micros deadline_;
  Micros max_offset_;
  Micros started_;
  std::optional<Micros> stop_seen_;  // since when this run knows that it is to stop
};

}  // namespace tradeguard
