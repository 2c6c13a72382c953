#include "world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "../unit/listed.hpp"

namespace tradeguard::cycle_test {

namespace {

template <class T>
T must_parse(std::string_view text) {
  const auto value = T::parse(text);
  if (!value) throw std::logic_error{"the test says something unreadable: " + std::string{text}};
  return *value;
}

}  // namespace

Symbol symbol(std::string_view text) { return must_parse<Symbol>(text); }
Price price(std::string_view text) { return must_parse<Price>(text); }
Decimal decimal(std::string_view text) { return must_parse<Decimal>(text); }

World::World() : World{contract::store_backends().front().fresh()} {}

World::World(std::shared_ptr<contract::StoreUnderTest> s, const AccountKey& a) : account{a}, store{std::move(s)} {
  settings.pid = "4711";
  settings.host = "test-host";
  settings.version = "test";
  settings.mode = "paper";
  settings.config_hash = "cafe";
  settings.check_slippage = false;
  paper.prices = &prices;
  paper.faults = &faults;
}

RunReport World::run(std::vector<Signal> signals) {
  const auto session = store->open(account);
  PaperVenue venue{clock, book, paper};
  MemorySignals source;
  int line = 0;
  for (Signal& signal : signals) {
    signal.line = ++line;
    source.give(std::move(signal));
  }
  last_log.clear();
  const bool show = std::getenv("SHOW_LOG") != nullptr;  // for the eyes of whoever mends a test
  Log lines{[this, show](Level level, Instant at, std::string_view text) {
              if (show) std::fputs(formatted(level, at, text, false).c_str(), stderr);
              if (const std::string unlisted = unlisted_in(text); !unlisted.empty()) {
                std::fprintf(stderr, "a line that its event does not list: %s\n", unlisted.c_str());
                std::abort();  // a sink that throws would only lose the line
              }
              log.emplace_back(text);
              last_log.emplace_back(text);
            },
            clock, twins};
  settings.run_id = "4711_" + std::to_string(to_micros(clock.now()) / 1'000'000);
  Wrapped wrapped{&session->lock(), &session->journal(), &session->guard(), &venue, &venue, &told, &source};
  if (wrap) wrap(wrapped);
  Account assembled{session->pen, *wrapped.lock, *wrapped.journal, *wrapped.guard};
  CyclePorts ports{assembled, *wrapped.placer, *wrapped.protector, *wrapped.notifier, *wrapped.signals, clock,
                   lines,     &stop,           unattended};
  ports.live_accounts = live_accounts;
  return monitor_cycle(ports, settings);
}

Signal World::buy(std::string_view name, std::string_view at) const {
  Signal signal{.symbol = symbol(name), .side = Side::buy, .time = const_cast<ManualClock&>(clock).now()};
  signal.notional = Money{Decimal{50}};
  signal.price = price(at);
  return signal;
}

Signal World::sell(std::string_view name) const {
  return Signal{.symbol = symbol(name), .side = Side::sell, .time = const_cast<ManualClock&>(clock).now()};
}

std::vector<PaperOrder> World::venue_orders(std::string_view name) {
  PaperWanted wanted;
  wanted.created_since = Instant{};
  std::vector<PaperOrder> orders;
  if (!book.open(wanted)) throw std::logic_error{"the book does not open"};
  for (const auto& [number, order] : book.state().orders)
    if (order.symbol == symbol(name)) orders.push_back(order);
  if (!book.close({})) throw std::logic_error{"the book does not close"};
  return orders;
}

std::vector<PaperOrder> World::open_orders(std::string_view name) {
  auto orders = venue_orders(name);
  std::erase_if(orders, [](const PaperOrder& order) { return !order.open(); });
  return orders;
}

Decimal World::balance(std::string_view currency) {
  if (!book.open({})) throw std::logic_error{"the book does not open"};
  const auto found = book.state().balances.find(std::string{currency});
  const Decimal amount = found == book.state().balances.end() ? Decimal{} : found->second;
  if (!book.close({})) throw std::logic_error{"the book does not close"};
  return amount;
}

int World::entries_of(std::string_view name) {
  const auto orders = venue_orders(name);
  return static_cast<int>(std::count_if(orders.begin(), orders.end(), [](const PaperOrder& order) {
    return order.side == Side::buy && order.status != VenueStatus::rejected;
  }));
}

bool World::said(std::string_view part) const {
  return std::any_of(last_log.begin(), last_log.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

int World::times_said(std::string_view part) const {
  return static_cast<int>(std::count_if(log.begin(), log.end(),
                                        [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

bool World::was_told(NoticeType type) const { return times_told(type) > 0; }

int World::times_told(NoticeType type) const {
  const auto types = types_told("");
  return static_cast<int>(std::count(types.begin(), types.end(), type));
}

std::vector<NoticeType> World::types_told(std::string_view symbol) const {
  std::vector<NoticeType> types;
  for (const Notice& notice : told.told()) {
    if (!symbol.empty() && notice.symbol != symbol) continue;
    types.push_back(notice.type);
    if (notice.type != NoticeType::digest) continue;
    // A message of several names what it holds: in each title, or behind the word event.
    for (const auto& [key, part] : notice.facts)
      for (const NoticeRow& row : notice_rows()) {
        const std::string word{row.word};
        if (part.find("event: " + word) != std::string::npos || part.find(", " + word + " of ") != std::string::npos ||
            part.find(", " + word + ", ") != std::string::npos)
          types.push_back(row.type);
      }
  }
  return types;
}

std::string World::what_is_wrong(std::string_view name) {
  Quantity held;
  Quantity stops;
  for (const PaperOrder& order : venue_orders(name)) {
    if (order.side == Side::buy)
      held += order.filled - order.fee_base;
    else
      held -= order.filled;
    if (!order.open()) continue;
    if (order.side == Side::buy) return "an entry is still open";
    if (order.type == OrderType::stop_market || order.type == OrderType::stop_limit) stops += order.left();
  }
  const Quantity dust{decimal("0.0015")};  // at test prices below the minimum notional
  if (stops > held) return "stops for " + stops.text() + " of " + held.text();
  if (held - stops > dust) return "naked: " + (held - stops).text() + " of " + held.text();
  return "";
}

}  // namespace tradeguard::cycle_test
