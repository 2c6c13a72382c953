#include "rows.hpp"

#include <algorithm>
#include <utility>

namespace tradeguard {

Result<Applied> fill_applied(const Order& entry, const Fill& fill, VenueStatus status, const std::string& reason,
                             Instant now) {
  // Zero: what was to be spent was known, and not what it would buy.
  const bool size_known = entry.quantity.is_positive();
  if (size_known && fill.filled > entry.quantity)
    return failed(Fault::data, "more was filled than was ordered: " + fill.filled.text() + " of " +
                                   entry.quantity.text() + "; nothing was written");
  Sighting sighting{.client_id = entry.client_id,
                    .venue_id = fill.venue_id.empty() ? entry.venue_id : fill.venue_id,
                    .fired_id = {},
                    .symbol = entry.symbol,
                    .side = entry.side,
                    .type = entry.type,
                    .status = size_known && fill.filled == entry.quantity ? VenueStatus::filled : status,
                    .quantity = entry.quantity,
                    .filled = fill.filled,
                    .filled_value = fill.value};
  sighting.fee_base = fill.fee_base.value_or(Quantity{});
  // Totals only grow, so the newest word is the largest one, whatever became of the clock.
  sighting.at = entry.sighted_at ? std::max(now, *entry.sighted_at) : now;
  sighting.reason = reason;
  return apply(entry, sighting, now);
}

Result<Trade> whole_trade(Account& account, const ClientOrderId& id) {
  auto record = account.journal().trade(id);
  if (!record) return relayed(record);
  auto entry = account.journal().order(id);
  if (!entry) return relayed(entry);
  if (!*record || !*entry || (*entry)->leg != Leg::entry) return failed(Fault::data, "no trade with the id " + id);
  auto rows = account.journal().orders_of((*entry)->signal_key);
  if (!rows) return relayed(rows);
  Trade trade{std::move(**record), {std::move(**entry)}, {}};
  for (Order& row : *rows) {
    if (row.trade != id || row.client_id == id) continue;
    (row.leg == Leg::entry ? trade.entries : trade.legs).push_back(std::move(row));
  }
  return trade;
}

}  // namespace tradeguard
