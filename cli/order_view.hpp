// An order as commands show it.
#pragma once

#include <string>

#include "json.hpp"
#include "tradeguard/order.hpp"

namespace tradeguard::cli {

std::string id_at_venue(const Order& order);  // else its client id; one line in any case
// The fields of an order, into an object that is open.
void write_order(Json& json, const Order& order);

}  // namespace tradeguard::cli
