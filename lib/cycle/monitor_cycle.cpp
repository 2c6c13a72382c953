// The page: one cycle from its lock to its last line, its rounds, and what it comes to.
#include "tradeguard/monitor_cycle.hpp"

#include <algorithm>

#include "admit.hpp"
#include "alarms.hpp"
#include "deliver.hpp"
#include "epoch.hpp"
#include "frame.hpp"
#include "protect.hpp"
#include "reconcile.hpp"
#include "run.hpp"

namespace tradeguard {

namespace {

void settle_rounds(Run& run, Micros limit, bool wait_for_entries);
void look_once_more(Run& run);
void give_verdict(Run& run);

constexpr Micros first_protection_patience = 5s;
constexpr int rounds_in_a_hurry = 20;   // whatever a venue answers, no run spins
constexpr Micros silence_at_most = 5s;  // a run that waits longer for the venue says what is naked meanwhile

}  // namespace

RunReport monitor_cycle(CyclePorts& ports, const CycleSettings& settings) {
  Run run{ports, settings};
  if (!take_the_lock(run)) return run.report;
  if (!open(run)) return run.report;

  // What earlier runs left open: asked, and protected before any signal is read.
  settle_rounds(run, first_protection_patience, /*wait_for_entries=*/false);
  look_at_account(run);
  raise_and_clear_alarms(run);
  // Beyond this point every filled quantity has a stop sighted in this run, or an alarm is in the outbox.

  if (run.lease_holds()) admit_and_enter(run);
  // Beyond this point nothing that enlarges a position is sent.

  if (run.sent_entries || run.exits_wished || questions_wait(run, /*wait_for_entries=*/true))
    settle_rounds(run, settings.hard_deadline - 10s, /*wait_for_entries=*/true);
  look_once_more(run);
  look_at_account(run);
  raise_and_clear_alarms(run);
  tell_what_waits(run);
  // Beyond this point what this run did is protected, or said to be not.

  deliver(run);
  give_verdict(run);
  close(run);
  return run.report;
}

int exit_code(RunVerdict verdict) {
  switch (verdict) {
    case RunVerdict::ok:
      return 0;
    case RunVerdict::critical_stands:
    case RunVerdict::stuck:
      return 1;
    case RunVerdict::some_rejected:
      return 65;
    case RunVerdict::unreachable:
      return 69;
    case RunVerdict::internal_error:
      return 70;
    case RunVerdict::locked:
      return 75;
    case RunVerdict::configuration:
      return 78;
  }
  return 70;
}

namespace {

// Rounds of 250 ms, doubling to 4 s, until another one would change nothing or the limit is reached.
void settle_rounds(Run& run, Micros limit, bool wait_for_entries) {
  Micros pause = run.settings.fast_patience;
  const Micros end = std::min(run.settings.hard_deadline, wait_for_entries ? limit : run.elapsed() + limit);
  const Micros silent_until = run.elapsed() + silence_at_most;
  bool spoken = false;
  int without_waiting = 0;
  while (!run.fenced) {
    run.begin_pass();
    reconcile(run);
    if (run.fenced) return;
    const Round round = protect(run);
    tell_what_waits(run);
    const bool waiting = questions_wait(run, wait_for_entries);
    if (run.fenced || (!round.again && !waiting)) return;
    const bool may_hurry = ++without_waiting < rounds_in_a_hurry;
    if (round.at_once && !waiting && may_hurry) continue;
    if (run.elapsed() + pause >= end) return;
    if (!spoken && run.elapsed() >= silent_until) {
      spoken = true;
      raise_and_clear_alarms(run);
      deliver_criticals(run);
    }
    // A venue that takes an order mostly shows it a moment later.
    if (round.sent && may_hurry) continue;
    without_waiting = 0;
    run.ports.clock.wait(pause);
    pause = std::min<Micros>(pause * 2, 4s);
  }
}

// A venue may take a stop, show it, and reject it a moment later, for the coins it would sell. So the
// legs that this run placed are looked at again before it is said how well all is protected.
void look_once_more(Run& run) {
  constexpr int looks = 3;  // what takes the place of a rejected leg is fresh as well
  const Micros limit = run.settings.hard_deadline - 10s;
  if (!run.ports.protector.traits().rejects_later) return;
  std::set<ClientOrderId> looked_at;
  for (int look = 0; look < looks && !run.fenced && !run.past(limit); ++look) {
    std::vector<ClientOrderId> fresh;
    for (const Trade& trade : run.book.trades)
      for (const Order& leg : trade.legs)
        if (leg.live() && leg.leg != Leg::exit && run.seen.open.contains(leg.client_id) &&
            (run.order_notes(leg.client_id).here || run.order_notes(leg.pair).here) &&
            looked_at.insert(leg.client_id).second)
          fresh.push_back(leg.client_id);
    if (fresh.empty()) return;
    if (!run.stop_asked()) run.ports.clock.wait(run.settings.fast_patience);
    for (const ClientOrderId& id : fresh) run.seen.open.erase(id);
    settle_rounds(run, limit, /*wait_for_entries=*/false);
  }
}

RunVerdict verdict_of(const Run& run) {
  if (run.fenced) return RunVerdict::internal_error;
  if (run.store_lost)
    return run.sent_entries || !run.book.trades.empty() ? RunVerdict::critical_stands : RunVerdict::unreachable;
  if (!run.book.alarms.empty() || !run.criticals.empty() || run.unverified > 0) return RunVerdict::critical_stands;
  if (run.venue.failed && !run.sent_entries && run.report.open_trades == 0)
    return run.venue.misconfigured ? RunVerdict::configuration : RunVerdict::unreachable;
  if (run.report.rejected > 0) return RunVerdict::some_rejected;
  return RunVerdict::ok;
}

void give_verdict(Run& run) {
  run.report.open_trades = static_cast<int>(std::count_if(run.book.trades.begin(), run.book.trades.end(),
                                                          [](const Trade& trade) { return !trade.record.settled; }));
  run.report.critical_standing = static_cast<int>(run.book.alarms.size() + run.criticals.size());
  run.report.verdict = verdict_of(run);
}

}  // namespace

}  // namespace tradeguard
