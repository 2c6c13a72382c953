// What is told, at least once and in order; and CRITICALs that cannot wait for a store.
#pragma once

namespace tradeguard {

class Run;
void drain_immediate(Run& run);    // older notices first, where telling costs nothing
void tell_what_waits(Run& run);    // CRITICALs of a run that lost its store
void deliver_criticals(Run& run);  // between two rounds of a run that has to wait
void deliver(Run& run);

}  // namespace tradeguard
