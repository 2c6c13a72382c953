// What doctor finds at the exchange, and in the sizes that are configured for it.
#include <algorithm>

#include "doctor.hpp"

namespace tradeguard::cli {

namespace {

std::optional<Found> examine_authorities(const Settings& settings, const Pairs& environment);
std::optional<Found> too_large(const Settings& settings, const Symbol& symbol, const MarketOptions& market);
std::optional<Found> too_small_for_paper(const Settings& settings, const Symbol& symbol, const MarketOptions& market,
                                         Instant now);
Found would_be_denied(const Symbol& symbol, const Money& notional, const std::string& why);
Found examine_clock(const Settings& settings, Instant venue, Instant here);
std::vector<Found> examine_markets(const Settings& settings, const std::set<Symbol>& markets,
                                   const std::map<Symbol, InstrumentRules>& rules, const SltpPlacer::Market& market);
Found judge_market(const Settings& settings, const Symbol& symbol, const InstrumentRules& rules,
                   const std::optional<Quote>& quote);
std::optional<Found> judge_balance(const Settings& settings, const Symbol& symbol,
                                   const std::map<std::string, Balance>& balances);
ProtectionPlan plan_of(const Settings& settings, const Symbol& symbol);
std::string band_text(const InstrumentRules& rules);
std::optional<Found> judge_stop(const InstrumentRules& rules, const ProtectionPlan& plan, Price last);
std::optional<Found> judge_target(const InstrumentRules& rules, const ProtectionPlan& plan, Price last);

}  // namespace

std::vector<Found> examine_sizes(const Settings& settings, Instant now) {
  std::vector<Found> findings;
  for (const auto& [symbol, market] : settings.markets)
    if (auto finding = too_large(settings, symbol, market))
      findings.push_back(std::move(*finding));
    else if (auto small = too_small_for_paper(settings, symbol, market, now))
      findings.push_back(std::move(*small));
  return findings;
}

// What every venue can be asked, and then what only its adapter knows to ask. What one answer explains is
// said once.
std::vector<Found> examine_venue(Setup& setup, const Wishes& wishes, bool alone) {
  const Settings& settings = setup.settings();
  std::vector<Found> findings;
  auto exchange = open_exchange(settings, setup.environment, setup.clock, *setup.log, Purpose::looking);
  if (!exchange) return {problem("exchange", exchange.error(), "the exchange was not asked anything")};
  if (auto authorities = examine_authorities(settings, setup.environment)) findings.push_back(std::move(*authorities));
  OrderPlacer& placer = *(*exchange)->placer;
  SltpPlacer& protector = *(*exchange)->protector;

  const Micros asked = setup.clock.monotonic();
  const auto time = placer.venue_time();
  const Micros took = setup.clock.monotonic() - asked;
  if (!time)
    return {with_the_clock(problem("exchange", time.error(), "look at the network, venue.base_url and venue.ca_file"),
                           setup.clock.now())};
  findings.push_back(well("exchange", "answers, in " + std::to_string(took / 1ms) + " ms"));
  findings.push_back(examine_clock(settings, *time, setup.clock.now()));

  std::set<Symbol> markets;
  for (const auto& [symbol, market] : settings.markets) markets.insert(symbol);
  const auto market = protector.market(markets);
  if (market.balances)
    findings.push_back(well("balances", "can be read, so the key is valid"));
  else
    findings.push_back(problem("balances", market.balances.error(),
                               "look at the key: is it there, may it read, may it be used from this "
                               "address, is its secret the one given?"));
  const auto rules = placer.rules(markets);
  if (markets.empty())
    findings.push_back(doubtful("markets", "none is configured, so none was looked at",
                                "write a [market.BASE_QUOTE] section for each that signals name"));
  else if (!rules)
    findings.push_back(problem("markets", rules.error(), "try again"));
  else
    for (Found& finding : examine_markets(settings, markets, *rules, market)) findings.push_back(std::move(finding));
  // A key that is not taken is not taken for orders either, nor for anything the adapter would ask.
  if (!market.balances) return findings;
  const auto orders = placer.own_orders(*time - 1min);
  if (orders)
    findings.push_back(well("orders", "every book of orders can be read"));
  else
    findings.push_back(problem("orders", orders.error(), "look at what this key may read"));

  auto examination = open_examination(settings, setup.environment, **exchange, setup.clock, *setup.log);
  if (!examination) {
    findings.push_back(problem("key", examination.error(), ""));
    return findings;
  }
  const bool far_order = wishes.far_order && settings.live && alone;
  if (wishes.far_order && !far_order)
    findings.push_back(doubtful("far order", "none was placed",
                                settings.live ? "try again when no run holds the lock"
                                              : "write live = true under [run]: without it nothing is placed"));
  std::map<Symbol, ProtectionPlan> plans;
  for (const Symbol& symbol : markets) plans.emplace(symbol, plan_of(settings, symbol));
  for (Finding& finding : (*examination)->examine(plans, far_order)) findings.push_back(found(std::move(finding)));
  return findings;
}

namespace {

// Whoever sets these variables decides to whom the key is sent.
std::optional<Found> examine_authorities(const Settings& settings, const Pairs& environment) {
  if (settings.venue_at.ca_only)
    return well("authorities", "only " + settings.venue_at.ca_file + " is trusted (venue.ca_only)");
  std::string named;
  for (const auto& [name, value] : environment)
    if ((name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR") && !value.empty())
      named += (named.empty() ? "" : " and ") + name + "=" + value;
  if (named.empty()) return std::nullopt;
  return well("authorities", "the environment says whom to trust: " + named +
                                 "; venue.ca_file with venue.ca_only = true trusts one alone");
}

std::optional<Found> too_large(const Settings& settings, const Symbol& symbol, const MarketOptions& market) {
  const Money& cap = settings.policy.max_order_notional;
  const auto& notional = market.cycle.notional;
  if (!notional || !cap.is_positive() || *notional <= cap) return std::nullopt;
  return problem(symbol.text(),
                 "its notional of " + notional->text() + " " + symbol.quote() +
                     " is above limits.max_order_notional = " + cap.text() + ", so every entry is denied",
                 "lower market." + symbol.text() + ".notional, or raise limits.max_order_notional", exit_configuration);
}

// Where no price is known before a signal brings one, only the least amount can be.
std::optional<Found> too_small_for_paper(const Settings& settings, const Symbol& symbol, const MarketOptions& market,
                                         Instant now) {
  const auto& notional = market.cycle.notional;
  if (settings.kind != VenueKind::paper || !notional) return std::nullopt;
  const Decimal fee_rate = Decimal::divide(settings.paper_fee_percent, Decimal{100}, Rounding::up);
  InstrumentRules rules = built_in_rules(symbol, market.paper_price, fee_rate, now);
  rules.tick = market.paper_tick.value_or(rules.tick);
  rules.step = market.paper_step.value_or(rules.step);
  rules.min_quantity = market.paper_min_quantity.value_or(rules.min_quantity);
  rules.min_notional = market.paper_min_notional.value_or(rules.min_notional);
  if (market.paper_price) {
    const auto size = size_entry(notional, std::nullopt, *market.paper_price, plan_of(settings, symbol), rules);
    if (!size) return would_be_denied(symbol, *notional, spoken(size.error()));
  } else if (*notional < rules.min_notional) {
    return would_be_denied(symbol, *notional,
                           "below_min_notional: " + notional->text() + " < " + rules.min_notional.text());
  }
  return std::nullopt;
}

Found would_be_denied(const Symbol& symbol, const Money& notional, const std::string& why) {
  return problem(symbol.text(), "an entry of " + notional.text() + " " + symbol.quote() + " would be denied: " + why,
                 "change market." + symbol.text() + ".notional, or the distance of its stop", exit_configuration);
}

Found examine_clock(const Settings& settings, Instant venue, Instant here) {
  const Micros offset = std::chrono::abs(venue - here);
  const std::string apart = std::to_string(offset / 1ms) + " ms from the exchange's";
  if (offset > settings.max_clock_offset)
    return problem("clock", apart + ", and no entry is made beyond " + duration_text(settings.max_clock_offset),
                   "set this machine's clock, and keep it set (chrony, systemd-timesyncd)", exit_critical);
  return well("clock", apart);
}

std::vector<Found> examine_markets(const Settings& settings, const std::set<Symbol>& markets,
                                   const std::map<Symbol, InstrumentRules>& rules, const SltpPlacer::Market& market) {
  std::vector<Found> findings;
  for (const Symbol& symbol : markets) {
    const auto rule = rules.find(symbol);
    if (rule == rules.end()) {
      findings.push_back(problem(symbol.text(), "there is no such market at this exchange",
                                 "correct the name, or take the section out", exit_critical));
      continue;
    }
    std::optional<Quote> quote;
    if (market.quotes)
      if (const auto last = market.quotes->find(symbol); last != market.quotes->end()) quote = last->second;
    findings.push_back(judge_market(settings, symbol, rule->second, quote));
    if (quote && findings.back().judgement == Judgement::ok)
      if (auto finding = judge_target(rule->second, plan_of(settings, symbol), quote->last))
        findings.push_back(std::move(*finding));
    if (market.balances && findings.back().judgement != Judgement::problem)
      if (auto finding = judge_balance(settings, symbol, *market.balances)) findings.push_back(std::move(*finding));
  }
  return findings;
}

// By the sums of a claim: what doctor finds possible is not denied for its size a minute later.
Found judge_market(const Settings& settings, const Symbol& symbol, const InstrumentRules& rules,
                   const std::optional<Quote>& quote) {
  if (!rules.tradable)
    return problem(symbol.text(), "is not traded at present", "wait, or take the section out", exit_critical);
  if (!quote) return problem(symbol.text(), "its price cannot be read", "try again", exit_critical);
  const MarketSettings& market = settings.markets.at(symbol).cycle;
  const std::string known = "is traded: tick " + rules.tick.text() + ", step " + rules.step.text() +
                            ", least order worth " + rules.min_notional.text() + band_text(rules);
  const ProtectionPlan plan = plan_of(settings, symbol);
  if (auto finding = judge_stop(rules, plan, quote->last)) return std::move(*finding);
  if (!market.notional) return well(symbol.text(), known + "; signals say how much to buy");
  const auto size = size_entry(market.notional, std::nullopt, quote->last, plan, rules);
  if (!size) return would_be_denied(symbol, *market.notional, spoken(size.error()));
  return well(symbol.text(), known + ", an entry buys " + size->quantity.text());
}

// What a signal without levels of its own gets in this market.
ProtectionPlan plan_of(const Settings& settings, const Symbol& symbol) {
  const MarketSettings& market = settings.markets.at(symbol).cycle;
  ProtectionPlan plan = settings.plan;
  plan.stop_percent = market.stop_loss_percent.value_or(plan.stop_percent);
  plan.target_percent = market.take_profit_percent.value_or(plan.target_percent);
  return plan;
}

std::string band_text(const InstrumentRules& rules) {
  const auto part = [](const Decimal& of_market) { return of_market.text() + " times the price"; };
  std::string text;
  if (rules.lowest_sell.is_positive()) text += ", sells from " + part(rules.lowest_sell);
  if (rules.highest_sell.is_positive())
    text += (text.empty() ? ", sells up to " : " up to ") + part(rules.highest_sell);
  return text;
}

// A stop that may not rest is an entry that is denied; a target that may not is placed nearer.
std::optional<Found> judge_stop(const InstrumentRules& rules, const ProtectionPlan& plan, Price last) {
  const auto levels = levels_for(plan, last, rules);
  if (!levels) return std::nullopt;
  const SellBand band = sell_band(last, rules);
  const Price lowest = rules.stop_market ? levels->stop : stop_limit_price(levels->stop, plan, rules);
  if (band.holds(levels->stop) && band.holds(lowest)) return std::nullopt;
  return problem(rules.symbol.text(),
                 "a stop " + plan.stop_percent.text() + " % below, at " + lowest.text() +
                     ", is outside the exchange's price band" +
                     (band.lowest ? ", which begins at " + band.lowest->text() : "") +
                     ": every entry is denied (stop_outside_band)",
                 "lower market." + rules.symbol.text() + ".stop_loss_percent", exit_configuration);
}

std::optional<Found> judge_target(const InstrumentRules& rules, const ProtectionPlan& plan, Price last) {
  const auto levels = levels_for(plan, last, rules);
  const SellBand band = sell_band(last, rules);
  if (!levels || !band.highest || levels->target <= *band.highest) return std::nullopt;
  return doubtful(rules.symbol.text(),
                  "a target " + plan.target_percent.text() + " % above, at " + levels->target.text() +
                      ", is outside the exchange's price band: it is placed at " + band.highest->text(),
                  "lower market." + rules.symbol.text() + ".take_profit_percent, or accept the nearer target");
}

std::optional<Found> judge_balance(const Settings& settings, const Symbol& symbol,
                                   const std::map<std::string, Balance>& balances) {
  const auto& notional = settings.markets.at(symbol).cycle.notional;
  if (!notional) return std::nullopt;
  const Money needed = *notional + Money{Decimal::divide(notional->value, Decimal{100}, Rounding::up)};
  const auto balance = balances.find(symbol.quote());
  const Decimal free = balance == balances.end() ? Decimal{} : balance->second.free;
  if (free >= needed.value) return std::nullopt;
  return doubtful(symbol.text(),
                  "an entry needs " + needed.text() + " " + symbol.quote() + ", and " +
                      (balance == balances.end() ? "the exchange shows none" : free.text() + " are free"),
                  "put money into the account: until then entries are denied (balance)");
}

}  // namespace
}  // namespace tradeguard::cli
