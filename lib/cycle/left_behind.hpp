// What earlier runs, other programs and other accounts left, said at the start of a run.
#pragma once

#include <functional>
#include <vector>

#include "ledger.hpp"

namespace tradeguard {

void tell_unreadable_rows(Ledger& ledger, const RunClock& clock);
void set_aside_foreign_trades(Ledger& ledger, const RunClock& clock);
// A run that was killed, or did not come; in a dry run, live trades that nobody attends to.
void look_back(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
               const std::function<int()>& unattended_live_trades);
// Live trades of accounts that nobody runs.
void look_for_unattended(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
                         const std::function<std::vector<LiveAccount>()>& live_accounts);

}  // namespace tradeguard
