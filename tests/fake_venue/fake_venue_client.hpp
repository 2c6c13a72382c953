// The fake venue as a process of a test: started, told what to do, asked what there was, ended.
// Contract test: tests/fake_venue/process_test.cpp
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"
#include "tradeguard/decimal.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::fake {

class FakeVenueProcess {
 public:
  // What a client of the venue is configured with.
  static constexpr std::string_view api_key = "fake-venue-hmac-key";
  static constexpr std::string_view api_secret = "fake-venue-secret";
  static constexpr std::string_view ed25519_api_key = "fake-venue-ed25519-key";
  static constexpr std::string_view bot_token = "123456789:fake-venue-token";
  static constexpr std::string_view chat_id = "4242";

  // Starts it with `controls` ("/settings?latency_ms=5") carried out before it listens, and waits
  // until it does. Throws std::runtime_error when it does not.
  explicit FakeVenueProcess(const std::vector<std::string>& controls = {});
  ~FakeVenueProcess();
  FakeVenueProcess(const FakeVenueProcess&) = delete;
  FakeVenueProcess& operator=(const FakeVenueProcess&) = delete;

  std::string url() const;            // https://127.0.0.1:PORT, for Binance and Telegram as it is
  std::string cryptocom_url() const;  // .../exchange/v1
  int port() const { return port_; }
  int admin_port() const { return admin_port_; }
  const std::string& ca_file() const { return ca_; }
  std::string ed25519_key_file() const;  // the private key of ed25519_api_key, PEM
  pid_t pid() const { return pid_; }

  void reset();
  void set(std::string_view setting, std::string_view value);  // ground.cpp has the names
  void set_price(std::string_view symbol, Decimal price);
  void set_balance(std::string_view currency, Decimal amount);
  void set_clock(Instant at);  // stands still there
  void real_clock();
  void set_clock_offset(Micros ahead);
  // fault("private/create-order", {{"drop", "after"}}); faults.hpp has the effects.
  using Effects = std::map<std::string, std::string>;
  void fault(std::string_view endpoint, const Effects& effects);
  void clear_faults();
  // Effects on an order that exists, and fill_now=PART, end_now=cancelled|expired|rejected.
  void change_order(std::string_view client_id, const Effects& effects);
  void listen(bool on);

  // An order as the exchange itself has it, in the words of /orders.
  std::vector<Json> orders(std::string_view client_id = {});
  Json stats();
  Json balances();
  std::vector<std::string> messages();  // what readers of Telegram saw
  bool conserved();

  // Any control or page; throws std::runtime_error when it is refused.
  Json post(const std::string& path, const Effects& query = {});
  Json get(const std::string& path);

 private:
  std::string ask(const std::string& method, const std::string& target);
  std::string read_line() const;

  std::string dir_;
  pid_t pid_ = -1;
  int out_ = -1;
  int port_ = 0;
  int admin_port_ = 0;
  std::string ca_;
};

}  // namespace tradeguard::fake
