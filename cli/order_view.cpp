#include "order_view.hpp"

#include "tradeguard/foreign_text.hpp"

namespace tradeguard::cli {

std::string id_at_venue(const Order& order) {
  return printable(order.venue_id.empty() ? order.client_id : order.venue_id);
}

void write_order(Json& json, const Order& order) {
  json.field("client_id", order.client_id).field("order_id", id_at_venue(order));
  json.field("leg", text(order.leg)).field("attempt", order.attempt).field("side", text(order.side));
  json.field("type", text(order.type)).field("state", text(order.state)).field("quantity", order.quantity.text());
  json.field("filled", order.filled.text()).field("filled_value", order.filled_value.text());
  json.maybe("price", order.price ? std::optional{order.price->text()} : std::nullopt);
  json.maybe("trigger", order.trigger ? std::optional{order.trigger->text()} : std::nullopt);
  json.time("claimed_at", order.claimed_at).maybe_time("closed_at", order.closed_at);
  json.field("reason", order.reason);
}

}  // namespace tradeguard::cli
