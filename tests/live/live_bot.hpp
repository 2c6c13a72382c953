// A bot that trades live, on a venue of its own: the binary, its store, and the exchange it speaks
// to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fake_venue_client.hpp"
#include "stores.hpp"

namespace tradeguard::live {

using cli::test::Environment;
using cli::test::Ran;
using cli::test::Started;
using cli::test::Trading;
using fake::FakeVenueProcess;
using fake::Json;

struct Kinds {
  std::string venue;  // "cryptocom", "binance"
  std::string store;  // "sqlite", "postgres"
};
// Every test begins with: LiveBot bot{any_kind()};
Kinds any_kind();

// What there is to go wrong at; each exchange has a name of its own for it.
enum class At { entry, pair, stop, look, balances };

class LiveBot {
 public:
  // Its store is new and has seen one empty run, for at a real exchange a new store takes only what
  // is said after it was made. `ini` comes behind the usual; `markets` before it stay as they are.
  explicit LiveBot(const Kinds& kinds, std::string_view ini = "", bool live = true);

  bool cryptocom() const { return kinds_.venue == "cryptocom"; }
  std::string endpoint(At at) const;
  const Environment& environment() const { return environment_; }
  void set(std::string name, std::string value);

  Ran cycle(std::string_view signals = "", const std::vector<std::string>& more = {}) const;
  Started start_cycle(std::string_view signals) const;
  Ran command(std::vector<std::string> arguments) const;
  // Until the venue has seen this many requests of it; fails the test after 20 s.
  void wait_for_request(At at, std::int64_t how_many = 1);
  std::int64_t requests(At at);
  std::int64_t requests(std::string_view endpoint);
  std::int64_t all_requests();

  // At the exchange this bot trades at.
  std::vector<Json> orders();
  std::vector<Json> entries();
  std::vector<Json> open_stops();
  std::vector<Json> open_targets();
  // Every open own coin is covered by a stop of its size, up to a step.
  bool covered();

  // Everything ever written to a log, and everything in the store.
  std::string store_text() const;

 private:
  Kinds kinds_;

 public:
  FakeVenueProcess venue;
  Trading trading;

 private:
  Environment environment_;
};

// A signal of now, at the price of the market.
std::string buy_eth();
std::string buy_of(std::string_view symbol, std::string_view price);
bool mentions(const Ran& ran, std::string_view text);
std::size_t count_of(const std::vector<std::string>& texts, std::string_view part);

}  // namespace tradeguard::live
