#include <catch2/catch.hpp>

#include "dice.hpp"
#include "tradeguard/entry_bars.hpp"

using namespace tradeguard;

namespace {

constexpr Instant noon{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};
const AccountKey account{"paper", "main"};

Trade open_trade(std::string_view symbol) {
  Order entry{.symbol = *Symbol::parse(symbol)};
  entry.client_id = "tg1-e1-" + std::string{symbol};
  entry.trade = entry.client_id;
  entry.state = OrderState::closed;
  return Trade{opened_by(entry), {entry}, {}};
}

Alarm standing(NoticeType kind, std::string subject, std::string symbol) {
  Alarm alarm{.kind = kind, .subject = std::move(subject)};
  alarm.symbol = std::move(symbol);
  return alarm;
}

EntryRequest request(std::string_view name) {
  const Symbol symbol = *Symbol::parse(name);
  Signal signal{.symbol = symbol, .side = Side::buy, .time = noon};
  Order order{.client_id = {}, .trade = {}, .signal_key = signal_key(signal), .symbol = symbol};
  order.stamp = noon;
  order.valid_until = noon + 10s;
  return {signal, order, *Money::parse("50"), std::nullopt};
}

}  // namespace

TEST_CASE("an alarm that denies every entry is named with its market and its trade") {
  OpenBook book;
  Alarm naked = standing(NoticeType::unprotected, "tg1-e1-abc", "ETH_USDT");
  naked.breaks = true;
  book.alarms.push_back(naked);
  const auto bars = entry_bars(facts_of(book), {});
  REQUIRE(bars.size() == 1);
  CHECK(bars[0].base.empty());
  CHECK(bars[0].reason == Denial::protection_failing);
  CHECK(bars[0].detail == "UNPROTECTED ETH_USDT, trade tg1-e1-abc");
}

TEST_CASE("what freezes a base is named: an alarm, or the order nobody has an answer of") {
  OpenBook book;
  Alarm drift = standing(NoticeType::drift, "BTC", "BTC_USDT");
  drift.freezes = "BTC";
  book.alarms.push_back(drift);
  book.trades.push_back(open_trade("ETH_USDT"));
  book.trades.back().entries.front().state = OrderState::claimed;
  const auto bars = entry_bars(facts_of(book), {});
  REQUIRE(bars.size() == 2);
  CHECK(bars[0].base == "BTC");
  CHECK(bars[0].detail == "DRIFT BTC_USDT");
  CHECK(bars[1].base == "ETH");
  CHECK(bars[1].detail == "in_doubt ETH_USDT, trade tg1-e1-ETH_USDT");
}

TEST_CASE("halt, breaker and the caps are bars for every base, and a stop in doubt is none") {
  OpenBook book;
  EntryPolicy policy;
  policy.max_open_positions = 2;
  policy.max_entries_per_day = 5;
  for (const char* name : {"ETH_USDT", "BTC_USDT"}) {
    book.trades.push_back(open_trade(name));
    Order stop = book.trades.back().entries.front();
    stop.leg = Leg::stop;
    stop.state = OrderState::claimed;
    book.trades.back().legs.push_back(stop);
  }
  book.account.halted = "news";
  book.account.breaker = "3 trades flattened today";
  book.entries_today = 5;
  std::string reasons;
  for (const EntryBar& bar : entry_bars(facts_of(book), policy)) reasons += bar.reason.str() + " ";
  CHECK(reasons == "halted max_open_positions max_entries_per_day protection_failing ");
  book.trades.pop_back();
  book.account = {};
  book.entries_today = 4;
  CHECK(entry_bars(facts_of(book), policy).empty());
}

// Else status says "allowed" while every claim is denied, or the other way round.
TEST_CASE("whatever stands, a claim is denied exactly where there is a bar, and in the words of one") {
  Dice dice{77};
  for (int i = 0; i < 3'000; ++i) {
    AdmissionFacts facts;
    EntryPolicy policy;
    policy.max_open_positions = dice.between(0, 3);
    policy.max_entries_per_day = dice.between(0, 3);
    if (dice.once_in(4)) facts.halted = "news";
    if (dice.once_in(4)) facts.breaker = "UNPROTECTED ETH_USDT";
    if (dice.once_in(6)) policy.no_entries = Denial::prices_unreadable;
    for (const char* base : {"ETH", "BTC"})
      if (dice.once_in(3)) facts.frozen[base] = "DRIFT";
    facts.open_positions = dice.between(0, 3);
    facts.entries_today = dice.between(0, 3);
    const auto bars = entry_bars(facts, policy);
    const std::vector<EntryRequest> asked{request("ETH_USDT")};
    const auto verdict = judge(asked, policy, facts, account, noon).front();
    bool any = false;
    bool said = false;
    const auto* denied = std::get_if<Denied>(&verdict.outcome);
    for (const EntryBar& bar : bars) {
      if (!bar.base.empty() && bar.base != "ETH") continue;
      any = true;
      said = said || (denied != nullptr && denied->reason == bar.reason && denied->detail == bar.detail);
    }
    REQUIRE((denied != nullptr) == any);
    REQUIRE(said == any);
  }
}
