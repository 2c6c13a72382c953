// Silence: what a venue said of being asked at all: not before a moment, or not from here.
// Contract tests: tests/net/silence_test.cpp
#pragma once

#include <optional>
#include <string>

#include "tradeguard/clock.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

// One for each venue and run. For one thread.
class Silence {
 public:
  explicit Silence(Clock& clock) : clock_{clock} {}
  // It answered `status` and asked for this much; the longest counts.
  void asked(Micros length, std::string status);
  // It serves nobody from here: for the rest of the run it is asked nothing more.
  void not_served(std::string why) { not_served_ = std::move(why); }
  // From an earlier run. What is over or further ahead than `longest_quiet` is not believed.
  void keep(const Quiet& quiet);
  // nullopt: it is over, or was never asked for.
  std::optional<Quiet> quiet() const;
  // Why nothing may be sent now; nullopt: it may. Fault::configuration: not served from here.
  std::optional<Error> why() const;

 private:
  Clock& clock_;
  Micros until_{0};  // on the monotonic clock
  std::string status_;
  std::optional<std::string> not_served_;
};

}  // namespace tradeguard
