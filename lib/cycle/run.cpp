#include "run.hpp"

#include <algorithm>
#include <utility>

namespace tradeguard {

Run::Run(CyclePorts& p, const CycleSettings& s) : ports{p}, settings{s} {
  started_ = ports.clock.monotonic();
  begin_pass();
}

void Run::begin_pass_keeping_reads() { now = ports.clock.now(); }

void Run::begin_pass() {
  begin_pass_keeping_reads();
  read.balances.reset();
  read.quotes.reset();
  if (stop_asked() && !stop_seen_) stop_seen_ = elapsed();
}

bool Run::may_wait_for_entries() const {
  constexpr Micros after_stop = 5s;
  return !past(settings.deadline) && (!stop_seen_ || elapsed() - *stop_seen_ < after_stop);
}

std::optional<Balance> Run::balance_of(const std::string& currency) const {
  if (!read.balances) return std::nullopt;
  if (const auto known = read.balances->find(currency); known != read.balances->end()) return known->second;
  switch (ports.protector.traits().absent_balance) {
    case AbsentBalance::unknown:
      return std::nullopt;
    case AbsentBalance::zero:
      return Balance{};
  }
  return std::nullopt;
}

Instant Run::sound_now() const {
  return venue.clock_offset && std::chrono::abs(*venue.clock_offset) > settings.max_clock_offset ? venue_now() : now;
}

void Run::measure_clock() {
  if (std::exchange(venue.clock_asked, true)) return;
  const auto venue_time = ports.placer.venue_time();
  if (venue_time)
    venue.clock_offset = *venue_time - ports.clock.now();
  else
    venue.hear(venue_time.error());
}

Trade* Run::trade(const ClientOrderId& id) {
  const auto standing = [&]() -> Trade* {
    const auto place = places_.find(id);
    if (place == places_.end() || place->second >= book.trades.size()) return nullptr;
    Trade& found = book.trades[place->second];
    return found.id() == id ? &found : nullptr;
  };
  if (Trade* found = standing()) return found;
  if (places_.size() == book.trades.size() && !places_.contains(id)) return nullptr;
  find_places();
  return standing();
}

// Trades that were put into the book or left it since: each has a place again.
void Run::find_places() {
  places_.clear();
  owners_.clear();
  for (std::size_t i = 0; i < book.trades.size(); ++i) {
    const Trade& known = book.trades[i];
    places_.insert_or_assign(known.id(), i);
    for (const auto* rows : {&known.entries, &known.legs})
      for (const Order& row : *rows) owners_.insert_or_assign(row.client_id, known.id());
  }
}

const Order* Run::order(const ClientOrderId& id) {
  if (places_.size() != book.trades.size()) find_places();
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return nullptr;
  const Trade* known = trade(owner->second);
  if (known == nullptr) return nullptr;
  for (const auto* rows : {&known->entries, &known->legs})
    for (const Order& row : *rows)
      if (row.client_id == id) return &row;
  return nullptr;
}

void Run::put(const Order& order) {
  const auto place = [&](std::vector<Order>& rows) {
    const auto known =
        std::find_if(rows.begin(), rows.end(), [&](const Order& row) { return row.client_id == order.client_id; });
    if (known == rows.end())
      rows.push_back(order);
    else
      *known = order;
  };
  if (Trade* owner = trade(order.trade)) {
    place(order.leg == Leg::entry ? owner->entries : owner->legs);
    owners_.insert_or_assign(order.client_id, order.trade);
    return;
  }
  for (OpenQuestion& question : book.questions)
    if (question.order.client_id == order.client_id) question.order = order;
}

void Run::put(const TradeRecord& record) {
  if (Trade* known = trade(record.id)) {
    known->record = record;
    return;
  }
  for (OpenQuestion& question : book.questions)
    if (question.trade.id == record.id) question.trade = record;
  if (record.settled) return;
  // A new trade, or one that was settled and has come back to life: its questions are its own again.
  book.trades.push_back(Trade{record, {}, {}});
  places_.insert_or_assign(record.id, book.trades.size() - 1);
  for (const OpenQuestion& question : book.questions)
    if (question.trade.id == record.id) put(question.order);
  std::erase_if(book.questions, [&](const OpenQuestion& question) { return question.trade.id == record.id; });
}

const TradeRecord* Run::record(const ClientOrderId& id) {
  if (const Trade* known = trade(id)) return &known->record;
  const auto asked = std::find_if(book.questions.begin(), book.questions.end(),
                                  [&](const OpenQuestion& question) { return question.trade.id == id; });
  return asked == book.questions.end() ? nullptr : &asked->trade;
}

const TradeNotes& Run::notes(const ClientOrderId& trade) const {
  static const TradeNotes nothing_known;
  const auto known = trade_notes_.find(trade);
  return known == trade_notes_.end() ? nothing_known : known->second;
}

const OrderNotes& Run::order_notes(const ClientOrderId& order) const {
  static const OrderNotes nothing_known;
  const auto known = order_notes_.find(order);
  return known == order_notes_.end() ? nothing_known : known->second;
}

bool Run::any_unread() const {
  return std::any_of(trade_notes_.begin(), trade_notes_.end(), [](const auto& known) { return known.second.unread; });
}

void Run::forget_what_was_unread() {
  for (auto& [trade, known] : trade_notes_) known.ask_again = std::exchange(known.unread, false);
}

std::set<ClientOrderId> Run::take_what_goes_again() {
  std::set<ClientOrderId> stops;
  for (auto& [order, known] : order_notes_) {
    if (!std::exchange(known.again, false)) continue;
    known.twice = true;
    stops.insert(order);
  }
  return stops;
}

bool Run::copy_may_come(const Order& order) const {
  return order_notes(order.client_id).twice &&
         venue_now() <= order.valid_until + ports.protector.traits().absence_margin;
}

bool Run::lease_holds() {
  if (fenced) return false;
  if (!lease) return true;
  const auto held = lease->still_held();
  if (held && *held) return true;
  fenced = held.has_value();
  if (!held) store_failed(held.error());
  return false;
}

void Run::store_failed(const Error& error) {
  if (error.fault == Fault::fenced) {
    fenced = true;
  } else if (!store_lost) {
    store_lost = true;
    report.error = error.what;
    say(Line{Event::store_lost}.add("error", error.what));
    const bool at_stake = sent_entries || !book.trades.empty();
    if (!at_stake) return;
    Notice notice = notice_of(NoticeType::store_lost, "STORE_LOST:" + settings.run_id, now);
    notice.facts = {{"error", error.what}, {"open trades", std::to_string(book.trades.size())}};
    tell_directly(notice);
  }
}

void Run::commit(std::vector<Item> items) {
  std::erase_if(items, [](const Item& item) { return item.empty() && item.tale.empty(); });
  if (items.empty()) return;
  write_and_take(items);
}

void Run::write_and_take(std::span<Item> items) {
  if (fenced) return;
  if (store_lost) {
    // Only what this run itself bought is finished without the store.
    for (Item& item : items)
      if (notes(item.trade).own) take(item);
    return;
  }
  std::vector<Change> changes;
  changes.reserve(items.size());
  for (const Item& item : items) changes.push_back(item.change);
  Result<std::vector<Written>> written = failed(Fault::data, "not written");
  try {
    written = journal().write(changes);
  } catch (const std::exception& error) {
    written = failed(Fault::data, error.what());
  }
  if (!written && written.error().fault == Fault::data) {
    if (items.size() > 1) {
      for (std::size_t i = 0; i < items.size(); ++i) write_and_take(items.subspan(i, 1));
    } else {
      notes(items.front().trade).dropped = true;
      criticals.push_back("refused by the store: " + written.error().what);
      say(Line{Event::item_dropped}.add("trade", items.front().trade).add("error", written.error().what));
    }
    return;
  }
  if (!written) {
    store_failed(written.error());
    if (!fenced) write_and_take(items);
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    if ((*written)[i] == Written::yes) {
      take(items[i]);
    } else {
      // Somebody wrote this trade since it was read: the next run, or the next pass, looks again.
      notes(items[i].trade).dropped = true;
      say(Line{Event::item_stale}.add("trade", items[i].trade));
    }
  }
}

TradeRecord& Item::record(const TradeRecord& as_it_stands) {
  const auto known = std::find_if(change.trades.begin(), change.trades.end(),
                                  [&](const TradeRecord& record) { return record.id == as_it_stands.id; });
  return known != change.trades.end() ? *known : change.trades.emplace_back(as_it_stands);
}

void Run::take(Item& item) {
  for (TradeRecord& record : item.change.trades) {
    record.version += 1;
    put(record);
  }
  for (auto* rows : {&item.change.append, &item.change.advance}) {
    for (Order& row : *rows) {
      row.version += 1;
      put(row);
    }
  }
  for (const AlarmEdge& edge : item.change.alarms) {
    auto& standing = book.alarms;
    std::erase_if(standing, [&](const Alarm& alarm) { return same_alarm(alarm, edge.alarm); });
    if (edge.what != AlarmEdge::What::clear) standing.push_back(edge.alarm);
  }
  tell_tale(item);
}

void Run::tell_tale(const Item& item) {
  for (const auto& word : item.tale) {
    std::visit(overloaded{
                   [&](const Line& line) { say(line); },
                   [&](const Notice& notice) {
                     if (store_lost) {
                       if (notice.severity == Severity::critical) tell_directly(notice);
                       return;
                     }
                     outbox.has_more = true;
                     if (ports.notifier.immediate() && !book.notices_waiting) deliver_now(notice);
                   },
               },
               word);
  }
}

void drop_item(Run& run, const ClientOrderId& trade, std::string_view doing, const std::exception& error) {
  run.notes(trade).dropped = true;
  run.criticals.push_back(std::string{doing} + ": " + error.what());
  run.say(Line{Event::item_dropped}.add("trade", trade).add("doing", doing).add("error", error.what()));
}

}  // namespace tradeguard
