#include "market.hpp"

#include "epoch.hpp"
#include "run.hpp"

namespace tradeguard {

namespace {

Outlook look_ahead(Run& run, const std::vector<Signal>& signals);
bool stands_in_the_way(const Run& run, const Outlook& outlook, const Signal& signal);
bool find_rules(Run& run, Market& market, Outlook& outlook, const std::set<Symbol>& symbols);

void venue_unreadable(Run& run, const char* what, const std::string& error) {
  run.venue.failed = true;
  run.say(Line{Event::venue_unreadable}.add("what", what).add("error", error));
}

}  // namespace

// Rules, prices and balances are read for the whole set, once. What a guard blocks anyway costs the
// venue no question: in most minutes that is every signal there is.
Market read_market(Run& run, const std::vector<Signal>& signals) {
  Market market;
  Outlook outlook = look_ahead(run, signals);
  std::set<Symbol> symbols;
  for (const Signal& signal : signals) {
    if (long_stale(run, signal) || stands_in_the_way(run, outlook, signal))
      market.blocked.insert(signal_key(signal));
    else
      symbols.insert(signal.symbol);
  }
  if (symbols.empty() || !run.may_write()) return market;
  market.read = true;
  if (!find_rules(run, market, outlook, symbols)) run.no_entries = Denial::rules_unreadable;
  run.begin_pass();
  read_quotes_and_balances(run, symbols);
  look_at_account(run);
  run.measure_clock();  // the answers just read tell the venue's time where no question does
  run.begin_pass_keeping_reads();
  if (run.read.quotes)
    market.quotes = *run.read.quotes;
  else
    run.no_entries = Denial::prices_unreadable;
  if (!run.read.balances) run.no_entries = Denial::balances_unreadable;
  for (const Symbol& symbol : symbols)
    if (const auto balance = run.balance_of(symbol.quote())) market.free_quote[symbol.quote()] = Money{balance->free};
  return market;
}

bool ask_rules(Run& run, std::map<Symbol, InstrumentRules>& into, const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto rules = run.ports.placer.rules(some);
      if (rules)
        into.merge(*rules);
      else
        venue_unreadable(run, "rules", rules.error().what);
      if (!rules) run.venue.hear(rules.error());
      return rules.has_value();
    } catch (const std::exception& error) {
      run.say(Line{Event::venue_unreadable}.add("what", "rules").add("error", error.what()));
      run.venue.one_by_one = true;
      return false;
    }
  };
  if (!run.venue.one_by_one && ask(symbols)) return true;
  if (!run.venue.one_by_one) return false;
  bool some_read = false;
  for (const Symbol& symbol : symbols) some_read = ask({symbol}) || some_read;
  return some_read;
}

void read_quotes_and_balances(Run& run, const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto market = run.ports.protector.market(some);
      if (!market.quotes) run.venue.hear(market.quotes.error());
      if (!market.quotes) venue_unreadable(run, "quotes", market.quotes.error().what);
      if (!market.balances) venue_unreadable(run, "balances", market.balances.error().what);
      if (market.quotes && !run.read.quotes) run.read.quotes.emplace();
      if (market.quotes) run.read.quotes->merge(*market.quotes);
      if (market.balances) run.read.balances = std::move(*market.balances);
      return true;
    } catch (const std::exception& error) {
      venue_unreadable(run, "market", error.what());
      run.venue.one_by_one = true;
      return false;
    }
  };
  if (!run.venue.one_by_one && ask(symbols)) return;
  for (const Symbol& symbol : symbols) ask({symbol});
}

// The store's clock rules, and may differ from this one by a little.
bool long_stale(const Run& run, const Signal& signal) {
  return run.now - signal.time > run.settings.policy.max_age + 60s;
}

namespace {

Outlook look_ahead(Run& run, const std::vector<Signal>& signals) {
  try {
    auto outlook = run.journal().outlook(signals);
    if (outlook) return std::move(*outlook);
    if (outlook.error().fault != Fault::data) run.store_failed(outlook.error());
  } catch (const std::exception& error) {
    run.say(Line{Event::port_failed}.add("doing", "looking ahead").add("error", error.what()));
  }
  return {};
}

bool stands_in_the_way(const Run& run, const Outlook& outlook, const Signal& signal) {
  if (outlook.known.contains(claim_key(signal))) return true;
  const auto history = outlook.history.find(signal.symbol.base());
  return history != outlook.history.end() &&
         std::holds_alternative<Cooling>(judge_cooldown(history->second, run.settings.policy.cooldown, run.now));
}

// Rules have an age. A venue that is part of this machine is asked every time: its rules are ours.
bool find_rules(Run& run, Market& market, Outlook& outlook, const std::set<Symbol>& symbols) {
  std::set<Symbol> unknown = symbols;
  if (run.ports.placer.traits().network) {
    for (auto& [symbol, rules] : outlook.rules) {
      const Micros age = run.now - rules.read_at;
      if (age < -run.settings.rules_max_age || age > run.settings.rules_max_age) continue;
      unknown.erase(symbol);
      market.rules.emplace(symbol, std::move(rules));
    }
  }
  if (unknown.empty()) return true;
  const bool asked = ask_rules(run, market.rules, unknown);
  if (!asked || !run.ports.placer.traits().network) return asked;
  std::vector<InstrumentRules> fresh;
  for (const Symbol& symbol : unknown)
    if (const auto rules = market.rules.find(symbol); rules != market.rules.end()) fresh.push_back(rules->second);
  if (const auto kept = run.journal().remember_rules(fresh); !kept && kept.error().fault != Fault::data)
    run.store_failed(kept.error());
  return true;
}

}  // namespace

}  // namespace tradeguard
