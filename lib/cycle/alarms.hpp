// The barrier behind protection: every held quantity is covered by a stop sighted in this run, or a CRITICAL about it
// is in the outbox.
#pragma once

namespace tradeguard {

class Run;
void raise_and_clear_alarms(Run& run);

}  // namespace tradeguard
