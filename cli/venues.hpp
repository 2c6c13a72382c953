// The venues of this program: one row each, and nothing else in the CLI tells them apart.
// Test: tests/cli/venues_test.cpp
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "tradeguard/clock.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/https_transport.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/venue.hpp"
#include "tradeguard/venue_check.hpp"

namespace tradeguard::cli {

struct Credentials {
  Secret api_key;
  Secret api_secret;
};

// What a real exchange is traded through. The transport it was opened over outlives it.
struct OpenedVenue {
  std::unique_ptr<OrderPlacer> placer;
  SltpPlacer* protector = nullptr;  // the same object
};

struct VenueRow {
  VenueKind kind = VenueKind::paper;
  std::string_view name;  // as the configuration and the accounts of a store write it
  // Of an exchange; paper has none of it.
  std::string_view base_url = {};
  std::vector<RateLimit> (*limits)() = nullptr;
  OpenedVenue (*open)(const Settings& settings, Credentials keys, HttpTransport& transport, Clock& clock,
                      Log& log) = nullptr;
  // What only its adapter knows to ask. `placer` is what `open` made over this transport; both outlive it.
  std::unique_ptr<VenueExamination> (*examine)(const Settings& settings, Credentials keys, OrderPlacer& placer,
                                               HttpTransport& transport, Clock& clock) = nullptr;
};

std::span<const VenueRow> venues();
const VenueRow& row_of(VenueKind kind);

}  // namespace tradeguard::cli
