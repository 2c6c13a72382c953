// Notices on a bad day of the messenger: what waits, what counts as told, and what nobody is spared.
#include <catch2/catch.hpp>

#include <map>

#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// A notifier with an answer; counts how often each event was handed to it.
struct Messenger {
  World& world;
  std::map<std::string, int> handed;
  Delivery answer = Delivered{};

  explicit Messenger(World& w) : world{w} {
    world.told.pretend_slow();
    world.told.answer_with([this](const Notice& notice) {
      handed[notice.type == NoticeType::digest ? notice.trade : notice.event_id] += 1;
      return answer;
    });
  }
  ~Messenger() { world.told.answer_with(nullptr); }
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;
  int all() const {
    int sum = 0;
    for (const auto& [event, times] : handed) sum += times;
    return sum;
  }
};

const TryLater unauthorized{30s, "Telegram answered 401: Unauthorized", true, false};
const TryLater no_answer{30s, "Telegram did not answer: no answer within 10s", false, true};
const TryLater no_way{30s, "Telegram did not answer: not connected", false, false};

}  // namespace

TEST_CASE("a stop-out and its closing are told by the next run when the token was refused for one") {
  World world;
  Messenger messenger{world};
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.was_told(NoticeType::sltp_created));

  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3000");
  messenger.answer = unauthorized;
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("TG_FAILED type=STOP_FILLED symbol=ETH_USDT"));
  CHECK_FALSE(world.was_told(NoticeType::stop_filled));

  world.clock.advance(60s);
  messenger.answer = Delivered{};
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.times_told(NoticeType::stop_filled) == 1);
  CHECK(world.times_told(NoticeType::trade_closed) == 1);
}

TEST_CASE("a way that stays refused is a CRITICAL until any notice arrives") {
  World world;
  Messenger messenger{world};
  messenger.answer = unauthorized;
  CHECK(world.run({world.buy("ETH_USDT", "3350.5")}).verdict == RunVerdict::critical_stands);
  for (int minute = 0; minute < 200; ++minute) {
    world.clock.advance(60s);
    CHECK(world.run().verdict == RunVerdict::critical_stands);
  }
  // Tried at first each minute, then every five, then every thirty.
  CHECK(messenger.all() > 8);
  CHECK(messenger.all() < 30);
  // What is new is told at once when the way is open, and the alarm is gone, whatever still rests.
  messenger.answer = Delivered{};
  world.clock.advance(60s);
  CHECK(world.run({world.buy("BTC_USDT", "95000")}).verdict == RunVerdict::ok);
  world.clock.advance(30min);
  world.run();
  CHECK(world.types_told("ETH_USDT") ==
        std::vector{NoticeType::digest, NoticeType::order_created, NoticeType::order_filled, NoticeType::sltp_created});
}

TEST_CASE("two attempts that may have arrived count as told, and there is no third") {
  World world;
  Messenger messenger{world};
  messenger.answer = no_answer;
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(messenger.all() == 1);
  CHECK(world.said("TG_FAILED type=ORDER_CREATED"));
  world.clock.advance(60s);
  CHECK(world.run().notices_sent == 3);
  CHECK(world.said("TG_SENT type=ORDER_CREATED symbol=ETH_USDT order_id=100001 side=BUY confirmed=0"));
  CHECK(messenger.all() == 2);
  world.clock.advance(60s);
  world.run();
  CHECK(messenger.all() == 2);
}

TEST_CASE("an attempt that never left does not count as one that may have arrived") {
  World world;
  Messenger messenger{world};
  messenger.answer = no_way;
  world.run({world.buy("ETH_USDT", "3350.5")});
  for (const int attempts : {2, 3}) {
    messenger.answer = no_answer;
    world.clock.advance(60s);
    world.run();
    CHECK(messenger.all() == attempts);
  }
  messenger.answer = Delivered{};
  world.clock.advance(60s);
  world.run();
  CHECK(messenger.all() == 3);
}

TEST_CASE("a CRITICAL is told until it is confirmed, and never rests longer than five minutes") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  Messenger messenger{world};
  messenger.answer = no_answer;
  world.run({world.buy("ETH_USDT", "3350.5")});
  for (int minute = 0; minute < 120; ++minute) {
    world.clock.advance(60s);
    world.run();
  }
  int critical = 0;
  for (const auto& [event, times] : messenger.handed)
    if (event.starts_with("UNPROTECTED:")) critical = times;
  CHECK(critical >= 20);
  messenger.answer = Delivered{};
  world.clock.advance(5min);
  world.run();
  CHECK(world.was_told(NoticeType::unprotected));
}

TEST_CASE("a silence that the notifier's peer asked for lasts over runs") {
  struct Patient final : Notifier {
    World& world;
    int sent = 0;
    std::optional<Instant> quiet;
    explicit Patient(World& w) : world{w} {}
    Delivery deliver(const Notice&, Micros) noexcept override {
      if (quiet && world.clock.now() < *quiet) return TryLater{*quiet - world.clock.now(), "wait"};
      sent += 1;
      quiet = world.clock.now() + 10min;
      return TryLater{10min, "Too Many Requests: retry after 600"};
    }
    bool immediate() const override { return false; }
    std::optional<Instant> quiet_until() const override { return quiet; }
    void keep_quiet(Instant until) override { quiet = until; }
  };
  World world;
  int sent = 0;
  world.wrap = [&](World::Wrapped& ports) {
    static std::unique_ptr<Patient> patient;  // one a run, as in a process of its own
    if (patient) sent += patient->sent;
    patient = std::make_unique<Patient>(world);
    ports.notifier = patient.get();
  };
  world.run({world.buy("ETH_USDT", "3350.5")});
  for (int minute = 0; minute < 8; ++minute) {
    world.clock.advance(60s);
    world.run({world.buy("BTC_USDT", "95000")});
  }
  CHECK(sent == 1);
  world.clock.advance(5min);
  world.run();
  world.run();
  CHECK(sent == 2);
}

TEST_CASE("one notice that is refused for hours while others arrive is given up alone") {
  World world;
  world.settings.policy.max_open_positions = 0;
  Messenger messenger{world};
  world.told.answer_with([&](const Notice& notice) -> Delivery {
    if (notice.symbol == "ETH_USDT") return unauthorized;
    return Delivered{};
  });
  world.run({world.buy("ETH_USDT", "3350.5")});
  for (int hour = 0; hour < 30; ++hour) {
    world.clock.advance(1h);
    world.run({world.buy("BTC_USDT", "95000")});
  }
  CHECK(world.times_told(NoticeType::sltp_created) >= 20);
  const auto session = world.store->open();
  CHECK(session->journal().waiting_notices().value() == 0);
}
