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

namespace tradeguard {

namespace {

void settle_rounds(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                   const CycleSettings& settings, RunReport& report, Micros limit, bool wait_for_entries);
void look_once_more(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                    const CycleSettings& settings, RunReport& report);
void give_verdict(const Ledger& ledger, const VenueView& venue, RunReport& report, int unverified);

constexpr Micros first_protection_patience = 5s;
constexpr int rounds_in_a_hurry = 20;   // whatever a venue answers, no run spins
constexpr Micros silence_at_most = 5s;  // a run that waits longer for the venue says what is naked meanwhile

}  // namespace

RunReport monitor_cycle(CyclePorts& ports, const CycleSettings& settings) {
  RunReport report;
  RunClock clock{ports.clock, settings, ports.stop_asked};
  Messenger messenger{ports.notifier, ports.log, clock, settings.notify_budget};
  Ledger ledger{ports.account, ports.log, clock, messenger, settings.run_id};
  VenueView venue{ports.placer, ports.protector};
  if (!take_the_lock(ledger, clock, messenger, settings, report)) return report;
  const auto no_entries = open(ledger, venue, clock, messenger, ports, settings, report);
  if (!no_entries) return report;

  // What earlier runs left open: asked, and protected before any signal is read.
  settle_rounds(ledger, venue, clock, messenger, settings, report, first_protection_patience,
                /*wait_for_entries=*/false);
  look_at_account(ledger, venue, clock);
  int unverified = raise_and_clear_alarms(ledger, venue, clock, settings);
  // Beyond this point every filled quantity has a stop sighted in this run, or an alarm is in the outbox.

  const bool exits_wished = ledger.lease_holds() && admit_and_enter(ledger, venue, clock, ports.signals, settings,
                                                                    report, {*no_entries, unverified});
  // Beyond this point nothing that enlarges a position is sent.

  if (ledger.entries_sent || exits_wished || questions_wait(ledger, venue, clock, /*wait_for_entries=*/true))
    settle_rounds(ledger, venue, clock, messenger, settings, report, settings.hard_deadline - 10s,
                  /*wait_for_entries=*/true);
  look_once_more(ledger, venue, clock, messenger, settings, report);
  look_at_account(ledger, venue, clock);
  unverified = raise_and_clear_alarms(ledger, venue, clock, settings);
  ledger.tell_what_waits();
  // Beyond this point what this run did is protected, or said to be not.

  deliver(ledger, clock, messenger);
  give_verdict(ledger, venue, report, unverified);
  close(ledger, venue, clock, messenger, ports, settings, report);
  return report;
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
void settle_rounds(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                   const CycleSettings& settings, RunReport& report, Micros limit, bool wait_for_entries) {
  Micros pause = settings.fast_patience;
  const Micros end = std::min(settings.hard_deadline, wait_for_entries ? limit : clock.elapsed() + limit);
  const Micros silent_until = clock.elapsed() + silence_at_most;
  bool spoken = false;
  int without_waiting = 0;
  while (!ledger.fenced) {
    venue.begin_pass(clock);
    reconcile(ledger, venue, clock);
    if (ledger.fenced) return;
    const Round round = protect(ledger, venue, clock, settings);
    count(round, report);
    ledger.tell_what_waits();
    const bool waiting = questions_wait(ledger, venue, clock, wait_for_entries);
    if (ledger.fenced || (!round.again && !waiting)) return;
    const bool may_hurry = ++without_waiting < rounds_in_a_hurry;
    if (round.at_once && !waiting && may_hurry) continue;
    if (clock.elapsed() + pause >= end) return;
    if (!spoken && clock.elapsed() >= silent_until) {
      spoken = true;
      raise_and_clear_alarms(ledger, venue, clock, settings);
      deliver_criticals(ledger, clock, messenger);
    }
    // A venue that takes an order mostly shows it a moment later.
    if (round.sent && may_hurry) continue;
    without_waiting = 0;
    clock.wait(pause);
    pause = std::min<Micros>(pause * 2, 4s);
  }
}

// A venue may take a stop, show it, and reject it a moment later, for the coins it would sell. So the
// legs that this run placed are looked at again before it is said how well all is protected.
void look_once_more(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                    const CycleSettings& settings, RunReport& report) {
  constexpr int looks = 3;  // what takes the place of a rejected leg is fresh as well
  const Micros limit = settings.hard_deadline - 10s;
  if (!venue.protector.traits().rejects_later) return;
  std::set<ClientOrderId> looked_at;
  for (int look = 0; look < looks && !ledger.fenced && !clock.past(limit); ++look) {
    std::vector<ClientOrderId> fresh;
    for (const Trade& trade : ledger.book.trades)
      for (const Order& leg : trade.legs)
        if (leg.live() && leg.leg != Leg::exit && venue.seen.open.contains(leg.client_id) &&
            (venue.order_notes(leg.client_id).here || venue.order_notes(leg.pair).here) &&
            looked_at.insert(leg.client_id).second)
          fresh.push_back(leg.client_id);
    if (fresh.empty()) return;
    if (!clock.stop_asked()) clock.wait(settings.fast_patience);
    for (const ClientOrderId& id : fresh) venue.seen.open.erase(id);
    settle_rounds(ledger, venue, clock, messenger, settings, report, limit, /*wait_for_entries=*/false);
  }
}

RunVerdict verdict_of(const Ledger& ledger, const VenueView& venue, const RunReport& report, int unverified) {
  if (ledger.fenced) return RunVerdict::internal_error;
  if (ledger.store_lost)
    return ledger.entries_sent || !ledger.book.trades.empty() ? RunVerdict::critical_stands : RunVerdict::unreachable;
  if (!ledger.book.alarms.empty() || !ledger.criticals.empty() || unverified > 0) return RunVerdict::critical_stands;
  if (venue.standing.failed && !ledger.entries_sent && report.open_trades == 0)
    return venue.standing.misconfigured ? RunVerdict::configuration : RunVerdict::unreachable;
  if (report.rejected > 0) return RunVerdict::some_rejected;
  return RunVerdict::ok;
}

void give_verdict(const Ledger& ledger, const VenueView& venue, RunReport& report, int unverified) {
  report.open_trades = static_cast<int>(std::count_if(ledger.book.trades.begin(), ledger.book.trades.end(),
                                                      [](const Trade& trade) { return !trade.record.settled; }));
  report.critical_standing = static_cast<int>(ledger.book.alarms.size() + ledger.criticals.size());
  report.verdict = verdict_of(ledger, venue, report, unverified);
}

}  // namespace

}  // namespace tradeguard
