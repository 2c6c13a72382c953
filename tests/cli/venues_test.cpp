// The venues of this program: each has a row, a word in the configuration, and what it takes to be traded.
#include "venues.hpp"

#include <catch2/catch.hpp>

using namespace tradeguard;
using namespace tradeguard::cli;

TEST_CASE("each venue's word is taken by the configuration, and named where another one is refused") {
  const auto key =
      std::ranges::find_if(keys(), [](const Key& one) { return one.section == "venue" && one.name == "kind"; });
  REQUIRE(key != keys().end());
  for (const VenueRow& row : venues()) {
    INFO(row.name);
    Settings settings;
    CHECK(key->read(settings, row.name));
    CHECK(settings.kind == row.kind);
    CHECK(text(row.kind) == row.name);
    CHECK(venue_named(row.name) == row.kind);
    CHECK(key->expected.find(row.name) != std::string_view::npos);
  }
  CHECK_FALSE(venue_named("kraken"));
  CHECK_FALSE(venue_named(""));
}

TEST_CASE("every venue but paper has an address under TLS, limits, and an adapter that can be examined") {
  for (const VenueRow& row : venues()) {
    INFO(row.name);
    if (row.kind == VenueKind::paper) {
      CHECK(row.open == nullptr);
      continue;
    }
    CHECK(row.base_url.starts_with("https://"));
    REQUIRE(row.limits != nullptr);
    CHECK_FALSE(row.limits().empty());
    CHECK(row.open != nullptr);
    CHECK(row.examine != nullptr);
  }
}
