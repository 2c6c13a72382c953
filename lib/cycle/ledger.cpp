#include "ledger.hpp"

#include <algorithm>
#include <utility>

namespace tradeguard {

Trade* Ledger::trade(const ClientOrderId& id) {
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
void Ledger::find_places() {
  places_.clear();
  owners_.clear();
  for (std::size_t i = 0; i < book.trades.size(); ++i) {
    const Trade& known = book.trades[i];
    places_.insert_or_assign(known.id(), i);
    for (const auto* rows : {&known.entries, &known.legs})
      for (const Order& row : *rows) owners_.insert_or_assign(row.client_id, known.id());
  }
}

const Order* Ledger::order(const ClientOrderId& id) {
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

void Ledger::put(const Order& order) {
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

void Ledger::put(const TradeRecord& record) {
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

const TradeRecord* Ledger::record(const ClientOrderId& id) {
  if (const Trade* known = trade(id)) return &known->record;
  const auto asked = std::find_if(book.questions.begin(), book.questions.end(),
                                  [&](const OpenQuestion& question) { return question.trade.id == id; });
  return asked == book.questions.end() ? nullptr : &asked->trade;
}

const TradeNotes& Ledger::notes(const ClientOrderId& trade) const {
  static const TradeNotes nothing_known;
  const auto known = notes_.find(trade);
  return known == notes_.end() ? nothing_known : known->second;
}

bool Ledger::any_unread() const {
  return std::any_of(notes_.begin(), notes_.end(), [](const auto& known) { return known.second.unread; });
}

void Ledger::forget_what_was_unread() {
  for (auto& [trade, known] : notes_) known.ask_again = std::exchange(known.unread, false);
}

bool Ledger::lease_holds() {
  if (fenced) return false;
  if (!lease) return true;
  const auto held = lease->still_held();
  if (held && *held) return true;
  fenced = held.has_value();
  if (!held) store_failed(held.error());
  return false;
}

void Ledger::store_failed(const Error& error) {
  if (error.fault == Fault::fenced) {
    fenced = true;
  } else if (!store_lost) {
    store_lost = true;
    store_error = error.what;
    say(Line{Event::store_lost}.add("error", error.what));
    const bool at_stake = entries_sent || !book.trades.empty();
    if (!at_stake) return;
    Notice notice = notice_of(NoticeType::store_lost, "STORE_LOST:" + run_id_, clock_.now);
    notice.facts = {{"error", error.what}, {"open trades", std::to_string(book.trades.size())}};
    tell_directly(notice);
  }
}

void Ledger::commit(std::vector<Item> items) {
  std::erase_if(items, [](const Item& item) { return item.empty() && item.tale.empty(); });
  if (items.empty()) return;
  write_and_take(items);
}

void Ledger::write_and_take(std::span<Item> items) {
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

void Ledger::take(Item& item) {
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

void Ledger::tell_tale(const Item& item) {
  for (const auto& word : item.tale) {
    std::visit(overloaded{
                   [&](const Line& line) { say(line); },
                   [&](const Notice& notice) {
                     if (store_lost) {
                       if (notice.severity == Severity::critical) tell_directly(notice);
                       return;
                     }
                     notices_written = true;
                     if (messenger_.notifier.immediate() && !book.notices_waiting) messenger_.deliver_now(notice);
                   },
               },
               word);
  }
}

void Ledger::tell_directly(const Notice& notice) {
  criticals.push_back(std::string{type_of(notice)});
  messenger_.tell_without_store(notice);
  // A slow messenger must not stand between a fill and its stop.
  if (!entries_sent) tell_what_waits();
}

void Ledger::tell_what_waits() {
  messenger_.tell_untold();
  if (store_lost) messenger_.delivered.clear();
}

void drop_item(Ledger& ledger, const ClientOrderId& trade, std::string_view doing, const std::exception& error) {
  ledger.notes(trade).dropped = true;
  ledger.criticals.push_back(std::string{doing} + ": " + error.what());
  ledger.say(Line{Event::item_dropped}.add("trade", trade).add("doing", doing).add("error", error.what()));
}

}  // namespace tradeguard
