#include "tradeguard/order_line.hpp"

namespace tradeguard {

std::string order_id_of(const Order& order) { return order.venue_id.empty() ? order.client_id : order.venue_id; }

Line line_of(Line line, const Order& order) {
  line.add("side", text(order.side));
  line.add("symbol", order.symbol.text());
  line.add("order_id", order_id_of(order));
  line.debug("client_id", order.client_id);
  line.debug("attempt", order.attempt);
  return line;
}

}  // namespace tradeguard
