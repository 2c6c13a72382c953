// The venue of example 06 under the contract of a venue: an example that is wrong teaches wrong.
#include "../venue/orders.hpp"
#include "../venue/venues.hpp"
#include "own_venue.hpp"

namespace tradeguard::contract {
namespace {

class OwnVenueUnderTest final : public VenueUnderTest {
 public:
  OrderPlacer& placer() override { return *venue_; }
  SltpPlacer& protector() override { return *venue_; }
  ManualClock& clock() override { return clock_; }
  void trade_at(Price price) override { exchange_.trade_at(price); }
  void set_clock_ahead(Micros span) override { exchange_.ahead = span; }
  // This exchange has no bad days; the sentences about them are left out by name.
  FaultScript& faults() override { throw std::logic_error{"there is no fault to be had here"}; }
  std::vector<Sighting> truth(const ClientOrderId& id) override {
    const Sighting* order = exchange_.find(id);
    return order == nullptr ? std::vector<Sighting>{} : std::vector{*order};
  }
  void restart() override { venue_ = std::make_unique<own_venue::OwnVenue>(exchange_); }

 private:
  ManualClock clock_{parse_iso("2025-01-01T12:00:00Z").value()};
  own_venue::Exchange exchange_{clock_,
                                {.symbol = eth(),
                                 .tick = price("0.01"),
                                 .step = qty("0.0001"),
                                 .min_quantity = qty("0.001"),
                                 .max_quantity = qty("1000"),
                                 .min_notional = money("5"),
                                 .highest_fee_rate = dec("0.001")},
                                price("3000"),
                                Decimal{10'000}};
  std::unique_ptr<own_venue::OwnVenue> venue_ = std::make_unique<own_venue::OwnVenue>(exchange_);
};

}  // namespace

const std::vector<VenueKind>& venues() {
  static const std::vector<VenueKind> all{{"own venue", [] { return std::make_unique<OwnVenueUnderTest>(); }}};
  return all;
}

}  // namespace tradeguard::contract
