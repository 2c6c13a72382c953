#include "witness.hpp"

#include <algorithm>
#include <cstdlib>

#include "world.hpp"

namespace tradeguard::sim {

namespace {

using Paper = SimExchange::Paper;

bool starts_with(const std::string& line, std::string_view part) { return line.starts_with(part); }
bool contains(const std::string& line, std::string_view part) { return line.find(part) != std::string::npos; }

Decimal tenths(int n) { return Decimal::from_units(Decimal::Units{n} * 100'000'000'000'000'000); }

// Too little for the venue at any price near this one.
bool is_little(Quantity quantity, Price price, const InstrumentRules& rules) {
  const Price low{Decimal::multiply(price.value, tenths(9), Rounding::down)};
  return !quantity.is_positive() || is_dust(quantity, low, rules);
}

}  // namespace

void Witness::note(std::string broken) {
  if (broken_.empty()) broken_ = std::move(broken);
}

// ---- while a run goes on ---------------------------------------------------------------------------------

const TradeRecord* Witness::record(const ClientOrderId& trade) const {
  const auto known = records_.find(trade);
  return known == records_.end() ? nullptr : &known->second;
}

bool Witness::settled(const ClientOrderId& trade) const {
  const TradeRecord* known = record(trade);
  return known != nullptr && known->settled;
}

void Witness::claimed(const EntryRequest& request, const EntryTicket& ticket, const EntryPolicy& policy,
                      bool trade_unread) {
  const Order& order = ticket.order();
  Claim claim{
      world_.now(), request.signal, policy, exchange_.price(order.symbol), exchange_.price_ago(order.symbol, 3s), ""};
  const std::string base = order.symbol.base();
  const auto wrong = [&](std::string what) {
    if (claim.wrong.empty()) claim.wrong = std::move(what);
  };
  if (trade_unread) wrong("P10: claimed while a trade could not be read");
  if (halted_) wrong("halt: claimed while the operator has halted");
  if (!breaks_.empty()) wrong("breaker: claimed while " + breaks_.begin()->second + " is unprotected");
  for (const auto& [alarm, frozen] : freezes_)
    if (frozen == base)
      wrong("frozen: claimed while " + std::string{text(alarm.first)} + " of " + alarm.second + " stands");
  int positions = 1;
  int today = 1;
  const auto day = [](Instant at) { return std::chrono::floor<std::chrono::days>(at); };
  for (const auto& [id, row] : rows_) {
    const bool doubt = row.state == OrderState::claimed && (row.leg == Leg::entry || row.leg == Leg::exit);
    const bool over = settled(row.trade);
    if (doubt && !over && row.symbol.base() == base) wrong("doubt: claimed while " + id + " is in doubt");
    if (row.leg != Leg::entry || row.twin) continue;
    if (!over && row.state != OrderState::refused && row.state != OrderState::lapsed) positions += 1;
    if (row.filled.is_positive() && day(row.stamp) == day(order.stamp)) today += 1;
  }
  if (policy.max_open_positions > 0 && positions > policy.max_open_positions)
    wrong("caps: position " + std::to_string(positions) + " of " + std::to_string(policy.max_open_positions));
  if (policy.max_entries_per_day > 0 && today > policy.max_entries_per_day)
    wrong("caps: entry " + std::to_string(today) + " of the day");
  // On paper an order is as large as the signal's price makes it, wherever the market of the run is.
  const Price at = &exchange_ == &world_.exchange || !order.price ? claim.market : *order.price;
  if (policy.max_order_notional.is_positive() && order.price &&
      Decimal::multiply(cost(at, order.quantity, Rounding::down).value, tenths(9), Rounding::down) >
          policy.max_order_notional.value)
    wrong("caps: larger than an order may be");
  if (const auto known = rows_.find(order.client_id); known != rows_.end())
    wrong("P2: the client id " + order.client_id + " was used before");
  world_.counted["claims"] += 1;
  claims_.emplace(order.client_id, std::move(claim));
  put(order, order.version);
  records_.insert_or_assign(ticket.trade().id, ticket.trade());
}

void Witness::sent(const Order& order, const PlaceOutcome& outcome) {
  const auto& traits = exchange_.traits();
  const bool may_repeat = order.leg == Leg::stop || order.leg == Leg::target;
  if (!std::holds_alternative<Unsent>(outcome) && ++sends_[order.client_id] > 1 &&
      !(may_repeat && traits.duplicate_ids_refused)) {
    // A run that lost its store protects what it bought all the same, and leaves no row behind: the next one
    // looks for the leg, and may look before a lost one arrives.
    if (may_repeat && world_.story_lost_its_store())
      world_.beyond_the_promises = true;
    else
      note("P2: sent twice: " + order.client_id);
  }
  if (!rows_.contains(order.client_id)) {
    world_.counted["legs sent without a row"] += 1;
    if (!world_.story_lost_its_store()) note("sent without a row, and the store was there: " + order.client_id);
  }
  if (order.leg != Leg::entry) return;
  if (std::holds_alternative<Refused>(outcome)) refused_.emplace(order.client_id, order);
  const auto claim = claims_.find(order.client_id);
  if (claim == claims_.end()) return note("P2: sent without a claim: " + order.client_id);
  if (halted_ && claim->second.wrong.empty()) world_.counted["sent after a halt, claimed before"] += 1;
}

void Witness::put(Order order, std::int64_t version) {
  order.version = version;
  const auto known = rows_.find(order.client_id);
  const std::string before = known == rows_.end() ? "new" : std::string{text(known->second.state)};
  if (known == rows_.end() || known->second.state != order.state)
    world_.counted["state " + std::string{text(order.leg)} + " " + before + " > " + std::string{text(order.state)}] +=
        1;
  if (known != rows_.end() && order.filled < known->second.filled) note("a fill was taken back: " + order.client_id);
  rows_.insert_or_assign(order.client_id, std::move(order));
}

void Witness::put(TradeRecord trade) {
  const TradeRecord* known = record(trade.id);
  if ((known == nullptr ? 0 : known->version) != trade.version)
    note("a write went past another one: trade " + trade.id);
  trade.version += 1;
  records_.insert_or_assign(trade.id, std::move(trade));
}

void Witness::written(std::span<const Change> items, const std::vector<Written>& answers) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (answers[i] != Written::yes) {
      world_.counted["item not written"] += 1;
      continue;
    }
    for (const Order& order : items[i].append) {
      if (rows_.contains(order.client_id)) note("P2: a row was written over: " + order.client_id);
      put(order, order.version + 1);
    }
    for (const Order& order : items[i].advance) {
      const auto known = rows_.find(order.client_id);
      if (known == rows_.end() || known->second.version != order.version)
        note("a write went past another one: " + order.client_id);
      put(order, order.version + 1);
    }
    for (const TradeRecord& trade : items[i].trades) put(trade);
    for (const Notice& notice : items[i].notices) {
      if (notices_.contains(notice.event_id)) continue;
      notices_.emplace(notice.event_id,
                       Told{++sequence_, notice.trade, notice.severity, notice.type, false, notice.facts});
      waiting_.push_back(notice.event_id);
      world_.counted["notice " + std::string{text(notice.type)}] += 1;
    }
    for (const AlarmEdge& edge : items[i].alarms) {
      const std::pair subject{edge.alarm.kind, edge.alarm.subject};
      switch (edge.what) {
        case AlarmEdge::What::raise:
          alarms_.insert(subject);
          // This exchange is honest: what was proven to be absent stays absent. A row that nobody can read is no proof.
          if (edge.alarm.kind == NoticeType::impossible && !edge.alarm.subject.starts_with("row/"))
            note("P7: a proof was wrong: " + edge.alarm.subject);
          if (edge.alarm.kind == NoticeType::unprotected || edge.alarm.kind == NoticeType::oversold)
            breaks_.insert(subject);
          if (!edge.alarm.freezes.empty())
            freezes_[subject] = edge.alarm.freezes;
          else if (edge.alarm.kind == NoticeType::drift || edge.alarm.kind == NoticeType::twin ||
                   edge.alarm.kind == NoticeType::orphan)
            note("frozen: an alarm that keeps no entry out: " + std::string{text(edge.alarm.kind)} + " " +
                 edge.alarm.subject);
          world_.counted["alarm " + std::string{text(edge.alarm.kind)}] += 1;
          break;
        case AlarmEdge::What::remind:
          break;
        case AlarmEdge::What::clear:
          alarms_.erase(subject);
          breaks_.erase(subject);
          freezes_.erase(subject);
          break;
      }
    }
  }
}

void Witness::wished(const std::vector<ExitVerdict>& verdicts) {
  for (const ExitVerdict& verdict : verdicts)
    if (const auto* claimed = std::get_if<ExitClaimed>(&verdict))
      for (TradeRecord trade : claimed->written) {
        trade.version -= 1;  // as it was given
        put(std::move(trade));
      }
}

void Witness::tell(Told& told, const std::string& event) {
  if (told.told) return;
  told.told = true;
  std::erase(waiting_, event);
  if (told.severity == Severity::critical || told.trade.empty()) return;
  for (const std::string& earlier : waiting_) {
    const Told& other = notices_.at(earlier);
    if (other.trade == told.trade && other.severity != Severity::critical && other.sequence < told.sequence)
      note("P5: told before " + earlier + ": " + event);
  }
}

void Witness::delivered(const Notice& notice) {
  world_.log_hash = hashed(notice.event_id, world_.log_hash);
  world_.counted["delivered"] += 1;
  if (notice.type != NoticeType::digest) {
    if (const auto told = notices_.find(notice.event_id); told != notices_.end()) tell(told->second, told->first);
    return;
  }
  world_.counted["digests"] += 1;
  // A message of many shows each event's id; of a trade in short its id and how many notices it holds, which are
  // the first ones of it that wait.
  for (const auto& [key, shown] : notice.facts) {
    const std::string last = shown.substr(std::min(shown.size(), shown.rfind("\nevent: ")));
    const auto comma = last.rfind(", ");
    const bool in_short = comma != std::string::npos && last.ends_with(" notices");
    std::size_t left = in_short ? std::strtoul(last.c_str() + comma + 2, nullptr, 10) : 1;
    const std::vector<std::string> waiting = waiting_;
    for (const std::string& event : waiting) {
      Told& told = notices_.at(event);
      const bool one_of_many = in_short && told.severity != Severity::critical && !told.trade.empty() &&
                               last.substr(0, comma).ends_with(told.trade);
      if (left == 0 || !(in_short ? one_of_many : last == "\nevent: " + event)) continue;
      left -= 1;
      tell(told, event);
    }
  }
}

void Witness::undeliverable(const Notice& notice) {
  if (const auto told = notices_.find(notice.event_id); told != notices_.end())
    tell(told->second, told->first);
  else if (notice.type == NoticeType::digest)
    delivered(notice);
}

bool Witness::nothing_waits() const { return waiting_.empty(); }

bool Witness::unreadable(const ClientOrderId& trade) const {
  constexpr std::string_view row_of = "row/";
  return std::any_of(alarms_.begin(), alarms_.end(), [&](const auto& alarm) {
    if (alarm.first != NoticeType::impossible || !alarm.second.starts_with(row_of)) return false;
    if (alarm.second == "row/trades/" + trade) return true;
    const auto row = rows_.find(alarm.second.substr(row_of.size()));
    return row != rows_.end() && row->second.trade == trade;
  });
}

int Witness::open_trades() const {
  return static_cast<int>(std::count_if(rows_.begin(), rows_.end(), [&](const auto& row) {
    const Order& order = row.second;
    return order.leg == Leg::entry && !order.twin && !settled(order.trade) && order.filled.is_positive();
  }));
}

// ---- behind a run --------------------------------------------------------------------------------------

std::string Witness::after_run(const Ended& ended) {
  if (!broken_.empty()) return broken_;
  if (ended.killed) return "";
  if (auto broken = lines_of(ended); !broken.empty()) return broken;
  if (ended.report.verdict == RunVerdict::locked || ended.report.verdict == RunVerdict::stuck) return "";
  if (auto broken = naked_in_silence(ended); !broken.empty()) return broken;
  return entries_of();
}

// What was seen bought and is neither sold nor under a stop that rested while the run went on.
Quantity Witness::still_bare(const Order& entry, Instant since) const {
  Quantity bare;
  for (const auto& [id, row] : rows_)
    if (row.leg == Leg::entry && row.trade == entry.trade)
      bare += row.fees_known ? row.filled - row.fee_base
                             : Quantity{Decimal::multiply(row.filled.value, tenths(9), Rounding::down)};
  bare -= exchange_.sold(entry.trade);
  for (const Paper& paper : exchange_.papers()) {
    if (paper.asked.trade != entry.trade || paper.asked.leg != Leg::stop) continue;
    // A leg a run without its store had placed is taken over as the exchange shows it.
    const auto row = rows_.find(paper.asked.client_id);
    const bool taken_over = row != rows_.end() && row->second.trigger == paper.trigger;
    const bool as_planned = paper.trigger == paper.asked.trigger || taken_over;
    const bool rested = paper.open() || (paper.closed && *paper.closed >= since - 2s);
    // A run that was told to end does not wait to see its fresh legs rejected.
    const bool gone_meanwhile =
        paper.gone_soon && paper.closed && *paper.closed >= since - 2s && world_.counted.contains("fault sigterm");
    if (as_planned && rested && (paper.now.status != VenueStatus::rejected || gone_meanwhile)) bare -= paper.left();
  }
  return bare;
}

std::string Witness::naked_in_silence(const Ended& ended) const {
  const int exit = exit_code(ended.report.verdict);
  const auto said = [&](std::string_view part) {
    return std::any_of(ended.log.begin(), ended.log.end(),
                       [&](const std::string& line) { return contains(line, part); });
  };
  for (const auto& [id, row] : rows_) {
    if (row.leg != Leg::entry || row.twin || released_.contains(id)) continue;
    const Quantity bare = still_bare(row, ended.from);
    if (!bare.is_positive() || !row.filled_value.is_positive()) continue;
    if (is_little(bare, average_price(row.filled_value, row.filled), exchange_.rules(row.symbol))) continue;
    world_.counted["runs that ended with something naked"] += 1;
    if (exit == 0 || exit == 65)
      return "P4: naked in silence: " + bare.text() + " of " + id + ", exit " + std::to_string(exit);
    if (exit != 1 || said("STORE_LOST") || said("ITEM_DROPPED") || said("ITEM_STALE")) continue;
    const bool stands = std::any_of(alarms_.begin(), alarms_.end(), [&, &id = id, &row = row](const auto& alarm) {
      if (alarm.second == row.symbol.base() || alarm.second == id || unreadable(id)) return true;
      const auto leg = rows_.find(alarm.second.substr(0, alarm.second.find('/')));
      return leg != rows_.end() && leg->second.trade == id;
    });
    if (!stands) return "P4: naked and nobody is told: " + id;
  }
  return "";
}

std::string Witness::lines_of(const Ended& ended) const {
  const auto count = [&](std::string_view part) {
    return std::count_if(ended.log.begin(), ended.log.end(),
                         [&](const std::string& line) { return starts_with(line, part); });
  };
  if (ended.report.verdict == RunVerdict::locked || ended.report.verdict == RunVerdict::stuck)
    return count("RUN_LOCKED") == 1 && count("RUN_START") == 0 && count("RUN_END") == 0
               ? ""
               : "lines: a locked-out run says more than RUN_LOCKED";
  const bool failed = count("RUN_FAILED") > 0;
  if (!failed && (count("RUN_START") != 1 || count("RUN_END") != 1)) return "lines: RUN_START without RUN_END";
  if (!failed && !starts_with(ended.log.back(), "RUN_END ")) return "lines: RUN_END is not the last line";
  const bool cut_short = failed || count("STORE_LOST") > 0 || count("ITEM_DROPPED") > 0 ||
                         count("SIGNALS_DEFERRED") > 0 || contains(ended.log.back(), "result=lease_lost");
  if (cut_short) return "";
  for (const Signal& signal : ended.signals) {
    const std::string key = signal_key(signal);
    const bool idempotency = std::any_of(ended.log.begin(), ended.log.end(), [&](const std::string& line) {
      // What may be in a row that nobody can read is not answered yet.
      return (starts_with(line, "GUARD idempotency_") || starts_with(line, "EXIT_DEFERRED")) && contains(line, key);
    });
    if (!idempotency) return "P9: no idempotency line for " + key;
    if (signal.side == Side::buy && count("GUARD cooldown_passed symbol=" + signal.symbol.text()) +
                                            count("GUARD cooldown_blocked symbol=" + signal.symbol.text()) ==
                                        0)
      return "P9: no cooldown line for " + key;
  }
  return "";
}

// Judged by what the exchange executed.
std::string Witness::entries_of() const {
  std::map<SignalKey, std::set<ClientOrderId>> by_key;
  std::map<std::string, std::vector<const Paper*>> by_base;
  std::map<ClientOrderId, int> copies;
  for (const Paper& paper : exchange_.papers()) {
    if (paper.asked.leg != Leg::entry) continue;
    const ClientOrderId& id = paper.asked.client_id;
    if (++copies[id] > 1) continue;
    by_base[paper.asked.symbol.base()].push_back(&paper);
    if (!paper.now.filled.is_positive() && !paper.open()) continue;
    if (by_key[paper.asked.signal_key].insert(id).second && by_key[paper.asked.signal_key].size() > 1)
      return "P2: two entries for " + paper.asked.signal_key;
    const auto claim = claims_.find(id);
    if (claim == claims_.end()) return "P2: executed without a claim: " + id;
    const Claim& c = claim->second;
    if (!c.wrong.empty()) return c.wrong + ", and executed: " + id;
    if (c.signal.time < c.at - c.policy.max_age - 3s) return "stale: " + id;
    if (c.signal.time > c.at + c.policy.max_future + 3s) return "from the future: " + id;
    if (epoch_changed_ && !world_.counted.contains("fault clock_step") && c.at > *epoch_changed_ &&
        c.signal.time < *epoch_changed_ - 2s)
      return "epoch: a signal from before it was entered: " + id;
    if (c.signal.price && &exchange_ == &world_.exchange) {
      // A quote may be a moment old.
      const auto off = [&](Price market) {
        const Decimal gap = c.signal.price->value - market.value;
        const Decimal most = Decimal::divide(market.value, Decimal{25}, Rounding::up);
        return gap > most || -gap > most;
      };
      if (off(c.market) && off(c.market_before)) return "slippage: " + id;
    }
  }
  int doubled = 0;
  for (const auto& [id, n] : copies) doubled += n - 1;
  if (doubled > twins_) return "P2: one client id was executed twice";
  for (auto& [base, papers] : by_base) {
    std::sort(papers.begin(), papers.end(), [](const Paper* a, const Paper* b) { return a->created < b->created; });
    for (std::size_t i = 1; i < papers.size(); ++i) {
      const auto claim = claims_.find(papers[i]->asked.client_id);
      if (claim == claims_.end()) continue;
      // Clocks may be off by a second each.
      const Micros gap = papers[i]->created - papers[i - 1]->created;
      if (gap < claim->second.policy.cooldown.cooldown - 2500ms)
        return "P3: " + base + " was entered twice in " + duration_text(gap) + ": " + papers[i]->asked.client_id;
    }
    for (const auto& [id, order] : refused_) {
      // If nobody could write the refusal down, it is found absent later, and what is absent cools nothing.
      const auto row = rows_.find(id);
      if (order.symbol.base() != base || row == rows_.end() || row->second.state != OrderState::refused) continue;
      for (const Paper* paper : papers) {
        const auto claim = claims_.find(paper->asked.client_id);
        if (claim == claims_.end() || claim->second.at <= order.stamp + 1s) continue;
        if (paper->created - order.stamp < claim->second.policy.cooldown.cooldown - 2500ms)
          return "P3: " + base + " was entered soon after a refused entry: " + paper->asked.client_id;
      }
    }
    // A stop-out cools its base too, by the clock of the machine that saw it.
    if (world_.counted.contains("fault clock_step")) continue;
    for (const Paper& stop : exchange_.papers()) {
      if (stop.asked.leg != Leg::stop || stop.asked.symbol.base() != base || !stop.now.filled.is_positive() ||
          stop.open())
        continue;
      const auto row = rows_.find(stop.asked.client_id);
      if (row == rows_.end() || !row->second.sighted_at || row->second.state != OrderState::closed) continue;
      for (const Paper* paper : papers) {
        const auto claim = claims_.find(paper->asked.client_id);
        if (claim == claims_.end() || claim->second.at < *row->second.sighted_at + 1s) continue;
        if (claim->second.at - *stop.closed < claim->second.policy.cooldown.after_stop - 2500ms &&
            claim->second.at > *stop.closed + 2500ms)
          return "P3: " + base + " was entered soon after a stop-out: " + paper->asked.client_id;
      }
    }
  }
  return "";
}

// ---- when all is quiet -----------------------------------------------------------------------------------

std::string Witness::at_the_end() {
  if (!broken_.empty()) return broken_;
  if (auto broken = rows_against_truth(); !broken.empty()) return broken;
  if (auto broken = told_against_truth(); !broken.empty()) return broken;
  return entries_of();
}

std::string Witness::rows_against_truth() const {
  std::set<ClientOrderId> at_venue;
  std::map<ClientOrderId, const Paper*> trades;
  for (const Paper& paper : exchange_.papers()) {
    if (paper.owners || released_.contains(paper.asked.trade)) continue;
    ClientOrderId id = paper.asked.client_id;
    if (const auto row = rows_.find(id);
        row != rows_.end() && row->second.venue_id != paper.venue_id && rows_.contains(id + "/" + paper.venue_id))
      id += "/" + paper.venue_id;
    const auto row = rows_.find(id);
    const bool matters = paper.open() || paper.now.filled.is_positive();
    if (row == rows_.end()) {
      if (matters) return "rows: the exchange has an order without a row: " + id;
      continue;
    }
    const Order& order = row->second;
    at_venue.insert(id);
    if (!matters) continue;
    if (paper.open() != (order.state == OrderState::placed))
      return "rows: " + id + " is " + std::string{text(order.state)} + " here and " +
             std::string{text(paper.now.status)} + " there";
    // For how much was not said, and a trade that is over is not asked for it: what is unknown stays so.
    const bool value_unknown =
        order.filled_value.is_zero() && settled(order.trade) && world_.counted.contains("fault without_value");
    if (order.filled != paper.now.filled || (order.filled_value != paper.now.value && !value_unknown))
      return "rows: " + id + " filled " + order.filled.text() + " here and " + paper.now.filled.text() + " there";
    if (order.side == Side::buy && order.fees_known && order.fee_base != paper.now.fee)
      return "rows: the fees of " + id;
    if (order.side == Side::buy) trades[order.trade] = &paper;
    // A stop stands where the plan has it.
    if (order.leg == Leg::stop && paper.open()) {
      const Order& entry = rows_.at(order.trade);
      const ProtectionPlan& plan = *records_.at(order.trade).plan;
      // While a fill grows its average moves, and stops placed before stay.
      Price low = average_price(entry.filled_value, entry.filled);
      Price high = low;
      for (const Paper& bought : exchange_.papers())
        for (const auto& fill : bought.fills)
          if (bought.asked.trade == order.trade && bought.asked.leg == Leg::entry) {
            low = std::min(low, fill.price);
            high = std::max(high, fill.price);
          }
      const Price from =
          moved_by_percent(moved_by_percent(low, -plan.stop_percent), -Decimal::from_units(500'000'000'000'000'000));
      const Price to =
          moved_by_percent(moved_by_percent(high, -plan.stop_percent), Decimal::from_units(500'000'000'000'000'000));
      if (!plan.stop_price && (*paper.asked.trigger < from || *paper.asked.trigger > to))
        return "levels: the stop of " + entry.client_id + " is at " + paper.asked.trigger->text();
    }
  }
  for (const auto& [id, order] : rows_)
    if (!at_venue.contains(id) && !released_.contains(order.trade) &&
        (order.state == OrderState::placed || order.state == OrderState::claimed || order.filled.is_positive()))
      return "rows: nothing at the exchange is " + id + ", " + std::string{text(order.state)};
  for (const auto& [trade, paper] : trades) {
    if (released_.contains(trade)) continue;
    const Quantity held = exchange_.received(trade) - exchange_.sold(trade);
    const Quantity for_sale = exchange_.for_sale(trade);
    if (held.is_negative()) return "oversold: " + trade;
    if (for_sale > held) return "quiet: more is for sale than held: " + trade;
    if (!is_little(held - for_sale, average_price(paper->now.value, paper->now.filled),
                   exchange_.rules(paper->asked.symbol)))
      return "P4: quiet and naked: " + (held - for_sale).text() + " of " + trade;
    if (settled(trade) && for_sale.is_positive()) return "quiet: something rests for a trade that is over: " + trade;
  }
  return "";
}

std::string Witness::told_against_truth() const {
  const auto told = [&](NoticeType type, const std::string& about) {
    const auto it = notices_.lower_bound(std::string{text(type)} + ":" + about);
    return it != notices_.end() && it->first.starts_with(std::string{text(type)} + ":" + about) && it->second.told;
  };
  for (const Paper& paper : exchange_.papers()) {
    if (!paper.now.filled.is_positive() || paper.owners || released_.contains(paper.asked.trade)) continue;
    if (resolved_.contains(paper.asked.client_id)) continue;
    const auto row = rows_.find(paper.asked.client_id);
    if (row == rows_.end() || row->second.venue_id != paper.venue_id) continue;  // a twin has its CRITICAL
    const ClientOrderId& id = paper.asked.client_id;
    if (paper.asked.leg == Leg::entry) {
      if (!told(NoticeType::order_created, id)) return "P5: nobody was told of the entry " + id;
      if (!told(NoticeType::order_filled, id)) return "P5: nobody was told of the fill of " + id;
      continue;
    }
    bool said = false;
    for (const NoticeType type : {NoticeType::stop_filled, NoticeType::target_filled, NoticeType::exit_filled})
      said = said || told(type, id + ":" + paper.now.filled.text());
    if (!said) return "P5: nobody was told that " + id + " sold " + paper.now.filled.text();
  }
  for (const auto& [event, notice] : notices_)
    if (!notice.told) return "P5: never told: " + event;
  return "";
}

}  // namespace tradeguard::sim
