// What the guards said of a signal, as log lines: the same for a run and for a desk.
// Contract test: tests/unit/guard_lines_test.cpp
#pragma once

#include "tradeguard/guards.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {

// The seconds that are left, rounded up. A store's clock may be ahead of this machine's, and no base cools for longer
// than its policy says.
Line cooldown_line(const Symbol& symbol, const CooldownVerdict& verdict, const CooldownPolicy& policy, Instant now);
// nullptr: the key was free.
Line key_line(const SignalKey& key, const Duplicate* known);
Line denied_line(const Symbol& symbol, const SignalKey& key, const Denied& denied);

}  // namespace tradeguard
