// SIGKILL while a request is on its way: the next run finds out, enters nothing twice, leaves
// nothing naked.
#include <catch2/catch.hpp>
#include <csignal>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

struct Moment {
  At at;
  std::string hang;  // before, after: was it carried out?
};

void kill_at(LiveBot& bot, const Moment& moment, const std::string& signal) {
  bot.venue.fault(bot.endpoint(moment.at), {{"hang", moment.hang}});
  const auto seen = bot.requests(moment.at);
  Started run = bot.start_cycle(signal);
  bot.wait_for_request(moment.at, seen + 1);
  run.send(SIGKILL);
  CHECK(run.finish().code == -SIGKILL);
}

}  // namespace

TEST_CASE("killed while its entry is being carried out, the next run finds it and protects it") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  kill_at(bot, {At::entry, "after"}, signal);
  REQUIRE(bot.entries().size() == 1);
  REQUIRE(bot.open_stops().empty());
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(mentions(next, "ORDER_RECOVERED"));
  CHECK(mentions(next, "GUARD idempotency_blocked"));
  CHECK(bot.entries().size() == 1);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.covered());
  CHECK(count_of(bot.venue.messages(), "ETH_USDT") >= 1);
}

TEST_CASE(
    "killed before its entry arrived, the order is never sent again, and lapses when it cannot "
    "be") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  kill_at(bot, {At::entry, "before"}, signal);
  bot.venue.set_clock_offset(bot.cryptocom() ? 100s : 40s);
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(mentions(next, "ORDER_LAPSED"));
  CHECK(bot.requests(At::entry) == 1);
  CHECK(bot.orders().empty());
}

TEST_CASE("killed while its pair is being placed, the next run finds the pair and places no other") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  kill_at(bot, {At::pair, "after"}, signal);
  REQUIRE(bot.open_stops().size() == 1);
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(bot.requests(At::pair) == 1);
  CHECK(bot.orders().size() == 3);
  CHECK(bot.covered());
}

TEST_CASE("killed before its pair arrived, the position gets its stop once, and it is told until then") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  kill_at(bot, {At::pair, "before"}, signal);
  REQUIRE(bot.open_stops().empty());
  if (bot.cryptocom()) {
    // A second pair under another id could rest beside the first, so absence has to be proven.
    Started run = bot.start_cycle(signal);
    bot.wait_for_request(At::look);
    run.send(SIGKILL);
    const Ran waits = run.finish();
    INFO(waits.err);
    CHECK(bot.requests(At::pair) == 1);
    bot.venue.set_clock_offset(100s);
  }
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(bot.entries().size() == 1);
  CHECK(bot.requests(At::pair) == 2);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.covered());
  CHECK(bot.cycle(signal).code == 0);
  CHECK(bot.orders().size() == 3);
}

TEST_CASE("killed run after run while it looks, the entry stays one and is protected in the end") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  kill_at(bot, {At::entry, "after"}, signal);
  kill_at(bot, {At::balances, "before"}, signal);
  kill_at(bot, {At::pair, "after"}, signal);
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(bot.entries().size() == 1);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.covered());
  CHECK(bot.venue.conserved());
}
