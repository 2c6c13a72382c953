// What every store promises about a claim: one order per signal, judged in one transaction and
// durable before the first byte leaves.
#include <barrier>
#include <set>
#include <thread>

#include "contract.hpp"
#include "story.hpp"

namespace tradeguard::contract {
namespace {

void settle(Session& session, const EntryTicket& ticket, const PlaceOutcome& outcome, Instant now = noon + 1s) {
  must(session.guard().settle(ticket, outcome, now));
}

void raise(Session& session, const Alarm& alarm) {
  REQUIRE(write(session, {.alarms = {{AlarmEdge::What::raise, alarm}}}) == Written::yes);
}

std::string_view verdict_of(const std::vector<Decision>& decisions, std::string_view guard) {
  for (const Decision& decision : decisions)
    if (decision.guard == guard) return decision.verdict;
  return "none";
}

// ---- the claim is the write-ahead record -------------------------------------------------------

STORE_CONTRACT("a claim is there as it was ticketed when the process is gone", "[idempotency]") {
  std::optional<Order> ticketed;
  { ticketed = admitted(*store.open(), buy("ETH_USDT"), noon).order(); }

  const auto after_restart = store.open();
  CHECK(row(*after_restart, ticketed->client_id) == *ticketed);
  CHECK(ticketed->state == OrderState::claimed);
  CHECK(ticketed->leg == Leg::entry);
  CHECK(ticketed->trade == ticketed->client_id);
  CHECK(ticketed->claimed_at == noon);
  CHECK(ticketed->version == 1);
}

STORE_CONTRACT("the client id of a claim is a function of account and key alone", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  CHECK(ticket.order().client_id == client_order_id(the_account, "ETH_USDT:BUY:2025-01-01T12:00:00", Leg::entry, 1));
}

STORE_CONTRACT("every ticket of a large batch is durable and has an id of its own", "[idempotency]") {
  std::vector<Signal> signals;
  for (int i = 0; i < 100; ++i) signals.push_back(buy("C" + std::to_string(i) + "_USDT"));
  std::set<ClientOrderId> ids;
  {
    const auto session = store.open();
    for (const Judged& judged : claim(*session, signals, noon)) {
      REQUIRE(is_ticket(judged));
      ids.insert(std::get<EntryTicket>(judged.outcome).order().client_id);
    }
  }
  CHECK(ids.size() == 100);
  const auto after_restart = store.open();
  for (const auto& id : ids) CHECK(row(*after_restart, id).state == OrderState::claimed);
  CHECK(book(*after_restart, noon).trades.size() == 100);
}

STORE_CONTRACT("a claim of nothing is nothing", "[idempotency]") {
  const auto session = store.open();
  CHECK(claim(*session, std::vector<Signal>{}, noon).empty());
}

// ---- one order per signal ----------------------------------------------------------------------

STORE_CONTRACT("a signal that was claimed is a duplicate in every later run", "[idempotency]") {
  std::optional<Order> first;
  { first = admitted(*store.open(), buy("ETH_USDT"), noon).order(); }
  const auto after_restart = store.open();
  const Judged repeat = claim(*after_restart, buy("ETH_USDT"), noon + 60s);
  CHECK(repeat.key_was_known);
  const Duplicate& duplicate = duplicate_in(repeat);
  CHECK(duplicate.first == first->client_id);
  CHECK(duplicate.existing_order_id == first->client_id);
  CHECK(duplicate.claimed_at == noon);
  CHECK_FALSE(duplicate.differs);
}

STORE_CONTRACT("a duplicate names the order by the venue's id once that is known", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Accepted{"4711", std::nullopt});
  CHECK(duplicate_in(claim(*session, buy("ETH_USDT"), noon + 60s)).existing_order_id == "4711");
}

// 12:00:59 and 12:00:01 are one signal; the wall clock of the claim has no say in it.
STORE_CONTRACT("the minute of the signal is its identity and not the minute of the run", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT", noon + 1s), noon + 1s);
  CHECK(claim(*session, buy("ETH_USDT", noon + 59s), noon + 61s).key_was_known);
  CHECK_FALSE(claim(*session, buy("ETH_USDT", noon + 60s), noon + 61s).key_was_known);
}

STORE_CONTRACT("a claimed key is a duplicate at any age", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  for (const Micros age : {Micros{301s}, Micros{25h}, Micros{24h * 365}})
    duplicate_in(claim(*session, buy("ETH_USDT"), noon + age));
}

STORE_CONTRACT("a repeat with other content is a duplicate that differs", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  Signal other = buy("ETH_USDT");
  other.notional = money("5000");
  CHECK(duplicate_in(claim(*session, other, noon + 60s)).differs);
  CHECK_FALSE(duplicate_in(claim(*session, buy("ETH_USDT"), noon + 60s)).differs);
}

STORE_CONTRACT("the same signal twice in one batch is one order", "[idempotency]") {
  const auto session = store.open();
  const auto judged = claim(*session, {buy("ETH_USDT"), buy("ETH_USDT", noon + 30s)}, noon + 30s);
  REQUIRE(is_ticket(judged[0]));
  CHECK(judged[1].key_was_known);
  CHECK(duplicate_in(judged[1]).first == std::get<EntryTicket>(judged[0].outcome).order().client_id);
  CHECK(book(*session, noon + 30s).trades.size() == 1);
}

STORE_CONTRACT("a signal with an id is known by it and not by its minute", "[idempotency]") {
  const auto session = store.open();
  Signal signal = buy("ETH_USDT");
  signal.id = "bar-17";
  bought(*session, signal, noon);
  signal.time = noon + 1h;
  CHECK(claim(*session, signal, noon + 1h).key_was_known);
  signal.id = "bar-18";
  CHECK(is_ticket(claim(*session, signal, noon + 1h)));
}

STORE_CONTRACT("accounts claim the same signal independently", "[idempotency]") {
  const auto main = store.open({"paper", "main"});
  const auto other = store.open({"paper", "other"});
  const EntryTicket first = admitted(*main, buy("ETH_USDT"), noon);
  const EntryTicket second = admitted(*other, buy("ETH_USDT"), noon);
  CHECK(first.order().client_id != second.order().client_id);
  CHECK(book(*main, noon).trades.size() == 1);
  CHECK(book(*other, noon).trades.size() == 1);
  CHECK_FALSE(value_of(other->journal().order(first.order().client_id)));
}

// ---- what frees a key and what does not --------------------------------------------------------

STORE_CONTRACT("an entry that was never sent frees its key for another attempt", "[idempotency]") {
  const auto session = store.open();
  ClientOrderId last_id;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const Judged judged = claim(*session, buy("ETH_USDT"), noon + attempt * 1s);
    REQUIRE(is_ticket(judged));
    CHECK_FALSE(judged.key_was_known);
    const auto& ticket = std::get<EntryTicket>(judged.outcome);
    CHECK(ticket.order().attempt == attempt);
    CHECK(ticket.order().client_id == client_order_id(the_account, ticket.order().signal_key, Leg::entry, attempt));
    CHECK(ticket.order().client_id != last_id);
    last_id = ticket.order().client_id;
    settle(*session, ticket, Unsent{Unsent::Why::not_connected, ""}, noon + attempt * 1s);
    CHECK(row(*session, last_id).state == OrderState::lapsed);
  }
}

STORE_CONTRACT("a released ticket frees its key in the next process too", "[idempotency]") {
  {
    const auto session = store.open();
    const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
    must(session->guard().release(ticket, noon + 1s));
  }
  const auto after_restart = store.open();
  const Judged again = claim(*after_restart, buy("ETH_USDT"), noon + 2s);
  REQUIRE(is_ticket(again));
  CHECK(std::get<EntryTicket>(again.outcome).order().attempt == 2);
}

STORE_CONTRACT("the second attempt of a freed key takes it again", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket first = admitted(*session, buy("ETH_USDT"), noon);
  must(session->guard().release(first, noon + 1s));
  const EntryTicket second = admitted(*session, buy("ETH_USDT"), noon + 2s);
  CHECK(duplicate_in(claim(*session, buy("ETH_USDT"), noon + 60s)).first == second.order().client_id);
}

// The cycle says unsent through the journal; it is the same fact as through settle().
STORE_CONTRACT("an entry that the journal says was unsent frees its key", "[idempotency]") {
  const auto session = store.open();
  Order entry = row(*session, admitted(*session, buy("ETH_USDT"), noon).order().client_id);
  entry.state = OrderState::lapsed;
  entry.ending = Ending::unsent;
  settled(*session, entry);
  const Judged again = claim(*session, buy("ETH_USDT"), noon + 1s);
  REQUIRE(is_ticket(again));
  CHECK(std::get<EntryTicket>(again.outcome).order().attempt == 2);
}

STORE_CONTRACT("an unsent entry that was acknowledged keeps its key", "[idempotency]") {
  const auto session = store.open();
  Order entry = row(*session, admitted(*session, buy("ETH_USDT"), noon).order().client_id);
  entry.state = OrderState::lapsed;
  entry.acknowledged = true;
  entry.ending = Ending::unsent;
  advance(*session, entry);
  CHECK(claim(*session, buy("ETH_USDT"), noon + 1s).key_was_known);
}

// An expired doubt is reconciled and never carried out again.
STORE_CONTRACT("an entry proven absent keeps its key", "[idempotency]") {
  const auto session = store.open();
  Order entry = row(*session, admitted(*session, buy("ETH_USDT"), noon).order().client_id);
  entry.state = OrderState::lapsed;
  entry.ending = Ending::absent;
  settled(*session, entry);
  duplicate_in(claim(*session, buy("ETH_USDT"), noon + 60s));
}

STORE_CONTRACT("a freed key whose order shows up after all is taken again", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  must(session->guard().release(ticket, noon + 1s));
  Order entry = row(*session, ticket.order().client_id);
  entry.state = OrderState::placed;
  entry.acknowledged = true;
  TradeRecord trade = trade_row(*session, entry.trade);
  trade.settled = false;
  REQUIRE(write(*session, {.advance = {entry}, .trades = {trade}}) == Written::yes);
  CHECK(claim(*session, buy("ETH_USDT"), noon + 2s).key_was_known);
}

STORE_CONTRACT("refused and doubtful and accepted entries keep their keys", "[idempotency]") {
  const auto session = store.open();
  const std::vector<std::pair<const char*, PlaceOutcome>> outcomes{
      {"ETH_USDT", Refused{"306", "insufficient balance"}},
      {"BTC_USDT", InDoubt{"the answer was lost"}},
      {"LTC_USDT", Accepted{"4711", std::nullopt}},
  };
  for (const auto& [name, outcome] : outcomes) settle(*session, admitted(*session, buy(name), noon), outcome);
  for (const auto& [name, outcome] : outcomes) duplicate_in(claim(*session, buy(name), noon + 60s));
}

STORE_CONTRACT("what became of a request is read back after a restart", "[idempotency]") {
  std::optional<EntryTicket> refused;
  std::optional<EntryTicket> accepted;
  {
    const auto session = store.open();
    refused = admitted(*session, buy("ETH_USDT"), noon);
    accepted = admitted(*session, buy("BTC_USDT"), noon);
    settle(*session, *refused, Refused{"306", "insufficient balance"});
    settle(*session, *accepted, Accepted{"4711", std::nullopt});
  }
  const auto after_restart = store.open();
  CHECK(row(*after_restart, refused->order().client_id).state == OrderState::refused);
  CHECK_THAT(row(*after_restart, refused->order().client_id).reason, Catch::Contains("306"));
  const Order taken = row(*after_restart, accepted->order().client_id);
  CHECK(taken.state == OrderState::claimed);
  CHECK(taken.acknowledged);
  CHECK(taken.venue_id == "4711");
}

STORE_CONTRACT("a refusal that the venue's record contradicts is settled as the record says", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Refused{"500", ""});
  settle(*session, ticket, filled_record(ticket.order(), noon + 2s), noon + 2s);
  const Order entry = row(*session, ticket.order().client_id);
  CHECK(entry.state == OrderState::closed);
  CHECK(entry.filled == entry.quantity);
  CHECK(book(*session, noon + 2s).trades.size() == 1);
}

STORE_CONTRACT("a released trade stays the operator's, whatever is settled of its entry", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Refused{"500", ""});
  TradeRecord released = trade_row(*session, ticket.order().trade);
  released.released = true;
  REQUIRE(write(*session, {.trades = {released}}) == Written::yes);
  settle(*session, ticket, filled_record(ticket.order(), noon + 2s), noon + 2s);
  CHECK(row(*session, ticket.order().client_id).state == OrderState::closed);
  CHECK(trade_row(*session, ticket.order().trade).settled);
  CHECK(book(*session, noon + 2s).trades.empty());
}

// Freeing the key of an order that the venue has shown would buy it twice.
// A run that read the trade before does not know what was filled, and must not close it.
STORE_CONTRACT("an entry that is settled moves its trade on", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  TradeRecord over = trade_row(*session, ticket.order().trade);
  over.settled = true;
  must(session->guard().settle(ticket, filled_record(ticket.order(), noon), noon + 1s));
  CHECK(write(*session, {.trades = {over}}) == Written::stale);
  CHECK_FALSE(trade_row(*session, ticket.order().trade).settled);
}

STORE_CONTRACT("what was seen at the venue cannot be settled as unsent", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, filled_record(ticket.order(), noon));
  static_cast<void>(session->guard().release(ticket, noon + 1s));
  CHECK(row(*session, ticket.order().client_id).state == OrderState::closed);
  CHECK(claim(*session, buy("ETH_USDT"), noon + 60s).key_was_known);
}

// ---- the order of judgement --------------------------------------------------------------------

STORE_CONTRACT("only unknown keys are judged for age", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  duplicate_in(claim(*session, buy("ETH_USDT"), noon + 1h));
  CHECK(denied_for(claim(*session, buy("BTC_USDT"), noon + 300s + 1us)) == "stale");
  CHECK(is_ticket(claim(*session, buy("LTC_USDT"), noon + 300s)));
}

STORE_CONTRACT("a signal from the future is denied", "[idempotency]") {
  const auto session = store.open();
  CHECK(denied_for(claim(*session, buy("ETH_USDT", noon + 5s + 1us), noon)) == "future");
  CHECK(is_ticket(claim(*session, buy("ETH_USDT", noon + 5s), noon)));
}

STORE_CONTRACT("a repeat is a duplicate whatever else speaks against it", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  must(session->journal().set_halt("maintenance", noon));
  EntryPolicy strict = open_policy();
  strict.no_entries = Denial::clock_unreadable;
  strict.frozen_bases = {"ETH"};
  strict.max_entries_per_day = 1;
  duplicate_in(claim(*session, buy("ETH_USDT"), noon + 1h, strict));
}

STORE_CONTRACT("an obstacle decides nothing: the signal is not claimed and may pass later", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.no_entries =
      GENERATE(as<Denial>{}, Denial::clock_offset, Denial::deadline, Denial::unverified, Denial::stopping);
  CHECK(denied_for(claim(*session, buy("ETH_USDT"), noon, policy)) == policy.no_entries.str());
  CHECK(book(*session, noon).trades.empty());
  const Judged later = claim(*session, buy("ETH_USDT"), noon + 60s);
  REQUIRE(is_ticket(later));
  CHECK(std::get<EntryTicket>(later.outcome).order().attempt == 1);
}

STORE_CONTRACT("what was denied for good stays denied, and its repeat names what decided", "[idempotency]") {
  bought(*store.open(), buy("ETH_USDT"), noon);
  const Signal late = buy("ETH_USDT", noon + 60s);
  CHECK(denied_for(claim(*store.open(), late, noon + 60s)) == "cooldown");
  const auto after_restart = store.open();
  const Judged again = claim(*after_restart, late, noon + 301s);
  CHECK(again.key_was_known);
  CHECK(std::holds_alternative<Passed>(again.cooldown));
  CHECK(duplicate_in(again).decided == "cooldown");
  CHECK(duplicate_in(again).existing_order_id == "-");
  // In one batch too, where two lines have one key.
  const auto twice = claim(*after_restart, {buy("LTC_USDT", noon - 1h), buy("LTC_USDT", noon - 1h)}, noon);
  CHECK(denied_for(twice[0]) == "stale");
  CHECK(duplicate_in(twice[1]).decided == "stale");
}

STORE_CONTRACT("what a bot itself has against a signal is final", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.no_entries = own_reason("drawdown");
  CHECK(denied_for(claim(*session, buy("ETH_USDT"), noon, policy)) == "drawdown");
  CHECK(duplicate_in(claim(*session, buy("ETH_USDT"), noon + 60s)).decided == "drawdown");
}

STORE_CONTRACT("a key that was freed and then denied for good is not freed again", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Unsent{Unsent::Why::throttled, "429"});
  must(session->journal().set_halt("maintenance", noon));
  CHECK(denied_for(claim(*session, buy("ETH_USDT"), noon + 1s)) == "halted");
  must(session->journal().set_halt(std::nullopt, noon));
  // The row of the unsent entry is written once more: its key stays decided.
  settled(*session, row(*session, ticket.order().client_id));
  CHECK(duplicate_in(claim(*session, buy("ETH_USDT"), noon + 2s)).decided == "halted");
}

STORE_CONTRACT("a BUY that spoke before the newest exit of its symbol is superseded", "[idempotency]") {
  const auto session = store.open();
  must_claim_exit(*session, sell("ETH_USDT", noon + 60s), noon + 60s);
  const auto after_restart = store.open();
  const auto judged = claim(*after_restart, {buy("ETH_USDT", noon + 59s), buy("BTC_USDT", noon + 59s)}, noon + 90s);
  CHECK(denied_for(judged[0]) == "superseded");
  CHECK(is_ticket(judged[1]));
  CHECK(is_ticket(claim(*after_restart, buy("ETH_USDT", noon + 61s), noon + 90s)));
}

STORE_CONTRACT("with exit_scope strategy only its own exits supersede, and the operator's always", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.exit_scope = ExitScope::strategy;
  must_claim_exit(*session, sell("ETH_USDT", noon + 60s), noon + 60s);
  Signal other = buy("ETH_USDT", noon + 30s);
  other.strategy = "other";
  CHECK(is_ticket(claim(*session, other, noon + 70s, policy)));

  Change flatten;
  flatten.words = {{"*", "operator", noon + 400s}};
  CHECK(write(*session, flatten) == Written::yes);
  Signal third = buy("LTC_USDT", noon + 390s);
  third.strategy = "third";
  CHECK(denied_for(claim(*session, third, noon + 410s, policy)) == "superseded");
}

STORE_CONTRACT("a BUY that spoke before a stop-out of its symbol is superseded", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order sold = GENERATE(0, 1) == 0 ? stop_for(entry) : exit_for(entry);
  if (sold.leg == Leg::exit) sold.because = ExitReason::breached;
  sold = append(*session, sold);
  sold.filled = sold.quantity;
  sold.state = OrderState::closed;
  sold.closed_at = noon + 120s;
  advance(*session, sold);
  CHECK(denied_for(claim(*session, buy("ETH_USDT", noon + 117s), noon + 130s, policy)) == "superseded");
  CHECK(is_ticket(claim(*session, buy("ETH_USDT", noon + 120s), noon + 130s, policy)));
}

STORE_CONTRACT("an entry is a BUY: a SELL is claimed as an identity alone", "[idempotency]") {
  const auto session = store.open();
  EntryRequest with_plan = request(sell("ETH_USDT"), noon);
  with_plan.order.side = Side::sell;
  REQUIRE(with_plan.rules.has_value());
  CHECK(denied_for(value_of(session->guard().claim(std::array{with_plan}, open_policy(), noon))[0]) == "sell_entry");
  EntryRequest bare = request(sell("BTC_USDT"), noon);
  bare.order.side = Side::sell;
  bare.rules.reset();
  bare.plan.reset();
  CHECK(is_ticket(value_of(session->guard().claim(std::array{bare}, open_policy(), noon))[0]));
  // It cools nothing and is no position.
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 1;
  CHECK(is_ticket(claim(*session, buy("BTC_USDT"), noon, policy)));
}

STORE_CONTRACT("what the caller found against an entry denies that entry only", "[idempotency]") {
  const auto session = store.open();
  std::vector requests{request(buy("ETH_USDT"), noon), request(buy("BTC_USDT"), noon)};
  requests[0].objection = Denied{Denial::no_rules};
  const auto judged = value_of(session->guard().claim(requests, open_policy(), noon));
  CHECK(denied_for(judged[0]) == "no_rules");
  CHECK(is_ticket(judged[1]));
}

STORE_CONTRACT("a base frozen by this run takes no entries in any pair", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.frozen_bases = {"ETH"};
  const auto judged = claim(*session, {buy("ETH_USD"), buy("BTC_ETH")}, noon, policy);
  CHECK(denied_for(judged[0]) == "frozen");
  CHECK(is_ticket(judged[1]));
}

// ---- caps --------------------------------------------------------------------------------------

STORE_CONTRACT("the cap on open positions counts within a batch", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 2;
  const auto judged = claim(*session, {buy("ETH_USDT"), buy("BTC_USDT"), buy("LTC_USDT")}, noon, policy);
  CHECK(is_ticket(judged[0]));
  CHECK(is_ticket(judged[1]));
  CHECK(denied_for(judged[2]) == "max_open_positions");
}

STORE_CONTRACT("the cap on open positions holds over processes", "[idempotency]") {
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 1;
  { bought(*store.open(), buy("ETH_USDT"), noon); }
  const auto after_restart = store.open();
  CHECK(denied_for(claim(*after_restart, buy("BTC_USDT"), noon, policy)) == "max_open_positions");
}

// Counting stops and targets once stopped a bot with "34 of 10 orders", and left positions bare.
STORE_CONTRACT("legs do not count as positions nor as entries of the day", "[idempotency]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  append(*session, stop_for(entry));
  append(*session, target_for(entry));
  append(*session, exit_for(entry));
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 2;
  policy.max_entries_per_day = 2;
  CHECK(is_ticket(claim(*session, buy("BTC_USDT"), noon, policy)));
  CHECK(denied_for(claim(*session, buy("LTC_USDT"), noon, policy)) == "max_open_positions");
}

STORE_CONTRACT("a settled trade and a refused and an unsent entry are no open positions", "[idempotency]") {
  const auto session = store.open();
  settled(*session, bought(*session, buy("ETH_USDT"), noon));
  settle(*session, admitted(*session, buy("BTC_USDT"), noon), Refused{"306", ""});
  settle(*session, admitted(*session, buy("LTC_USDT"), noon), Unsent{Unsent::Why::clock, ""});
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 1;
  CHECK(is_ticket(claim(*session, buy("XRP_USDT"), noon, policy)));
}

// Nothing rests at the venue for them, even before the trade is written off.
STORE_CONTRACT("an entry known to be refused or lapsed takes no place while its trade is open", "[idempotency]") {
  const auto session = store.open();
  for (const auto& [name, state] :
       {std::pair{"ETH_USDT", OrderState::refused}, std::pair{"BTC_USDT", OrderState::lapsed}}) {
    Order entry = row(*session, admitted(*session, buy(name), noon).order().client_id);
    entry.state = state;
    advance(*session, entry);
  }
  CHECK(book(*session, noon).trades.size() == 2);
  EntryPolicy policy = open_policy();
  policy.max_open_positions = 1;
  CHECK(is_ticket(claim(*session, buy("LTC_USDT"), noon, policy)));
  CHECK(denied_for(claim(*session, buy("XRP_USDT"), noon, policy)) == "max_open_positions");
}

STORE_CONTRACT("the cap on entries of a day counts within a batch", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.max_entries_per_day = 2;
  const auto judged = claim(*session, {buy("ETH_USDT"), buy("BTC_USDT"), buy("LTC_USDT")}, noon, policy);
  CHECK(is_ticket(judged[1]));
  CHECK(denied_for(judged[2]) == "max_entries_per_day");
}

STORE_CONTRACT("the cap on entries of a day starts anew at midnight UTC", "[idempotency]") {
  const auto session = store.open();
  const Instant late = noon + 12h - 1s;
  EntryPolicy policy = open_policy();
  policy.max_entries_per_day = 2;
  bought(*session, buy("ETH_USDT", late), late);
  bought(*session, buy("BTC_USDT", late), late);
  CHECK(denied_for(claim(*session, buy("LTC_USDT", late), late, policy)) == "max_entries_per_day");
  const Instant next_day = noon + 12h;
  CHECK(is_ticket(claim(*session, buy("XRP_USDT", next_day), next_day, policy)));
}

STORE_CONTRACT("refused entries count for the day and unsent ones do not", "[idempotency]") {
  const auto session = store.open();
  settle(*session, admitted(*session, buy("ETH_USDT"), noon), Refused{"306", ""});
  settle(*session, admitted(*session, buy("BTC_USDT"), noon), Unsent{Unsent::Why::clock, ""});
  EntryPolicy policy = open_policy();
  policy.max_entries_per_day = 2;
  CHECK(is_ticket(claim(*session, buy("LTC_USDT"), noon, policy)));
  CHECK(denied_for(claim(*session, buy("XRP_USDT"), noon, policy)) == "max_entries_per_day");
}

STORE_CONTRACT("the cap on one order's size and the free balance bind", "[idempotency]") {
  const auto session = store.open();
  EntryPolicy policy = open_policy();
  policy.max_order_notional = money("49.91");
  CHECK(denied_for(claim(*session, buy("ETH_USDT"), noon, policy)) == "max_order_notional");
  policy.max_order_notional = money("49.92");
  policy.free_quote = {{"USDT", money("101")}};
  const auto judged =
      claim(*session, {buy("SOL_USDT"), buy("BTC_USDT"), buy("LTC_USDT"), buy("LTC_USD")}, noon, policy);
  CHECK(is_ticket(judged[0]));
  CHECK(is_ticket(judged[1]));
  CHECK(denied_for(judged[2]) == "balance");
  CHECK(is_ticket(judged[3]));
}

// ---- what the store knows against entries ------------------------------------------------------

STORE_CONTRACT("a halt denies entries in every process until it is lifted", "[idempotency]") {
  { must(store.open()->journal().set_halt("maintenance", noon)); }
  const auto after_restart = store.open();
  const Judged halted = claim(*after_restart, buy("ETH_USDT"), noon);
  CHECK(denied_for(halted) == "halted");
  CHECK(std::get<Denied>(halted.outcome).detail == "maintenance");
  must(after_restart->journal().set_halt(std::nullopt, noon));
  CHECK(is_ticket(claim(*after_restart, buy("ETH_USDT", noon + 60s), noon + 60s)));
}

STORE_CONTRACT("a set breaker denies entries in every process until it is reset", "[idempotency]") {
  { must(store.open()->journal().set_breaker("3 flattened trades", noon)); }
  const auto after_restart = store.open();
  CHECK(denied_for(claim(*after_restart, buy("ETH_USDT"), noon)) == "protection_failing");
  must(after_restart->journal().set_breaker(std::nullopt, noon));
  CHECK(is_ticket(claim(*after_restart, buy("ETH_USDT"), noon)));
}

STORE_CONTRACT("a standing protection alarm denies every entry until it is cleared", "[idempotency]") {
  const auto session = store.open();
  Alarm alarm{.kind = NoticeType::unprotected, .subject = "tg1-e1-x", .breaks = true};
  alarm.raised_at = noon;
  raise(*session, alarm);
  CHECK(denied_for(claim(*session, buy("BTC_USDT"), noon)) == "protection_failing");
  REQUIRE(write(*session, {.alarms = {{AlarmEdge::What::clear, alarm}}}) == Written::yes);
  CHECK(is_ticket(claim(*session, buy("BTC_USDT"), noon)));
}

STORE_CONTRACT("a standing alarm freezes its base and no other", "[idempotency]") {
  const auto session = store.open();
  Alarm drift{.kind = NoticeType::drift, .subject = "ETH", .freezes = "ETH"};
  drift.raised_at = noon;
  raise(*session, drift);
  CHECK(denied_for(claim(*session, buy("ETH_USD"), noon)) == "frozen");
  CHECK(is_ticket(claim(*session, buy("BTC_USDT"), noon)));
}

STORE_CONTRACT("an entry in doubt freezes its base after the cooldown too", "[idempotency]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  const Instant later = noon + 1h;
  CHECK(denied_for(claim(*session, buy("ETH_USD", later), later)) == "frozen");
  settle(*session, ticket, filled_record(ticket.order(), noon), later);
  CHECK(is_ticket(claim(*session, buy("ETH_USD", later), later)));
}

STORE_CONTRACT("an exit in doubt freezes its base and a stop in doubt does not", "[idempotency]") {
  const auto session = store.open();
  const Instant later = noon + 1h;
  const Order eth = bought(*session, buy("ETH_USDT"), noon);
  const Order btc = bought(*session, buy("BTC_USDT"), noon);
  append(*session, exit_for(eth));
  append(*session, stop_for(btc));
  CHECK(denied_for(claim(*session, buy("ETH_USDT", later), later)) == "frozen");
  CHECK(is_ticket(claim(*session, buy("BTC_USDT", later), later)));
}

STORE_CONTRACT("doubt in a settled trade freezes nothing", "[idempotency]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  append(*session, exit_for(entry));
  settled(*session, entry);
  CHECK(is_ticket(claim(*session, buy("ETH_USDT", noon + 1h), noon + 1h)));
}

// A restored backup does not know what was bought since: what came before it is not for it to buy.
STORE_CONTRACT("after a new epoch only signals after it are claimed", "[idempotency]") {
  const auto session = store.open();
  must(session->journal().accept_epoch("", noon));
  CHECK(denied_for(claim(*session, buy("ETH_USDT", noon), noon + 1s)) == "before_epoch");
  CHECK(is_ticket(claim(*session, buy("ETH_USDT", noon + 60s), noon + 60s)));
}

// ---- decisions ---------------------------------------------------------------------------------

STORE_CONTRACT("an admitted signal leaves the word of both guards", "[idempotency]") {
  { admitted(*store.open(), buy("ETH_USDT"), noon); }
  const auto after_restart = store.open();
  const auto decisions = value_of(after_restart->journal().decisions("ETH_USDT:BUY:2025-01-01T12:00:00"));
  CHECK(decisions.size() == 2);
  CHECK(verdict_of(decisions, "cooldown") == "passed");
  CHECK(verdict_of(decisions, "idempotency") == "passed");
}

STORE_CONTRACT("repeats are counted with the first and the last time", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  for (int minute = 1; minute <= 3; ++minute) claim(*session, buy("ETH_USDT"), noon + minute * 60s);
  const auto decisions = value_of(session->journal().decisions("ETH_USDT:BUY:2025-01-01T12:00:00"));
  // Each guard passed it once and blocked it three times.
  REQUIRE(decisions.size() == 4);
  for (const Decision& decision : decisions) {
    CAPTURE(decision.guard, decision.verdict);
    const bool passed = decision.verdict == "passed";
    CHECK((passed || decision.verdict == "blocked"));
    CHECK(decision.count == (passed ? 1 : 3));
    CHECK(decision.first == (passed ? noon : noon + 60s));
    CHECK(decision.last == (passed ? noon : noon + 180s));
  }
}

STORE_CONTRACT("a denied signal leaves the reason of the policy", "[idempotency]") {
  const auto session = store.open();
  must(session->journal().set_halt("maintenance", noon));
  claim(*session, buy("ETH_USDT"), noon);
  const auto decisions = value_of(session->journal().decisions("ETH_USDT:BUY:2025-01-01T12:00:00"));
  CHECK(decisions.size() == 3);
  CHECK(verdict_of(decisions, "cooldown") == "passed");
  CHECK(verdict_of(decisions, "idempotency") == "passed");
  CHECK(verdict_of(decisions, "policy") == "denied");
  for (const Decision& decision : decisions)
    if (decision.guard == "policy") CHECK_THAT(decision.detail, Catch::Contains("halted"));
}

STORE_CONTRACT("what the cooldown blocked is not the policy's word", "[idempotency]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  claim(*session, buy("ETH_USD", noon + 60s), noon + 60s);
  const auto decisions = value_of(session->journal().decisions("ETH_USD:BUY:2025-01-01T12:01:00"));
  CHECK(verdict_of(decisions, "cooldown") == "blocked");
  CHECK(verdict_of(decisions, "idempotency") == "passed");
  CHECK(verdict_of(decisions, "policy") == "none");
}

STORE_CONTRACT("a signal nobody judged has no decisions and no orders", "[idempotency]") {
  const auto session = store.open();
  CHECK(value_of(session->journal().decisions("ETH_USDT:BUY:2025-01-01T12:00:00")).empty());
  CHECK(value_of(session->journal().orders_of("ETH_USDT:BUY:2025-01-01T12:00:00")).empty());
}

// ---- hostile content ---------------------------------------------------------------------------

STORE_CONTRACT("text that looks like SQL is only text", "[idempotency]") {
  const auto session = store.open();
  Signal signal = buy("ETH_USDT");
  signal.strategy = "x'); DROP TABLE exchange_orders; -- ?1 $1 \"\\\n%s";
  const EntryTicket ticket = admitted(*session, signal, noon);
  settle(*session, ticket, Refused{"1'2", "it's \"no\"; DELETE FROM accounts; ?2"});
  const Order entry = row(*session, ticket.order().client_id);
  CHECK(trade_row(*session, entry.trade).strategy == signal.strategy);
  CHECK_THAT(entry.reason, Catch::Contains("it's \"no\"; DELETE FROM accounts; ?2"));
  CHECK(duplicate_in(claim(*session, signal, noon + 60s)).first == entry.client_id);
}

// A venue's message may hold any byte; it must not be what keeps an outcome from being recorded.
STORE_CONTRACT("bytes that are no text do not stop a claim or an outcome", "[idempotency]") {
  const auto session = store.open();
  Signal signal = buy("ETH_USDT");
  signal.strategy = std::string{"odd \xff\xc0\x80 \0 bytes", 16};
  const EntryTicket ticket = admitted(*session, signal, noon);
  settle(*session, ticket, Refused{"1", std::string{"odd \xed\xa0\x80 \0 reply", 15}});
  const Order entry = row(*session, ticket.order().client_id);
  CHECK(entry.state == OrderState::refused);
  CHECK_THAT(trade_row(*session, entry.trade).strategy, Catch::StartsWith("odd "));
  CHECK_THAT(entry.reason, Catch::Contains("odd "));
}

// ---- races -------------------------------------------------------------------------------------

// Runs `act` at once in as many processes as there are sessions; false if any of them failed.
template <class Act>
void at_once(const std::vector<std::unique_ptr<Session>>& sessions, Act act) {
  std::barrier start{static_cast<std::ptrdiff_t>(sessions.size())};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sessions.size(); ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      act(*sessions[i], i);
    });
  for (auto& thread : threads) thread.join();
}

int tickets_in(const std::vector<Result<std::vector<Judged>>>& results) {
  int tickets = 0;
  for (const auto& result : results) {
    if (!result) FAIL_CHECK("a claim failed: " << result.error().what);
    if (!result) continue;
    for (const Judged& judged : *result) tickets += is_ticket(judged);
  }
  return tickets;
}

// Read-then-insert lets both of two processes through; the claim is what must not.
STORE_CONTRACT("of many processes that claim one signal at once one gets the ticket", "[idempotency][race]") {
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(store.open());
  for (int round = 0; round < 10; ++round) {
    const Instant now = noon + round * 3600s;
    std::vector<Result<std::vector<Judged>>> results(4);
    at_once(sessions, [&](Session& mine, std::size_t i) {
      const std::vector requests{request(buy("C" + std::to_string(round) + "_USDT", now), now)};
      results[i] = mine.guard().claim(requests, open_policy(), now);
    });
    CHECK(tickets_in(results) == 1);
  }
}

STORE_CONTRACT("of one base in several pairs claimed at once one gets the ticket", "[idempotency][race]") {
  const std::vector<std::string> quotes{"USDT", "USD", "EUR", "BTC"};
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(store.open());
  for (int round = 0; round < 10; ++round) {
    const Instant now = noon + round * 3600s;
    std::vector<Result<std::vector<Judged>>> results(4);
    at_once(sessions, [&](Session& mine, std::size_t i) {
      const std::vector requests{request(buy("C" + std::to_string(round) + "_" + quotes[i], now), now)};
      results[i] = mine.guard().claim(requests, open_policy(), now);
    });
    CHECK(tickets_in(results) == 1);
  }
}

STORE_CONTRACT("the cap holds when the last place is claimed at once", "[idempotency][race]") {
  EntryPolicy policy = open_policy();
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(store.open());
  for (int round = 0; round < 10; ++round) {
    policy.max_open_positions = round + 1;
    const Instant now = noon + round * 3600s;
    std::vector<Result<std::vector<Judged>>> results(4);
    at_once(sessions, [&](Session& mine, std::size_t i) {
      const std::vector requests{
          request(buy("C" + std::to_string(round * 4 + static_cast<int>(i)) + "_USDT", now), now)};
      results[i] = mine.guard().claim(requests, policy, now);
    });
    CHECK(tickets_in(results) == 1);
  }
}

// Whole batches in opposite order once deadlocked; each signal still has one order.
STORE_CONTRACT("batches claimed at once in opposite order neither fail nor claim twice", "[idempotency][race]") {
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(store.open());
  for (int round = 0; round < 5; ++round) {
    const Instant now = noon + round * 3600s;
    std::vector<EntryRequest> requests;
    for (int i = 0; i < 20; ++i)
      requests.push_back(request(buy("C" + std::to_string(round * 20 + i) + "_USDT", now), now));
    std::vector<Result<std::vector<Judged>>> results(4);
    at_once(sessions, [&](Session& mine, std::size_t i) {
      auto own = requests;
      if (i % 2) std::reverse(own.begin(), own.end());
      results[i] = mine.guard().claim(own, open_policy(), now);
    });
    CHECK(tickets_in(results) == 20);
  }
}

}  // namespace
}  // namespace tradeguard::contract
