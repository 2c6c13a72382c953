// The adapters of the real exchanges, over real HTTPS, against the fake venue's process: what goes
// wrong goes wrong on the wire.
#pragma once

#include "fake_venue_client.hpp"
#include "tradeguard/https_transport.hpp"
#include "tradeguard/log.hpp"
#include "venues.hpp"

namespace tradeguard::contract {

// Both halves of an adapter, and what they speak through. Made again for each process of ours.
struct Adapter {
  OrderPlacer& placer;
  SltpPlacer& protector;
  std::shared_ptr<void> keeps_alive;
};

// How an exchange says what a mishap means: the faults of the fake that come to it.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual HttpsSettings https(const fake::FakeVenueProcess& server) const = 0;
  virtual Adapter adapter(HttpTransport& transport, Clock& clock, Log& log) const = 0;
  // Settings that make the fake the contract's exchange.
  virtual fake::FakeVenueProcess::Effects settings() const = 0;
  virtual Instant start() const = 0;
  // The fault that makes the exchange refuse with the code that says so.
  virtual fake::FakeVenueProcess::Effects refusal(Mishap mishap) const = 0;
  virtual std::string empty_result() const = 0;
  virtual std::string third_coin() const = 0;
  // Of a view that is read from its end: so many rows that there may be more.
  virtual std::string history_view() const = 0;
  virtual std::string full_page() const = 0;
  // Members of a record: what is filled, what it is worth; and where fees are read.
  virtual std::string filled_members() const = 0;
  virtual std::string value_members() const = 0;
  virtual std::string fee_members() const = 0;
  virtual std::string trades_view() const = 0;
  virtual std::string balances_view() const = 0;
};

class WireUnderTest final : public VenueUnderTest {
 public:
  explicit WireUnderTest(std::unique_ptr<Dialect> dialect);
  ~WireUnderTest() override;
  OrderPlacer& placer() override;
  SltpPlacer& protector() override;
  ManualClock& clock() override { return clock_; }
  void trade_at(Price price) override;
  void set_clock_ahead(Micros span) override;
  FaultScript& faults() override { return faults_; }
  std::vector<Sighting> truth(const ClientOrderId& id) override;
  void restart() override;

 private:
  class Spoilt;
  void tell_time();

  std::unique_ptr<Dialect> dialect_;
  fake::FakeVenueProcess server_;
  ManualClock clock_;
  Log log_;
  FaultScript faults_;
  std::unique_ptr<HttpTransport> transport_;
  std::unique_ptr<Adapter> adapter_;
  std::unique_ptr<Spoilt> spoilt_;
};

}  // namespace tradeguard::contract
