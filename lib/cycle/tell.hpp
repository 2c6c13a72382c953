// Words: lines, notices and alarms from the row that was sent and filled.
#pragma once

#include <string>
#include <string_view>

#include "ledger.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/order_line.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

// Amounts as a message has them: with their currency.
std::string in_base(Quantity quantity, const Symbol& symbol);
std::string in_quote(Money money, const Symbol& symbol);
std::string in_quote(Price price, const Symbol& symbol);
Notice notice_of(NoticeType type, const Order& order, Instant now, std::string_view once = "");
// Of a signal that is read in every run: only the outbox knows whether its notice is there already.
void tell_once(Ledger& ledger, Item& item, Notice notice);
// What an entry's change from one row to the next makes known; sent or looked up makes no difference.
void tell_entry(Item& item, const Order& before, const Applied& after, Ledger& ledger, const RunClock& clock);
void tell_leg(Item& item, const Order& before, const Applied& after, Ledger& ledger, const RunClock& clock);
void tell_outcome(Item& item, const Order& order, const PlaceOutcome& outcome, const RunClock& clock);
// A CRITICAL that stands: raised once, told once, with its line.
bool stands(const Ledger& ledger, NoticeType kind, const std::string& subject);
void raise(Item& item, const Ledger& ledger, const RunClock& clock, Alarm alarm, Line line, Notice notice);
void clear(Item& item, const Ledger& ledger, const RunClock& clock, NoticeType kind, const std::string& subject);

}  // namespace tradeguard
