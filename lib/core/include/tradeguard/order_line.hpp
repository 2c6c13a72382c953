// An order as a log line names it.
// Contract test: tests/unit/order_test.cpp
#pragma once

#include <string>

#include "tradeguard/log.hpp"
#include "tradeguard/order.hpp"

namespace tradeguard {

std::string order_id_of(const Order& order);  // the venue's, or ours until that is known
// With its side, market and id; in the twin its client id and attempt.
Line line_of(Line line, const Order& order);

}  // namespace tradeguard
