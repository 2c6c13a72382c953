// Whether store and account are those this account's history is of.
#pragma once

namespace tradeguard {

class Run;
void look_at_epoch(Run& run);    // a restored or promoted store, orphans at the venue
void look_at_account(Run& run);  // whose account the venue's answers are about

}  // namespace tradeguard
