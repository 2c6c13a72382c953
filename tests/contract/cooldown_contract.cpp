// What every store promises about the cooldown: two entries of one base currency whose bytes may
// have left are never closer than the cooldown, over pairs, processes and restarts.
#include "contract.hpp"
#include "story.hpp"

namespace tradeguard::contract {
namespace {

constexpr CooldownPolicy five_minutes{.cooldown = 300s, .after_stop = 300s};

// The advisory reading, as a bot asks that uses the cooldown alone.
CooldownVerdict reading(Session& session, std::string_view name, Instant now,
                        const CooldownPolicy& policy = five_minutes) {
  HistoryCooldownGuard guard{session.history(), policy};
  const std::vector entries{symbol(name)};
  const auto verdicts = value_of(guard.check(entries, now));
  REQUIRE(verdicts.size() == 1);
  return verdicts.front();
}

bool passes(Session& session, std::string_view name, Instant now, const CooldownPolicy& policy = five_minutes) {
  return std::holds_alternative<Passed>(reading(session, name, now, policy));
}

Instant cools_until(Session& session, std::string_view name, Instant now, const CooldownPolicy& policy = five_minutes) {
  const CooldownVerdict verdict = reading(session, name, now, policy);
  REQUIRE(std::holds_alternative<Cooling>(verdict));
  return std::get<Cooling>(verdict).until;
}

void settle(Session& session, const EntryTicket& ticket, const PlaceOutcome& outcome) {
  must(session.guard().settle(ticket, outcome, noon + 1s));
}

// A stop of the trade as the venue showed it filled.
void stopped_out(Session& session, const Order& entry, std::optional<Instant> closed_at, Instant sighted_at) {
  Order stop = append(session, stop_for(entry));
  stop.state = closed_at ? OrderState::closed : OrderState::placed;
  stop.filled = stop.quantity;
  stop.closed_at = closed_at;
  stop.sighted_at = sighted_at;
  advance(session, stop);
}

// ---- the bare port -----------------------------------------------------------------------------

STORE_CONTRACT("a base that was never entered does not cool", "[cooldown]") {
  const auto session = store.open();
  CHECK(passes(*session, "ETH_USDT", noon));
}

STORE_CONTRACT("a remembered entry cools its base over all pairs and no other base", "[cooldown]") {
  const auto session = store.open();
  must(session->history().remember(symbol("ETH_USDT"), noon));

  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 300s);
  CHECK(cools_until(*session, "ETH_USD", noon + 1s) == noon + 300s);
  CHECK(passes(*session, "BTC_USDT", noon + 1s));
  // What is bought with ETH does not enlarge a position in it.
  CHECK(passes(*session, "BTC_ETH", noon + 1s));
}

STORE_CONTRACT("the cooldown ends exactly when it says", "[cooldown]") {
  const auto session = store.open();
  must(session->history().remember(symbol("ETH_USDT"), noon));
  CHECK_FALSE(passes(*session, "ETH_USDT", noon + 300s - 1us));
  CHECK(passes(*session, "ETH_USDT", noon + 300s));
}

STORE_CONTRACT("a remembered entry survives the process", "[cooldown]") {
  { must(store.open()->history().remember(symbol("ETH_USDT"), noon)); }
  const auto after_restart = store.open();
  CHECK(cools_until(*after_restart, "ETH_USDT", noon + 1s) == noon + 300s);
}

STORE_CONTRACT("an entry remembered late does not shorten what cools already", "[cooldown]") {
  const auto session = store.open();
  must(session->history().remember(symbol("ETH_USDT"), noon));
  must(session->history().remember(symbol("ETH_USDT"), noon - 60s));
  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 300s);
}

STORE_CONTRACT("many bases are read at once and each gets its own answer", "[cooldown]") {
  const auto session = store.open();
  must(session->history().remember(symbol("ETH_USDT"), noon));
  HistoryCooldownGuard guard{session->history(), five_minutes};
  const std::vector entries{symbol("BTC_USDT"), symbol("ETH_USDT"), symbol("LTC_USDT"), symbol("ETH_USD")};
  const auto verdicts = value_of(guard.check(entries, noon + 1s));
  REQUIRE(verdicts.size() == 4);
  CHECK(std::holds_alternative<Passed>(verdicts[0]));
  CHECK(std::holds_alternative<Cooling>(verdicts[1]));
  CHECK(std::holds_alternative<Passed>(verdicts[2]));
  CHECK(std::holds_alternative<Cooling>(verdicts[3]));
}

STORE_CONTRACT("accounts do not cool each other", "[cooldown]") {
  const auto main = store.open({"paper", "main"});
  const auto other = store.open({"paper", "other"});
  must(main->history().remember(symbol("ETH_USDT"), noon));
  bought(*main, buy("BTC_USDT"), noon);
  CHECK(passes(*other, "ETH_USDT", noon + 1s));
  CHECK(passes(*other, "BTC_USDT", noon + 1s));
}

// ---- what starts it ----------------------------------------------------------------------------

STORE_CONTRACT("an entry cools from the moment it was stamped", "[cooldown]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  CHECK(cools_until(*session, "ETH_USD", noon + 1s) == noon + 300s);
}

STORE_CONTRACT("an entry cools from the venue's time where that is later", "[cooldown]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, filled_record(ticket.order(), noon + 4s));
  CHECK(cools_until(*session, "ETH_USDT", noon + 5s) == noon + 304s);
}

// Until the venue would refuse it, the lost request may still become an order.
STORE_CONTRACT("an entry in doubt cools from the end of its validity", "[cooldown]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 310s);
  settle(*session, ticket, InDoubt{"the connection was lost"});
  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 310s);
  // An acknowledgement is not a sighting: it settles nothing about when.
  settle(*session, ticket, Accepted{"4711", std::nullopt});
  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 310s);
}

STORE_CONTRACT("an entry in doubt cools its base after a crash", "[cooldown]") {
  { admitted(*store.open(), buy("ETH_USDT"), noon); }
  const auto after_restart = store.open();
  CHECK(cools_until(*after_restart, "ETH_USD", noon + 1s) == noon + 310s);
}

STORE_CONTRACT("a refused entry starts a cooldown", "[cooldown]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Refused{"306", "insufficient balance"});
  CHECK(cools_until(*session, "ETH_USDT", noon + 1s) == noon + 300s);
}

STORE_CONTRACT("an entry that was never sent starts no cooldown", "[cooldown]") {
  const auto session = store.open();
  const EntryTicket ticket = admitted(*session, buy("ETH_USDT"), noon);
  settle(*session, ticket, Unsent{Unsent::Why::throttled, "429"});
  CHECK(passes(*session, "ETH_USDT", noon + 1s));
}

STORE_CONTRACT("an entry proven absent may have left all the same, and cools", "[cooldown]") {
  const auto session = store.open();
  Order entry = row(*session, admitted(*session, buy("ETH_USDT"), noon).order().client_id);
  entry.state = OrderState::lapsed;
  entry.ending = Ending::absent;
  advance(*session, entry);
  CHECK(cools_until(*session, "ETH_USDT", noon + 13s) == noon + 300s);
}

STORE_CONTRACT("a sale that no signal asked for cools as a stop-out does", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order exit = exit_for(entry);
  exit.because = GENERATE(ExitReason::breached, ExitReason::unprotected, ExitReason::operator_);
  exit = append(*session, exit);
  exit.filled = exit.quantity;
  exit.state = OrderState::closed;
  exit.closed_at = noon + 200s;
  advance(*session, exit);
  CHECK(cools_until(*session, "ETH_USDT", noon + 299s) == noon + 500s);
}

STORE_CONTRACT("an entry that shows up after its proof cools again", "[cooldown]") {
  const auto session = store.open();
  Order entry = row(*session, admitted(*session, buy("ETH_USDT"), noon).order().client_id);
  entry.state = OrderState::lapsed;
  entry.ending = Ending::absent;
  entry = advance(*session, entry);
  entry.state = OrderState::placed;
  advance(*session, entry);
  CHECK(cools_until(*session, "ETH_USDT", noon + 13s) == noon + 300s);
}

STORE_CONTRACT("a denied entry starts no cooldown", "[cooldown]") {
  const auto session = store.open();
  EntryPolicy halted = open_policy();
  halted.no_entries = Denial::clock_unreadable;
  REQUIRE(denied_for(claim(*session, buy("ETH_USDT"), noon, halted)) == "clock_unreadable");
  CHECK(passes(*session, "ETH_USDT", noon + 1s));
}

// ---- stop-outs ---------------------------------------------------------------------------------

// Without this a bot buys back in the minute in which it was stopped out.
STORE_CONTRACT("a stop-out cools its base from the moment the stop closed", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  stopped_out(*session, entry, noon + 1h, noon + 1h + 5s);
  CHECK(cools_until(*session, "ETH_USD", noon + 1h + 6s) == noon + 1h + 300s);
  CHECK(passes(*session, "ETH_USD", noon + 1h + 300s));
}

STORE_CONTRACT("a stop that fills piece by piece cools from its newest sighting", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  stopped_out(*session, entry, std::nullopt, noon + 1h);
  CHECK(cools_until(*session, "ETH_USDT", noon + 1h + 6s) == noon + 1h + 300s);
}

STORE_CONTRACT("a stop that rests or was cancelled unfilled cools nothing", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  Order stop = append(*session, stop_for(entry));
  stop.state = OrderState::placed;
  stop.sighted_at = noon + 1h;
  stop = advance(*session, stop);
  CHECK(passes(*session, "ETH_USDT", noon + 1h));
  stop.state = OrderState::closed;
  stop.closed_at = noon + 2h;
  advance(*session, stop);
  CHECK(passes(*session, "ETH_USDT", noon + 2h));
}

STORE_CONTRACT("a target that filled and an exit cool nothing", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  for (Order leg : {target_for(entry), exit_for(entry)}) {
    leg = append(*session, leg);
    leg.state = OrderState::closed;
    leg.filled = leg.quantity;
    leg.closed_at = noon + 1h;
    leg.sighted_at = noon + 1h;
    advance(*session, leg);
  }
  CHECK(passes(*session, "ETH_USDT", noon + 1h));
}

STORE_CONTRACT("of entry and stop-out the longer cooldown wins", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  stopped_out(*session, entry, noon + 60s, noon + 60s);
  CHECK(cools_until(*session, "ETH_USDT", noon + 61s, {.cooldown = 300s, .after_stop = 60s}) == noon + 300s);
  CHECK(cools_until(*session, "ETH_USDT", noon + 61s, {.cooldown = 300s, .after_stop = 600s}) == noon + 660s);
}

// ---- the one that binds ------------------------------------------------------------------------

STORE_CONTRACT("a claim inside the cooldown is denied in every pair until it is over", "[cooldown]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);

  const Judged early = claim(*session, buy("ETH_USD", noon + 299s), noon + 299s);
  CHECK(denied_for(early) == "cooldown");
  CHECK(std::get<Denied>(early.outcome).until == noon + 300s);
  CHECK(std::holds_alternative<Cooling>(early.cooldown));

  CHECK(is_ticket(claim(*session, buy("ETH_USD", noon + 300s), noon + 300s)));
}

STORE_CONTRACT("of one base in several pairs one batch admits one", "[cooldown]") {
  const auto session = store.open();
  const auto judged = claim(*session, {buy("ETH_USDT"), buy("ETH_USD"), buy("BTC_USDT"), buy("ETH_EUR")}, noon);
  CHECK(is_ticket(judged[0]));
  CHECK(denied_for(judged[1]) == "cooldown");
  CHECK(is_ticket(judged[2]));
  CHECK(denied_for(judged[3]) == "cooldown");
}

STORE_CONTRACT("a base entered long ago is admitted once in a batch and not twice", "[cooldown]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  const Instant later = noon + 24h;
  const auto judged = claim(*session, {buy("ETH_USDT", later), buy("ETH_USD", later)}, later);
  CHECK(is_ticket(judged[0]));
  CHECK(denied_for(judged[1]) == "cooldown");
}

STORE_CONTRACT("a remembered entry binds a claim as well", "[cooldown]") {
  const auto session = store.open();
  must(session->history().remember(symbol("ETH_USDT"), noon));
  CHECK(denied_for(claim(*session, buy("ETH_USD", noon + 1s), noon + 1s)) == "cooldown");
}

STORE_CONTRACT("a stop-out binds a claim as well", "[cooldown]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  stopped_out(*session, entry, noon + 1h, noon + 1h);
  CHECK(denied_for(claim(*session, buy("ETH_USDT", noon + 1h + 1s), noon + 1h + 1s)) == "cooldown");
}

// A repeat run has to show that it is one, even while the cooldown blocks it too.
STORE_CONTRACT("both guards speak of a repeat inside the cooldown", "[cooldown]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  const Judged repeat = claim(*session, buy("ETH_USDT"), noon + 60s);
  CHECK(repeat.key_was_known);
  CHECK(std::holds_alternative<Duplicate>(repeat.outcome));
  REQUIRE(std::holds_alternative<Cooling>(repeat.cooldown));
  CHECK(std::get<Cooling>(repeat.cooldown).until == noon + 300s);
}

// A clock set back must not open a second window: the entry is then in the future, and cools.
STORE_CONTRACT("a clock set back does not end a cooldown", "[cooldown]") {
  const auto session = store.open();
  bought(*session, buy("ETH_USDT"), noon);
  CHECK_FALSE(passes(*session, "ETH_USDT", noon - 1h));
}

}  // namespace
}  // namespace tradeguard::contract
