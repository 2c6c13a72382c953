// Around the road: the lock, the record of the run, its first line and its last.
#pragma once

namespace tradeguard {

class Run;
// false: the run is over, and its report says why.
bool take_the_lock(Run& run);
bool open(Run& run);
void close(Run& run);

}  // namespace tradeguard
