#include "tradeguard/trade.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace tradeguard;

namespace {

constexpr Instant noon{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};
const Symbol eth = *Symbol::parse("ETH_USDT");

std::size_t aligned(std::size_t offset, std::size_t to) { return (offset + to - 1) / to * to; }

// The members as they lie, one behind the other up to the end: where one is left out there is a gap. (That the list
// names as many as there are is what compiles.)
template <class Row>
void every_member_is_seen(const Row& row) {
  std::size_t end = 0;
  std::set<std::string_view> names;
  each_member(row, [&](std::string_view name, const auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    INFO(name);
    CHECK(names.insert(name).second);
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&member) -
                                                 reinterpret_cast<const std::byte*>(&row));
    CHECK(offset == aligned(end, alignof(Member)));
    end = offset + sizeof(Member);
  });
  CHECK(aligned(end, alignof(Row)) == sizeof(Row));
}

Trade trade_of(SignalKey key) {
  Order entry{.client_id = "tg1-e1-a", .trade = "tg1-e1-a", .signal_key = std::move(key), .symbol = eth};
  entry.stamp = noon + 7s;
  return Trade{opened_by(entry), {entry}, {}};
}

}  // namespace

TEST_CASE("each_member shows every member of an order and of a trade, once, in order") {
  every_member_is_seen(Order{.symbol = eth});
  every_member_is_seen(TradeRecord{.symbol = eth});
}

TEST_CASE("a trade is opened with what its entry says of it, and nothing else") {
  const Trade trade = trade_of("ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(trade.id() == "tg1-e1-a");
  CHECK(trade.symbol() == eth);
  CHECK(trade.record == TradeRecord{.id = "tg1-e1-a", .symbol = eth});
}

TEST_CASE("the signal of an entry spoke when the record says, else in the minute of its key, else with its stamp") {
  Trade trade = trade_of("ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(spoken_at(trade) == noon);
  CHECK(spoken_at(trade_of("ETH_USDT:BUY:id=news-7")) == noon + 7s);
  trade.record.signal_at = noon + 3s;
  CHECK(spoken_at(trade) == noon + 3s);
}

TEST_CASE("the next attempt is one more than the highest of its kind") {
  Trade trade = trade_of("ETH_USDT:BUY:id=1");
  CHECK(trade.next_attempt(Leg::stop) == 1);
  for (const int attempt : {1, 4, 2}) {
    Order stop{.leg = Leg::stop, .attempt = attempt, .symbol = eth};
    trade.legs.push_back(stop);
  }
  CHECK(trade.next_attempt(Leg::stop) == 5);
  CHECK(trade.next_attempt(Leg::exit) == 1);
}
