// Every venue that has to keep the contract. The suite is written once, against what stands here; a
// new venue is one line in paper_venues.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/fault_script.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::contract {

// One account at one exchange, empty when it is made: ETH_USDT at 3000 with tick 0.01, step 0.0001,
// least quantity 0.001 and least notional 5, fees of 0.1 %, 10000 USDT and no ETH. The exchange
// runs by the clock, which stands still unless a test moves it.
class VenueUnderTest {
 public:
  virtual ~VenueUnderTest() = default;
  virtual OrderPlacer& placer() = 0;
  virtual SltpPlacer& protector() = 0;
  virtual ManualClock& clock() = 0;

  // The next trade of the market takes place at this price.
  virtual void trade_at(Price price) = 0;
  // From now on the exchange's clock is ahead of ours by this.
  virtual void set_clock_ahead(Micros span) = 0;
  // What goes wrong from here on.
  virtual FaultScript& faults() = 0;
  // The orders the exchange itself has under a client id, whatever it answers to others.
  virtual std::vector<Sighting> truth(const ClientOrderId& id) = 0;
  // Our process ends and another one begins; the exchange does not notice.
  virtual void restart() = 0;
};

struct VenueKind {
  std::string name;
  std::function<std::unique_ptr<VenueUnderTest>()> fresh;
};
const std::vector<VenueKind>& venues();

}  // namespace tradeguard::contract
