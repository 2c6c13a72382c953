#include "market.hpp"

#include "epoch.hpp"
#include "ledger.hpp"

namespace tradeguard {

namespace {

Outlook look_ahead(Ledger& ledger, const std::vector<Signal>& signals);
bool stands_in_the_way(const RunClock& clock, const CycleSettings& settings, const Outlook& outlook,
                       const Signal& signal);
bool find_rules(Ledger& ledger, VenueView& venue, const RunClock& clock, const CycleSettings& settings, Market& market,
                Outlook& outlook, const std::set<Symbol>& symbols);

void venue_unreadable(const Ledger& ledger, VenueView& venue, const char* what, const std::string& error) {
  venue.standing.failed = true;
  ledger.say(Line{Event::venue_unreadable}.add("what", what).add("error", error));
}

}  // namespace

// Rules, prices and balances are read for the whole set, once. What a guard blocks anyway costs the
// venue no question: in most minutes that is every signal there is.
Market read_market(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                   const std::vector<Signal>& signals) {
  Market market;
  Outlook outlook = look_ahead(ledger, signals);
  std::set<Symbol> symbols;
  for (const Signal& signal : signals) {
    if (long_stale(clock, settings, signal) || stands_in_the_way(clock, settings, outlook, signal))
      market.blocked.insert(signal_key(signal));
    else
      symbols.insert(signal.symbol);
  }
  if (symbols.empty() || !ledger.may_write()) return market;
  market.read = true;
  if (!find_rules(ledger, venue, clock, settings, market, outlook, symbols))
    market.no_entries = Denial::rules_unreadable;
  venue.begin_pass(clock);
  read_quotes_and_balances(ledger, venue, symbols);
  look_at_account(ledger, venue, clock);
  venue.measure_clock(clock);  // the answers just read tell the venue's time where no question does
  clock.look();
  if (venue.read.quotes)
    market.quotes = *venue.read.quotes;
  else
    market.no_entries = Denial::prices_unreadable;
  if (!venue.read.balances) market.no_entries = Denial::balances_unreadable;
  for (const Symbol& symbol : symbols)
    if (const auto balance = venue.balance_of(symbol.quote())) market.free_quote[symbol.quote()] = Money{balance->free};
  return market;
}

bool ask_rules(const Ledger& ledger, VenueView& venue, std::map<Symbol, InstrumentRules>& into,
               const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto rules = venue.placer.rules(some);
      if (rules)
        into.merge(*rules);
      else
        venue_unreadable(ledger, venue, "rules", rules.error().what);
      if (!rules) venue.standing.hear(rules.error());
      return rules.has_value();
    } catch (const std::exception& error) {
      ledger.say(Line{Event::venue_unreadable}.add("what", "rules").add("error", error.what()));
      venue.standing.one_by_one = true;
      return false;
    }
  };
  if (!venue.standing.one_by_one && ask(symbols)) return true;
  if (!venue.standing.one_by_one) return false;
  bool some_read = false;
  for (const Symbol& symbol : symbols) some_read = ask({symbol}) || some_read;
  return some_read;
}

void read_quotes_and_balances(const Ledger& ledger, VenueView& venue, const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto market = venue.protector.market(some);
      if (!market.quotes) venue.standing.hear(market.quotes.error());
      if (!market.quotes) venue_unreadable(ledger, venue, "quotes", market.quotes.error().what);
      if (!market.balances) venue_unreadable(ledger, venue, "balances", market.balances.error().what);
      if (market.quotes && !venue.read.quotes) venue.read.quotes.emplace();
      if (market.quotes) venue.read.quotes->merge(*market.quotes);
      if (market.balances) venue.read.balances = std::move(*market.balances);
      return true;
    } catch (const std::exception& error) {
      venue_unreadable(ledger, venue, "market", error.what());
      venue.standing.one_by_one = true;
      return false;
    }
  };
  if (!venue.standing.one_by_one && ask(symbols)) return;
  for (const Symbol& symbol : symbols) ask({symbol});
}

// The store's clock rules, and may differ from this one by a little.
bool long_stale(const RunClock& clock, const CycleSettings& settings, const Signal& signal) {
  return clock.now - signal.time > settings.policy.max_age + 60s;
}

namespace {

Outlook look_ahead(Ledger& ledger, const std::vector<Signal>& signals) {
  try {
    auto outlook = ledger.journal().outlook(signals);
    if (outlook) return std::move(*outlook);
    if (outlook.error().fault != Fault::data) ledger.store_failed(outlook.error());
  } catch (const std::exception& error) {
    ledger.say(Line{Event::port_failed}.add("doing", "looking ahead").add("error", error.what()));
  }
  return {};
}

bool stands_in_the_way(const RunClock& clock, const CycleSettings& settings, const Outlook& outlook,
                       const Signal& signal) {
  if (outlook.known.contains(claim_key(signal))) return true;
  const auto history = outlook.history.find(signal.symbol.base());
  return history != outlook.history.end() &&
         std::holds_alternative<Cooling>(judge_cooldown(history->second, settings.policy.cooldown, clock.now));
}

// Rules have an age. A venue that is part of this machine is asked every time: its rules are ours.
bool find_rules(Ledger& ledger, VenueView& venue, const RunClock& clock, const CycleSettings& settings, Market& market,
                Outlook& outlook, const std::set<Symbol>& symbols) {
  std::set<Symbol> unknown = symbols;
  if (venue.placer.traits().network) {
    for (auto& [symbol, rules] : outlook.rules) {
      const Micros age = clock.now - rules.read_at;
      if (age < -settings.rules_max_age || age > settings.rules_max_age) continue;
      unknown.erase(symbol);
      market.rules.emplace(symbol, std::move(rules));
    }
  }
  if (unknown.empty()) return true;
  const bool asked = ask_rules(ledger, venue, market.rules, unknown);
  if (!asked || !venue.placer.traits().network) return asked;
  std::vector<InstrumentRules> fresh;
  for (const Symbol& symbol : unknown)
    if (const auto rules = market.rules.find(symbol); rules != market.rules.end()) fresh.push_back(rules->second);
  if (const auto kept = ledger.journal().remember_rules(fresh); !kept && kept.error().fault != Fault::data)
    ledger.store_failed(kept.error());
  return true;
}

}  // namespace

}  // namespace tradeguard
