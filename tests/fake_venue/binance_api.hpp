// The Spot REST API of Binance as its facts have it: parameters, signatures, filters, its codes,
// weights. Contract tests: tests/fake_venue/signature_test.cpp, tests/fake_venue/process_test.cpp
#pragma once

#include <chrono>
#include <set>

#include "exchange.hpp"
#include "ground.hpp"
#include "json.hpp"

namespace tradeguard::fake {

class BinanceApi final : public Front {
 public:
  BinanceApi(Exchange& exchange, Ground ground, Ed25519Pair key)
      : exchange_{exchange}, ground_{ground}, key_{std::move(key)} {
    forget();
  }
  std::string endpoint(const Request& request) const override { return request.method + " " + request.path; }
  std::vector<std::string> clients(const Request& request) override;
  Reply answer(const Request& request, const Fault* fault, Instant now) override;
  void forget() override;

 private:
  struct Call;
  struct Refused;
  struct Route;
  using Outcome = std::string;  // the body

  static const std::map<std::string, Route>& routes();
  static Pairs parameters(const Request& request);
  void check_weight(const Request& request, const Route& route, Call& call);
  void check_signature(const Request& request, Call& call);
  void check_time(const Call& call);
  void check_order_count(const Request& request, int orders, Call& call);

  Outcome ping(Call& call);
  Outcome time(Call& call);
  Outcome exchange_info(Call& call);
  Outcome ticker(Call& call);
  Outcome create(Call& call);
  Outcome test_create(Call& call);
  Outcome create_pair(Call& call);
  Outcome cancel(Call& call);
  Outcome cancel_list(Call& call);
  Outcome query(Call& call);
  Outcome open_orders(Call& call);
  Outcome all_orders(Call& call);
  Outcome query_list(Call& call);
  Outcome open_lists(Call& call);
  Outcome trades(Call& call);
  Outcome account(Call& call);
  Outcome commission(Call& call);

  const Market& market_of(const Call& call) const;
  Wanted read_order(Call& call) const;
  Wanted read_leg(Call& call, const std::string& prefix) const;
  Decimal amount(const Call& call, const std::string& name) const;
  std::string client_id(Call& call, const std::string& name);
  void check_filters(const Wanted& wanted, bool funds) const;
  void check_client_id(const Wanted& wanted) const;
  Order* find(const Call& call, const std::string& id_name, const std::string& client_name) const;
  std::string status_of(const Order& order, const Call& call) const;
  std::string answer_json(const Order& order, const Call& call) const;
  std::string order_json(const Order& order, const Call& call) const;
  std::string list_json(const std::vector<Order*>& legs, const Call& call, bool with_reports) const;
  std::string wire_symbol(const std::string& symbol) const;

  Exchange& exchange_;
  Ground ground_;
  Ed25519Pair key_;
  Window weight_{6000, Micros{std::chrono::minutes{1}}};
  Window orders_10s_{100, 10s};
  Window orders_1d_{200'000, 24h};
  std::int64_t throttled_ = 0;
  Micros banned_until_{0};
  std::int64_t names_ = 0;
};

}  // namespace tradeguard::fake
