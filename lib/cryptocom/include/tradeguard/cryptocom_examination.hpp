// CryptocomExamination: what the exchange tells of a key, and whether a stop can be made to rest.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include "tradeguard/cryptocom_venue.hpp"
#include "tradeguard/venue_check.hpp"

namespace tradeguard {

// The exchange has no test call: whether stops rest, only a stop tells.
class CryptocomExamination final : public VenueExamination {
 public:
  CryptocomExamination(CryptocomVenue& venue, Clock& clock) : venue_{venue}, clock_{clock} {}
  std::vector<Finding> examine(const std::map<Symbol, ProtectionPlan>& markets, bool place_far_order) override;

 private:
  Finding try_a_stop(const std::map<Symbol, ProtectionPlan>& markets);
  Finding place_and_cancel(const Order& stop);
  std::optional<Sighting> sight(const Order& stop, const std::string& venue_id, bool open);

  CryptocomVenue& venue_;
  Clock& clock_;
};

}  // namespace tradeguard
