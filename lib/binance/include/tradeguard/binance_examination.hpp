// BinanceExamination: what the account may do, and whether each market takes the stops that will be placed.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include <memory>

#include "tradeguard/binance_venue.hpp"
#include "tradeguard/venue_check.hpp"

namespace tradeguard {

// Stops and targets are tried with the venue's own test call, which executes nothing; no far order is needed.
class BinanceExamination final : public VenueExamination {
 public:
  // Key and secret are those of the venue. Venue and transport outlive it.
  BinanceExamination(BinanceVenue& venue, HttpTransport& transport, Secret api_key, Secret api_secret, Micros patience);
  ~BinanceExamination() override;
  std::vector<Finding> examine(const std::map<Symbol, ProtectionPlan>& markets, bool place_far_order) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tradeguard
