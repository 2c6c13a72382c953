// From the outbox of the store to the messenger, and back what became of it: at least once, and in order.
#pragma once

#include "ledger.hpp"

namespace tradeguard {

// Older notices first, where telling costs nothing.
void drain_immediate(Ledger& ledger, const RunClock& clock, Messenger& messenger);
// Between two rounds of a run that has to wait.
void deliver_criticals(Ledger& ledger, const RunClock& clock, Messenger& messenger);
void deliver(Ledger& ledger, const RunClock& clock, Messenger& messenger);

}  // namespace tradeguard
