// Every open question is asked at the venue, all at once, and the answers are judged trade by trade.
#pragma once

namespace tradeguard {

class Run;
void reconcile(Run& run);

}  // namespace tradeguard
