#include "sentences.hpp"

#include <algorithm>
#include <charconv>

#include "witness.hpp"
#include "world.hpp"

namespace tradeguard::sim {

namespace {

using Paper = SimExchange::Paper;

constexpr Micros slack = 2500ms;  // clocks may be off by a second each, and a second has ticks

bool says(const std::string& line, std::string_view part) { return line.find(part) != std::string::npos; }

// A key that names an id has a `=` of its own, and is quoted.
bool names_key(const std::string& line, const SignalKey& key) {
  return says(line + " ", " signal_key=" + key + " ") || says(line, " signal_key=\"" + key + "\"");
}

// The value of `key=` in a line, without its quotes.
std::string field(const std::string& line, std::string_view key) {
  const std::string wanted = " " + std::string{key} + "=";
  const auto at = line.find(wanted);
  if (at == std::string::npos) return "";
  std::string rest = line.substr(at + wanted.size());
  if (rest.starts_with('"')) return rest.substr(1, rest.find('"', 1) - 1);
  return rest.substr(0, rest.find(' '));
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{n} : std::nullopt;
}

Decimal thousandths(int n) { return Decimal::from_units(Decimal::Units{n} * 1'000'000'000'000'000); }
Price times(Price price, int permille) {
  return Price{Decimal::multiply(price.value, thousandths(permille), Rounding::down)};
}

// Decisions; anything else is an obstacle, and leaves the signal open.
bool is_final(std::string_view reason) {
  constexpr std::array finals{"cooldown",
                              "halted",
                              "max_order_notional",
                              "max_open_positions",
                              "max_entries_per_day",
                              "slippage",
                              "no_size",
                              "below_min_quantity",
                              "above_max_quantity",
                              "below_min_notional",
                              "above_max_notional",
                              "stop_below_min_notional",
                              "no_protection",
                              "balance",
                              "strands",
                              "stale",
                              "superseded"};
  return std::find(finals.begin(), finals.end(), reason.substr(0, reason.find(':'))) != finals.end();
}

bool is_obstacle(const std::string& reason) {
  constexpr std::array obstacles{"unsent",
                                 "throttled",
                                 "deferred",
                                 "deadline",
                                 "stopping",
                                 "unreadable",
                                 "rules_unreadable",
                                 "prices_unreadable",
                                 "balances_unreadable",
                                 "clock_unreadable",
                                 "clock_offset",
                                 "unverified",
                                 "frozen",
                                 "protection_failing",
                                 "open_order_limit",
                                 "future"};
  return std::find(obstacles.begin(), obstacles.end(), reason) != obstacles.end();
}

bool all_is_well(const Ended& ended) {
  const int exit = exit_code(ended.report.verdict);
  return exit == 0 || exit == 65;
}

}  // namespace

void Sentences::broken(std::string_view finding, std::string sentence) {
  world_.counted["sentence " + std::string{finding} + " broken"] += 1;
  if (broken_.empty())
    broken_ = (finding.empty() ? std::string{"sentence"} : std::string{finding}) + ": " + std::move(sentence);
}

// ---- while a run goes on ---------------------------------------------------------------------------------

void Sentences::begins(const std::vector<Signal>& signals) {
  batch_ = signals;
  tried_.clear();
  before_ = {};
  for (const Signal& signal : signals) first_given_.emplace(signal_key(signal), world_.now());
  for (const Symbol& symbol : exchange_.symbols()) before_.prices.emplace(symbol, exchange_.price(symbol));
  for (const auto& [id, entry] : entries_)
    if (const auto since = exchange_.stopless_since(id)) before_.stopless.emplace(id, *since);
  for (const auto& [id, row] : world_.live_witness->rows())
    if (row.leg == Leg::entry && !world_.live_witness->settled(row.trade)) before_.open.insert(row.symbol);
}

// What is wrong with an entry is wrong only if it leaves.
void Sentences::claimed(const Signal& signal, const Order& order, const EntryPolicy& policy) {
  const Instant now = world_.now();
  Entry entry{order.symbol, signal_key(signal), signal.time, now, world_.skew};
  entry.fixed_levels = signal.stop_loss_price || signal.take_profit_price;
  const std::string who = order.client_id + " of " + entry.key;
  if (const auto decision = decided_.find(entry.key); decision != decided_.end())
    entry.wrong.emplace_back(
        "F-4", "a decision is made once: denied with " + decision->second.first + ", and entered: " + who);

  // The newest word wins, whether it came before or with this one.
  for (const Word& word : words_)
    if ((!word.symbol || *word.symbol == signal.symbol) && word.said > signal.time && word.said <= now)
      entry.wrong.emplace_back(
          "F-4", "the newest word wins: entered although an exit was said at " + iso_micros(word.said) + ": " + who);
  for (const Signal& other : batch_)
    if (other.side == Side::sell && other.symbol == signal.symbol && other.time > signal.time && other.time <= now)
      entry.wrong.emplace_back("F-2", "the newest word wins: entered beside a later SELL: " + who);
  for (const Paper& stop : exchange_.papers()) {
    if (stop.asked.leg != Leg::stop || stop.asked.symbol != signal.symbol || !stop.now.filled.is_positive() ||
        !stop.closed)
      continue;
    const auto& rows = world_.live_witness->rows();
    const auto row = rows.find(stop.asked.client_id);
    const bool known = row != rows.end() && row->second.state == OrderState::closed;
    if (known && signal.time < *stop.closed - slack && first_given_[entry.key] < *stop.closed &&
        world_.skew == Micros{0} && !world_.counted.contains("fault clock_step"))
      entry.wrong.emplace_back("F-4", "the newest word wins: given before the stop-out, entered after it: " + who);
  }

  // What may have left cools, whatever became of it, and so does a sale nobody asked for.
  const std::string base = order.symbol.base();
  for (const auto& [id, other] : entries_) {
    if (id == order.client_id || other.symbol.base() != base || !other.may_have_left) continue;
    if (other.skew != Micros{0} || entry.skew != Micros{0}) continue;
    if (now - other.claimed < policy.cooldown.cooldown - slack)
      entry.wrong.emplace_back("F-16", "every entry that may have left cools: " + duration_text(now - other.claimed) +
                                           " after " + id + ": " + who);
  }
  for (const Paper* exit : forced_exits()) {
    if (exit->asked.symbol.base() != base || world_.counted.contains("fault clock_step") ||
        world_.counted.contains("fault clock_ahead"))
      continue;
    const auto& rows = world_.live_witness->rows();
    const auto row = rows.find(exit->asked.client_id);
    if (row == rows.end() || row->second.state != OrderState::closed) continue;
    const Micros gap = now - *exit->closed;
    if (gap > slack && gap < policy.cooldown.after_stop - slack)
      entry.wrong.emplace_back(
          "F-16", "every forced exit cools: " + duration_text(gap) + " after " + exit->asked.client_id + ": " + who);
  }
  entries_.insert_or_assign(order.client_id, std::move(entry));
}

void Sentences::sent(const Order& order, const PlaceOutcome& outcome) {
  tried_[order.trade] += 1;
  if (released_.contains(order.trade)) broken("", "a trade the operator took over is touched: " + order.client_id);
  if (order.leg != Leg::entry) return;
  const auto entry = entries_.find(order.client_id);
  if (entry == entries_.end() || std::holds_alternative<Unsent>(outcome)) return;
  entry->second.may_have_left = true;
  for (const auto& [finding, sentence] : entry->second.wrong) broken(finding, sentence);
  const auto* refused = std::get_if<Refused>(&outcome);
  if (refused != nullptr && refused->code == "306" && exchange_.total(order.symbol.quote()).is_zero())
    broken("F-15", "nothing is bought with money that is not there: " + order.client_id);
}

void Sentences::asked_to_cancel(const ClientOrderId& client_id) {
  const auto& rows = world_.live_witness->rows();
  const auto row = rows.find(client_id);
  if (row == rows.end()) return;
  tried_[row->second.trade] += 1;
  if (released_.contains(row->second.trade))
    broken("", "a trade the operator took over is touched: " + client_id + " is cancelled");
}

void Sentences::written(std::span<const Change> items, const std::vector<Written>& answers) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (answers[i] != Written::yes) continue;
    for (const AlarmEdge& edge : items[i].alarms) {
      const std::pair subject{edge.alarm.kind, edge.alarm.subject};
      if (edge.what == AlarmEdge::What::clear) standing_.erase(subject);
      if (edge.what == AlarmEdge::What::raise && edge.alarm.told > 0) standing_[subject] = {world_.now(), world_.skew};
    }
    for (const Notice& notice : items[i].notices) {
      if (notice.type == NoticeType::reminder)
        for (auto& [subject, standing] : standing_)
          if (says(notice.event_id, ":" + std::string{text(subject.first)} + ":" + subject.second + ":"))
            standing = {world_.now(), world_.skew, standing.told + 1};
      // The line of a run that is killed before it writes it is lost, and the notice is not.
      if (notice.type == NoticeType::sltp_lost)
        if (const auto symbol = Symbol::parse(notice.symbol)) lost_told_[*symbol] += 1;
      if (notice.type == NoticeType::exit_expired)
        for (const auto& [key, value] : notice.facts)
          if (key == "signal") told_unsold_.insert(value);
      if (notice.type == NoticeType::order_filled)
        for (const auto& [key, value] : notice.facts)
          if (key == "value" && value == "0")
            broken("F-59", "what is unknown is said as unknown: " + notice.event_id + " for a value of 0");
    }
  }
}

// A word is heard when the store has it, whether the run that wrote it got to know or not.
void Sentences::heard(std::span<const ExitClaim> claims, const std::vector<ExitVerdict>& verdicts) {
  for (std::size_t i = 0; i < claims.size(); ++i)
    if (!std::holds_alternative<Denied>(verdicts[i]))
      words_.push_back({claims[i].signal.symbol, claims[i].signal.time, world_.now()});
}

// The operator's word has the time of his machine. One that is ahead makes no word of this minute a later one.
void Sentences::flattened(const std::optional<Symbol>& symbol, const std::vector<ClientOrderId>& trades) {
  words_.push_back({symbol, world_.now() + std::min(world_.skew, Micros{0}), world_.now()});
  for (const ClientOrderId& trade : trades)
    if (is_held(trade)) wishes_.emplace(trade, std::pair{std::string{}, 0});
}

void Sentences::resumed() { last_resume_ = world_.now(); }

// ---- behind a run ----------------------------------------------------------------------------------------

std::string Sentences::after_run(const Ended& ended) {
  read_lines(ended);
  gone_at_once(ended);
  if (undisturbed(ended)) {
    if (ended.report.verdict == RunVerdict::internal_error)
      broken("F-18", "one item's trouble is one item's: a run in which nothing went wrong ends with 70");
    every_sell_ends_on_record(ended);
    counted_from_the_state(ended);
    no_stop(ended);
    lost_legs_are_said(ended);
    profit_is_taken(ended);
    stops_that_do_not_work(ended);
    money_left_behind(ended);
    coins_that_are_missing(ended);
    reminded(ended);
    for (const auto& [id, entry] : entries_)
      if (is_held(id) && !exchange_.stopless_since(id) && knows_its_stop(id)) seen_covered_.insert(id);
    for (const Paper& stop : exchange_.papers()) {
      const auto& rows = world_.live_witness->rows();
      const auto row = rows.find(stop.asked.client_id);
      if (stop.asked.leg == Leg::stop && stop.open() && row != rows.end() && row->second.state == OrderState::placed)
        seen_resting_.insert(stop.asked.client_id);
    }
  } else {
    // What is counted in runs is counted in runs in a row.
    stopless_runs_.clear();
    target_runs_.clear();
    missing_runs_.clear();
    asleep_runs_.clear();
    first_look_.clear();
  }
  return broken_;
}

std::string Sentences::at_the_end() {
  for (const auto& [trade, wish] : wishes_)
    if (is_held(trade) && !released_.contains(trade))
      broken(wish.first, "every SELL ends on record: all is quiet, and still held: " + trade);
  return broken_;
}

bool Sentences::undisturbed(const Ended& ended) const {
  const auto went_on = [&](const std::optional<Instant>& until) { return until && *until > ended.from; };
  return !ended.killed && !ended.faulty && !ended.inner && !ended.dry_run && world_.skew == Micros{0} &&
         ended.report.verdict != RunVerdict::locked && ended.report.verdict != RunVerdict::stuck &&
         ended.report.verdict != RunVerdict::unreachable && !went_on(exchange_.closed_until) &&
         !went_on(exchange_.banned_until) && !exchange_.something_on_its_way();
}

// Decisions and words, as the lines have them. A line is written after the commit that makes it true.
void Sentences::read_lines(const Ended& ended) {
  for (const std::string& line : ended.log) {
    if (line.starts_with("GUARD cooldown_blocked")) {
      const Micros longest =
          std::max(world_.settings.policy.cooldown.cooldown, world_.settings.policy.cooldown.after_stop);
      const auto left = number(field(line, "seconds_remaining"));
      if (left && *left > longest.count() / 1'000'000 + 1)
        broken(world_.counted.contains("fault clock_ahead") || world_.counted.contains("fault clock_step") ? "F-22"
                                                                                                           : "F-54",
               "a stored time is checked before it is believed: a cooldown of " + duration_text(longest) + " has " +
                   std::to_string(*left) + " s left");
    }
  }
  breaker_after_resume(ended);
  for (const Signal& signal : ended.signals) hear(ended, signal);
}

void Sentences::hear(const Ended& ended, const Signal& signal) {
  const SignalKey key = signal_key(signal);
  const auto any = [&](std::string_view start, const std::string& part) {
    return std::find_if(ended.log.begin(), ended.log.end(),
                        [&](const std::string& line) { return line.starts_with(start) && says(line + " ", part); });
  };
  const auto none = ended.log.end();
  const auto about = [&](std::string_view start) {
    return std::find_if(ended.log.begin(), ended.log.end(),
                        [&](const std::string& line) { return line.starts_with(start) && names_key(line, key); });
  };
  const bool passed = about("GUARD idempotency_passed") != none;
  const auto blocked = about("GUARD idempotency_blocked");
  if (signal.side == Side::sell) return;
  if (const auto decision = decided_.find(key);
      decision != decided_.end() && passed && decision->second.first != "stale" && decision->second.second < ended.from)
    broken("F-4",
           "a decision is made once: " + key + " was denied with " + decision->second.first + " and is judged again");
  if (blocked != none && says(*blocked, "decided=") && is_obstacle(field(*blocked, "decided")))
    broken("F-4", "an obstacle is no decision: " + *blocked);
  if (!passed) return;
  const auto denied = about("ENTRY_DENIED");
  const auto rejected = any("SIGNAL_REJECTED", " line=" + std::to_string(signal.line) + " ");
  std::string reason;
  if (denied != none)
    reason = field(*denied, "reason");
  else if (rejected != none)
    reason = field(*rejected, "reason");
  else if (about("SIGNAL_WAITS") == none &&
           any("GUARD cooldown_blocked", " symbol=" + signal.symbol.text() + " ") != none &&
           any("GUARD cooldown_passed", " symbol=" + signal.symbol.text() + " ") == none)
    reason = "cooldown";
  if (reason == "cooldown" && undisturbed(ended) && cooled_down(signal.symbol.base(), ended.from))
    broken("F-22", "a cooldown ends: " + key + " is denied, and for long nothing of it was bought or sold");
  if (is_final(reason)) decided_.emplace(key, std::pair{reason, ended.to});
}

// By the books: an order in doubt cools for the minute in which it may still be executed, and a minute is spare.
bool Sentences::cooled_down(const std::string& base, Instant now) const {
  const CooldownPolicy& policy = world_.settings.policy.cooldown;
  const Micros span = std::max(policy.cooldown, policy.after_stop) + 2min;
  const auto lately = [&](Instant at) { return now - at < span; };
  return std::none_of(
             entries_.begin(), entries_.end(),
             [&](const auto& entry) { return entry.second.symbol.base() == base && lately(entry.second.claimed); }) &&
         std::none_of(exchange_.papers().begin(), exchange_.papers().end(), [&](const Paper& paper) {
           if (paper.asked.symbol.base() != base) return false;
           // Where the exchange does not say when, an end counts from the moment at which it was read.
           const auto& rows = world_.live_witness->rows();
           const auto row = rows.find(paper.asked.client_id);
           const bool read_lately = row != rows.end() && row->second.sighted_at && lately(*row->second.sighted_at);
           return paper.open() || !paper.closed || lately(*paper.closed) || read_lately;
         });
}

// The trades it concerns are out, or somebody knows why not.
void Sentences::every_sell_ends_on_record(const Ended& ended) {
  for (const Signal& signal : ended.signals) {
    if (signal.side != Side::sell || signal.time > ended.from || ended.from - signal.time > 24h - 1min) continue;
    const bool known = !sells_seen_.insert(signal_key(signal)).second;
    for (const auto& [id, entry] : entries_) {
      if (entry.symbol != signal.symbol || entry.said >= signal.time || released_.contains(id) || !is_held(id))
        continue;
      // It failed, and somebody was notified.
      if (world_.live_witness->unreadable(id) && told_unsold_.contains(claim_key(signal))) continue;
      wishes_.emplace(id, std::pair{known || ended.from - signal.time > 295s ? "F-3" : "F-1", 0});
    }
    // Where it concerns nothing, that is what is said.
    const auto& rows = world_.live_witness->rows();
    const bool concerns =
        before_.open.contains(signal.symbol) || std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
          return row.second.leg == Leg::entry && row.second.symbol == signal.symbol &&
                 !world_.live_witness->settled(row.second.trade);
        });
    const SignalKey key = signal_key(signal);
    const bool said = std::any_of(ended.log.begin(), ended.log.end(), [&](const std::string& line) {
      return (line.starts_with("EXIT_") || line.starts_with("GUARD idempotency_blocked") ||
              line.starts_with("SIGNAL_WAITS")) &&
             names_key(line, key);
    });
    const bool rejected = std::any_of(ended.log.begin(), ended.log.end(), [&](const std::string& line) {
      return line.starts_with("SIGNAL_REJECTED") && says(line, " line=" + std::to_string(signal.line) + " ");
    });
    if (!concerns && !said && !rejected && ended.report.open_trades == 0)
      broken("F-3", "every SELL ends on record: nothing is held, and nothing is said of " + signal_key(signal));
  }
  for (auto it = wishes_.begin(); it != wishes_.end();) {
    const auto& [trade, wish] = *it;
    if (!is_held(trade) || released_.contains(trade)) {
      it = wishes_.erase(it);
      continue;
    }
    const int runs = ++it->second.second;
    const bool excused =
        in_doubt(trade) || !coins_are_there(entries_.at(trade).symbol) || world_.live_witness->unreadable(trade);
    if (!excused && runs >= 2 && all_is_well(ended))
      broken(wish.first, "every SELL ends on record: not sold, and the run ends with " +
                             std::to_string(exit_code(ended.report.verdict)) + ": " + trade);
    if (!excused && runs >= 5) broken(wish.first, "every SELL ends on record: not sold in five runs: " + trade);
    ++it;
  }
}

// A position under no stop: tried in each run, never given up, sold where that was asked for.
void Sentences::no_stop(const Ended& ended) {
  for (const auto& [id, entry] : entries_) no_stop(ended, id, entry);
}

void Sentences::no_stop(const Ended& ended, const ClientOrderId& id, const Entry& entry) {
  const auto since = exchange_.stopless_since(id);
  const TradeRecord* trade = world_.live_witness->record(id);
  if (!since || *since > ended.from || released_.contains(id) || trade == nullptr || !trade->plan) {
    stopless_runs_.erase(id);
    first_look_.erase(id);
    return;
  }
  const ProtectionPlan& plan = *trade->plan;
  const Price from = bought_at(id);
  const Price level = plan.stop_price ? *plan.stop_price : moved_by_percent(from, -plan.stop_percent);
  const bool waits_below = !plan.flatten_on_breach && exchange_.price(entry.symbol) <= times(level, 1003);
  if (in_doubt(id) || !coins_are_there(entry.symbol) || waits_below || world_.live_witness->unreadable(id)) return;

  if (tried_[id] == 0)
    broken(why_without(entry), "nothing wears out: a run in which nothing went wrong does nothing for " + id);
  const auto look = first_look_.emplace(id, ended.to).first->second;
  if (plan.flatten_unprotected && ended.from - look > plan.flatten_after + 1s)
    broken("F-6", "a spell without a stop counts from the state: to be sold after " +
                      duration_text(plan.flatten_after) + ", and not sold after " + duration_text(ended.from - look) +
                      ": " + id);
  const bool refused = exchange_.stops_refused_until && *exchange_.stops_refused_until > ended.from;
  if (refused) {
    stopless_runs_.erase(id);
    return;
  }
  if (++stopless_runs_[id] >= 3)
    broken(why_without(entry),
           "a stop rests where one can rest: none in three runs in which nothing went wrong: " + id);
}

// The times that are said are those of the exchange's books. A clock that was moved moves them.
void Sentences::counted_from_the_state(const Ended& ended) {
  if (world_.counted.contains("fault clock_step") || world_.counted.contains("fault clock_ahead")) return;
  for (const std::string& line : ended.log) {
    if (!line.starts_with("UNPROTECTED")) continue;
    const std::string order = field(line, "order_id");
    const auto said = number(field(line, "seconds"));
    for (const Paper& paper : exchange_.papers()) {
      const ClientOrderId& id = paper.asked.client_id;
      if (paper.asked.leg != Leg::entry || (paper.venue_id != order && id != order) || !seen_covered_.contains(id))
        continue;
      const auto since = before_.stopless.find(id);
      if (!said || since == before_.stopless.end() || exchange_.stopless_since(id) != since->second) continue;
      const Micros spell = ended.from - since->second;
      if (Micros{*said * 1'000'000} < spell - slack)
        broken("F-6", "a spell without a stop is measured: said " + std::to_string(*said) + " s, and it is " +
                          duration_text(spell) + ": " + id);
    }
  }
  if (ended.log.empty() || !ended.log.back().starts_with("RUN_END")) return;
  const auto longest = number(field(ended.log.back(), "unprotected_max_ms"));
  for (const auto& [id, since] : before_.stopless) {
    if (!seen_covered_.contains(id) || released_.contains(id) || exchange_.stopless_since(id) || !is_held(id)) continue;
    for (const Paper& stop : exchange_.papers()) {
      if (stop.asked.trade != id || stop.asked.leg != Leg::stop || !stop.open() || stop.created < ended.from) continue;
      const Micros spell = stop.created - since;
      if (spell > slack && (!longest || Micros{*longest * 1000} < spell - slack))
        broken("F-6", "every spell without a stop is counted, the second like the first: " + duration_text(spell) +
                          " of " + id + ", unprotected_max_ms=" + field(ended.log.back(), "unprotected_max_ms"));
    }
  }
}

void Sentences::lost_legs_are_said(const Ended& ended) {
  for (const Paper& paper : exchange_.papers()) {
    if (!paper.taken_away || paper.asked.leg != Leg::stop || !paper.closed || *paper.closed > ended.from) continue;
    if (!seen_resting_.contains(paper.asked.client_id) || !lost_judged_.insert(paper.asked.client_id).second) continue;
    // What was to be cancelled anyway, or whose trade was sold by its sibling, is missed by nobody.
    if (!is_held(paper.asked.trade) || world_.live_witness->unreadable(paper.asked.trade)) continue;
    const auto& rows = world_.live_witness->rows();
    if (const auto row = rows.find(paper.asked.client_id); row != rows.end() && row->second.cancel_asked_at) continue;
    if (released_.contains(paper.asked.trade) || paper.created > *paper.closed - 5s) continue;
    if (lost_told_[paper.asked.symbol] == 0)
      broken("F-6", "a leg that ended without us is said: no SLTP_LOST for " + paper.asked.client_id);
  }
}

// With the price at the target and no target at the exchange there is nobody else to sell.
void Sentences::profit_is_taken(const Ended& ended) {
  for (const auto& [id, entry] : entries_) {
    const TradeRecord* trade = world_.live_witness->record(id);
    if (!is_held(id) || released_.contains(id) || entry.claimed > ended.from || trade == nullptr || !trade->plan) {
      target_runs_.erase(id);
      continue;
    }
    const Price at = target_of(id);
    const bool rests =
        std::any_of(exchange_.papers().begin(), exchange_.papers().end(), [&, &id = id](const Paper& paper) {
          return paper.asked.trade == id && paper.asked.leg == Leg::target && paper.open();
        });
    const bool there =
        before_.prices.at(entry.symbol) > times(at, 1003) && exchange_.price(entry.symbol) > times(at, 1003);
    if (rests || !there || in_doubt(id) || !coins_are_there(entry.symbol) || world_.live_witness->unreadable(id)) {
      target_runs_.erase(id);
      continue;
    }
    if (++target_runs_[id] >= 2)
      broken("F-8", "the profit is taken: the price is above " + at.text() + ", no target rests, not sold: " + id);
  }
}

void Sentences::stops_that_do_not_work(const Ended& ended) {
  for (const Paper& stop : exchange_.papers()) {
    if (stop.asked.leg != Leg::stop || !stop.open() || !stop.trigger) continue;
    const ClientOrderId& id = stop.asked.client_id;
    const Price low = times(*stop.trigger, 997);
    const bool below = stop.created < ended.from && !stop.now.fired && before_.prices.at(stop.asked.symbol) < low &&
                       exchange_.price(stop.asked.symbol) < low;
    if (!below || released_.contains(stop.asked.trade) || world_.live_witness->unreadable(stop.asked.trade)) {
      asleep_runs_.erase(id);
      continue;
    }
    if (++asleep_runs_[id] >= 2)
      broken("F-57", "a stop that does not fire is none: the market is below " + stop.trigger->text() +
                         ", and it rests: " + id);
  }
}

// Accepted, seen, and gone a moment later, while the run still had minutes.
void Sentences::gone_at_once(const Ended& ended) {
  if (ended.killed || ended.inner || ended.dry_run || !all_is_well(ended)) return;
  for (const Paper& stop : exchange_.papers()) {
    if (!stop.gone_soon || !stop.closed || *stop.closed < ended.from || *stop.closed > ended.to - 1s) continue;
    const auto since = exchange_.stopless_since(stop.asked.trade);
    if (since && *since < ended.to - 1s)
      broken("F-60", "a fresh stop is looked at once more: rejected after it was seen, and the run ends with " +
                         std::to_string(exit_code(ended.report.verdict)) + ": " + stop.asked.client_id);
  }
}

void Sentences::money_left_behind(const Ended& ended) {
  for (const Paper& paper : exchange_.papers()) {
    if (paper.asked.leg != Leg::entry || paper.owners || !paper.now.filled.is_positive()) continue;
    const ClientOrderId& id = paper.asked.client_id;
    // As it was ordered, so that parts of a fill say nothing: what no order could ever sell.
    if (paper.created >= ended.from && paper.created <= ended.to) {
      const Decimal most = Decimal::multiply(paper.asked.quantity.value, thousandths(999), Rounding::down);
      const Decimal left = most - most.to_multiple(exchange_.rules(paper.asked.symbol).step.value, Rounding::down);
      if (left > Decimal::multiply(paper.asked.quantity.value, thousandths(22), Rounding::up))
        broken("F-10", "no entry strands more than two per cent: " + left.text() + " of " +
                           paper.asked.quantity.text() + ": " + id);
    }
    const auto closing = std::find_if(ended.log.begin(), ended.log.end(), [&](const std::string& line) {
      return line.starts_with("TRADE_CLOSED") && field(line, "order_id") == paper.venue_id;
    });
    const Quantity left = exchange_.held(id);
    if (closing == ended.log.end() || !left.is_positive() || !closed_judged_.insert(id).second ||
        released_.contains(id))
      continue;
    const bool said = std::any_of(ended.log.begin(), ended.log.end(), [&](const std::string& line) {
      return (line.starts_with("TRADE_CLOSED") || line.starts_with("DUST")) &&
             field(line, "order_id") == paper.venue_id && says(line + " ", "=" + left.text() + " ");
    });
    if (!said) broken("F-10", "money left behind is said: " + left.text() + " of " + id + " stays, " + *closing);
    if (!coins_are_there(paper.asked.symbol) || wished_away(id, ended.to)) continue;
    // More than rounding: something that rested could have sold it, and was taken away by us.
    for (const Paper& leg : exchange_.papers())
      if (leg.asked.trade == id && leg.asked.leg == Leg::target && leg.now.filled.is_positive() &&
          leg.left().is_positive() && !leg.open() && !leg.taken_away &&
          left.value > Decimal::multiply(paper.now.filled.value, thousandths(50), Rounding::up))
        broken("F-9", "a leg that can still sell the rest stays: " + left.text() + " of " + paper.now.filled.text() +
                          " abandoned: " + id);
  }
}

void Sentences::coins_that_are_missing(const Ended& ended) {
  std::map<std::string, Decimal> held;
  std::map<std::string, Symbol> market;
  for (const auto& [id, entry] : entries_) {
    const auto& rows = world_.live_witness->rows();
    const auto row = rows.find(id);
    if (row == rows.end() || world_.live_witness->settled(id) || released_.contains(id) ||
        world_.live_witness->unreadable(id))
      continue;
    held[entry.symbol.base()] += exchange_.held(id).value;
    market.insert_or_assign(entry.symbol.base(), entry.symbol);
  }
  for (const auto& [base, sum] : held) {
    // A tenth of it, so that fees and rounding are no matter, and more than an exchange takes as an order: what
    // rests can all be sold otherwise.
    const Symbol& symbol = market.at(base);
    const Decimal there = exchange_.total(base);
    const bool missing = there < Decimal::multiply(sum, thousandths(900), Rounding::down) &&
                         !too_little(Quantity{sum - there}, exchange_.price(symbol), exchange_.rules(symbol));
    if (!missing) {
      missing_runs_.erase(base);
      continue;
    }
    if (++missing_runs_[base] < 2) continue;
    const auto& alarms = world_.live_witness->alarms();
    const bool told = std::any_of(alarms.begin(), alarms.end(), [&, &base = base](const auto& alarm) {
      return alarm.first == NoticeType::drift && says(alarm.second, base);
    });
    if (!told)
      broken("F-15", "absent is not unknown: " + sum.text() + " " + base + " held, " + exchange_.total(base).text() +
                         " there, and no DRIFT; exit " + std::to_string(exit_code(ended.report.verdict)));
  }
}

// After 5, 15 and 60 minutes, then hourly, by the time that it really is. A clock that was ahead by no more than
// the span may have moved the next time by as much.
void Sentences::reminded(const Ended& ended) {
  for (const auto& [subject, standing] : standing_) {
    if (subject.first != NoticeType::unprotected && subject.first != NoticeType::drift &&
        subject.first != NoticeType::twin && subject.first != NoticeType::orphan)
      continue;
    const Micros gap = standing.told == 1 ? 5min : standing.told == 2 ? 10min : standing.told == 3 ? 45min : 60min;
    // A moment that is no further ahead than the pause and a minute is as good as any.
    const Micros since = ended.from - standing.last_told;
    const Micros to_come = gap + std::max(Micros{0}, standing.ahead) - since;
    const bool believed = to_come > Micros{0} && to_come <= gap + 1min;
    if (since > gap + 5s && !believed)
      broken("F-22", "a stored time is checked before it is believed: " + std::string{text(subject.first)} +
                         " stands, last told " + duration_text(ended.from - standing.last_told) +
                         " ago: " + subject.second);
  }
}

void Sentences::breaker_after_resume(const Ended& ended) {
  const bool tripped = std::any_of(ended.log.begin(), ended.log.end(),
                                   [](const std::string& line) { return line.starts_with("BREAKER"); });
  if (!tripped || !last_resume_ || ended.dry_run || world_.counted.contains("fault clock_step")) return;
  // A sale that somebody had asked for too may count for either.
  const auto since = std::count_if(exchange_.papers().begin(), exchange_.papers().end(), [&](const Paper& exit) {
    return exit.asked.leg == Leg::exit && exit.now.filled.is_positive() && exit.created > *last_resume_ - 1s;
  });
  if (since < 3)
    broken("F-17", "resume ends the breaker: it trips again after " + std::to_string(since) + " forced exits since");
}

std::string Sentences::after_the_restore(const Ended& ended) {
  std::map<SignalKey, int> entered;
  for (const Paper& paper : exchange_.papers()) {
    if (paper.asked.leg != Leg::entry || !paper.now.filled.is_positive() || paper.owners) continue;
    if (++entered[paper.asked.signal_key] > 1) broken("F-23", "restored: bought again: " + paper.asked.signal_key);
    const auto since = exchange_.stopless_since(paper.asked.client_id);
    if (since && *since < ended.to - 1s && all_is_well(ended))
      broken("F-23", "restored: naked in silence: " + paper.asked.client_id);
  }
  return broken_;
}

// ---- what the books say ----------------------------------------------------------------------------------

bool Sentences::is_held(const ClientOrderId& trade) const {
  const auto entry = entries_.find(trade);
  return entry != entries_.end() && !too_little(exchange_.held(trade), exchange_.price(entry->second.symbol),
                                                exchange_.rules(entry->second.symbol));
}

// Something of it may be at the exchange, and nobody knows yet.
bool Sentences::in_doubt(const ClientOrderId& trade) const {
  const auto& rows = world_.live_witness->rows();
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
    return row.second.trade == trade && row.second.state == OrderState::claimed;
  });
}

bool Sentences::knows_its_stop(const ClientOrderId& trade) const {
  const auto& rows = world_.live_witness->rows();
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
    return row.second.trade == trade && row.second.leg == Leg::stop && row.second.state == OrderState::placed;
  });
}

bool Sentences::coins_are_there(const Symbol& symbol) const {
  Decimal sum;
  for (const auto& [id, entry] : entries_)
    if (entry.symbol.base() == symbol.base() && !released_.contains(id)) sum += exchange_.held(id).value;
  return exchange_.total(symbol.base()) >= sum;
}

bool Sentences::wished_away(const ClientOrderId& trade, Instant before) const {
  const auto entry = entries_.find(trade);
  return entry != entries_.end() && std::any_of(words_.begin(), words_.end(), [&](const Word& word) {
           return (!word.symbol || *word.symbol == entry->second.symbol) && word.said > entry->second.said &&
                  word.heard <= before;
         });
}

// Sold at a loss by the program, and nobody had asked for it. A target below what was paid is asked for.
std::vector<const Paper*> Sentences::forced_exits() const {
  std::vector<const Paper*> forced;
  for (const Paper& exit : exchange_.papers()) {
    if (exit.asked.leg != Leg::exit || exit.owners || !exit.closed || !exit.now.filled.is_positive()) continue;
    if (wished_away(exit.asked.trade, exit.created) || released_.contains(exit.asked.trade)) continue;
    const Price at = average_price(exit.now.value, exit.now.filled);
    if (at < bought_at(exit.asked.trade) && at < target_of(exit.asked.trade)) forced.push_back(&exit);
  }
  return forced;
}

// Without a plan on record: what was paid.
Price Sentences::target_of(const ClientOrderId& trade) const {
  const TradeRecord* record = world_.live_witness->record(trade);
  if (record == nullptr || !record->plan) return bought_at(trade);
  const ProtectionPlan& plan = *record->plan;
  return plan.target_price ? *plan.target_price : moved_by_percent(bought_at(trade), plan.target_percent);
}

Price Sentences::bought_at(const ClientOrderId& trade) const {
  Money value;
  Quantity quantity;
  for (const Paper& paper : exchange_.papers())
    if (paper.asked.trade == trade && paper.asked.leg == Leg::entry) {
      value += paper.now.value;
      quantity += paper.now.filled;
    }
  return quantity.is_positive() ? average_price(value, quantity) : Price{};
}

// Which of the findings it is, by what happened in this story.
std::string Sentences::why_without(const Entry& entry) const {
  const auto happened = [&](const char* kind) { return world_.counted.contains("fault " + std::string{kind}); };
  if (happened("tick_change")) return "F-11";
  if (happened("worn_out")) return "F-18";
  if (happened("unreadable_row")) return "F-19";
  if (entry.fixed_levels || happened("slipped")) return "F-7";
  return "F-6";
}

}  // namespace tradeguard::sim
