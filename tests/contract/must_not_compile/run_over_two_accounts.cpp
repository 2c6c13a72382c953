// An account is named once, when its store opens it: a run gets that account and no parts of another.
#include "tradeguard/monitor_cycle.hpp"

namespace tradeguard {

CyclePorts right(Account& account, OrderPlacer& placer, SltpPlacer& protector, Notifier& notifier,
                 SignalSource& signals, Clock& clock, Log& log) {
  return {account, placer, protector, notifier, signals, clock, log};
}

#if defined(A_RUN_HAS_TWO_ACCOUNTS)
CyclePorts wrong(Account& one, Account& other, OrderPlacer& placer, SltpPlacer& protector, Notifier& notifier,
                 SignalSource& signals, Clock& clock, Log& log) {
  return {one, other, placer, protector, notifier, signals, clock, log};
}

#elif defined(A_RUN_HAS_THE_JOURNAL_OF_ANOTHER_ACCOUNT)
CyclePorts wrong(Account& one, Account& other, OrderPlacer& placer, SltpPlacer& protector, Notifier& notifier,
                 SignalSource& signals, Clock& clock, Log& log) {
  return {one, other.journal(), placer, protector, notifier, signals, clock, log};
}

#elif defined(A_RUN_NAMES_ANOTHER_ACCOUNT)
CycleSettings wrong(const AccountKey& account) { return {.account = account}; }
#endif

}  // namespace tradeguard
