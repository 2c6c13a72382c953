// Pace: how much of one RateLimit is used up, and when a request has room in it. Private to this room.
// Contract test: tests/net/https_transport_test.cpp
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "tradeguard/http.hpp"

namespace tradeguard {

using Steady = std::chrono::steady_clock;
using Moment = Steady::time_point;

// What was sent under one RateLimit. `promised` is the weight of requests that have their turn and
// no connection yet: it counts as if sent now, so that the turn is never taken back.
class Pace {
 public:
  explicit Pace(const RateLimit& limit)
      : weight_{limit.weight},
        margin_{std::clamp<Micros>(limit.window / 4, least_margin, most_margin)},
        length_{limit.window} {}
  int weight() const { return weight_; }
  // Too many arrived after all: the way is less even than was thought.
  void widen() { margin_ = std::min(margin_ * 2, std::max(length_, most_margin)); }
  // When a request of this weight has room; nullopt: only after one that is promised was sent.
  std::optional<Moment> room_at(Moment now, int weight);
  void promise(int weight) { promised_ += weight; }
  void take_back(int weight) { promised_ -= weight; }
  void sent(Moment at, int weight);
  // How much more may be sent until `ahead` from now, roughly.
  int near(Micros ahead) const;

 private:
  // Requests that left a window apart arrive closer than that, by what each was held up on the way. A
  // busy machine alone makes that a dozen milliseconds.
  static constexpr Micros least_margin = 25ms;
  static constexpr Micros most_margin = 500ms;
  int weight_;
  Micros margin_;
  Micros length_;
  int promised_ = 0;
  std::deque<std::pair<Moment, int>> sent_;  // oldest first, within the window
};

}  // namespace tradeguard
