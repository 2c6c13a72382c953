// What every journal promises: rows come back as written, a change is whole or nothing, and a run
// that lost its lease can record nothing more.
#include <algorithm>
#include <set>

#include "contract.hpp"
#include "story.hpp"
#include "tradeguard/entry_bars.hpp"

namespace tradeguard::contract {
namespace {

InstrumentRules changed_rules(const Symbol& symbol) {
  InstrumentRules rules = *request(buy(symbol.text()), noon).rules;
  rules.tradable = false;
  rules.read_at = noon - 1us;
  return rules;
}

TradeRecord everything_said(TradeRecord trade) {
  trade.rules = changed_rules(trade.symbol);
  trade.plan->stop_percent = *Decimal::parse("2.5");
  trade.plan->target_percent = *Decimal::parse("3.000000000000000001");
  trade.plan->stop_price = price("3200");
  trade.plan->target_price = price("3400.1");
  trade.plan->stop_limit_slack_percent = *Decimal::parse("0.5");
  trade.plan->flatten_on_breach = false;
  trade.plan->flatten_unprotected = true;
  trade.plan->flatten_after = 90s;
  trade.strategy = "a \"strategy\"";
  trade.covered_at = noon + 5s;
  trade.naked_since = noon + 6s;
  trade.naked_total = 7'123'456us;
  trade.legs_told = true;
  trade.skip_told = true;
  trade.dust_told = true;
  trade.exit_reason = ExitReason::signal;
  trade.exit_until = noon + 8s;
  trade.exit_key = "ETH_USDT:SELL:2025-01-01T12:00:00";
  trade.target_none = "the price is at or beyond the target";
  trade.released = true;
  return trade;
}

// Of every kind of member another value than the one that is there.
void change(std::string& text) { text += "x"; }
void change(bool& flag) { flag = !flag; }
void change(int& number) { number += 1; }
void change(std::int64_t& number) { number += 1; }
void change(Instant& at) { at += 1us; }
void change(Micros& span) { span += 1us; }
void change(Symbol& name) { name = symbol(name == symbol("XRP_USDT") ? "LTC_USDT" : "XRP_USDT"); }
void change(Leg& leg) { leg = leg == Leg::stop ? Leg::target : Leg::stop; }
void change(Side& side) { side = side == Side::buy ? Side::sell : Side::buy; }
void change(OrderType& type) { type = type == OrderType::limit ? OrderType::market : OrderType::limit; }
void change(OrderState& state) { state = state == OrderState::closed ? OrderState::placed : OrderState::closed; }
template <class Tag>
void change(Amount<Tag>& amount) {
  amount += *Amount<Tag>::parse("1");
}
template <class Enum>
void change(Word<Enum>& word) {
  word = Word<Enum>::of(word.str() + "x");
}
template <class T>
void change(std::optional<T>& value) {
  if (value)
    value.reset();
  else if constexpr (std::is_same_v<T, InstrumentRules>)
    value = changed_rules(symbol("ETH_USDT"));
  else
    value.emplace();
}

// An order of which everything that can be said is said.
Order everything_said(Order order) {
  order.state = OrderState::closed;
  order.type = OrderType::stop_limit;
  order.price = price("3350.500000000000000001");
  order.trigger = price("0.00000712");
  order.acknowledged = true;
  order.pair = "tg1-s1-partner";
  order.venue_id = "4711";
  order.fired_id = "4712";
  order.filled = quantity("0.0149");
  order.filled_value = money("49.92245");
  order.fee_base = quantity("0.0000149");
  order.fees_known = true;
  order.exchange_time = noon + 1ms;
  order.sighted_at = noon + 2us;
  order.closed_at = noon + 3s;
  order.fired_at = noon + 4s;
  order.cancel_asked_at = noon + 5s;
  order.reason = "cancelled by \"user\" = yes\n";
  order.ending = Ending::rejected;
  order.because = ExitReason::breached;
  order.free_base = quantity("0.5");
  order.rules = changed_rules(order.symbol);
  return order;
}

std::vector<ClientOrderId> ids(const std::vector<OpenQuestion>& questions) {
  std::vector<ClientOrderId> all;
  for (const OpenQuestion& question : questions) {
    CHECK(question.trade.id == question.order.trade);
    CHECK(question.trade.settled);
    all.push_back(question.order.client_id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<ClientOrderId> ids(const std::vector<Order>& orders) {
  std::vector<ClientOrderId> all;
  for (const Order& order : orders) all.push_back(order.client_id);
  std::sort(all.begin(), all.end());
  return all;
}

Alarm unprotected(std::string subject) {
  Alarm alarm{.kind = NoticeType::unprotected, .subject = std::move(subject), .breaks = true};
  alarm.freezes = "ETH";
  alarm.detail = "no stop rests";
  alarm.symbol = "ETH_USDT";
  alarm.order_id = "4711";
  alarm.raised_at = noon;
  alarm.next_reminder = noon + 5min;
  return alarm;
}

void edge(Session& session, AlarmEdge::What what, const Alarm& alarm) {
  REQUIRE(write(session, {.alarms = {{what, alarm}}}) == Written::yes);
}

// ---- rows --------------------------------------------------------------------------------------

STORE_CONTRACT("an order comes back exactly as it was written after a restart", "[journal]") {
  std::optional<Order> written;
  {
    const auto session = store.open();
    const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
    written = advance(*session, everything_said(ticket.order()));
  }
  const auto after_restart = store.open();
  CHECK(row(*after_restart, written->client_id) == *written);
  const OpenBook open = book(*after_restart, noon);
  REQUIRE(open.trades.size() == 1);
  CHECK(open.trades[0].entry() == *written);
}

STORE_CONTRACT("a trade comes back exactly as it was written after a restart", "[journal]") {
  std::optional<TradeRecord> written;
  {
    const auto session = store.open();
    const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
    const TradeRecord opened = trade_row(*session, ticket.order().trade);
    CHECK(opened == ticket.trade());
    CHECK(opened.symbol == ticket.order().symbol);
    CHECK(opened.strategy == "crossover");
    CHECK(opened.signal_at == noon);
    CHECK(opened.version == 1);
    written = advance(*session, everything_said(opened));
  }
  const auto after_restart = store.open();
  CHECK(trade_row(*after_restart, written->id) == *written);
  const OpenBook open = book(*after_restart, noon);
  REQUIRE(open.trades.size() == 1);
  CHECK(open.trades[0].record == *written);
}

// What one member holds reaches its own column and no other. Ids, the version and what the store's own constraints
// tie together stay.
STORE_CONTRACT("each member of an order and of a trade is stored by itself", "[journal]") {
  const auto session = store.open();
  const std::set<std::string_view> tied{"client_id", "id", "trade", "version", "symbol", "leg"};
  Order order = append(*session, everything_said(stop_for(bought(*session, buy("ETH_USDT"), noon))));
  TradeRecord trade = advance(*session, everything_said(trade_row(*session, order.trade)));
  const auto try_each = [&](auto& row, auto&& read_back) {
    each_member(row, [&](std::string_view name, auto& member) {
      if (tied.contains(name)) return;
      INFO(name);
      const auto before = row;
      change(member);
      REQUIRE(row != before);
      row = advance(*session, row);
      CHECK(read_back() == row);
    });
  };
  try_each(order, [&] { return row(*session, order.client_id); });
  try_each(trade, [&] { return trade_row(*session, trade.id); });
}

STORE_CONTRACT("a leg comes back exactly as it was written after a restart", "[journal]") {
  std::vector<Order> legs;
  {
    const auto session = store.open();
    const Order entry = bought(*session, buy("ETH_USDT"), noon);
    for (const Order& leg : {stop_for(entry), target_for(entry), exit_for(entry)})
      legs.push_back(append(*session, leg));
  }
  const auto after_restart = store.open();
  for (const Order& leg : legs) CHECK(row(*after_restart, leg.client_id) == leg);
}

STORE_CONTRACT("an order nobody wrote is not there", "[journal]") {
  CHECK_FALSE(value_of(store.open()->journal().order("tg1-e1-nobody")));
  CHECK_FALSE(value_of(store.open()->journal().trade("tg1-e1-nobody")));
}

STORE_CONTRACT("a twin stands beside the order whose client id it shares", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order twin = entry;
  twin.client_id = entry.client_id + "-twin";
  twin.twin = true;
  twin.version = 0;
  twin = append(*session, twin);
  const OpenBook open = book(*session, noon);
  REQUIRE(open.trades.size() == 1);
  REQUIRE(open.trades[0].entries.size() == 2);
  CHECK(open.trades[0].entry() == entry);
  CHECK(open.trades[0].entries[1] == twin);
}

STORE_CONTRACT("all orders of a signal are found by its key", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  const Order stop = append(*session, stop_for(entry));
  bought(*session, buy("BTC_USDT"), noon);
  CHECK(ids(value_of(session->journal().orders_of(entry.signal_key))) == ids({entry, stop}));
  // For good: also after the trade is over.
  settled(*session, entry);
  CHECK(ids(value_of(session->journal().orders_of(entry.signal_key))) == ids({entry, stop}));
}

// ---- the open book -----------------------------------------------------------------------------

STORE_CONTRACT("a new account has an empty book", "[journal]") {
  const OpenBook open = book(*store.open(), noon);
  CHECK(open.trades.empty());
  CHECK(open.questions.empty());
  CHECK(open.alarms.empty());
  CHECK(open.flattened_today == 0);
  CHECK_FALSE(open.notices_waiting);
  CHECK_FALSE(open.account.halted);
  CHECK_FALSE(open.account.breaker);
  CHECK_FALSE(open.account.last_completed_at);
  CHECK_FALSE(open.account.known_epoch);
  CHECK_FALSE(open.account.epoch.empty());
}

STORE_CONTRACT("the book holds open trades with all their legs and the oldest first", "[journal]") {
  const auto session = store.open();
  const Order eth = bought(*session, buy("ETH_USDT"), noon);
  const Order btc = bought(*session, buy("BTC_USDT", noon + 1s), noon + 1s);
  const Order ltc = bought(*session, buy("LTC_USDT", noon + 2s), noon + 2s);
  const Order stop = append(*session, stop_for(eth));
  const Order target = append(*session, target_for(eth));

  const OpenBook open = book(*session, noon + 3s);
  REQUIRE(open.trades.size() == 3);
  CHECK(open.trades[0].id() == eth.client_id);
  CHECK(open.trades[1].id() == btc.client_id);
  CHECK(open.trades[2].id() == ltc.client_id);
  CHECK(ids(open.trades[0].legs) == ids({stop, target}));
  CHECK(open.trades[1].legs.empty());
}

STORE_CONTRACT("a settled trade leaves the book and one that is alive again comes back", "[journal]") {
  const auto session = store.open();
  Order entry = bought(*session, buy("ETH_USDT"), noon);
  append(*session, stop_for(entry));
  entry = settled(*session, entry);
  CHECK(book(*session, noon + 24h).trades.empty());

  TradeRecord alive = trade_row(*session, entry.trade);
  alive.settled = false;
  advance(*session, alive);
  const OpenBook open = book(*session, noon + 24h);
  REQUIRE(open.trades.size() == 1);
  CHECK(open.trades[0].legs.size() == 1);
  CHECK(open.questions.empty());  // its rows are asked as the trade's, and not twice
}

// A request that was refused or proven absent may still turn out to have been taken.
STORE_CONTRACT("refused and lapsed orders stay questions for an hour after their validity", "[journal]") {
  const auto session = store.open();
  std::vector<Order> asked;
  for (const auto& [name, state] :
       {std::pair{"ETH_USDT", OrderState::refused}, std::pair{"BTC_USDT", OrderState::lapsed}}) {
    Order entry = row(*session, admitted(*session, buy(name), noon).order().client_id);
    entry.state = state;
    entry.ending = Ending::absent;
    asked.push_back(settled(*session, entry));
  }
  const Instant ends = noon + 10s + 1h;
  CHECK(ids(book(*session, noon + 1s).questions) == ids(asked));
  CHECK(ids(book(*session, ends - 1us).questions) == ids(asked));
  CHECK(book(*session, ends).questions.empty());
}

STORE_CONTRACT("a settled purchase is a question until its fees are read", "[journal]") {
  const auto session = store.open();
  Order entry = bought(*session, buy("ETH_USDT"), noon);
  entry.fees_known = false;
  entry = settled(*session, entry);
  CHECK(ids(book(*session, noon + 24h).questions) == ids({entry}));
  entry.fees_known = true;
  advance(*session, entry);
  CHECK(book(*session, noon + 24h).questions.empty());
}

STORE_CONTRACT("a leg still open in a settled trade is a question", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  settled(*session, entry);
  CHECK(ids(book(*session, noon + 24h).questions) == ids({stop}));
  stop.state = OrderState::closed;
  advance(*session, stop);
  CHECK(book(*session, noon + 24h).questions.empty());
}

STORE_CONTRACT("orders of open trades are not questions besides", "[journal]") {
  const auto session = store.open();
  admitted(*session, buy("ETH_USDT"), noon);
  CHECK(book(*session, noon + 1s).questions.empty());
}

// After three in a day the breaker stays until somebody resumes.
STORE_CONTRACT("trades sold because no stop could hold them are counted for their day", "[journal]") {
  {
    const auto session = store.open();
    for (const auto& [name, why] :
         {std::pair{"ETH_USDT", ExitReason::unprotected}, std::pair{"BTC_USDT", ExitReason::breached},
          std::pair{"LTC_USDT", ExitReason::signal}, std::pair{"XRP_USDT", ExitReason::operator_}}) {
      const Order entry = bought(*session, buy(name), noon);
      for (int attempt = 1; attempt <= 2; ++attempt) {
        Order exit = exit_for(entry, attempt);
        exit.because = why;
        exit = append(*session, exit);
        exit.state = OrderState::closed;
        exit.filled = exit.quantity;
        exit.sighted_at = noon + 2min;
        exit.closed_at = noon + 2min;
        advance(*session, exit);
      }
    }
    const Order not_sold = bought(*session, buy("ADA_USDT"), noon);
    Order exit = exit_for(not_sold);
    exit.because = ExitReason::unprotected;
    append(*session, exit);
  }
  const auto after_restart = store.open();
  CHECK(book(*after_restart, noon + 3min).flattened_today == 2);
  CHECK(book(*after_restart, noon + 12h).flattened_today == 0);
}

Order sold_unprotected(Session& session, std::string_view name, Instant at) {
  Order exit = exit_for(bought(session, buy(name, at), at));
  exit.because = ExitReason::unprotected;
  exit.claimed_at = at;
  exit = append(session, exit);
  exit.state = OrderState::closed;
  exit.filled = exit.quantity;
  exit.sighted_at = at;
  exit.closed_at = at;
  return advance(session, exit);
}

// Else nobody could end the breaker before midnight.
STORE_CONTRACT("trades flattened before the breaker was reset do not count any more", "[journal]") {
  const auto session = store.open();
  sold_unprotected(*session, "ETH_USDT", noon);
  sold_unprotected(*session, "BTC_USDT", noon + 1min);
  must(session->journal().set_breaker("2 trades flattened", noon + 2min));
  CHECK(book(*session, noon + 3min).flattened_today == 2);
  must(session->journal().set_breaker(std::nullopt, noon + 4min));
  const OpenBook open = book(*store.open(), noon + 5min);
  CHECK(open.flattened_today == 0);
  CHECK(open.account.breaker_reset_at == noon + 4min);
  sold_unprotected(*session, "LTC_USDT", noon + 5min);
  CHECK(book(*session, noon + 6min).flattened_today == 1);
}

STORE_CONTRACT("a breaker's reset that lies ahead is not believed", "[journal]") {
  const auto session = store.open();
  sold_unprotected(*session, "ETH_USDT", noon);
  must(session->journal().set_breaker(std::nullopt, noon + 24h * 30));  // by a clock that was ahead
  CHECK(book(*session, noon + 1min).flattened_today == 1);
}

STORE_CONTRACT("accounts see nothing of each other", "[journal]") {
  const auto main = store.open({"paper", "main"});
  const auto other = store.open({"binance", "main"});
  const Order entry = bought(*main, buy("ETH_USDT"), noon);
  tell(*main, {notice("event")});
  edge(*main, AlarmEdge::What::raise, unprotected("tg1-e1-x"));
  must(main->journal().set_halt("maintenance", noon));
  must(main->journal().set_breaker("flattened", noon));
  must(main->journal().accept_epoch("id", noon));

  const OpenBook open = book(*other, noon);
  CHECK(open.trades.empty());
  CHECK(open.alarms.empty());
  CHECK_FALSE(open.notices_waiting);
  CHECK_FALSE(open.account.halted);
  CHECK_FALSE(open.account.breaker);
  CHECK_FALSE(open.account.known_epoch);
  CHECK(due(*other, noon).empty());
  CHECK(value_of(other->journal().waiting_notices()) == 0);
  CHECK_FALSE(value_of(other->journal().order(entry.client_id)));
  CHECK(value_of(other->journal().orders_of(entry.signal_key)).empty());
  CHECK(value_of(other->journal().decisions(entry.signal_key)).empty());
  CHECK(value_of(other->journal().prune(noon + 24h * 365, noon + 24h * 365)) == 0);
  CHECK(is_ticket(claim(*other, buy("ETH_USDT"), noon)));
}

// ---- writing -----------------------------------------------------------------------------------

STORE_CONTRACT("each write makes a row's version one higher", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  CHECK(row(*session, stop.client_id).version == 1);
  for (int i = 0; i < 3; ++i) stop = advance(*session, stop);
  CHECK(row(*session, stop.client_id).version == 4);
}

STORE_CONTRACT("a row that another process moved on is stale and stays as that one wrote it", "[journal]") {
  const auto first = store.open();
  const auto second = store.open();
  const Order as_both_read_it = bought(*first, buy("ETH_USDT"), noon);
  Order theirs = as_both_read_it;
  theirs.reason = "theirs";
  theirs = advance(*second, theirs);

  Order ours = as_both_read_it;
  ours.reason = "ours";
  CHECK(write(*first, {.advance = {ours}}) == Written::stale);
  CHECK(row(*first, ours.client_id) == theirs);
}

STORE_CONTRACT("a trade that another process moved on is stale, and one that is opened twice exists", "[journal]") {
  const auto first = store.open();
  const auto second = store.open();
  const Order entry = bought(*first, buy("ETH_USDT"), noon);
  const TradeRecord as_both_read_it = trade_row(*first, entry.trade);
  TradeRecord theirs = as_both_read_it;
  theirs.dust_told = true;
  theirs = advance(*second, theirs);

  TradeRecord ours = as_both_read_it;
  ours.legs_told = true;
  CHECK(write(*first, {.append = {stop_for(entry)}, .trades = {ours}}) == Written::stale);
  CHECK(write(*first, {.append = {stop_for(entry)}, .trades = {opened_by(entry)}}) == Written::exists);
  CHECK(trade_row(*first, entry.trade) == theirs);
  CHECK_FALSE(value_of(first->journal().order(stop_for(entry).client_id)));
  TradeRecord nobodys = as_both_read_it;
  nobodys.id = "tg1-e1-nobody";
  CHECK(write(*first, {.trades = {nobodys}}) == Written::stale);
}

STORE_CONTRACT("a row nobody appended cannot be advanced", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  CHECK(write(*session, {.advance = {stop_for(entry)}}) == Written::stale);
  CHECK_FALSE(value_of(session->journal().order(stop_for(entry).client_id)));
}

// The id of a leg is a pure function: who finds it taken has claimed it before.
STORE_CONTRACT("an order that was appended before exists and is left as it is", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  const Order stop = append(*session, stop_for(entry));
  Order other = stop_for(entry);
  other.quantity = quantity("0.5");
  CHECK(write(*session, {.append = {other}}) == Written::exists);
  CHECK(row(*session, stop.client_id) == stop);
}

STORE_CONTRACT("a change with one stale row writes nothing at all", "[journal]") {
  const auto session = store.open();
  Order eth = bought(*session, buy("ETH_USDT"), noon);
  Order btc = bought(*session, buy("BTC_USDT"), noon);
  const Order stale = btc;
  btc = advance(*session, btc);

  Order moved = eth;
  moved.reason = "moved";
  const Change change{.append = {stop_for(eth)},
                      .advance = {moved, stale},
                      .notices = {notice("event", eth.trade)},
                      .alarms = {{AlarmEdge::What::raise, unprotected(eth.trade)}}};
  CHECK(write(*session, change) == Written::stale);

  CHECK(row(*session, eth.client_id) == eth);
  CHECK(row(*session, btc.client_id) == btc);
  CHECK_FALSE(value_of(session->journal().order(stop_for(eth).client_id)));
  CHECK(book(*session, noon).alarms.empty());
  CHECK(due(*session, noon).empty());
}

STORE_CONTRACT("a change with one order that exists writes nothing at all", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  const Order stop = append(*session, stop_for(entry));
  Order moved = entry;
  moved.reason = "moved";
  const Change change{.append = {target_for(entry), stop_for(entry)},
                      .advance = {moved},
                      .notices = {notice("event", entry.trade)},
                      .alarms = {{AlarmEdge::What::raise, unprotected(entry.trade)}}};
  CHECK(write(*session, change) == Written::exists);

  CHECK(row(*session, entry.client_id) == entry);
  CHECK_FALSE(value_of(session->journal().order(target_for(entry).client_id)));
  CHECK(book(*session, noon).alarms.empty());
  CHECK(due(*session, noon).empty());
}

// A problem with one market is no reason to leave another one unrecorded.
STORE_CONTRACT("the items of one call are judged one by one", "[journal]") {
  const auto session = store.open();
  const Order eth = bought(*session, buy("ETH_USDT"), noon);
  const Order btc = bought(*session, buy("BTC_USDT"), noon);
  const Order ltc = bought(*session, buy("LTC_USDT"), noon);
  append(*session, stop_for(btc));
  Order stale = ltc;
  stale.version += 7;

  const std::vector<Change> items{{.append = {stop_for(eth)}, .notices = {notice("eth")}},
                                  {.append = {stop_for(btc)}, .notices = {notice("btc")}},
                                  {.advance = {stale}, .notices = {notice("ltc")}},
                                  {.notices = {notice("nothing but a notice")}}};
  const auto written = value_of(session->journal().write(items));
  REQUIRE(written.size() == 4);
  CHECK(written[0] == Written::yes);
  CHECK(written[1] == Written::exists);
  CHECK(written[2] == Written::stale);
  CHECK(written[3] == Written::yes);
  CHECK(row(*session, stop_for(eth).client_id).version == 1);
  CHECK(due(*session, noon) == std::vector<std::string>{"eth", "nothing but a notice"});
}

STORE_CONTRACT("of two items that append or advance the same row the first is written", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order first = entry;
  first.reason = "first";
  Order second = entry;
  second.reason = "second";
  const std::vector<Change> items{{.append = {stop_for(entry)}, .notices = {notice("1")}},
                                  {.append = {stop_for(entry)}, .notices = {notice("2")}},
                                  {.advance = {first}, .notices = {notice("3")}},
                                  {.advance = {second}, .notices = {notice("4")}}};
  const auto written = value_of(session->journal().write(items));
  REQUIRE(written.size() == 4);
  CHECK(written[0] == Written::yes);
  CHECK(written[1] == Written::exists);
  CHECK(written[2] == Written::yes);
  CHECK(written[3] == Written::stale);
  CHECK(row(*session, entry.client_id).reason == "first");
  CHECK(due(*session, noon) == std::vector<std::string>{"1", "3"});
}

STORE_CONTRACT("a large batch is written in one call", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  std::vector<Change> items;
  for (int i = 1; i <= 300; ++i)
    items.push_back({.append = {stop_for(entry, i)}, .notices = {notice("event-" + std::to_string(i), entry.trade)}});
  const auto written = value_of(session->journal().write(items));
  CHECK(std::count(written.begin(), written.end(), Written::yes) == 300);
  CHECK(book(*session, noon).trades.at(0).legs.size() == 300);
  CHECK(value_of(session->journal().waiting_notices()) == 300);
}

STORE_CONTRACT("writing nothing is no error", "[journal]") {
  const auto session = store.open();
  CHECK(value_of(session->journal().write({})).empty());
  CHECK(write(*session, {}) == Written::yes);
}

// ---- alarms ------------------------------------------------------------------------------------

STORE_CONTRACT("an alarm stands over restarts until it is cleared", "[journal]") {
  { edge(*store.open(), AlarmEdge::What::raise, unprotected("tg1-e1-x")); }
  const auto after_restart = store.open();
  const auto alarms = book(*after_restart, noon + 24h).alarms;
  REQUIRE(alarms.size() == 1);
  CHECK(alarms[0].kind == NoticeType::unprotected);
  CHECK(alarms[0].subject == "tg1-e1-x");
  CHECK(alarms[0].freezes == "ETH");
  CHECK(alarms[0].breaks);
  CHECK(alarms[0].detail == "no stop rests");
  CHECK(alarms[0].symbol == "ETH_USDT");
  CHECK(alarms[0].order_id == "4711");
  CHECK(alarms[0].raised_at == noon);
  CHECK(alarms[0].next_reminder == noon + 5min);
  CHECK(alarms[0].told == 1);
  CHECK_FALSE(alarms[0].cleared_at);

  Alarm cleared = alarms[0];
  cleared.cleared_at = noon + 1h;
  edge(*after_restart, AlarmEdge::What::clear, cleared);
  CHECK(book(*after_restart, noon + 24h).alarms.empty());
}

STORE_CONTRACT("one alarm stands for each kind and subject", "[journal]") {
  const auto session = store.open();
  Alarm of_another_kind = unprotected("tg1-e1-x");
  of_another_kind.kind = NoticeType::drift;
  for (const Alarm& alarm :
       {unprotected("tg1-e1-x"), unprotected("tg1-e1-y"), of_another_kind, unprotected("tg1-e1-x")})
    edge(*session, AlarmEdge::What::raise, alarm);
  CHECK(book(*session, noon).alarms.size() == 3);
  edge(*session, AlarmEdge::What::clear, unprotected("tg1-e1-x"));
  CHECK(book(*session, noon).alarms.size() == 2);
}

STORE_CONTRACT("a reminder is remembered and the alarm stands on", "[journal]") {
  const auto session = store.open();
  Alarm alarm = unprotected("tg1-e1-x");
  edge(*session, AlarmEdge::What::raise, alarm);
  alarm.told = 2;
  alarm.next_reminder = noon + 15min;
  edge(*session, AlarmEdge::What::remind, alarm);
  const auto alarms = book(*session, noon).alarms;
  REQUIRE(alarms.size() == 1);
  CHECK(alarms[0].told == 2);
  CHECK(alarms[0].next_reminder == noon + 15min);
  CHECK(alarms[0].raised_at == noon);
}

// Its age is what escalates: a run that finds it standing must not make it young again.
STORE_CONTRACT("an alarm raised while it stands keeps when it began and what was told", "[journal]") {
  const auto session = store.open();
  Alarm alarm = unprotected("tg1-e1-x");
  edge(*session, AlarmEdge::What::raise, alarm);
  alarm.told = 3;
  alarm.next_reminder = noon + 1h;
  edge(*session, AlarmEdge::What::remind, alarm);
  Alarm again = unprotected("tg1-e1-x");
  again.raised_at = noon + 30min;
  again.detail = "still no stop";
  edge(*session, AlarmEdge::What::raise, again);
  const auto alarms = book(*session, noon + 30min).alarms;
  REQUIRE(alarms.size() == 1);
  CHECK(alarms[0].raised_at == noon);
  CHECK(alarms[0].told == 3);
  CHECK(alarms[0].next_reminder == noon + 1h);
  CHECK(alarms[0].detail == "still no stop");
}

STORE_CONTRACT("an alarm that was cleared can be raised again", "[journal]") {
  const auto session = store.open();
  edge(*session, AlarmEdge::What::raise, unprotected("tg1-e1-x"));
  edge(*session, AlarmEdge::What::clear, unprotected("tg1-e1-x"));
  Alarm again = unprotected("tg1-e1-x");
  again.raised_at = noon + 1h;
  edge(*session, AlarmEdge::What::raise, again);
  const auto alarms = book(*session, noon + 1h).alarms;
  REQUIRE(alarms.size() == 1);
  CHECK(alarms[0].raised_at == noon + 1h);
  CHECK_FALSE(alarms[0].cleared_at);
}

STORE_CONTRACT("reminding of or clearing an alarm that does not stand raises none", "[journal]") {
  const auto session = store.open();
  edge(*session, AlarmEdge::What::remind, unprotected("tg1-e1-x"));
  edge(*session, AlarmEdge::What::clear, unprotected("tg1-e1-x"));
  CHECK(book(*session, noon).alarms.empty());
}

// ---- the operator ------------------------------------------------------------------------------

STORE_CONTRACT("halt and breaker stand over restarts with their reasons", "[journal]") {
  {
    const auto session = store.open();
    must(session->journal().set_halt("maintenance", noon));
    must(session->journal().set_breaker("3 flattened trades", noon));
  }
  const auto after_restart = store.open();
  CHECK(book(*after_restart, noon).account.halted == "maintenance");
  CHECK(book(*after_restart, noon).account.breaker == "3 flattened trades");
  must(after_restart->journal().set_halt(std::nullopt, noon));
  CHECK_FALSE(book(*after_restart, noon).account.halted);
  CHECK(book(*after_restart, noon).account.breaker == "3 flattened trades");
  must(after_restart->journal().set_breaker(std::nullopt, noon));
  CHECK_FALSE(book(*after_restart, noon).account.breaker);
}

// The panic button must not remove the safety net.
STORE_CONTRACT("a halt and a breaker do not stop legs from being written", "[journal]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  must(session->journal().set_halt("panic", noon));
  must(session->journal().set_breaker("3 flattened trades", noon));
  append(*session, stop_for(entry));
  append(*session, exit_for(entry));
}

// ---- exits -------------------------------------------------------------------------------------

std::vector<ExitVerdict> claim_exits(Session& session, const std::vector<ExitClaim>& claims, Instant now) {
  auto verdicts = value_of(session.journal().claim_exits(claims, 300s, 5s, now));
  REQUIRE(verdicts.size() == claims.size());
  return verdicts;
}
ExitVerdict claim_exit(Session& session, const Signal& signal, std::vector<TradeRecord> trades, Instant now) {
  for (TradeRecord& trade : trades) {
    trade.exit_reason = ExitReason::signal;
    trade.exit_until = now + 300s;
  }
  return claim_exits(session, {{signal, std::move(trades), {}}}, now).front();
}
TradeRecord trade_of(Session& session, const Order& order) { return trade_row(session, order.trade); }
bool is_claimed(const ExitVerdict& verdict) { return std::holds_alternative<ExitClaimed>(verdict); }
std::string exit_denied_for(const ExitVerdict& verdict) {
  const auto* denied = std::get_if<Denied>(&verdict);
  return denied ? denied->reason.str() : "";
}

STORE_CONTRACT("a SELL signal claims its key and the wish to exit together", "[journal][exit]") {
  std::optional<TradeRecord> trade;
  {
    const auto session = store.open();
    trade = trade_of(*session, bought(*session, buy("ETH_USDT"), noon));
    CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {*trade}, noon + 1s)));
  }
  const auto after_restart = store.open();
  const TradeRecord wished = trade_row(*after_restart, trade->id);
  CHECK(wished.exit_reason == ExitReason::signal);
  CHECK(wished.exit_until == noon + 301s);
  CHECK(wished.version == trade->version + 1);
  const auto repeat = claim_exit(*after_restart, sell("ETH_USDT"), {wished}, noon + 60s);
  REQUIRE(std::holds_alternative<Duplicate>(repeat));
  CHECK(std::get<Duplicate>(repeat).claimed_at == noon + 1s);
  CHECK_FALSE(std::get<Duplicate>(repeat).existing_order_id.empty());
  CHECK(trade_row(*after_restart, trade->id) == wished);
}

STORE_CONTRACT("a repeated SELL is a duplicate at any age and says if it differs", "[journal][exit]") {
  const auto session = store.open();
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {}, noon)));
  const auto late = claim_exit(*session, sell("ETH_USDT"), {}, noon + 25h);
  REQUIRE(std::holds_alternative<Duplicate>(late));
  CHECK_FALSE(std::get<Duplicate>(late).differs);
  Signal other = sell("ETH_USDT");
  other.strategy = "another";
  const auto differing = claim_exit(*session, other, {}, noon + 60s);
  REQUIRE(std::holds_alternative<Duplicate>(differing));
  CHECK(std::get<Duplicate>(differing).differs);
}

STORE_CONTRACT("an old SELL is decided, and one from the future claims nothing", "[journal][exit]") {
  const auto session = store.open();
  const TradeRecord entry = trade_of(*session, bought(*session, buy("ETH_USDT"), noon));
  CHECK(exit_denied_for(claim_exit(*session, sell("ETH_USDT"), {entry}, noon + 300s + 1us)) == "stale");
  CHECK(exit_denied_for(claim_exit(*session, sell("ETH_USDT", noon + 1h), {entry}, noon)) == "future");
  CHECK(trade_row(*session, entry.id) == entry);
  const auto again = claim_exit(*session, sell("ETH_USDT"), {entry}, noon + 301s);
  REQUIRE(std::holds_alternative<Duplicate>(again));
  CHECK(std::get<Duplicate>(again).decided == "stale");
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT", noon + 1h), {entry}, noon + 1h)));
}

STORE_CONTRACT("halt and breaker and cooldown and freezes do not stop an exit", "[journal][exit]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  must(session->journal().set_halt("panic", noon));
  must(session->journal().set_breaker("3 flattened trades", noon));
  edge(*session, AlarmEdge::What::raise, unprotected(entry.trade));
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {trade_of(*session, entry)}, noon + 1s)));
}

STORE_CONTRACT("the same SELL twice in one batch is one wish", "[journal][exit]") {
  const auto session = store.open();
  const auto verdicts = claim_exits(*session, {{sell("ETH_USDT"), {}, {}}, {sell("ETH_USDT"), {}, {}}}, noon + 9s);
  CHECK(is_claimed(verdicts[0]));
  CHECK(std::holds_alternative<Duplicate>(verdicts[1]));
}

STORE_CONTRACT("of the SELLs of one call the first one that is claimed writes the wish", "[journal][exit]") {
  const auto session = store.open();
  const TradeRecord trade = trade_of(*session, bought(*session, buy("ETH_USDT"), noon));
  const auto wishing = [&](Instant said) {
    TradeRecord wish = trade;
    wish.exit_reason = ExitReason::signal;
    wish.exit_key = claim_key(sell("ETH_USDT", said));
    wish.exit_until = noon + 24h;
    return ExitClaim{sell("ETH_USDT", said), {wish}, {trade.id}};
  };
  REQUIRE(is_claimed(claim_exits(*session, {{sell("ETH_USDT", noon + 301s), {}, {}}}, noon + 301s).front()));
  // Too old, known, ahead of its time, taken, the same once more, and another one.
  const auto verdicts = claim_exits(*session,
                                    {wishing(noon), wishing(noon + 301s), wishing(noon + 900s), wishing(noon + 302s),
                                     wishing(noon + 302s), wishing(noon + 303s)},
                                    noon + 303s);
  CHECK(exit_denied_for(verdicts[0]) == "stale");
  CHECK(std::holds_alternative<Duplicate>(verdicts[1]));
  CHECK(exit_denied_for(verdicts[2]) == "future");
  REQUIRE(is_claimed(verdicts[3]));
  CHECK(std::holds_alternative<Duplicate>(verdicts[4]));
  REQUIRE(is_claimed(verdicts[5]));
  const TradeRecord wished = trade_row(*session, trade.id);
  CHECK(wished.exit_key == claim_key(sell("ETH_USDT", noon + 302s)));
  CHECK(wished.version == trade.version + 1);
  CHECK(std::get<ExitClaimed>(verdicts[3]).written == std::vector{wished});
  CHECK(std::get<ExitClaimed>(verdicts[5]).written.empty());
}

STORE_CONTRACT("two SELLs of one minute are two words", "[journal][exit]") {
  const auto session = store.open();
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {}, noon)));
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT", noon + 1us), {}, noon + 1s)));
}

STORE_CONTRACT("a SELL that touched no trade is decided, and its repeat says so", "[journal][exit]") {
  CHECK(is_claimed(claim_exit(*store.open(), sell("ETH_USDT"), {}, noon)));
  const auto repeat = claim_exit(*store.open(), sell("ETH_USDT"), {}, noon + 60s);
  REQUIRE(std::holds_alternative<Duplicate>(repeat));
  CHECK(std::get<Duplicate>(repeat).decided == "nothing_held");
  CHECK(std::get<Duplicate>(repeat).existing_order_id == "-");

  const auto session = store.open();
  const Order entry = bought(*session, buy("LTC_USDT"), noon);
  // The trade is wished away already: nothing is written for it, and it is touched all the same.
  const std::vector<ExitClaim> touching{{sell("LTC_USDT", noon + 1s), {}, {entry.trade}}};
  CHECK(is_claimed(claim_exits(*session, touching, noon + 1s).front()));
  const auto again = claim_exits(*session, touching, noon + 2s).front();
  REQUIRE(std::holds_alternative<Duplicate>(again));
  CHECK(std::get<Duplicate>(again).decided.empty());
}

STORE_CONTRACT("an exit over a row that has moved on claims nothing", "[journal][exit]") {
  const auto session = store.open();
  const TradeRecord entry = trade_of(*session, bought(*session, buy("ETH_USDT"), noon));
  const TradeRecord moved = advance(*session, entry);
  CHECK_FALSE(is_claimed(claim_exit(*session, sell("ETH_USDT"), {entry}, noon + 1s)));
  CHECK(trade_row(*session, entry.id) == moved);
  // Not a duplicate: the signal is still to be carried out.
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {moved}, noon + 2s)));
}

STORE_CONTRACT("a BUY and a SELL of one minute have keys of their own", "[journal][exit]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {trade_of(*session, entry)}, noon + 1s)));
}

STORE_CONTRACT("an exit leaves the word of the idempotency guard and no other", "[journal][exit]") {
  const auto session = store.open();
  claim_exit(*session, sell("ETH_USDT"), {}, noon);
  claim_exit(*session, sell("ETH_USDT"), {}, noon + 60s);
  claim_exit(*session, sell("ETH_USDT"), {}, noon + 120s);
  const auto decisions = value_of(session->journal().decisions("ETH_USDT:SELL:2025-01-01T12:00:00"));
  REQUIRE(decisions.size() == 2);
  for (const Decision& decision : decisions) {
    CHECK(decision.guard == "idempotency");
    CHECK(decision.count == (decision.verdict == "passed" ? 1 : 2));
  }
}

// ---- the frame of a run ------------------------------------------------------------------------

STORE_CONTRACT("a run knows whether the one before it ended", "[journal][run]") {
  {
    const auto session = store.open();
    const RunLease lease = acquired(*session);
    must(session->journal().begin_run("1_1", "hash", noon));
    CHECK(book(*session, noon).account.previous_run_ended);
    CHECK(book(*session, noon).account.last_started_at == noon);
    CHECK_FALSE(book(*session, noon).account.last_completed_at);
    // And then it is killed.
  }
  {
    const auto session = store.open();
    const RunLease lease = acquired(*session);
    must(session->journal().begin_run("2_2", "hash", noon + 60s));
    CHECK_FALSE(book(*session, noon + 60s).account.previous_run_ended);
    must(session->journal().finish_run("ok", noon + 61s));
  }
  const auto session = store.open();
  const RunLease lease = acquired(*session);
  must(session->journal().begin_run("3_3", "hash", noon + 120s));
  CHECK(book(*session, noon + 120s).account.previous_run_ended);
  CHECK(book(*session, noon + 120s).account.last_completed_at == noon + 61s);
}

STORE_CONTRACT("a run that began and did not end is seen at once, and not only by the next one", "[journal][run]") {
  {
    const auto session = store.open();
    CHECK(book(*session, noon).account.last_run_ended);
    const RunLease lease = acquired(*session);
    must(session->journal().begin_run("1_1", "hash", noon));
    CHECK_FALSE(book(*session, noon).account.last_run_ended);
    must(session->journal().finish_run("ok", noon + 1s));
    CHECK(book(*session, noon + 2s).account.last_run_ended);
    must(session->journal().begin_run("2_2", "hash", noon + 60s));
  }
  CHECK_FALSE(book(*store.open(), noon + 61s).account.last_run_ended);
}

STORE_CONTRACT("a run that is locked out may note that it told of a stuck holder", "[journal][run]") {
  const auto holder = store.open();
  const auto locked_out = store.open();
  const RunLease lease = acquired(*holder);
  locked_out->pen.fence = lease.fence() - 1;
  must(locked_out->journal().note_stuck_told(noon));
  CHECK(book(*holder, noon).account.last_stuck_told_at == noon);
}

STORE_CONTRACT("the silences that were asked for are remembered over a restart, and end with the next note",
               "[journal][run]") {
  CHECK_FALSE(book(*store.open(), noon).account.quiet_until);
  must(store.open()->journal().note_silences(noon + 2h, "418", noon + 30s));
  const AccountState asked = book(*store.open(), noon).account;
  CHECK(asked.quiet_until == noon + 2h);
  CHECK(asked.quiet_status == "418");
  CHECK(asked.notify_quiet_until == noon + 30s);
  must(store.open()->journal().note_silences(std::nullopt, "", std::nullopt));
  const AccountState over = book(*store.open(), noon).account;
  CHECK_FALSE(over.quiet_until);
  CHECK_FALSE(over.notify_quiet_until);
}

STORE_CONTRACT("an accepted epoch is remembered with the venue's account", "[journal][run]") {
  std::string epoch;
  {
    const auto session = store.open();
    epoch = book(*session, noon).account.epoch;
    must(session->journal().accept_epoch("venue-account-7", noon));
  }
  const auto after_restart = store.open();
  const AccountState account = book(*after_restart, noon).account;
  CHECK(account.epoch == epoch);
  CHECK(account.known_epoch == epoch);
  CHECK(account.entries_after == noon);
  CHECK(account.venue_account_id == "venue-account-7");
}

// ---- the fence ---------------------------------------------------------------------------------

STORE_CONTRACT("a run that lost its lease can record nothing more", "[journal][fence]") {
  const auto loser = store.open();
  const auto successor = store.open();
  std::optional<RunLease> lost{acquired(*loser)};
  const EntryTicket in_flight = admitted(*loser, buy("ETH_USDT"), noon);
  Order btc = bought(*loser, buy("BTC_USDT"), noon);
  tell(*loser, {notice("event")});
  lost.reset();
  const RunLease lease = acquired(*successor);
  must(successor->journal().begin_run("2_2", "hash", noon + 60s));
  const Order entry_before = row(*successor, in_flight.order().client_id);

  for (const Judged& judged : claim(*loser, {buy("LTC_USDT"), buy("XRP_USDT")}, noon))
    CHECK(std::holds_alternative<Fenced>(judged.outcome));
  const std::vector<Change> change{{.append = {stop_for(btc)}, .notices = {notice("late")}}};
  CHECK(is_fenced(loser->journal().write(change)));
  TradeRecord wish = trade_of(*loser, btc);
  wish.exit_reason = ExitReason::signal;
  CHECK(is_fenced(loser->journal().write(std::vector<Change>{{.trades = {wish}}})));
  const std::vector<ExitClaim> exits{{sell("BTC_USDT"), {wish}, {}}};
  CHECK(is_fenced(loser->journal().claim_exits(exits, 300s, 5s, noon)));
  const std::vector records{DeliveryRecord{"event", DeliveryRecord::What::delivered, std::nullopt, ""}};
  CHECK(is_fenced(loser->journal().record_deliveries(records, noon)));
  CHECK(is_fenced(loser->guard().settle(in_flight, Refused{"306", ""}, noon)));
  CHECK(is_fenced(loser->journal().begin_run("1_1", "hash", noon + 61s)));
  CHECK(is_fenced(loser->journal().finish_run("ok", noon + 61s)));
  CHECK(is_fenced(loser->journal().accept_epoch("other", noon)));
  CHECK(is_fenced(loser->journal().set_halt("late", noon)));
  CHECK(is_fenced(loser->journal().set_breaker("late", noon)));
  CHECK(is_fenced(loser->journal().prune(noon + 48h, noon + 48h)));
  CHECK(is_fenced(loser->history().remember(symbol("XRP_USDT"), noon)));

  const OpenBook open = book(*successor, noon);
  CHECK(open.trades.size() == 2);
  CHECK(open.account.last_started_at == noon + 60s);
  CHECK_FALSE(open.account.last_completed_at);
  CHECK_FALSE(open.account.halted);
  CHECK_FALSE(open.account.breaker);
  CHECK_FALSE(open.account.known_epoch);
  CHECK(due(*successor, noon) == std::vector<std::string>{"event"});
  CHECK_FALSE(value_of(successor->journal().order(stop_for(btc).client_id)));
  CHECK(row(*successor, in_flight.order().client_id) == entry_before);
  CHECK(trade_of(*successor, btc).exit_reason.empty());
  CHECK(value_of(successor->journal().decisions("LTC_USDT:BUY:2025-01-01T12:00:00")).empty());
  CHECK_FALSE(value_of(successor->history().latest({"XRP"}))["XRP"].entry);
}

STORE_CONTRACT("a fenced run hurts neither its successor nor a later run of its own", "[journal][fence]") {
  const auto loser = store.open();
  const auto successor = store.open();
  { const RunLease lost = acquired(*loser); }
  {
    const RunLease lease = acquired(*successor);
    CHECK(is_fenced(loser->journal().set_halt("late", noon)));
    bought(*successor, buy("ETH_USDT"), noon);
  }
  const RunLease again = acquired(*loser);
  bought(*loser, buy("BTC_USDT"), noon);
  CHECK(is_fenced(successor->journal().set_halt("late", noon)));
  CHECK(book(*loser, noon).trades.size() == 2);
}

STORE_CONTRACT("a bot without a lease writes unfenced", "[journal][fence]") {
  const auto runner = store.open();
  const auto bot = store.open();
  const RunLease lease = acquired(*runner);
  bought(*bot, buy("ETH_USDT"), noon);
  must(bot->history().remember(symbol("BTC_USDT"), noon));
  CHECK(book(*runner, noon).trades.size() == 1);
}

// ---- pruning -----------------------------------------------------------------------------------

STORE_CONTRACT("pruning takes what is over and old and says how much", "[journal][prune]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  stop.state = OrderState::closed;
  advance(*session, stop);
  settled(*session, row(*session, entry.client_id));
  tell(*session, {notice("event")});
  record(*session, "event", DeliveryRecord::What::delivered);

  const Instant later = noon + 24h * 30;
  CHECK(value_of(session->journal().prune(noon - 1h, later)) == 0);
  CHECK(value_of(session->journal().prune(noon + 24h, later)) > 0);
  CHECK_FALSE(value_of(session->journal().order(stop.client_id)));
  CHECK(value_of(session->journal().decisions(entry.signal_key)).empty());
  CHECK(value_of(session->journal().prune(noon + 24h, later)) == 0);
}

// What it was bought and sold for is wanted years later, and so is what became of its signal.
STORE_CONTRACT("of a settled trade its entry and what was sold of it stay for good", "[journal][prune]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  stop.state = OrderState::closed;
  stop.filled = stop.quantity;
  stop.filled_value = money("47");
  stop.fees_known = true;
  stop = advance(*session, stop);
  Order refused = append(*session, exit_for(entry));
  refused.state = OrderState::refused;
  advance(*session, refused);
  settled(*session, row(*session, entry.client_id));

  const Instant later = noon + 24h * 365;
  value_of(session->journal().prune(later, later));
  const auto past = value_of(session->journal().trades({})).trades;
  REQUIRE(past.size() == 1);
  REQUIRE(past[0].legs.size() == 1);
  CHECK(past[0].legs[0] == stop);
  CHECK_FALSE(value_of(session->journal().order(refused.client_id)));
  CHECK(value_of(session->journal().keys_about("ETH_USDT", 9)) == std::vector<SignalKey>{entry.signal_key});
  // The stop-out is still what an older BUY is compared with.
  CHECK(value_of(session->history().latest({"ETH"}))["ETH"].stop_out.has_value());
  CHECK(book(*session, later).trades.empty());
}

STORE_CONTRACT("pruning keeps the newest SELL word, which supersedes older BUYs for good", "[journal][prune]") {
  const auto session = store.open();
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT", noon + 1h), {}, noon + 1h)));
  const Instant later = noon + 24h * 365;
  value_of(session->journal().prune(later, later));
  EntryPolicy policy = open_policy();
  policy.max_age = 24h * 1000;
  CHECK(denied_for(claim(*session, buy("ETH_USDT"), later, policy)) == "superseded");
}

STORE_CONTRACT("a piece of pruning takes no more of each kind than it may, and pieces come to an end",
               "[journal][prune]") {
  const auto session = store.open();
  Order entry = bought(*session, buy("ETH_USDT"), noon);
  constexpr int refused = 7;
  for (int attempt = 1; attempt <= refused; ++attempt) {
    Order stop = append(*session, stop_for(entry, attempt));
    stop.state = OrderState::refused;
    advance(*session, stop);
    const std::string event = "event " + std::to_string(attempt);
    tell(*session, {notice(event)});
    record(*session, event, DeliveryRecord::What::delivered);
  }
  settled(*session, row(*session, entry.client_id));
  const Instant later = noon + 24h * 365;
  const auto left = [&] { return value_of(session->journal().trades({})).trades.at(0).legs.size(); };
  std::size_t before = left();
  CHECK(before == refused);
  CHECK(value_of(session->journal().prune_piece(later, later, 3)) >= 6);
  CHECK(left() == refused - 3);
  CHECK(value_of(session->journal().prune_piece(later, later, 3)) >= 6);
  CHECK(left() == refused - 6);
  CHECK(value_of(session->journal().prune_piece(later, later, 3)) >= 2);
  CHECK(left() == 0);
  CHECK(value_of(session->journal().prune_piece(later, later, 3)) == 0);
}

STORE_CONTRACT("pruning ends where it has to and goes on the next time", "[journal][prune]") {
  const auto session = store.open();
  constexpr std::size_t events = prune_at_once + 20;
  std::vector<Notice> notices;
  for (std::size_t i = 0; i < events; ++i) notices.push_back(notice("event " + std::to_string(i)));
  tell(*session, notices);
  for (std::size_t i = 0; i < events; ++i)
    record(*session, "event " + std::to_string(i), DeliveryRecord::What::delivered);
  const Instant later = noon + 24h * 365;
  int asked = 0;
  const auto at_once = [&] { return ++asked > 0; };
  CHECK(value_of(session->journal().prune(later, later, at_once)) == prune_at_once);
  CHECK(asked == 1);
  CHECK(value_of(session->journal().prune(later, later, at_once)) == 20);
  CHECK(value_of(session->journal().prune(later, later)) == 0);
}

STORE_CONTRACT("pruning never touches an open trade nor a waiting notice", "[journal][prune]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  // Its stop is over and nothing of it is in doubt, but what it bought is still held.
  Order stop = append(*session, stop_for(entry));
  stop.state = OrderState::closed;
  stop = advance(*session, stop);
  const EntryTicket in_doubt = admitted(*session, buy("BTC_USDT"), noon);
  tell(*session, {notice("event")});

  const Instant later = noon + 24h * 365;
  value_of(session->journal().prune(later, later));
  CHECK(book(*session, later).trades.size() == 2);
  CHECK(value_of(session->journal().order(stop.client_id)));
  CHECK(due(*session, later) == std::vector<std::string>{"event"});
  tell(*session, {notice("event")});
  record(*session, "event", DeliveryRecord::What::delivered);
  CHECK(due(*session, later).empty());
  duplicate_in(claim(*session, buy("ETH_USDT"), later));
  duplicate_in(claim(*session, buy("BTC_USDT"), later));
}

STORE_CONTRACT("pruning never frees a key, however old, and a repeat is told what had it", "[journal][prune]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.max_age = 24h * 1000;  // age is not what keeps it out
  const Order entry = settled(*session, bought(*session, buy("ETH_USDT"), noon));
  CHECK(is_claimed(claim_exit(*session, sell("ETH_USDT"), {}, noon)));
  must(session->journal().set_halt("news", noon));
  CHECK(denied_for(claim(*session, buy("BTC_USDT"), noon)) == "halted");
  must(session->journal().set_halt(std::nullopt, noon));

  for (const Instant later : {noon + 48h, noon + 24h * 365}) {
    value_of(session->journal().prune(later, later));
    CHECK(duplicate_in(claim(*session, buy("ETH_USDT"), later, policy)).existing_order_id == entry.venue_id);
    CHECK(duplicate_in(claim(*session, buy("BTC_USDT"), later, policy)).decided == "halted");
    CHECK(std::holds_alternative<Duplicate>(claim_exit(*session, sell("ETH_USDT"), {}, later)));
  }
}

STORE_CONTRACT("pruning takes no order that is younger than a day", "[journal][prune]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  stop.state = OrderState::refused;
  stop = advance(*session, stop);
  settled(*session, row(*session, entry.client_id));
  value_of(session->journal().prune(noon + 48h, noon + 23h));
  CHECK(value_of(session->journal().order(stop.client_id)));
  value_of(session->journal().prune(noon + 48h, noon + 48h));
  CHECK_FALSE(value_of(session->journal().order(stop.client_id)));
}

// Else status says "allowed" while a claim is denied, and nobody learns what to look at.
STORE_CONTRACT("a claim is denied in the words that the open book gives for it: with market and trade",
               "[journal][bars]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.cooldown = {0s, 0s};
  Alarm drift = unprotected("BTC");
  drift.kind = NoticeType::drift;
  drift.symbol = "BTC_USDT";
  drift.freezes = "BTC";
  drift.breaks = false;
  edge(*session, AlarmEdge::What::raise, drift);
  admitted(*session, buy("LTC_USDT"), noon);  // its answer is not known yet
  const auto denial = [&](const Signal& signal, Instant now) {
    const Judged judged = claim(*session, signal, now, policy);
    REQUIRE(std::holds_alternative<Denied>(judged.outcome));
    return std::get<Denied>(judged.outcome);
  };
  const Instant later = noon + 1min;
  for (const char* name : {"BTC_USDT", "LTC_USDT"}) {
    const Signal signal = buy(name, later);
    const Denied denied = denial(signal, later);
    const auto bars = entry_bars(facts_of(book(*session, later)), policy);
    const auto bar =
        std::find_if(bars.begin(), bars.end(), [&](const EntryBar& one) { return one.base == signal.symbol.base(); });
    REQUIRE(bar != bars.end());
    CHECK(denied.reason == bar->reason);
    CHECK(denied.detail == bar->detail);
    CHECK(bar->detail.find(name) != std::string::npos);
  }
  edge(*session, AlarmEdge::What::raise, unprotected("tg1-e1-x"));
  const Signal signal = buy("XRP_USDT", later);
  const Denied denied = denial(signal, later);
  CHECK(denied.reason == Denial::protection_failing);
  CHECK(denied.detail == "UNPROTECTED ETH_USDT, trade tg1-e1-x");
  CHECK(entry_bars(facts_of(book(*session, later)), policy).front().detail == denied.detail);
  const auto said = value_of(session->journal().decisions(signal_key(signal)));
  CHECK(std::any_of(said.begin(), said.end(), [](const Decision& decision) {
    return decision.guard == "policy" && decision.detail.find("trade tg1-e1-x") != std::string::npos;
  }));
}

STORE_CONTRACT("the open book counts the entries of its day as a claim does", "[journal][bars]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  bought(*session, buy("BTC_USDT"), noon);
  CHECK(book(*session, noon + 1min).entries_today == 2);
  CHECK(book(*session, noon + 24h).entries_today == 0);
}

// ---- looking back ------------------------------------------------------------------------------

std::vector<std::string> symbols_of(Session& session, const TradeQuery& query) {
  std::vector<std::string> symbols;
  for (const Trade& trade : value_of(session.journal().trades(query)).trades)
    symbols.push_back(trade.entry().symbol.text());
  return symbols;
}

STORE_CONTRACT("past trades are the newest ones, oldest first, settled ones too, with all their rows",
               "[journal][history]") {
  const auto session = store.open();
  using Symbols = std::vector<std::string>;
  CHECK(symbols_of(*session, {}).empty());
  Order eth = bought(*session, buy("ETH_USDT"), noon);
  append(*session, stop_for(eth));
  settled(*session, eth);
  bought(*session, buy("BTC_USDT", noon + 1h), noon + 1h);
  bought(*session, buy("LTC_USDT", noon + 2h), noon + 2h);
  CHECK(symbols_of(*session, {}) == Symbols{"ETH_USDT", "BTC_USDT", "LTC_USDT"});
  CHECK(symbols_of(*session, {.at_most = 2}) == Symbols{"BTC_USDT", "LTC_USDT"});
  CHECK(symbols_of(*session, {.since = noon + 1h}) == Symbols{"BTC_USDT", "LTC_USDT"});
  CHECK(symbols_of(*session, {.symbol = symbol("ETH_USDT")}) == Symbols{"ETH_USDT"});
  const auto past = value_of(session->journal().trades({.symbol = symbol("ETH_USDT")}));
  CHECK(past.unreadable.empty());
  CHECK(past.trades.at(0).legs.size() == 1);
}

STORE_CONTRACT("a signal is found by its key, by every id of its trade's orders, and by its symbol, newest first",
               "[journal][history]") {
  using Keys = std::vector<SignalKey>;
  const auto session = store.open();
  const Order first = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(first));
  stop.venue_id = "777";
  stop.fired_id = "778";
  advance(*session, stop);
  const auto about = [&](const std::string& word, std::size_t at_most = 10) {
    return value_of(session->journal().keys_about(word, at_most));
  };
  for (const std::string& word :
       {first.signal_key, first.client_id, first.venue_id, stop.client_id, std::string{"777"}, std::string{"778"}})
    CHECK(about(word) == Keys{first.signal_key});
  // Denied ones have no order, and are found by their symbol all the same.
  must(session->journal().set_halt("news", noon));
  const Signal denied = buy("ETH_USDT", noon + 1h);
  claim(*session, denied, noon + 1h);
  CHECK(about("ETH_USDT") == Keys{signal_key(denied), first.signal_key});
  CHECK(about("ETH_USDT", 1) == Keys{signal_key(denied)});
  CHECK(about(signal_key(denied)) == Keys{signal_key(denied)});
  for (const char* unknown : {"ETH", "BTC_USDT", "77", "", "%", "ETH_USDT:"}) CHECK(about(unknown).empty());
}

STORE_CONTRACT("pruning leaves halt and breaker and alarms and epoch", "[journal][prune]") {
  const auto session = store.open();
  must(session->journal().set_halt("maintenance", noon));
  must(session->journal().set_breaker("3 flattened trades", noon));
  must(session->journal().accept_epoch("id", noon));
  edge(*session, AlarmEdge::What::raise, unprotected("tg1-e1-x"));
  edge(*session, AlarmEdge::What::raise, unprotected("tg1-e1-y"));
  Alarm over = unprotected("tg1-e1-y");
  over.cleared_at = noon;
  edge(*session, AlarmEdge::What::clear, over);
  const Instant later = noon + 24h * 365;
  value_of(session->journal().prune(later, later));
  const OpenBook open = book(*session, later);
  CHECK(open.account.halted == "maintenance");
  CHECK(open.account.breaker == "3 flattened trades");
  CHECK(open.account.known_epoch == open.account.epoch);
  CHECK(open.alarms.size() == 1);
}

}  // namespace
}  // namespace tradeguard::contract
