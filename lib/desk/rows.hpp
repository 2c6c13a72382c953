// Rows as a desk writes and tells them.
#pragma once

#include "tradeguard/desk.hpp"
#include "tradeguard/order_line.hpp"

namespace tradeguard {

// What the bot says of its entry, as the exchange's own record of it.
Sighting sighting_of(const Order& entry, const Fill& fill, VenueStatus status, Instant now);
// Open or settled, with its legs. Fault::data: there is none.
Result<Trade> whole_trade(Account& account, const ClientOrderId& id);

}  // namespace tradeguard
