// The words the suites are written in: signals, claims and rows of a small market, on one day.
#pragma once

#include <catch2/catch.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "backends.hpp"

namespace tradeguard::contract {

// 2025-01-01T12:00:00Z, when every story begins.
inline constexpr Instant noon{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};

Symbol symbol(std::string_view text);
Quantity quantity(std::string_view text);
Price price(std::string_view text);
Money money(std::string_view text);

// ---- signals and claims --------------------------------------------------------------------

Signal buy(std::string_view name, Instant at = noon);
Signal sell(std::string_view name, Instant at = noon);
// The request the cycle would make of it, stamped at `now` and valid for ten seconds.
EntryRequest request(const Signal& signal, Instant now);
// Cooldown of 300 s, every cap off.
EntryPolicy open_policy();

std::vector<Judged> claim(Session& session, const std::vector<Signal>& signals, Instant now,
                          const EntryPolicy& policy = open_policy());
Judged claim(Session& session, const Signal& signal, Instant now, const EntryPolicy& policy = open_policy());
// Must be admitted; the ticket is for whoever wants to settle it.
EntryTicket admitted(Session& session, const Signal& signal, Instant now);
// A SELL that touches no trade; must be taken.
void must_claim_exit(Session& session, const Signal& exit, Instant now);
// Claimed, filled and closed at `now`, with its fees read: an open position, nothing in doubt.
Order bought(Session& session, const Signal& signal, Instant now);

bool is_ticket(const Judged& judged);
const Duplicate& duplicate_in(const Judged& judged);  // must be one
std::string denied_for(const Judged& judged);         // the reason; "" if it was not denied

// The venue's own record of an order that was filled in full at `at`.
Accepted filled_record(const Order& order, Instant at);

// ---- rows --------------------------------------------------------------------------------------

Order stop_for(const Order& entry, int attempt = 1);
Order target_for(const Order& entry, int attempt = 1);
Order exit_for(const Order& entry, int attempt = 1);

Written write(Session& session, Change change);
// Writes must succeed; what comes back is the row as it stands now.
Order append(Session& session, Order order);
Order advance(Session& session, Order order);
TradeRecord advance(Session& session, TradeRecord trade);
// What the store has of a trade beside its orders; must be there.
TradeRecord trade_row(Session& session, const ClientOrderId& trade);
// The entry as given, and its trade over.
Order settled(Session& session, Order entry);
// The row as the store has it; must be there.
Order row(Session& session, const ClientOrderId& id);
OpenBook book(Session& session, Instant now);

// ---- notices -----------------------------------------------------------------------------------

Notice notice(std::string event_id, const ClientOrderId& trade = "", Severity severity = Severity::info);
void tell(Session& session, std::vector<Notice> notices);
std::vector<std::string> due(Session& session, Instant now,
                             std::size_t at_most = 100);  // event ids
void record(Session& session, const std::string& event_id, DeliveryRecord::What what,
            std::optional<Instant> next_try = std::nullopt);

// ---- the run -----------------------------------------------------------------------------------

// Must succeed. The session's pen gets the fence.
RunLease acquired(Session& session);
bool is_locked_out(Session& session);

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL("the store answered: " << result.error().what);
  return std::move(*result);
}
void must(const Result<void>& result);
template <class T>
bool is_fenced(const Result<T>& result) {
  return !result && result.error().fault == Fault::fenced;
}

}  // namespace tradeguard::contract
