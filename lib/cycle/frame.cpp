// Around the road: the lock, the record of the run, its first line and its last.
#include "frame.hpp"

#include <algorithm>

#include "deliver.hpp"
#include "epoch.hpp"
#include "left_behind.hpp"
#include "run.hpp"

namespace tradeguard {

namespace {

std::optional<std::string> parts_mixed(const Run& run);
void say_locked(Run& run, const HeldElsewhere& held);
void look_for_a_stuck_holder(Run& run, const HeldElsewhere& held);
void fail(Run& run, const Error& error);
void say_frame(Run& run, bool start, std::string_view result);
void keep_silences(Run& run);
void note_silences(Run& run);
void say_quiet(Run& run, const Quiet& quiet);
void prune(Run& run);

}  // namespace

bool take_the_lock(Run& run) {
  if (const auto mixed = parts_mixed(run)) {
    fail(run, {Fault::configuration, *mixed});
    return false;
  }
  auto acquired = run.ports.account.acquire();
  if (!acquired) {
    fail(run, std::move(acquired.error()).within("taking the run lock"));
    return false;
  }
  if (const auto* held = std::get_if<HeldElsewhere>(&*acquired)) {
    say_locked(run, *held);
    return false;
  }
  run.lease.emplace(std::move(std::get<RunLease>(*acquired)));
  run.report.cycle = run.lease->cycle();
  return true;
}

bool open(Run& run) {
  auto book = run.journal().open_book(run.now);
  if (!book) {
    fail(run, std::move(book.error()).within("reading the open book"));
    return false;
  }
  run.book = std::move(*book);
  if (auto begun = run.journal().begin_run(run.settings.run_id, run.settings.config_hash, run.now); !begun) {
    fail(run, std::move(begun.error()).within("recording the start of the run"));
    return false;
  }
  say_frame(run, true, "");
  keep_silences(run);
  drain_immediate(run);
  tell_unreadable_rows(run);
  set_aside_foreign_trades(run);
  look_back(run);
  look_for_unattended(run);
  look_at_epoch(run);
  return true;
}

void close(Run& run) {
  const std::string result = run.fenced                                          ? "lease_lost"
                             : run.store_lost                                    ? "store_lost"
                             : run.report.verdict == RunVerdict::critical_stands ? "critical"
                             : run.report.verdict == RunVerdict::unreachable     ? "unreachable"
                             : run.report.verdict == RunVerdict::configuration   ? "configuration"
                             : run.report.verdict == RunVerdict::some_rejected   ? "rejected"
                                                                                 : "ok";
  note_silences(run);
  if (run.may_write()) {
    const auto finished = run.journal().finish_run(result, run.ports.clock.now());
    if (!finished) run.store_failed(finished.error());
  }
  prune(run);
  run.lease.reset();  // released before the last line says so
  if (run.ports.before_the_end) run.ports.before_the_end(run.report);
  say_frame(run, false, result);
}

namespace {

// A store opens an account whole. One that somebody put together may have a part of another.
std::optional<std::string> parts_mixed(const Run& run) {
  const Pen& pen = run.ports.account.pen();
  const auto name = [](const AccountKey& account) { return account.venue + "/" + account.account; };
  for (const Pen* other : {run.journal().pen(), run.guard().pen()})
    if (other != nullptr && other != &pen)
      return "journal and guard have to write with the pen of the run, or its lock does not fence them: "
             "nothing was done; make them with the same Pen, which is of the account " +
             name(pen.account) + ", and not with one of " + name(other->account);
  return std::nullopt;
}

void say_locked(Run& run, const HeldElsewhere& held) {
  const std::string cycle = held.last_started_cycle ? std::to_string(*held.last_started_cycle + 1) : "?";
  Line twin{Event::run_locked};
  twin.add("run_id", run.settings.run_id).add("pid", run.settings.pid);
  twin.add("host", run.settings.host).add("cycle", cycle);
  run.ports.log.write(
      Line{Level::warn, "RUN_LOCKED:"}.words("Signal monitor lock held by another process. Skipping cycle #" + cycle),
      twin);
  run.report.verdict = RunVerdict::locked;
  look_for_a_stuck_holder(run, held);
}

// A holder that neither ends nor starts anew is reported by the runs it locks out.
void look_for_a_stuck_holder(Run& run, const HeldElsewhere& held) {
  const Instant now = held.now.value_or(run.now);
  const Micros stuck_after = run.settings.stuck_after;
  const auto lately = [&](Instant at, Micros span) { return now - at <= span && !is_ahead(at, span, now); };
  if (held.last_completed_at && lately(*held.last_completed_at, stuck_after)) return;
  const auto book = run.journal().open_book(now);
  if (!book) return;
  const AccountState& account = book->account;
  if (!account.last_started_at || lately(*account.last_started_at, stuck_after)) return;
  run.report.verdict = RunVerdict::stuck;
  const std::int64_t seconds = std::max<std::int64_t>(0, (now - *account.last_started_at).count() / 1'000'000);
  run.say(Line{Event::run_stuck}
              .add("cycle", account.cycle)
              .add("seconds", seconds)
              .add("last_completed", account.last_completed_at ? iso_micros(*account.last_completed_at) : "never"));
  if (account.last_stuck_told_at && lately(*account.last_stuck_told_at, 15min - 1us)) return;
  Notice notice = notice_of(NoticeType::run_stuck,
                            "RUN_STUCK:" + std::to_string(account.cycle) + ":" + std::to_string(to_micros(now)), now);
  notice.facts = {{"cycle", std::to_string(account.cycle)}, {"seconds", std::to_string(seconds)}};
  run.tell_directly(notice);
  static_cast<void>(run.journal().note_stuck_told(now));
}

void fail(Run& run, const Error& error) {
  Line line{Event::run_failed};
  line.add("reason", error.what);
  std::string stack;
  for (const std::string& doing : error.chain) stack += (stack.empty() ? "" : ">") + doing;
  if (!stack.empty()) line.add("stack", stack);
  run.say(line);
  run.report.error = error.what;
  run.report.verdict = error.fault == Fault::configuration ? RunVerdict::configuration
                       : error.fault == Fault::unreachable ? RunVerdict::unreachable
                                                           : RunVerdict::internal_error;
  run.lease.reset();
}

void say_frame(Run& run, bool start, std::string_view result) {
  const CycleSettings& s = run.settings;
  Line line{start ? Event::run_start : Event::run_end};
  line.add("run_id", s.run_id).add("pid", s.pid).add("host", s.host).add("cycle", run.report.cycle);
  if (start) {
    line.add("version", s.version).add("mode", s.mode).add("config", s.config_hash);
    for (const auto& [key, value] : s.start_facts) line.add(key, value);
    line.debug("fence", run.lease->fence());
    run.ports.log.write(line);
    return;
  }
  const RunReport& r = run.report;
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
  line.add("duration_ms", run.elapsed().count() / 1000);
  if (const std::int64_t lost = run.ports.log.lost_lines(); lost > 0) line.add("lost_lines", lost);
  run.ports.log.write_twin_first(line);
}

// Whoever asked an earlier run to be left alone is not asked by this one either.
void keep_silences(Run& run) {
  const AccountState& account = run.book.account;
  if (account.quiet_until) {
    const Quiet quiet{*account.quiet_until, account.quiet_status};
    run.ports.placer.keep_quiet(quiet);
    run.ports.protector.keep_quiet(quiet);
    if (const auto kept = run.ports.placer.quiet()) say_quiet(run, *kept);
  }
  if (account.notify_quiet_until) run.ports.notifier.keep_quiet(*account.notify_quiet_until);
}

// What is over before the next minute needs no note.
void note_silences(Run& run) {
  if (!run.may_write()) return;
  constexpr Micros worth_noting = 5s;
  const Instant now = run.ports.clock.now();
  const AccountState& account = run.book.account;
  const auto same = [](const std::optional<Instant>& one, const std::optional<Instant>& other) {
    const Micros apart = one && other ? *one - *other : Micros{0};
    return one.has_value() == other.has_value() && apart < 1s && apart > -1s;
  };
  const auto lasting = [&](std::optional<Instant> until) {
    return until && *until - now >= worth_noting ? until : std::nullopt;
  };
  auto quiet = run.ports.placer.quiet();
  if (!quiet) quiet = run.ports.protector.quiet();
  const auto venue = lasting(quiet ? std::optional{quiet->until} : std::nullopt);
  const auto notifier = lasting(run.ports.notifier.quiet_until());
  const auto venue_before = lasting(account.quiet_until);
  if (same(venue, venue_before) && same(notifier, lasting(account.notify_quiet_until))) return;
  if (venue && !same(venue, venue_before)) say_quiet(run, *quiet);
  const auto noted = run.journal().note_silences(venue, venue ? quiet->status : std::string{}, notifier);
  if (!noted) run.store_failed(noted.error());
}

void say_quiet(Run& run, const Quiet& quiet) {
  run.say(Line{Event::venue_quiet}.add("until", iso_micros(quiet.until)).add("status", quiet.status));
}

// What is over for long leaves the store, a little at the end of each run, so that no table grows for ever.
// Nothing waits for it: where it fails or its time is over, the next run goes on.
void prune(Run& run) {
  constexpr Micros budget = 20ms;
  const Micros began = run.elapsed();
  const auto enough = [&] {
    return run.elapsed() - began >= budget || run.stop_asked() || run.past(run.settings.hard_deadline - 10s);
  };
  // By a clock that is wrong nothing is old.
  const bool clock_is_wrong =
      run.venue.clock_offset && std::chrono::abs(*run.venue.clock_offset) > run.settings.max_clock_offset;
  if (!run.may_write() || clock_is_wrong || enough()) return;
  const auto say_failed = [&](const std::string& error) { run.say(Line{Event::prune_failed}.add("error", error)); };
  try {
    const Instant now = run.ports.clock.now();
    const auto gone = run.journal().prune(now - run.settings.prune_keep, now, enough);
    if (!gone && gone.error().fault != Fault::fenced) say_failed(gone.error().what);
    if (gone && *gone > 0)
      run.say(Line{Event::pruned}
                  .add("rows", static_cast<std::int64_t>(*gone))
                  .add("keep", duration_text(run.settings.prune_keep)));
  } catch (const std::exception& error) {
    say_failed(error.what());
  }
}

}  // namespace

}  // namespace tradeguard
