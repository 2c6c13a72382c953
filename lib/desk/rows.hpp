// Rows as a desk writes and tells them.
#pragma once

#include "tradeguard/desk.hpp"
#include "tradeguard/order_line.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

// What the bot says of its entry, heard as the exchange's own record of it. Fault::data: it is more than was ordered.
Result<Applied> fill_applied(const Order& entry, const Fill& fill, VenueStatus status, const std::string& reason,
                             Instant now);
// Open or settled, with its legs. Fault::data: there is none.
Result<Trade> whole_trade(Account& account, const ClientOrderId& id);

}  // namespace tradeguard
