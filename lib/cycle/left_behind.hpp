// What earlier runs, other programs and other accounts left, said at the start of a run.
#pragma once

namespace tradeguard {

class Run;
void tell_unreadable_rows(Run& run);
void set_aside_foreign_trades(Run& run);
void look_back(Run& run);            // a run that was killed, or did not come
void look_for_unattended(Run& run);  // live trades of accounts that nobody runs

}  // namespace tradeguard
