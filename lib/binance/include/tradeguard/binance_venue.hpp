// BinanceVenue: Binance Spot over REST.
// Contract tests: tests/venue/venue_contract.cpp, tests/binance
#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/secret.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

inline constexpr std::string_view binance_base_url = "https://api.binance.com";

struct BinanceSettings {
  Micros patience = 2s;      // of each request
  std::set<Symbol> markets;  // own orders of the past are looked for in these: the venue lists them by symbol
  Decimal highest_fee_rate;  // assumed of a fill until its fees are read: 0.005 is 0.5 %
  bool paced = true;         // keeps the venue's documented limits; false: a server without limits
};

// The documented limits, by method, for HttpsSettings.
std::vector<RateLimit> binance_limits();

// What an answer said that was not understood is one VENUE_ANSWER line. For one thread.
class BinanceVenue final : public OrderPlacer, public SltpPlacer {
 public:
  // `transport`, `clock` and `log` outlive it. The secret is an HMAC key, or an Ed25519 private key in PEM.
  BinanceVenue(HttpTransport& transport, Secret api_key, Secret api_secret, BinanceSettings settings, Clock& clock,
               Log& log);
  ~BinanceVenue() override;

  const VenueTraits& traits() const override;
  Result<Instant> venue_time() override;
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override;
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override;
  std::optional<Quiet> quiet() const override;
  void keep_quiet(const Quiet& quiet) override;

  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override;
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override;
  Result<std::vector<Sighting>> own_orders(Instant since) override;
  Result<std::string> account_id() override;
  std::string seen_account() const override;

  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override;
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override;
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override;
  Result<std::map<std::string, Balance>> balances() override;
  Market market(const std::set<Symbol>& symbols) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tradeguard
