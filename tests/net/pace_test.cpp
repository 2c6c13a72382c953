// How much of a limit is used up, on a clock of the test's own.
#include "pace.hpp"

#include <catch2/catch.hpp>

using namespace tradeguard;

namespace {

const Moment start{};
// Three in a second; a quarter of the window is kept for how unevenly requests arrive.
const RateLimit three_a_second{"orders", 3, 1s};
constexpr auto kept_apart = 1250ms;

}  // namespace

TEST_CASE("what fits into the window goes at once, and the next waits until the first has left it") {
  Pace pace{three_a_second};
  for (int i = 0; i < 3; ++i) {
    const Moment now = start + i * 100ms;
    CHECK(pace.room_at(now, 1) == now);
    pace.sent(now, 1);
  }
  CHECK(pace.room_at(start + 300ms, 1) == start + kept_apart);
  CHECK(pace.room_at(start + 300ms, 2) == start + 100ms + kept_apart);
  CHECK(pace.room_at(start + kept_apart, 1) == start + kept_apart);
}

TEST_CASE("what was promised counts as sent, and what is promised alone leaves nothing to wait for") {
  Pace pace{three_a_second};
  pace.promise(3);
  CHECK_FALSE(pace.room_at(start, 1));
  pace.take_back(1);
  CHECK(pace.room_at(start, 1) == start);
  pace.sent(start, 1);
  CHECK_FALSE(pace.room_at(start, 2));
  CHECK(pace.room_at(start, 1) == start + kept_apart);
}

TEST_CASE("requests weigh what they say") {
  Pace pace{{"weight", 100, 60s}};
  pace.sent(start, 80);
  CHECK(pace.room_at(start, 20) == start);
  CHECK(pace.room_at(start, 21) == start + 60s + 500ms);  // half a second is the most that is kept
  CHECK(pace.near(Micros{0}) == 20);
  CHECK(pace.near(60s) == 120);
}

TEST_CASE("a limit that was too much after all is kept further apart, up to twice its window") {
  Pace pace{three_a_second};
  pace.sent(start, 3);
  pace.widen();
  CHECK(pace.room_at(start, 1) == start + 1500ms);
  for (int i = 0; i < 10; ++i) pace.widen();
  CHECK(pace.room_at(start, 1) == start + 2s);
}
