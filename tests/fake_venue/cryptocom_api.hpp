// The REST API of the Crypto.com Exchange as its facts have it: envelope, types, signature, nonce,
// both namespaces of orders, its codes. Contract tests: tests/fake_venue/signature_test.cpp,
// tests/fake_venue/process_test.cpp
#pragma once

#include "exchange.hpp"
#include "ground.hpp"
#include "json.hpp"

namespace tradeguard::fake {

// What a private request is signed over, between api key and nonce.
std::string param_string(const Json& params);

class CryptocomApi final : public Front {
 public:
  CryptocomApi(Exchange& exchange, Ground ground) : exchange_{exchange}, ground_{ground} {}
  std::string endpoint(const Request& request) const override;
  std::vector<std::string> clients(const Request& request) override;
  Reply answer(const Request& request, const Fault* fault, Instant now) override;
  void forget() override { windows_.clear(); }

 private:
  struct Call;
  struct Refused;
  using Outcome = std::string;  // the JSON of `result`, "" for none

  void check_envelope(const Request& request, Call& call);
  void check_rate(const Request& request, const Call& call);
  Outcome run(Call& call);
  Outcome instruments(const Call& call);
  Outcome risk_parameters();
  Decimal dollars(const std::string& currency) const;
  Outcome tickers(const Call& call);
  Outcome valuations(const Call& call);
  Outcome create(Call& call);
  Outcome create_advanced(Call& call);
  Outcome create_pair(Call& call);
  Outcome cancel(Call& call, bool advanced);
  Outcome cancel_pair(Call& call);
  Outcome detail(Call& call, bool advanced);
  Outcome open_orders(Call& call, bool advanced);
  Outcome history(Call& call, bool advanced);
  Outcome list_detail(Call& call);
  Outcome trades(Call& call);
  Outcome fee_rate(const Call& call);
  Outcome balance();

  Wanted read_order(const Json& params, const Call& call, bool advanced) const;
  void check_client_id(const std::string& id) const;
  void check_size(const Wanted& wanted) const;
  void refuse_with_record(Call& call, const Wanted& wanted, int code);
  Order* find(const Json& params, bool advanced, bool& other_namespace);
  std::string order_json(const Order& order, const Call& call, bool advanced) const;
  std::string list_json(const std::vector<Order*>& orders, Call& call, bool advanced);
  std::string whole(const std::string& digits) const;  // as number or as text

  Exchange& exchange_;
  Ground ground_;
  std::map<std::string, Window> windows_;
};

}  // namespace tradeguard::fake
