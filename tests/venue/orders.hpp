// Short ways to write the orders of a story. The market is the contract's: ETH_USDT.
#pragma once

#include <string>
#include <vector>

#include "shown.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

inline Symbol eth() { return symbol("ETH_USDT"); }

// Tickets without a store: a test may say that a claim is durable.
class TestTickets final : public IdempotencyGuard {
 public:
  static std::vector<EntryTicket> of(const std::vector<Order>& orders) {
    std::vector<EntryTicket> tickets;
    tickets.reserve(orders.size());
    for (const auto& order : orders) tickets.push_back(mint(order, opened_by(order)));
    return tickets;
  }
  Result<std::vector<Judged>> claim(std::span<const EntryRequest>, const EntryPolicy&, Instant) override {
    return std::vector<Judged>{};
  }
  Result<void> settle(const ClientOrderId&, const PlaceOutcome&, Instant) override { return {}; }
};

inline Order order_of(const std::string& name, Leg leg, OrderType type, Side side, Quantity quantity, Instant stamp) {
  Order order{.client_id = "tg1-" + name, .trade = "tg1-trade", .leg = leg, .symbol = eth()};
  order.side = side;
  order.type = type;
  order.quantity = quantity;
  order.stamp = stamp;
  order.valid_until = stamp + 10s;
  return order;
}
inline Order entry(const std::string& name, const char* quantity, Instant stamp) {
  return order_of(name, Leg::entry, OrderType::market, Side::buy, qty(quantity), stamp);
}
inline Order exit_of(const std::string& name, const char* quantity, Instant stamp) {
  return order_of(name, Leg::exit, OrderType::market, Side::sell, qty(quantity), stamp);
}
inline Order stop_market(const std::string& name, const char* quantity, const char* trigger, Instant stamp) {
  auto order = order_of(name, Leg::stop, OrderType::stop_market, Side::sell, qty(quantity), stamp);
  order.trigger = price(trigger);
  return order;
}
inline Order stop_limit(const std::string& name, const char* quantity, const char* trigger, const char* limit,
                        Instant stamp) {
  auto order = order_of(name, Leg::stop, OrderType::stop_limit, Side::sell, qty(quantity), stamp);
  order.trigger = price(trigger);
  order.price = price(limit);
  return order;
}
inline Order target(const std::string& name, const char* quantity, const char* limit, Instant stamp) {
  auto order = order_of(name, Leg::target, OrderType::limit, Side::sell, qty(quantity), stamp);
  order.price = price(limit);
  return order;
}

inline PlaceOutcome place(OrderPlacer& placer, const Order& order) {
  return placer.place(TestTickets::of({order})).at(0);
}
inline PlaceOutcome protect(SltpPlacer& protector, const Order& stop) {
  const std::vector<SltpPlacer::LegRequest> requests{{stop, std::nullopt}};
  return protector.protect(requests).at(0).stop;
}
inline SltpPlacer::LegOutcome protect(SltpPlacer& protector, const Order& stop, const Order& target_leg) {
  const std::vector<SltpPlacer::LegRequest> requests{{stop, target_leg}};
  return protector.protect(requests).at(0);
}
inline PlaceOutcome flatten(SltpPlacer& protector, const Order& exit) {
  return protector.flatten(std::span{&exit, 1}).at(0);
}

inline Result<Lookup> find(Venue& venue, const Order& order) {
  const OrderQuery query{order.client_id, order.venue_id, order.fired_id, order.symbol, order.leg, true, order.stamp};
  return venue.find(std::span{&query, 1}).at(0);
}
// The one sighting of an order that has exactly one.
inline Sighting sight(Venue& venue, const Order& order) {
  const auto lookup = find(venue, order);
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 1);
  return lookup->found.front();
}
inline CancelOutcome cancel(Venue& venue, const Order& order) {
  const CancelRequest request{order.client_id, order.venue_id, order.symbol, order.leg};
  return venue.cancel(std::span{&request, 1}).at(0);
}
inline Balance balance(SltpPlacer& venue, const std::string& currency) {
  const auto balances = venue.balances();
  REQUIRE(balances);
  REQUIRE(balances->count(currency) == 1);
  return balances->at(currency);
}

template <class T>
bool is(const PlaceOutcome& outcome) {
  return std::holds_alternative<T>(outcome);
}
template <class T>
bool is(const CancelOutcome& outcome) {
  return std::holds_alternative<T>(outcome);
}

}  // namespace tradeguard

namespace Catch {
template <>
struct StringMaker<tradeguard::VenueStatus> {
  static std::string convert(tradeguard::VenueStatus status) { return std::string{tradeguard::text(status)}; }
};
}  // namespace Catch
