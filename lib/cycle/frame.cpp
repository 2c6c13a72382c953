// Around the road: the lock, the record of the run, its first line and its last.
#include "frame.hpp"

#include <algorithm>

#include "deliver.hpp"
#include "epoch.hpp"
#include "ledger.hpp"
#include "left_behind.hpp"

namespace tradeguard {

namespace {

std::optional<std::string> parts_mixed(const Ledger& ledger);
void say_locked(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                const HeldElsewhere& held);
void look_for_a_stuck_holder(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                             const HeldElsewhere& held);
void fail(Ledger& ledger, RunReport& report, const Error& error);
void say_frame(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings, const RunReport& report,
               bool start, std::string_view result);
void keep_silences(Ledger& ledger, VenueView& venue, Messenger& messenger);
void note_silences(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Messenger& messenger);
void say_quiet(const Ledger& ledger, const Quiet& quiet);
void prune(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings);

}  // namespace

bool take_the_lock(Ledger& ledger, const RunClock& clock, const Messenger& messenger, const CycleSettings& settings,
                   RunReport& report) {
  if (const auto mixed = parts_mixed(ledger)) {
    fail(ledger, report, {Fault::configuration, *mixed});
    return false;
  }
  auto acquired = ledger.account().acquire();
  if (!acquired) {
    fail(ledger, report, std::move(acquired.error()).within("taking the run lock"));
    return false;
  }
  if (const auto* held = std::get_if<HeldElsewhere>(&*acquired)) {
    say_locked(ledger, clock, settings, report, *held);
    report.notices_sent = messenger.sent;
    return false;
  }
  ledger.lease.emplace(std::move(std::get<RunLease>(*acquired)));
  report.cycle = ledger.lease->cycle();
  return true;
}

std::optional<Word<Denial>> open(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                                 const CyclePorts& ports, const CycleSettings& settings, RunReport& report) {
  auto book = ledger.journal().open_book(clock.now);
  if (!book) {
    fail(ledger, report, std::move(book.error()).within("reading the open book"));
    return std::nullopt;
  }
  ledger.book = std::move(*book);
  if (auto begun = ledger.journal().begin_run(settings.run_id, settings.config_hash, clock.now); !begun) {
    fail(ledger, report, std::move(begun.error()).within("recording the start of the run"));
    return std::nullopt;
  }
  say_frame(ledger, clock, settings, report, true, "");
  keep_silences(ledger, venue, messenger);
  drain_immediate(ledger, clock, messenger);
  tell_unreadable_rows(ledger, clock);
  set_aside_foreign_trades(ledger, clock);
  look_back(ledger, clock, settings, ports.unattended_live_trades);
  look_for_unattended(ledger, clock, settings, ports.live_accounts);
  return look_at_epoch(ledger, venue, clock);
}

void close(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Messenger& messenger,
           const CyclePorts& ports, const CycleSettings& settings, RunReport& report) {
  const std::string result = ledger.fenced                                   ? "lease_lost"
                             : ledger.store_lost                             ? "store_lost"
                             : report.verdict == RunVerdict::critical_stands ? "critical"
                             : report.verdict == RunVerdict::unreachable     ? "unreachable"
                             : report.verdict == RunVerdict::configuration   ? "configuration"
                             : report.verdict == RunVerdict::some_rejected   ? "rejected"
                                                                             : "ok";
  note_silences(ledger, venue, clock, messenger);
  if (ledger.may_write()) {
    const auto finished = ledger.journal().finish_run(result, clock.read());
    if (!finished) ledger.store_failed(finished.error());
  }
  prune(ledger, clock, settings);
  ledger.lease.reset();  // released before the last line says so
  report.notices_sent = messenger.sent;
  if (ledger.store_lost) report.error = ledger.store_error;
  if (ports.before_the_end) ports.before_the_end(report);
  say_frame(ledger, clock, settings, report, false, result);
}

namespace {

// A store opens an account whole. One that somebody put together may have a part of another.
std::optional<std::string> parts_mixed(const Ledger& ledger) {
  const Pen& pen = ledger.account().pen();
  const auto name = [](const AccountKey& account) { return account.venue + "/" + account.account; };
  for (const Pen* other : {ledger.journal().pen(), ledger.guard().pen()})
    if (other != nullptr && other != &pen)
      return "journal and guard have to write with the pen of the run, or its lock does not fence them: "
             "nothing was done; make them with the same Pen, which is of the account " +
             name(pen.account) + ", and not with one of " + name(other->account);
  return std::nullopt;
}

void say_locked(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                const HeldElsewhere& held) {
  const std::string cycle = held.last_started_cycle ? std::to_string(*held.last_started_cycle + 1) : "?";
  Line twin{Event::run_locked};
  twin.add("run_id", settings.run_id).add("pid", settings.pid);
  twin.add("host", settings.host).add("cycle", cycle);
  ledger.log.write(
      Line{Level::warn, "RUN_LOCKED:"}.words("Signal monitor lock held by another process. Skipping cycle #" + cycle),
      twin);
  report.verdict = RunVerdict::locked;
  look_for_a_stuck_holder(ledger, clock, settings, report, held);
}

// A holder that neither ends nor starts anew is reported by the runs it locks out.
void look_for_a_stuck_holder(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                             const HeldElsewhere& held) {
  const Instant now = held.now.value_or(clock.now);
  const Micros stuck_after = settings.stuck_after;
  const auto lately = [&](Instant at, Micros span) { return now - at <= span && !is_ahead(at, span, now); };
  if (held.last_completed_at && lately(*held.last_completed_at, stuck_after)) return;
  const auto book = ledger.journal().open_book(now);
  if (!book) return;
  const AccountState& account = book->account;
  if (!account.last_started_at || lately(*account.last_started_at, stuck_after)) return;
  report.verdict = RunVerdict::stuck;
  const std::int64_t seconds = std::max<std::int64_t>(0, (now - *account.last_started_at).count() / 1'000'000);
  ledger.say(Line{Event::run_stuck}
                 .add("cycle", account.cycle)
                 .add("seconds", seconds)
                 .add("last_completed", account.last_completed_at ? iso_micros(*account.last_completed_at) : "never"));
  if (account.last_stuck_told_at && lately(*account.last_stuck_told_at, 15min - 1us)) return;
  Notice notice = notice_of(NoticeType::run_stuck,
                            "RUN_STUCK:" + std::to_string(account.cycle) + ":" + std::to_string(to_micros(now)), now);
  notice.facts = {{"cycle", std::to_string(account.cycle)}, {"seconds", std::to_string(seconds)}};
  ledger.tell_directly(notice);
  static_cast<void>(ledger.journal().note_stuck_told(now));
}

void fail(Ledger& ledger, RunReport& report, const Error& error) {
  Line line{Event::run_failed};
  line.add("reason", error.what);
  std::string stack;
  for (const std::string& doing : error.chain) stack += (stack.empty() ? "" : ">") + doing;
  if (!stack.empty()) line.add("stack", stack);
  ledger.say(line);
  report.error = error.what;
  report.verdict = error.fault == Fault::configuration ? RunVerdict::configuration
                   : error.fault == Fault::unreachable ? RunVerdict::unreachable
                                                       : RunVerdict::internal_error;
  ledger.lease.reset();
}

void say_frame(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings, const RunReport& report,
               bool start, std::string_view result) {
  Line line{start ? Event::run_start : Event::run_end};
  line.add("run_id", settings.run_id).add("pid", settings.pid).add("host", settings.host).add("cycle", report.cycle);
  if (start) {
    line.add("version", settings.version).add("mode", settings.mode).add("config", settings.config_hash);
    for (const auto& [key, value] : settings.start_facts) line.add(key, value);
    line.debug("fence", ledger.lease->fence());
    ledger.log.write(line);
    return;
  }
  const RunReport& r = report;
  std::vector<Micros> spells = r.unprotected;
  std::sort(spells.begin(), spells.end());
  const auto milliseconds = [&](std::size_t i) {
    return spells.empty() ? "-" : std::to_string(spells[i].count() / 1000);
  };
  line.add("result", result).add("signals", r.signals).add("entries", r.entries);
  line.add("blocked_cooldown", r.blocked_cooldown).add("blocked_idempotency", r.blocked_idempotency);
  line.add("denied", r.denied).add("refused", r.refused).add("rejected", r.rejected);
  line.add("exits", r.exits).add("protected", r.protected_trades).add("open", r.open_trades);
  line.add("critical", r.critical_standing).add("notices", r.notices_sent);
  // From the first fill seen to the stop sighted, over the trades protected in this run.
  line.add("unprotected_min_ms", milliseconds(0));
  line.add("unprotected_median_ms", milliseconds(spells.size() / 2));
  line.add("unprotected_max_ms", milliseconds(spells.empty() ? 0 : spells.size() - 1));
  line.add("duration_ms", clock.elapsed().count() / 1000);
  if (const std::int64_t lost = ledger.log.lost_lines(); lost > 0) line.add("lost_lines", lost);
  ledger.log.write_twin_first(line);
}

// Whoever asked an earlier run to be left alone is not asked by this one either.
void keep_silences(Ledger& ledger, VenueView& venue, Messenger& messenger) {
  const AccountState& account = ledger.book.account;
  if (account.quiet_until) {
    const Quiet quiet{*account.quiet_until, account.quiet_status};
    venue.placer.keep_quiet(quiet);
    venue.protector.keep_quiet(quiet);
    if (const auto kept = venue.placer.quiet()) say_quiet(ledger, *kept);
  }
  if (account.notify_quiet_until) messenger.notifier.keep_quiet(*account.notify_quiet_until);
}

// What is over before the next minute needs no note.
void note_silences(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Messenger& messenger) {
  if (!ledger.may_write()) return;
  constexpr Micros worth_noting = 5s;
  const Instant now = clock.read();
  const AccountState& account = ledger.book.account;
  const auto same = [](const std::optional<Instant>& one, const std::optional<Instant>& other) {
    const Micros apart = one && other ? *one - *other : Micros{0};
    return one.has_value() == other.has_value() && apart < 1s && apart > -1s;
  };
  const auto lasting = [&](std::optional<Instant> end) {
    return end && *end - now >= worth_noting ? end : std::nullopt;
  };
  auto quiet = venue.placer.quiet();
  if (!quiet) quiet = venue.protector.quiet();
  const auto until = lasting(quiet ? std::optional{quiet->until} : std::nullopt);
  const auto notifier = lasting(messenger.notifier.quiet_until());
  const auto before = lasting(account.quiet_until);
  if (same(until, before) && same(notifier, lasting(account.notify_quiet_until))) return;
  if (until && !same(until, before)) say_quiet(ledger, *quiet);
  const auto noted = ledger.journal().note_silences(until, until ? quiet->status : std::string{}, notifier);
  if (!noted) ledger.store_failed(noted.error());
}

void say_quiet(const Ledger& ledger, const Quiet& quiet) {
  ledger.say(Line{Event::venue_quiet}.add("until", iso_micros(quiet.until)).add("status", quiet.status));
}

// What is over for long leaves the store, a little at the end of each run, so that no table grows for ever.
// Nothing waits for it: where it fails or its time is over, the next run goes on.
void prune(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings) {
  constexpr Micros budget = 20ms;
  const Micros began = clock.elapsed();
  const auto enough = [&] {
    return clock.elapsed() - began >= budget || clock.stop_asked() || clock.past(settings.hard_deadline - 10s);
  };
  // By a clock that is wrong nothing is old.
  if (!ledger.may_write() || clock.is_off() || enough()) return;
  const auto say_failed = [&](const std::string& error) { ledger.say(Line{Event::prune_failed}.add("error", error)); };
  try {
    const Instant now = clock.read();
    const auto gone = ledger.journal().prune(now - settings.prune_keep, now, enough);
    if (!gone && gone.error().fault != Fault::fenced) say_failed(gone.error().what);
    if (gone && *gone > 0)
      ledger.say(Line{Event::pruned}
                     .add("rows", static_cast<std::int64_t>(*gone))
                     .add("keep", duration_text(settings.prune_keep)));
  } catch (const std::exception& error) {
    say_failed(error.what());
  }
}

}  // namespace

}  // namespace tradeguard
