// The whole fake: both exchanges, Telegram, the clock, the faults, and the page of controls that
// tests turn them by. It knows requests and replies, and no socket.
//
// The controls, plain HTTP on the admin port; parameters in the query, answers in JSON:
//   POST /reset                          orders, balances, messages, faults, counters; not the
//   settings POST /settings?NAME=VALUE&…          ground.cpp has the names; /settings?reset=1 for
//   the defaults POST /clock?at=MICROSECONDS | at=real | offset=MICROSECONDS POST
//   /price?symbol=S&price=P         a trade at both exchanges, or at [exchange=cryptocom|binance]
//   POST /balance?currency=C&amount=A[&exchange=E]
//   POST /market?symbol=S&…[&exchange=E] lists or changes one: price, tick, step, min_quantity,
//                                        max_quantity, min_notional, max_notional, fee, open, stop_market,
//                                        max_stops, max_price, and Binance's price band: bid_down,
//                                        bid_up, ask_down, ask_up, reference
//   POST /fault?on=ENDPOINT&…            faults.hpp; POST /faults/clear
//   POST /order?client=ID&…              effects of faults.hpp on an order that exists;
//   fill_now=PART
//                                        fills that part of it; end_now=cancelled|expired|rejected
//   POST /listen?on=0|1                  the TLS port refuses connections, and drops those it has
//   GET /stats /orders /balances /messages /timeline /conserved, [exchange=E]
// Contract test: tests/fake_venue/process_test.cpp
#pragma once

#include <functional>

#include "binance_api.hpp"
#include "cryptocom_api.hpp"
#include "telegram_api.hpp"

namespace tradeguard::fake {

class FakeVenue {
 public:
  // What the server that carries it does for it.
  struct Server {
    std::function<void(Micros, std::function<void()>)> later;
    std::function<void(bool)> listen;
  };
  FakeVenue(Ed25519Pair key, Server server);

  // `done` is called once; at once or later.
  void answer(const Request& request, const std::function<void(const Reply&)>& done);
  Reply control(const Request& request);
  // The reply goes out with its Date.
  Instant now() const;
  Stats& stats() { return stats_; }

 private:
  struct Event {
    Instant at;
    Micros took;
    std::string endpoint;
    std::string clients;
    int status;
  };

  Front* front_for(const Request& request);
  Reply carry_out(Front& front, const Request& request, const Fault* fault);
  static Reply instead(const Fault& fault, Reply usual);
  void reset();
  std::vector<Exchange*> chosen(const Pairs& query);
  Reply change(const std::string& path, const Pairs& query);
  bool change_order(const Pairs& query, std::string& why);
  bool change_market(const Pairs& query, std::string& why);
  std::string stats_json();
  std::string orders_json(const Pairs& query);
  std::string balances_json(const Pairs& query);
  std::string messages_json() const;
  std::string timeline_json() const;

  Server server_;
  Settings settings_;
  Stats stats_;
  Ground ground_{settings_, stats_};
  Exchange cryptocom_{5'755'600'460'000'000'000};
  Exchange binance_{4'611'686'000};
  CryptocomApi cryptocom_api_{cryptocom_, ground_};
  BinanceApi binance_api_;
  TelegramApi telegram_api_{ground_};
  Faults faults_;
  std::optional<Instant> fixed_;
  Micros offset_{0};
  std::vector<Event> timeline_;
};

}  // namespace tradeguard::fake
