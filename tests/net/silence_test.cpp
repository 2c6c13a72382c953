// What a venue said of being asked: kept to its end, over runs, and never longer than anybody means.
#include <tradeguard/silence.hpp>

#include <catch2/catch.hpp>

using namespace tradeguard;

namespace {
constexpr Instant noon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h};
}

TEST_CASE("a silence is kept to its end, says with what it was asked for, and the longest counts") {
  ManualClock clock{noon};
  Silence silence{clock};
  CHECK_FALSE(silence.why());
  silence.asked(2h, "418");
  silence.asked(1s, "429");
  REQUIRE(silence.why());
  CHECK(silence.why()->fault == Fault::unreachable);
  CHECK(silence.why()->what == "the exchange answered HTTP 418: nothing is sent to it before 2026-01-01T14:00:00Z");
  REQUIRE(silence.quiet());
  CHECK(silence.quiet()->until == noon + 2h);
  CHECK(silence.quiet()->status == "418");
  clock.advance(2h - 1us);
  CHECK(silence.why());
  clock.advance(1us);
  CHECK_FALSE(silence.why());
  CHECK_FALSE(silence.quiet());
}

TEST_CASE("the silence of an earlier run is kept, unless nobody can have meant it") {
  ManualClock clock{noon};
  Silence silence{clock};
  silence.keep({noon - 1s, "418"});
  silence.keep({noon + 73h, "418"});
  CHECK_FALSE(silence.quiet());
  silence.keep({noon + 70h, "418"});
  CHECK(silence.quiet()->until == noon + 70h);
  silence.asked(24h * 365, "429");
  CHECK(silence.quiet()->until == noon + longest_quiet);
}

TEST_CASE("who is not served asks nothing more in this run, and it is nothing to be remembered") {
  ManualClock clock{noon};
  Silence silence{clock};
  silence.not_served("HTTP 451: not served from this country or address");
  clock.advance(24h);
  REQUIRE(silence.why());
  CHECK(silence.why()->fault == Fault::configuration);
  CHECK_FALSE(silence.quiet());
}
