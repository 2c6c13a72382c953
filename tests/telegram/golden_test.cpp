// What stands in the chat: notices of a real cycle, on a paper exchange with bad days, as messages.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../cycle/world.hpp"
#include "memory_telegram.hpp"
#include "telegram_wire.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// TRADEGUARD_TEST_WRITE_GOLDEN=1 writes the files anew, for a reader to look at before they are
// kept.
void check_golden(const std::string& name, Notice notice) {
  notice.where = "paper/main, paper, host bot-1";
  std::string text;
  for (const auto& message : telegram::messages_of(notice)) {
    if (!text.empty()) text += "\n=== next message ===\n";
    text += message.html;
    CHECK(telegram_test::seen(message.html) == message.plain);
  }
  text += "\n";
  const std::string path = std::string{TELEGRAM_GOLDEN} + "/" + name + ".txt";
  if (std::getenv("TRADEGUARD_TEST_WRITE_GOLDEN") != nullptr) std::ofstream{path} << text;
  std::ifstream file{path};
  std::stringstream kept;
  kept << file.rdbuf();
  INFO("golden file " << path);
  CHECK(text == kept.str());
}

Notice first_told(const World& world, NoticeType type) {
  for (const Notice& notice : world.told.told())
    if (notice.type == type) return notice;
  FAIL("the cycle did not tell " << text(type));
  return {};
}

void check_told(const World& world, NoticeType type) { check_golden(std::string{text(type)}, first_told(world, type)); }

}  // namespace

TEST_CASE("the messages of a trade that reaches its target") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  check_told(world, NoticeType::order_created);
  check_told(world, NoticeType::order_filled);
  check_told(world, NoticeType::sltp_created);

  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3460");
  world.run();
  check_told(world, NoticeType::target_filled);
  check_told(world, NoticeType::trade_closed);
}

TEST_CASE("the message of a stop that was hit") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3200");
  world.run();
  check_told(world, NoticeType::stop_filled);
}

TEST_CASE("the message of an exit that a signal asked for") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run({world.sell("ETH_USDT")});
  world.run();
  check_told(world, NoticeType::exit_filled);
}

TEST_CASE("the message of an entry that the exchange refuses") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::refused_balance);
  world.run({world.buy("ETH_USDT", "3350.5")});
  check_told(world, NoticeType::order_refused);
}

TEST_CASE("the messages of an entry whose answer was lost and that never arrived") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::dropped);
  world.run({world.buy("ETH_USDT", "3350.5")});
  check_told(world, NoticeType::order_in_doubt);
  for (int i = 0; i < 5; ++i) {
    world.clock.advance(60s);
    world.run();
  }
  check_told(world, NoticeType::order_lapsed);
}

TEST_CASE("the messages of a position that cannot be protected, of the reminder and of the relief") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_tick, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  check_told(world, NoticeType::sltp_failed);
  check_told(world, NoticeType::unprotected);
  world.clock.advance(6min);
  world.run();
  check_told(world, NoticeType::reminder);
  world.faults.clear();
  world.clock.advance(60s);
  world.run();
  check_told(world, NoticeType::cleared);
}

TEST_CASE("the message of runs that did not take place") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(30min);
  world.run();
  check_told(world, NoticeType::run_missed);
}

// The command line tells of a halt, not the cycle; these are its facts.
TEST_CASE("the message of a halt") {
  Notice notice{.event_id = "HALTED:halt:1735732800000000", .type = NoticeType::halted};
  notice.severity = Severity::warning;
  notice.facts = {{"reason", "exchange maintenance"}};
  notice.created_at = noon;
  check_golden("HALTED", notice);
}

TEST_CASE("the message of a store that knows nothing of what the exchange has") {
  World first;
  first.run({first.buy("ETH_USDT", "3350.5"), first.buy("BTC_USDT", "95000")});
  World second;
  second.book = first.book;
  second.clock.set(first.clock.now() + 60s);
  second.run();
  check_told(second, NoticeType::orphan);
}

TEST_CASE("the message of several positions without a stop, and of their reminders") {
  World world;
  world.told.pretend_slow();
  world.faults.on(VenueVerb::protect, Mishap::refused_tick, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  const auto critical = [&] {
    for (const Notice& notice : world.told.told())
      if (notice.type == NoticeType::digest && notice.severity == Severity::critical) return notice;
    FAIL("no message of several");
    return Notice{};
  };
  check_golden("UNPROTECTED-of-two", critical());
  world.told.forget();
  world.clock.advance(6min);
  world.run();
  check_golden("REMINDER-of-two", critical());
}

TEST_CASE("the message of many notices at once") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"), world.buy("SOL_USDT", "190.25")});
  const auto told = world.told.told();
  REQUIRE(told.size() >= 9);
  Notice digest{.event_id = "DIGEST:" + told.front().event_id + ":" + std::to_string(told.size()),
                .type = NoticeType::digest};
  for (const Notice& notice : told) digest.facts.emplace_back("notice", plain_text(notice));
  digest.created_at = noon;
  check_golden("DIGEST", digest);
}
