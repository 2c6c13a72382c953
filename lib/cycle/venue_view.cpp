#include "venue_view.hpp"

#include <utility>

namespace tradeguard {

void VenueView::begin_pass(RunClock& clock) {
  clock.begin_pass();
  read.balances.reset();
  read.quotes.reset();
}

void VenueView::measure_clock(RunClock& clock) {
  if (std::exchange(clock_asked_, true)) return;
  const auto venue_time = placer.venue_time();
  if (venue_time)
    clock.venue_offset = *venue_time - clock.read();
  else
    standing.hear(venue_time.error());
}

const OrderNotes& VenueView::order_notes(const ClientOrderId& order) const {
  static const OrderNotes nothing_known;
  const auto known = order_notes_.find(order);
  return known == order_notes_.end() ? nothing_known : known->second;
}

std::set<ClientOrderId> VenueView::take_what_goes_again() {
  std::set<ClientOrderId> stops;
  for (auto& [order, known] : order_notes_) {
    if (!std::exchange(known.again, false)) continue;
    known.twice = true;
    stops.insert(order);
  }
  return stops;
}

bool VenueView::copy_may_come(const Order& order, const RunClock& clock) const {
  return order_notes(order.client_id).twice &&
         clock.venue_now() <= order.valid_until + protector.traits().absence_margin;
}

std::optional<Balance> VenueView::balance_of(const std::string& currency) const {
  if (!read.balances) return std::nullopt;
  if (const auto known = read.balances->find(currency); known != read.balances->end()) return known->second;
  switch (protector.traits().absent_balance) {
    case AbsentBalance::unknown:
      return std::nullopt;
    case AbsentBalance::zero:
      return Balance{};
  }
  return std::nullopt;
}

}  // namespace tradeguard
