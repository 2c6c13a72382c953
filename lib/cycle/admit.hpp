// Signals, guards, claims; each claim is sent once.
#pragma once

namespace tradeguard {

class Run;
void admit_and_enter(Run& run);

}  // namespace tradeguard
