// Promises that the compiler keeps: an entry without a durable claim, and a guard before a leg, do
// not compile. Each block is compiled alone and has to fail for the reason that CMakeLists.txt
// names; without a block the file has to compile, so that nothing else can be the reason.
#include <utility>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

void as_it_is_meant(IdempotencyGuard& guard, OrderPlacer& placer, SltpPlacer& protector,
                    std::span<const EntryRequest> entries, std::span<const SltpPlacer::LegRequest> legs, Instant now) {
  auto judged = guard.claim(entries, EntryPolicy{}, now);
  std::vector<EntryTicket> tickets;
  for (Judged& one : *judged)
    if (auto* ticket = std::get_if<EntryTicket>(&one.outcome)) tickets.push_back(std::move(*ticket));
  placer.place(tickets);
  protector.protect(legs);
}

#if defined(AN_ENTRY_IS_PLACED_WITHOUT_A_TICKET)
void wrong(OrderPlacer& placer, std::span<const Order> orders) { placer.place(orders); }

#elif defined(A_TICKET_IS_MADE_FROM_AN_ORDER)
EntryTicket wrong(Order order) { return EntryTicket{order, opened_by(order)}; }

#elif defined(A_TICKET_IS_MINTED_OUTSIDE_A_GUARD)
EntryTicket wrong(Order order) { return IdempotencyGuard::mint(order, opened_by(order)); }

#elif defined(A_TICKET_IS_COPIED)
EntryTicket wrong(const EntryTicket& ticket) { return ticket; }

#elif defined(A_TICKET_IS_MADE_FROM_NOTHING)
EntryTicket wrong() { return {}; }

#elif defined(LEGS_ARE_CLAIMED_LIKE_ENTRIES)
void wrong(IdempotencyGuard& guard, std::span<const SltpPlacer::LegRequest> legs, Instant now) {
  guard.claim(legs, EntryPolicy{}, now);
}

#elif defined(ORDERS_ARE_ASKED_FOR_THEIR_COOLDOWN)
void wrong(CooldownGuard& guard, std::span<const Order> legs, Instant now) { guard.check(legs, now); }

#elif defined(PROTECTION_WAITS_FOR_A_TICKET)
void wrong(SltpPlacer& protector, std::span<const EntryTicket> tickets) { protector.protect(tickets); }

#elif defined(AN_OUTCOME_IS_FORGOTTEN)
void wrong(const PlaceOutcome& outcome) {
  std::visit(overloaded{[](const Accepted&) {}, [](const Refused&) {}, [](const Unsent&) {}}, outcome);
}

#elif defined(A_SETTLEMENT_IS_IGNORED)
void wrong(IdempotencyGuard& guard, const EntryTicket& ticket, Instant now) { guard.settle(ticket, Accepted{}, now); }

#elif defined(A_PRICE_IS_ADDED_TO_A_QUANTITY)
auto wrong(Price price, Quantity quantity) { return price + quantity; }

#elif defined(MONEY_IS_MADE_FROM_A_DOUBLE)
Money wrong() { return Money{Decimal{0.1}}; }
#endif

}  // namespace tradeguard
