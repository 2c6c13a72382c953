#include "account_tables.hpp"

#include <algorithm>

#include "tradeguard/entry_bars.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

namespace {

std::chrono::sys_days day_of(Instant at) { return std::chrono::floor<std::chrono::days>(at); }

// An entry whose bytes may have left cools its base: refused ones too, and those proven absent.
std::optional<Instant> cools_from(const Order& order) {
  if (order.leg != Leg::entry || order.side == Side::sell || frees_its_key(order)) return std::nullopt;
  if (order.state == OrderState::lapsed) return order.stamp;
  Instant from = order.stamp;
  if (order.exchange_time) from = std::max(from, *order.exchange_time);
  // Until the request cannot be executed any more, it may still be.
  if (order.state == OrderState::claimed) from = std::max(from, order.valid_until);
  return from;
}

// A stop that sold, or a sale that no signal asked for.
std::optional<Instant> stopped_out_at(const Order& order) {
  const bool forced = order.leg == Leg::exit && is_forced(order.because);
  if ((order.leg != Leg::stop && !forced) || !order.filled.is_positive()) return std::nullopt;
  if (order.closed_at) return order.closed_at;
  return order.sighted_at ? order.sighted_at : std::optional{order.stamp};
}

void erase_one(std::multiset<Instant>& from, Instant at) {
  if (const auto it = from.find(at); it != from.end()) from.erase(it);
}

}  // namespace

bool frees_its_key(const Order& order) {
  return order.leg == Leg::entry && order.state == OrderState::lapsed && !order.acknowledged &&
         order.ending == Ending::unsent;
}

// ---- orders ----------------------------------------------------------------------------------

const Order* AccountTables::find(const ClientOrderId& id) const {
  const auto it = orders_.find(id);
  return it == orders_.end() ? nullptr : &it->second;
}

const TradeRecord* AccountTables::find_trade(const ClientOrderId& id) const {
  const auto it = records_.find(id);
  return it == records_.end() ? nullptr : &it->second;
}

void AccountTables::put(TradeRecord trade) {
  const ClientOrderId id = trade.id;
  records_.insert_or_assign(id, std::move(trade));
  index_trade(id);
}

void AccountTables::put(Order order) {
  const ClientOrderId id = order.client_id;
  const ClientOrderId trade = order.trade;
  if (const auto it = orders_.find(id); it != orders_.end()) {
    count(it->second, false);
    it->second = std::move(order);
  } else {
    const auto [rows, opened] = trades_.try_emplace(trade, TradeRows{next_trade_, {}});
    if (opened) ++next_trade_;
    rows->second.rows.push_back(id);
    if (!order.signal_key.empty()) by_key_[order.signal_key].push_back(id);
    orders_.emplace(id, std::move(order));
  }
  const Order& now_there = orders_.at(id);
  count(now_there, true);
  free_key_of(now_there);
  index_trade(trade);
  note_flattening(now_there);
}

// Keeps the sums a claim asks for, so that it never walks through history.
void AccountTables::count(const Order& order, bool in) {
  if (const auto from = cools_from(order)) {
    auto& entries = cooling_[order.symbol.base()].entries;
    in ? void(entries.insert(*from)) : erase_one(entries, *from);
    entries_per_day_[day_of(order.stamp)] += in ? 1 : -1;
  }
  if (const auto at = stopped_out_at(order)) {
    for (auto* ends : {&cooling_[order.symbol.base()].stop_outs, &forced_ends_[order.symbol.text()]})
      in ? void(ends->insert(*at)) : erase_one(*ends, *at);
  }
}

// A trade is of its record and its entry; until both are there nothing can be assembled.
void AccountTables::index_trade(const ClientOrderId& id) {
  const TradeRecord* record = find_trade(id);
  if (!record || !find(id)) return;
  const TradeRows& rows = trades_.at(id);
  if (!record->settled) {
    open_[rows.number] = id;
    for (const auto& row : rows.rows) questions_.erase(row);
  } else {
    open_.erase(rows.number);
    questions_.insert(rows.rows.begin(), rows.rows.end());
  }
}

void AccountTables::note_flattening(const Order& order) {
  if (order.leg != Leg::exit || !order.filled.is_positive()) return;
  if (!is_flattening(order.because)) return;
  Instant sold_at = order.stamp;
  if (order.sighted_at) sold_at = *order.sighted_at;
  if (order.closed_at) sold_at = *order.closed_at;
  Instant& claimed_at = flattened_[day_of(sold_at)].try_emplace(order.trade, order.claimed_at).first->second;
  claimed_at = std::max(claimed_at, order.claimed_at);
}

// A key is free while every entry sent under it is known never to have left.
void AccountTables::free_key_of(const Order& order) {
  if (order.leg != Leg::entry || order.twin) return;
  const auto key = keys.find(order.signal_key);
  if (key == keys.end()) return;
  const auto& rows = by_key_[order.signal_key];
  key->second.released =
      key->second.decided.empty() && std::all_of(rows.begin(), rows.end(), [&](const ClientOrderId& row) {
        const Order& other = orders_.at(row);
        return other.leg != Leg::entry || frees_its_key(other);
      });
}

Trade AccountTables::assemble(const ClientOrderId& id) const {
  Trade trade{records_.at(id), {}, {}};
  for (const auto& row : trades_.at(id).rows) {
    const Order& order = orders_.at(row);
    (order.leg == Leg::entry ? trade.entries : trade.legs).push_back(order);
  }
  return trade;
}

std::vector<Trade> AccountTables::open_trades() const {
  std::vector<Trade> trades;
  trades.reserve(open_.size());
  for (const auto& [number, id] : open_) trades.push_back(assemble(id));
  return trades;
}

std::vector<OpenQuestion> AccountTables::questions(Instant now) {
  std::vector<OpenQuestion> open;
  for (auto it = questions_.begin(); it != questions_.end();) {
    const Order& order = orders_.at(*it);
    if (is_open_question(order, now)) {
      open.push_back({order, records_.at(order.trade)});
      ++it;
    } else {
      // What is no question now will be none later; a later write puts the row back.
      it = questions_.erase(it);
    }
  }
  return open;
}

std::vector<Order> AccountTables::rows_of_trade(const ClientOrderId& trade) const {
  std::vector<Order> rows;
  if (const auto it = trades_.find(trade); it != trades_.end())
    for (const auto& row : it->second.rows) rows.push_back(orders_.at(row));
  return rows;
}

std::vector<Order> AccountTables::rows_of_key(const SignalKey& key) const {
  std::vector<ClientOrderId> trades;
  const auto add = [&](const ClientOrderId& trade) {
    if (std::find(trades.begin(), trades.end(), trade) == trades.end()) trades.push_back(trade);
  };
  if (const auto it = by_key_.find(key); it != by_key_.end())
    for (const auto& row : it->second) add(orders_.at(row).trade);
  const std::string minute = exits_of_minute(key);
  for (const auto& [other, row] : keys)
    if (other == key || (!minute.empty() && other.starts_with(minute)))
      for (const auto& trade : row.exits) add(trade);
  std::vector<Order> rows;
  for (const auto& trade : trades)
    for (auto& order : rows_of_trade(trade)) rows.push_back(std::move(order));
  return rows;
}

std::vector<Trade> AccountTables::past_trades(const TradeQuery& query) const {
  std::vector<Trade> trades;
  for (const auto& [id, rows] : trades_) {
    const Order* entry = find_trade(id) ? find(id) : nullptr;
    if (!entry || (query.since && entry->claimed_at < *query.since)) continue;
    if (query.symbol && entry->symbol != *query.symbol) continue;
    trades.push_back(assemble(id));
  }
  std::sort(trades.begin(), trades.end(), [](const Trade& a, const Trade& b) {
    return std::pair{a.entry().claimed_at, a.id()} < std::pair{b.entry().claimed_at, b.id()};
  });
  if (trades.size() > query.at_most)
    trades.erase(trades.begin(), trades.end() - static_cast<std::ptrdiff_t>(query.at_most));
  return trades;
}

std::vector<SignalKey> AccountTables::keys_about(const std::string& word, std::size_t at_most) const {
  if (word.empty()) return {};  // no id yet is nobody's name
  std::map<SignalKey, Instant> found;
  const auto add = [&](const SignalKey& key, Instant at) {
    Instant& latest = found.try_emplace(key, at).first->second;
    latest = std::max(latest, at);
  };
  for (const auto& [key, rows] : decisions_)
    if (key == word || key.starts_with(word + ":"))
      for (const Decision& row : rows) add(key, row.last);
  for (const auto& [id, order] : orders_) {
    const Order* entry = find(order.trade);
    if (!entry || entry->signal_key.empty()) continue;
    if (id == word || order.wire_id == word || order.venue_id == word || order.fired_id == word ||
        order.symbol.text() == word || entry->signal_key == word)
      add(entry->signal_key, entry->claimed_at);
  }
  std::vector<SignalKey> newest;
  for (const auto& [key, at] : found) newest.push_back(key);
  std::sort(newest.begin(), newest.end(), [&](const SignalKey& a, const SignalKey& b) {
    return std::pair{found.at(b), a} < std::pair{found.at(a), b};
  });
  if (newest.size() > at_most) newest.resize(at_most);
  return newest;
}

const Order* AccountTables::newest_exit(const std::vector<ClientOrderId>& trades) const {
  const Order* newest = nullptr;
  for (const auto& id : trades) {
    const auto it = trades_.find(id);
    if (it == trades_.end()) continue;
    for (const auto& row : it->second.rows) {
      const Order& order = orders_.at(row);
      if (order.leg == Leg::exit && (!newest || order.claimed_at >= newest->claimed_at)) newest = &order;
    }
  }
  return newest;
}

// ---- what a claim wants to know ----------------------------------------------------------------

BaseHistory AccountTables::history(const std::string& base) const {
  BaseHistory history;
  const auto it = cooling_.find(base);
  if (it == cooling_.end()) return history;
  if (!it->second.entries.empty()) history.entry = *it->second.entries.rbegin();
  if (!it->second.stop_outs.empty()) history.stop_out = *it->second.stop_outs.rbegin();
  return history;
}

void AccountTables::remember(const std::string& base, Instant at) { cooling_[base].entries.insert(at); }

void AccountTables::hear(const ExitWord& word) {
  auto& newest = exit_words_.try_emplace({word.symbol, word.who}, word.said).first->second;
  newest = std::max(newest, word.said);
}

std::vector<ExitWord> AccountTables::exit_words(const std::set<Symbol>& symbols) const {
  std::vector<ExitWord> words;
  for (const auto& [subject, said] : exit_words_) {
    const auto parsed = Symbol::parse(subject.first);
    if (subject.first == "*" || (parsed && symbols.contains(*parsed)))
      words.push_back({subject.first, subject.second, said});
  }
  return words;
}

std::optional<Instant> AccountTables::stop_out(const Symbol& symbol) const {
  const auto ends = forced_ends_.find(symbol.text());
  if (ends == forced_ends_.end() || ends->second.empty()) return std::nullopt;
  return *ends->second.rbegin();
}

void AccountTables::count_bars(AdmissionFacts& facts) const {
  for (const auto& [number, id] : open_)
    for (const auto& row : trades_.at(id).rows) {
      const Order& order = orders_.at(row);
      if (freezes_its_base(order, *find_trade(id)))
        count_doubt(facts, order.symbol.base(), order.symbol.text(), order.trade);
    }
  for (const auto& [subject, alarm] : alarms_)
    count_alarm(facts, text(alarm.kind), alarm.symbol, alarm.subject, alarm.freezes, alarm.breaks);
}

int AccountTables::open_positions() const {
  int count = 0;
  for (const auto& [number, id] : open_) {
    const auto& rows = trades_.at(id).rows;
    count += std::any_of(rows.begin(), rows.end(), [&](const ClientOrderId& row) {
      const Order& order = orders_.at(row);
      return order.leg == Leg::entry && order.side == Side::buy && order.state != OrderState::refused &&
             order.state != OrderState::lapsed;
    });
  }
  return count;
}

int AccountTables::entries_on(Instant at) const {
  const auto it = entries_per_day_.find(day_of(at));
  return it == entries_per_day_.end() ? 0 : it->second;
}

int AccountTables::flattened_on(Instant at) const {
  const auto it = flattened_.find(day_of(at));
  if (it == flattened_.end()) return 0;
  // A reset that lies ahead is of a clock that was wrong.
  Instant since = account.breaker_reset_at.value_or(Instant::min());
  if (since > at) since = Instant::min();
  return static_cast<int>(
      std::count_if(it->second.begin(), it->second.end(), [&](const auto& trade) { return trade.second > since; }));
}

// ---- notices -----------------------------------------------------------------------------------

void AccountTables::add_notice(Notice notice) {
  const auto [event, is_new] = events_.try_emplace(notice.event_id, ToldNotice{notice.created_at, true, next_notice_});
  if (!is_new) return;
  notice.sequence = next_notice_++;
  notice.attempts = 0;
  notice.next_try.reset();
  outbox_.emplace(notice.sequence, std::move(notice));
}

std::vector<Notice> AccountTables::due_notices(Instant now, std::size_t at_most) const {
  std::vector<const Notice*> critical;
  std::vector<const Notice*> others;
  std::set<std::string_view> held_up;  // trades whose line waits for an earlier notice
  for (const auto& [sequence, notice] : outbox_) {
    const bool due = !notice.next_try || is_due(*notice.next_try, longest_retry, now);
    if (!due && !notice.trade.empty()) held_up.insert(notice.trade);
    if (!due) continue;
    if (notice.severity == Severity::critical)
      critical.push_back(&notice);
    else if (!held_up.contains(notice.trade))
      others.push_back(&notice);
  }
  critical.insert(critical.end(), others.begin(), others.end());
  std::vector<Notice> due;
  for (const Notice* notice : critical) {
    if (due.size() == at_most) break;
    due.push_back(*notice);
  }
  return due;
}

void AccountTables::record_delivery(const DeliveryRecord& record) {
  const auto event = events_.find(record.event_id);
  if (event == events_.end() || !event->second.waiting) return;
  if (record.what == DeliveryRecord::What::try_later) {
    Notice& notice = outbox_.at(event->second.sequence);
    notice.attempts += 1;
    notice.next_try = record.next_try;
    notice.may_have_arrived = record.may_have_arrived;
    return;
  }
  event->second.waiting = false;
  outbox_.erase(event->second.sequence);
}

// ---- the rest ----------------------------------------------------------------------------------

void AccountTables::apply_edge(const AlarmEdge& edge) {
  const std::pair subject{edge.alarm.kind, edge.alarm.subject};
  const auto standing = alarms_.find(subject);
  switch (edge.what) {
    case AlarmEdge::What::raise:
      if (standing == alarms_.end()) {
        alarms_.emplace(subject, edge.alarm);
      } else {
        // It stands already: what it says is renewed, when it began and was told is not.
        Alarm renewed = edge.alarm;
        renewed.raised_at = standing->second.raised_at;
        renewed.next_reminder = standing->second.next_reminder;
        renewed.told = standing->second.told;
        standing->second = std::move(renewed);
      }
      return;
    case AlarmEdge::What::remind:
      if (standing == alarms_.end()) return;
      standing->second.next_reminder = edge.alarm.next_reminder;
      standing->second.told = edge.alarm.told;
      return;
    case AlarmEdge::What::clear:
      if (standing != alarms_.end()) alarms_.erase(standing);
      return;
  }
}

std::vector<Alarm> AccountTables::standing_alarms() const {
  std::vector<Alarm> alarms;
  for (const auto& [subject, alarm] : alarms_) alarms.push_back(alarm);
  return alarms;
}

void AccountTables::record_decision(const SignalKey& key, std::string guard, std::string verdict, std::string detail,
                                    Instant now) {
  auto& rows = decisions_[key];
  const auto same = std::find_if(rows.begin(), rows.end(),
                                 [&](const Decision& row) { return row.guard == guard && row.verdict == verdict; });
  if (same == rows.end()) {
    rows.push_back({key, std::move(guard), std::move(verdict), std::move(detail), now, now, 1});
    return;
  }
  same->detail = std::move(detail);
  same->last = now;
  same->count += 1;
}

std::vector<Decision> AccountTables::decisions(const SignalKey& key) const {
  std::vector<Decision> found;
  const auto take = [&](const std::vector<Decision>& rows) { found.insert(found.end(), rows.begin(), rows.end()); };
  if (const auto it = decisions_.find(key); it != decisions_.end()) take(it->second);
  if (const std::string minute = exits_of_minute(key); !minute.empty())
    for (const auto& [other, rows] : decisions_)
      if (other != key && other.starts_with(minute)) take(rows);
  return found;
}

// A cleared alarm is gone already.
std::size_t AccountTables::prune(Instant before, Instant now, std::size_t at_most) {
  std::vector<ClientOrderId> spent;
  for (const auto& [id, rows] : trades_) {
    if (spent.size() >= at_most || !over_for_good(id, rows, before, now)) continue;
    for (const ClientOrderId& row : rows.rows)
      if (row != id && !orders_.at(row).filled.is_positive() && spent.size() < at_most) spent.push_back(row);
  }
  for (const ClientOrderId& row : spent) erase_row(row);

  std::size_t told = 0;
  for (auto it = events_.begin(); it != events_.end() && told < at_most;) {
    const bool goes = !it->second.waiting && it->second.created_at < before;
    told += goes ? 1 : 0;
    it = goes ? events_.erase(it) : std::next(it);
  }
  std::size_t decided = 0;
  for (auto it = decisions_.begin(); it != decisions_.end() && decided < at_most;) {
    auto& rows = it->second;
    for (auto row = rows.begin(); row != rows.end() && decided < at_most;) {
      const bool goes = row->last < before;
      decided += goes ? 1 : 0;
      row = goes ? rows.erase(row) : std::next(row);
    }
    it = it->second.empty() ? decisions_.erase(it) : std::next(it);
  }
  return spent.size() + told + decided;
}

bool AccountTables::over_for_good(const ClientOrderId& id, const TradeRows& rows, Instant before, Instant now) const {
  const TradeRecord* record = find_trade(id);
  if (!record || !record->settled) return false;
  const Instant keys_before = std::min(before, now - 24h);
  return std::all_of(rows.rows.begin(), rows.rows.end(), [&](const ClientOrderId& row) {
    const Order& order = orders_.at(row);
    Instant touched = order.claimed_at;
    if (order.sighted_at) touched = std::max(touched, *order.sighted_at);
    if (order.closed_at) touched = std::max(touched, *order.closed_at);
    return touched < before && order.claimed_at < keys_before && !is_open_question(order, now);
  });
}

void AccountTables::erase_row(const ClientOrderId& id) {
  const Order& order = orders_.at(id);
  count(order, false);
  questions_.erase(id);
  if (const auto key = by_key_.find(order.signal_key); key != by_key_.end()) {
    std::erase(key->second, id);
    if (key->second.empty()) by_key_.erase(key);
  }
  std::erase(trades_.at(order.trade).rows, id);
  orders_.erase(id);
}

}  // namespace tradeguard
