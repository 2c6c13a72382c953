#include "venues.hpp"

#include <algorithm>
#include <array>

#include "tradeguard/binance_examination.hpp"
#include "tradeguard/cryptocom_examination.hpp"

namespace tradeguard::cli {
namespace {

Decimal highest_fee_rate(const Settings& settings) {
  return Decimal::divide(settings.highest_fee_percent, Decimal{100}, Rounding::up);
}

OpenedVenue open_cryptocom(const Settings& settings, Credentials keys, HttpTransport& transport, Clock& clock,
                           Log& log) {
  CryptocomSettings own{.patience = settings.net_patience,
                        .min_notional = settings.min_notional,
                        .market_min_notional = {},
                        .highest_fee_rate = highest_fee_rate(settings),
                        .paced = settings.paced};
  for (const auto& [symbol, market] : settings.markets)
    if (market.min_notional) own.market_min_notional.emplace(symbol, *market.min_notional);
  auto venue = std::make_unique<CryptocomVenue>(transport, std::move(keys.api_key), std::move(keys.api_secret),
                                                std::move(own), clock, log);
  SltpPlacer* const protector = venue.get();
  return {std::move(venue), protector};
}

std::unique_ptr<VenueExamination> examine_cryptocom(const Settings&, Credentials, OrderPlacer& placer, HttpTransport&,
                                                    Clock& clock) {
  return std::make_unique<CryptocomExamination>(dynamic_cast<CryptocomVenue&>(placer), clock);
}

OpenedVenue open_binance(const Settings& settings, Credentials keys, HttpTransport& transport, Clock& clock, Log& log) {
  BinanceSettings own{.patience = settings.net_patience,
                      .markets = {},
                      .highest_fee_rate = highest_fee_rate(settings),
                      .paced = settings.paced};
  for (const auto& [symbol, market] : settings.markets) own.markets.insert(symbol);
  auto venue = std::make_unique<BinanceVenue>(transport, std::move(keys.api_key), std::move(keys.api_secret),
                                              std::move(own), clock, log);
  SltpPlacer* const protector = venue.get();
  return {std::move(venue), protector};
}

// The venue keeps its key to itself, so what is signed here needs the key once more.
std::unique_ptr<VenueExamination> examine_binance(const Settings& settings, Credentials keys, OrderPlacer& placer,
                                                  HttpTransport& transport, Clock&) {
  return std::make_unique<BinanceExamination>(dynamic_cast<BinanceVenue&>(placer), transport, std::move(keys.api_key),
                                              std::move(keys.api_secret), settings.net_patience);
}

constexpr std::array<VenueRow, static_cast<std::size_t>(VenueKind::count)> rows{{
    {VenueKind::paper, "paper"},
    {VenueKind::cryptocom, "cryptocom", cryptocom_base_url, cryptocom_limits, open_cryptocom, examine_cryptocom},
    {VenueKind::binance, "binance", binance_base_url, binance_limits, open_binance, examine_binance},
}};
constexpr bool each_enumerator_has_its_row() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].kind != static_cast<VenueKind>(i) || rows[i].name.empty()) return false;
  return true;
}
static_assert(each_enumerator_has_its_row(), "a VenueKind has no row here, or they are not in one order");

}  // namespace

std::span<const VenueRow> venues() { return rows; }
const VenueRow& row_of(VenueKind kind) { return rows.at(static_cast<std::size_t>(kind)); }

std::string_view text(VenueKind kind) { return row_of(kind).name; }

std::optional<VenueKind> venue_named(std::string_view name) {
  const auto row = std::ranges::find(rows, name, &VenueRow::name);
  return row == rows.end() ? std::nullopt : std::optional{row->kind};
}

}  // namespace tradeguard::cli
