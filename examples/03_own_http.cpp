// 03: one order per signal, with the bot's own HTTP code. Teaches IdempotencyGuard without a
// placer: claim, send, settle.
//
// The claim is durable before the first byte leaves. So a crash, a rerun or a second process finds
// the key taken, and an answer that was lost is looked up under the client id and never re-sent.
// "Refused" and "unsent" are different words: a refusal keeps the key, what was never sent frees
// it. The account is one that no monitor_cycle works on: for that an entry has to carry rules and
// plan.
#include <iostream>
#include <map>
#include <stdexcept>

#include "tradeguard/clock.hpp"
#include "tradeguard/order_state.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_session.hpp"

using namespace tradeguard;

namespace {

void must(const Result<void>& done) {
  if (!done) throw std::runtime_error{done.error().what};
}

// ---- What the bot has already: code that talks to its exchange ----------------------------------

enum class Weather { fair, answer_lost, not_connected };

class MyExchange {
 public:
  struct Reply {
    enum class What { ok, timed_out, no_connection } what;
    std::string order_id;
  };
  Reply post_market_buy(const std::string& client_id, Quantity quantity, Weather weather) {
    if (weather == Weather::not_connected) return {Reply::What::no_connection, ""};
    orders_[client_id] = {std::to_string(++last_id_), quantity};
    std::cout << "  POST " << client_id << '\n';
    if (weather == Weather::answer_lost) return {Reply::What::timed_out, ""};
    return {Reply::What::ok, orders_[client_id].first};
  }
  // GET by client id: the exchange's own record.
  std::optional<Sighting> get(const Order& order, Instant now) const {
    const auto found = orders_.find(order.client_id);
    if (found == orders_.end()) return std::nullopt;
    const auto& [id, quantity] = found->second;
    return Sighting{.client_id = order.client_id,
                    .venue_id = id,
                    .symbol = order.symbol,
                    .side = Side::buy,
                    .type = OrderType::market,
                    .status = VenueStatus::filled,
                    .quantity = quantity,
                    .filled = quantity,
                    .filled_value = cost(*order.price, quantity, Rounding::half_even),
                    .fee_base = Quantity{},
                    .at = now};
  }

 private:
  std::map<std::string, std::pair<std::string, Quantity>> orders_;
  int last_id_ = 1000;
};

// ---- What it takes to put tradeguard around it
// ---------------------------------------------------

PlaceOutcome outcome_of(const MyExchange::Reply& reply, const Order& order, const MyExchange& at,
                        Instant now) {
  switch (reply.what) {
    case MyExchange::Reply::What::ok:
      return Accepted{reply.order_id, at.get(order, now)};
    case MyExchange::Reply::What::timed_out:
      return InDoubt{"no answer within 2 s"};
    case MyExchange::Reply::What::no_connection:
      return Unsent{Unsent::Why::not_connected, "connection refused"};
  }
  return InDoubt{"impossible"};
}

// What the signal asks for, as it will be claimed and sent.
EntryRequest request_for(const Signal& signal, Instant now) {
  Order order{.client_id = {},
              .trade = {},
              .signal_key = signal_key(signal),
              .symbol = signal.symbol,
              .side = Side::buy,
              .type = OrderType::market,
              .quantity = quantity_for(*signal.notional, *signal.price, Rounding::down),
              .price = signal.price};
  order.stamp = now;
  order.valid_until = now + 10s;  // the exchange takes the request no later
  return {signal, std::move(order), *signal.notional, std::nullopt};
}

struct Bot {
  SqlSession& session;
  MyExchange& exchange;
  Clock& clock;
  Pen pen{{"my-exchange", "main"}, std::nullopt};  // with a run lock its fence stands here
  SqlIdempotencyGuard guard{session, pen};
  EntryPolicy policy{.cooldown = {}, .max_order_notional = Money{100}, .max_open_positions = 0};

  void carry_out(const Signal& signal, Weather weather = Weather::fair) {
    std::cout << signal_key(signal) << '\n';
    const EntryRequest request = request_for(signal, clock.now());
    auto judged = guard.claim({&request, 1}, policy, clock.now()).value();
    std::visit(overloaded{
                   [&](EntryTicket& ticket) {
                     const Order& order = ticket.order();
                     const auto reply =
                         exchange.post_market_buy(order.client_id, order.quantity, weather);
                     const auto outcome = outcome_of(reply, order, exchange, clock.now());
                     must(guard.settle(ticket, outcome, clock.now()));
                     std::cout << "  " << describe(outcome) << '\n';
                   },
                   [](Duplicate& known) {
                     std::cout << "  not again: it is order " << known.existing_order_id << '\n';
                   },
                   [](Denied& denied) { std::cout << "  denied: " << denied.reason << '\n'; },
                   [](Fenced&) { std::cout << "  another run holds the account\n"; },
               },
               judged.front().outcome);
  }

  // At the start of each run: what is in doubt is asked for, and the answer is written down.
  void tidy_up() {
    SqlJournal journal{session, pen};
    const OpenBook book = journal.open_book(clock.now()).value();
    std::vector<Change> changes;
    for (const Trade& trade : book.trades) {
      Order order = trade.entry();
      TradeRecord record = trade.record;
      if (order.in_doubt()) {
        const auto sighting = exchange.get(order, clock.now());
        if (!sighting) continue;  // absence needs proof: see proves_absence()
        std::cout << "looked up " << order.signal_key << ": order " << sighting->venue_id << '\n';
        order = apply(order, *sighting, clock.now()).order;
      }
      // What becomes of the position is this bot's own affair, so for tradeguard the trade is over.
      record.settled = order.state == OrderState::closed;
      changes.push_back({.advance = {std::move(order)}, .trades = {std::move(record)}});
    }
    if (!journal.write(changes)) throw std::runtime_error{"the journal could not be written"};
  }
};

Signal buy(std::string_view symbol, std::string_view price, Instant at) {
  Signal signal{.symbol = Symbol::parse(symbol).value(), .side = Side::buy, .time = at};
  signal.notional = Money{50};
  signal.price = Price::parse(price);
  return signal;
}

}  // namespace

int main() {
  SqliteOptions options;
  options.mode = SqliteOptions::Mode::create;
  auto session = SqliteSession::open("own_http.db", options).value();
  must(init_schema(*session));
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  MyExchange exchange;
  Bot bot{*session, exchange, clock};

  const Signal eth = buy("ETH_USDT", "3350.5", clock.now());
  bot.carry_out(eth);
  bot.carry_out(eth);  // a rerun

  const Signal sol = buy("SOL_USDT", "181.2", clock.now());
  bot.carry_out(sol, Weather::answer_lost);
  bot.carry_out(sol);  // in doubt is not failed
  bot.tidy_up();

  const Signal btc = buy("BTC_USDT", "97250", clock.now());
  bot.carry_out(btc, Weather::not_connected);
  bot.carry_out(btc);  // nothing left this machine, so the key is free again
}
