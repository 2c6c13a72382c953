// Time is UTC microseconds, whatever the machine believes its zone to be; and the clocks.
#include "tradeguard/time.hpp"

#include <sys/time.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "dice.hpp"
#include "shown.hpp"
#include "tradeguard/clock.hpp"

namespace tradeguard {
namespace {

const auto first = at("2000-01-01T00:00:00Z");
const auto last = at("2199-12-31T23:59:59.999999Z");

Instant random_instant(Dice& dice) {
  const auto span = static_cast<std::uint64_t>((last - first).count()) + 1;
  return first + Micros{static_cast<std::int64_t>(dice.below(span))};
}

// Puts the process into another zone for as long as it lives.
class Zone {
 public:
  explicit Zone(const char* name) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    if (before_)
      setenv("TZ", before_->c_str(), 1);
    else
      unsetenv("TZ");
    tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("an instant is written as UTC") {
  const auto t = from_micros(1'735'732'800'123'456);
  CHECK(iso_micros(t) == "2025-01-01T12:00:00.123456Z");
  CHECK(iso_seconds(t) == "2025-01-01T12:00:00");
  CHECK(iso_micros(from_micros(0)) == "1970-01-01T00:00:00.000000Z");
  CHECK(iso_micros(from_micros(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(iso_seconds(at("2024-02-29T23:59:59Z")) == "2024-02-29T23:59:59");
  CHECK(iso_micros(Instant::min()) == "0000-01-01T00:00:00.000000Z");  // "never" can be shown
  CHECK(iso_micros(Instant::max()) == "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("an instant is read from RFC 3339") {
  const auto noon = from_micros(1'735'732'800'000'000);
  CHECK(parse_iso("2025-01-01T12:00:00Z") == noon);
  CHECK(parse_iso("2025-01-01 12:00:00Z") == noon);
  CHECK(parse_iso("2025-01-01T12:00:00+00:00") == noon);
  CHECK(parse_iso("2025-01-01T12:00:00-00:00") == noon);
  CHECK(parse_iso("2025-01-01T20:00:00+08:00") == noon);
  CHECK(parse_iso("2025-01-01T06:30:00-05:30") == noon);
  CHECK(parse_iso("2024-12-31T23:00:00-13:00") == noon);
  CHECK(parse_iso("2025-01-01T12:00:00.5Z") == noon + 500ms);
  CHECK(parse_iso("2025-01-01T12:00:00.000001Z") == noon + Micros{1});
  CHECK(parse_iso("2025-01-01T12:00:00.1234569Z") == noon + Micros{123'456});  // cut, not rounded
  CHECK(parse_iso("2025-01-01T12:00:00.99999999999999999999Z") == noon + Micros{999'999});
}

TEST_CASE("an instant is read in the other spellings that programs write") {
  const auto noon = from_micros(1'735'732'800'000'000);
  CHECK(parse_iso("2025-01-01T12:00:00+0000") == noon);
  CHECK(parse_iso("2025-01-01T20:00:00+0800") == noon);
  CHECK(parse_iso("2025-01-01T06:30:00-0530") == noon);
  CHECK(parse_iso("2025-01-01 12:00:00+00") == noon);
  CHECK(parse_iso("2025-01-01 12:00:00,500+0000") == noon + 500ms);
  CHECK(parse_iso("2025-01-01t12:00:00z") == noon);
}

TEST_CASE("what is no instant, or only the guess of one, is not read") {
  const auto text =
      GENERATE(as<std::string>{}, "", "2025-01-01", "2025-01-01T12:00:00", "2025-01-01T12:00:00.5", "2025-01-01T12:00Z",
               "2025-01-01T12:00:00 Z", "2025-01-01T12:00:00.Z", "2025-01-01T12:00:00,Z", "2025-1-01T12:00:00Z",
               "2025-13-01T12:00:00Z", "2025-00-01T12:00:00Z", "2025-01-32T12:00:00Z", "2025-02-29T12:00:00Z",
               "2025-01-01T24:00:00Z", "2025-01-01T12:60:00Z", "2025-01-01T12:00:60Z", "2025-01-01T12:00:00+8:00",
               "2025-01-01T12:00:00+080", "2025-01-01T12:00:00+24:00", "2025-01-01T12:00:00+08:60",
               "2025-01-01T12:00:00+08:", "2025-01-01T12:00:00+2400", "2025-01-01T12:00:00+8", "2025-01-01T12:00:00+",
               " 2025-01-01T12:00:00Z", "2025-01-01T12:00:00Z ", "2025-01-01T12:00:00Zulu", "25-01-01T12:00:00Z",
               "-2025-01-01T12:00:00Z", "2025/01/01T12:00:00Z", "1735732800", "2025-01-01T12:00:00+-8:00",
               "2025-01-01T-1:00:00Z", "2025-01-01TT12:00:00Z");
  CAPTURE(text);
  CHECK_FALSE(parse_iso(text));
}

TEST_CASE("only the years 2000 to 2199 are believed, in UTC") {
  CHECK(parse_iso("2000-01-01T00:00:00Z"));
  CHECK(parse_iso("2199-12-31T23:59:59.999999Z"));
  CHECK_FALSE(parse_iso("1999-12-31T23:59:59Z"));
  CHECK_FALSE(parse_iso("2200-01-01T00:00:00Z"));
  CHECK_FALSE(parse_iso("2000-01-01T00:00:00+01:00"));
  CHECK(parse_iso("1999-12-31T23:30:00-01:00"));
}

TEST_CASE("what is written is read back, in every zone of the machine") {
  const auto name = GENERATE(as<std::string>{}, "UTC", "Asia/Makassar", "WITA-8", "XXX11:30");
  const Zone zone{name.c_str()};
  CAPTURE(name);
  CHECK(iso_micros(from_micros(1'735'732'800'123'456)) == "2025-01-01T12:00:00.123456Z");
  CHECK(parse_iso("2025-01-01T20:00:00+08:00") == from_micros(1'735'732'800'000'000));
  Dice dice{31};
  for (int i = 0; i < 5'000; ++i) {
    const auto t = random_instant(dice);
    REQUIRE(parse_iso(iso_micros(t)) == t);
    REQUIRE(parse_iso(iso_seconds(t) + "Z") == std::chrono::floor<std::chrono::seconds>(t));
  }
}

TEST_CASE("a zone moves the instant by its offset and nothing else") {
  Dice dice{32};
  for (int i = 0; i < 5'000; ++i) {
    const auto t = random_instant(dice);
    const int minutes = dice.between(0, 23 * 60 + 59);
    const auto two = [](int n) { return std::to_string(100 + n).substr(1); };
    const auto zone = two(minutes / 60) + ":" + two(minutes % 60);
    const auto text = iso_micros(t).substr(0, 26);
    CAPTURE(text, zone);
    const auto moved = std::chrono::minutes{minutes};
    if (t - moved >= first) REQUIRE(parse_iso(text + "+" + zone) == t - moved);
    if (t + moved <= last) REQUIRE(parse_iso(text + "-" + zone) == t + moved);
  }
}

TEST_CASE("durations are read with their unit, a bare number is seconds") {
  CHECK(parse_duration("300s") == 300s);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("7us") == Micros{7});
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("90d") == 24h * 90);
  CHECK(parse_duration("0") == Micros{0});
  CHECK(parse_duration("300") == 300s);
}

TEST_CASE("what is no duration, or too long for one, is not read") {
  const auto text = GENERATE(as<std::string>{}, "", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5s", "5D", "5S", "5 ",
                             "5min", "5sec", "1h30m", "0x5s", "9223372036854775807", "9223372036854775808us",
                             "9223372036855s", "153722867281m", "2562047789h", "106751992d", "99999999999999999999");
  CAPTURE(text);
  CHECK_FALSE(parse_duration(text));
}

TEST_CASE("the longest durations are still read") {
  CHECK(parse_duration("9223372036854775807us") == Micros::max());
  CHECK(parse_duration("9223372036854s") == 9223372036854s);
  CHECK(parse_duration("2562047788h") == std::chrono::hours{2562047788});
}

TEST_CASE("a duration is written in the coarsest of s, ms and us that keeps it exact") {
  CHECK(duration_text(300s) == "300s");
  CHECK(duration_text(1h) == "3600s");
  CHECK(duration_text(250ms) == "250ms");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(Micros{1'000'001}) == "1000001us");
  CHECK(duration_text(Micros{0}) == "0s");
  Dice dice{33};
  for (int i = 0; i < 5'000; ++i) {
    auto count = static_cast<std::int64_t>(dice.below(1'000'000'000));
    for (int zeros = dice.between(0, 9); zeros > 0; --zeros) count *= 10;
    REQUIRE(parse_duration(duration_text(Micros{count})) == Micros{count});
  }
}

TEST_CASE("seconds remaining are whole, rounded up and at least one") {
  CHECK(seconds_rounded_up(300s) == 300);
  CHECK(seconds_rounded_up(299s + Micros{1}) == 300);
  CHECK(seconds_rounded_up(Micros{1}) == 1);
  CHECK(seconds_rounded_up(Micros{0}) == 1);
  CHECK(seconds_rounded_up(-5s) == 1);
  CHECK(seconds_rounded_up(1s) == 1);
  CHECK(seconds_rounded_up(1s + Micros{1}) == 2);
  CHECK(seconds_rounded_up(Micros::max()) == 9223372036855);
}

// ---- Clocks -----------------------------------------------------------------------------------

TEST_CASE("a manual clock moves when it is told to, and by waiting") {
  ManualClock clock{at("2025-01-01T12:00:00Z")};
  clock.advance(5s);
  clock.wait(250ms);
  CHECK(clock.now() == at("2025-01-01T12:00:05.25Z"));
  CHECK(clock.monotonic() == 5250ms);
  clock.advance(Micros{1});
  CHECK(clock.monotonic() == 5250ms + Micros{1});
}

TEST_CASE("a wall clock may be set back, the monotonic one never runs backwards") {
  ManualClock clock{at("2025-01-01T12:00:00Z")};
  clock.advance(5s);
  clock.set(at("2024-12-31T00:00:00Z"));
  CHECK(clock.now() == at("2024-12-31T00:00:00Z"));
  CHECK(clock.monotonic() == 5s);
  clock.wait(-5s);
  CHECK(clock.now() == at("2024-12-31T00:00:00Z"));
  CHECK(clock.monotonic() == 5s);
}

TEST_CASE("the system clock tells the time of day and runs forward") {
  SystemClock clock;
  const auto before = std::chrono::system_clock::now();
  const auto now = clock.now();
  CHECK(now >= std::chrono::floor<Micros>(before));
  CHECK(now <= std::chrono::system_clock::now());
  const auto started = clock.monotonic();
  CHECK(clock.monotonic() >= started);
}

TEST_CASE("the system clock does not wait for what is past") {
  SystemClock clock;
  clock.wait(Micros{0});
  clock.wait(-1h);  // or this test takes an hour
}

TEST_CASE("a wait ends when a signal arrives") {
  struct sigaction noted {};
  struct sigaction before {};
  noted.sa_handler = [](int) {};
  REQUIRE(sigaction(SIGALRM, &noted, &before) == 0);
  // Every 10 ms, because a single signal might arrive just before the wait.
  itimerval soon{};
  soon.it_value.tv_usec = 10'000;
  soon.it_interval.tv_usec = 10'000;
  REQUIRE(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
  SystemClock clock;
  const auto started = clock.monotonic();
  clock.wait(1h);
  const auto waited = clock.monotonic() - started;
  const itimerval none{};
  setitimer(ITIMER_REAL, &none, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  CHECK(waited < 10min);
}

}  // namespace tradeguard
