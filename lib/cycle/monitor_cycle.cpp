#include "tradeguard/monitor_cycle.hpp"

#include <algorithm>
#include <utility>

#include "run.hpp"

namespace tradeguard {

namespace {

bool take_the_lock(Run& run);
bool open(Run& run);
void settle_rounds(Run& run, Micros limit, bool wait_for_entries);
void look_once_more(Run& run);
void close(Run& run);
void say_locked(Run& run, const HeldElsewhere& held);
void look_for_a_stuck_holder(Run& run, const HeldElsewhere& held);
void fail(Run& run, const Error& error);
void say_frame(Run& run, bool start, std::string_view result);
void tell_unreadable_rows(Run& run);
void set_aside_foreign_trades(Run& run);
void keep_silences(Run& run);
void say_quiet(Run& run, const Quiet& quiet);
void prune(Run& run);
void note_silences(Run& run);
void look_back(Run& run);
void look_for_unattended(Run& run);
RunVerdict verdict_of(const Run& run);

constexpr std::string_view row_subject = "row/";
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

// The lock of one account says nothing about the rows of another.
std::optional<std::string> accounts_mixed(const Run& run) {
  const auto name = [](const AccountKey& account) { return account.venue + "/" + account.account; };
  const Pen& pen = run.ports.pen;
  if (pen.account != run.settings.account)
    return "the settings are of the account " + name(run.settings.account) + " and the pen is of " + name(pen.account) +
           ": nothing was done; give both the same account";
  for (const Pen* other : {run.ports.journal.pen(), run.ports.guard.pen()})
    if (other != nullptr && other != &pen)
      return "journal and guard have to write with the pen of the run, or its lock does not fence them: "
             "nothing was done; make them with the same Pen, which is of the account " +
             name(pen.account) + ", and not with one of " + name(other->account);
  return std::nullopt;
}

bool take_the_lock(Run& run) {
  if (const auto mixed = accounts_mixed(run)) {
    fail(run, {Fault::configuration, *mixed});
    return false;
  }
  auto acquired = run.ports.lock.try_acquire(run.settings.account);
  if (!acquired) {
    fail(run, std::move(acquired.error()).within("taking the run lock"));
    return false;
  }
  if (const auto* held = std::get_if<HeldElsewhere>(&*acquired)) {
    say_locked(run, *held);
    return false;
  }
  run.lease.emplace(std::move(std::get<RunLease>(*acquired)));
  run.ports.pen.fence = run.lease->fence();
  run.report.cycle = run.lease->cycle();
  return true;
}

bool open(Run& run) {
  auto book = run.ports.journal.open_book(run.now);
  if (!book) {
    fail(run, std::move(book.error()).within("reading the open book"));
    return false;
  }
  run.book = std::move(*book);
  if (auto begun = run.ports.journal.begin_run(run.settings.run_id, run.settings.config_hash, run.now); !begun) {
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
        if (leg.live() && leg.leg != Leg::exit && run.sighted.contains(leg.client_id) &&
            (run.placed_here.contains(leg.client_id) || run.placed_here.contains(leg.pair)) &&
            looked_at.insert(leg.client_id).second)
          fresh.push_back(leg.client_id);
    if (fresh.empty()) return;
    if (!run.stop_asked()) run.ports.clock.wait(run.settings.fast_patience);
    for (const ClientOrderId& id : fresh) run.sighted.erase(id);
    settle_rounds(run, limit, /*wait_for_entries=*/false);
  }
}

void close(Run& run) {
  run.report.open_trades = static_cast<int>(std::count_if(run.book.trades.begin(), run.book.trades.end(),
                                                          [](const Trade& trade) { return !trade.record.settled; }));
  run.report.critical_standing = static_cast<int>(run.book.alarms.size() + run.criticals.size());
  run.report.verdict = verdict_of(run);
  const std::string result = run.fenced                                          ? "lease_lost"
                             : run.store_lost                                    ? "store_lost"
                             : run.report.verdict == RunVerdict::critical_stands ? "critical"
                             : run.report.verdict == RunVerdict::unreachable     ? "unreachable"
                             : run.report.verdict == RunVerdict::configuration   ? "configuration"
                             : run.report.verdict == RunVerdict::some_rejected   ? "rejected"
                                                                                 : "ok";
  note_silences(run);
  if (run.may_write()) {
    const auto finished = run.ports.journal.finish_run({result, ""}, run.ports.clock.now());
    if (!finished) run.store_failed(finished.error());
  }
  prune(run);
  run.lease.reset();  // released before the last line says so
  if (run.ports.before_the_end) run.ports.before_the_end(run.report);
  say_frame(run, false, result);
}

void say_locked(Run& run, const HeldElsewhere& held) {
  const std::string cycle = held.last_started_cycle ? std::to_string(*held.last_started_cycle + 1) : "?";
  Line twin{Level::warn, "RUN_LOCKED"};
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
  const auto book = run.ports.journal.open_book(now);
  if (!book) return;
  const AccountState& account = book->account;
  if (!account.last_started_at || lately(*account.last_started_at, stuck_after)) return;
  run.report.verdict = RunVerdict::stuck;
  const std::int64_t seconds = std::max<std::int64_t>(0, (now - *account.last_started_at).count() / 1'000'000);
  run.say(Line{Level::critical, "RUN_STUCK"}
              .add("cycle", account.cycle)
              .add("seconds", seconds)
              .add("last_completed", account.last_completed_at ? iso_micros(*account.last_completed_at) : "never"));
  if (account.last_stuck_told_at && lately(*account.last_stuck_told_at, 15min - 1us)) return;
  Notice notice{};
  notice.event_id = "RUN_STUCK:" + std::to_string(account.cycle) + ":" + std::to_string(to_micros(now));
  notice.type = NoticeType::run_stuck;
  notice.severity = Severity::critical;
  notice.facts = {{"cycle", std::to_string(account.cycle)}, {"seconds", std::to_string(seconds)}};
  notice.created_at = now;
  run.tell_directly(notice);
  static_cast<void>(run.ports.journal.note_stuck_told(now));
}

void fail(Run& run, const Error& error) {
  Line line{Level::error, "RUN_FAILED"};
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
  Line line{Level::info, start ? "RUN_START" : "RUN_END"};
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

// What the store holds and nobody can read is nobody's to act on: its base is frozen, all entries are
// denied, and a person is told which row it is, until it can be read again.
void tell_unreadable_rows(Run& run) {
  std::vector<Item> items;
  for (const Alarm& found : run.book.unreadable) {
    Line line = Line{Level::critical, "IMPOSSIBLE"}
                    .add("symbol", found.symbol.empty() ? "-" : found.symbol)
                    .add("order_id", found.order_id.empty() ? "-" : found.order_id)
                    .add("state", "unreadable")
                    .add("row", found.subject.substr(row_subject.size()))
                    .add("error", found.detail);
    if (stands(run, found.kind, found.subject)) {
      run.say(line);
      continue;
    }
    Notice notice{};
    notice.event_id = "IMPOSSIBLE:" + found.subject;
    notice.type = NoticeType::impossible;
    notice.severity = Severity::critical;
    notice.symbol = found.symbol;
    notice.order_id = found.order_id;
    notice.facts = {{"row", found.subject.substr(row_subject.size())},
                    {"what is wrong", found.detail},
                    {"what was not done", "nothing is sent, sold or protected by this row"},
                    {"what to do", "look at the exchange, then mend or delete the row in the store"}};
    notice.created_at = run.now;
    Item item;
    raise(item, run, found, std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  for (const Alarm& standing : run.book.alarms) {
    if (standing.kind != NoticeType::impossible || !standing.subject.starts_with(row_subject)) continue;
    const bool still = std::any_of(run.book.unreadable.begin(), run.book.unreadable.end(),
                                   [&](const Alarm& found) { return same_alarm(found, standing); });
    if (still) continue;
    Item item;
    clear(item, run, standing.kind, standing.subject);
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));
}

// An entry without rules or plan was claimed by a bot that sends by itself. Its protection cannot be
// computed here, so it is nobody's but the alarm's.
void set_aside_foreign_trades(Run& run) {
  std::vector<Item> items;
  for (const Trade& trade : run.book.trades) {
    if (trade.record.rules && trade.record.plan) continue;
    const Order& entry = trade.entry();
    Item item;
    Alarm alarm{.kind = NoticeType::unprotected, .subject = trade.id(), .freezes = entry.symbol.base()};
    alarm.symbol = entry.symbol.text();
    alarm.order_id = order_id_of(entry);
    alarm.detail = "claimed without rules and plan";
    Notice notice = notice_of(NoticeType::unprotected, Severity::critical, entry, run.now);
    notice.facts = {{"why", alarm.detail}, {"what to do", "tradeguard release, or settle it in the bot"}};
    Line line = line_of(Level::critical, "UNPROTECTED", entry).add("reason", alarm.detail);
    raise(item, run, std::move(alarm), std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));
  std::erase_if(run.book.trades, [](const Trade& trade) { return !trade.record.rules || !trade.record.plan; });
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
  const auto noted = run.ports.journal.note_silences(venue, venue ? quiet->status : std::string{}, notifier);
  if (!noted) run.store_failed(noted.error());
}

void say_quiet(Run& run, const Quiet& quiet) {
  run.say(Line{Level::warn, "VENUE_QUIET"}.add("until", iso_micros(quiet.until)).add("status", quiet.status));
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
  const bool clock_is_wrong = run.clock_offset && std::chrono::abs(*run.clock_offset) > run.settings.max_clock_offset;
  if (!run.may_write() || clock_is_wrong || enough()) return;
  const auto say_failed = [&](const std::string& error) {
    run.say(Line{Level::warn, "PRUNE_FAILED"}.add("error", error));
  };
  try {
    const Instant now = run.ports.clock.now();
    const auto gone = run.ports.journal.prune(now - run.settings.prune_keep, now, enough);
    if (!gone && gone.error().fault != Fault::fenced) say_failed(gone.error().what);
    if (gone && *gone > 0)
      run.say(Line{Level::info, "PRUNED"}
                  .add("rows", static_cast<std::int64_t>(*gone))
                  .add("keep", duration_text(run.settings.prune_keep)));
  } catch (const std::exception& error) {
    say_failed(error.what());
  }
}

// A run that was killed, or did not come at all, is said by the next one.
void look_back(Run& run) {
  const AccountState& account = run.book.account;
  const bool gap =
      account.last_completed_at && (run.now - *account.last_completed_at > run.settings.stuck_after ||
                                    is_ahead(*account.last_completed_at, run.settings.stuck_after, run.now));
  if (account.last_started_at && (!account.previous_run_ended || gap)) {
    const char* reason = account.previous_run_ended ? "gap" : "previous_run_did_not_end";
    const Instant since = account.last_completed_at.value_or(*account.last_started_at);
    const std::int64_t seconds = std::max<std::int64_t>(0, (run.now - since).count() / 1'000'000);
    Item item;
    item.say(Line{Level::warn, "RUN_MISSED"}.add("reason", reason).add("seconds", seconds));
    if (!account.previous_run_ended || !run.book.trades.empty()) {
      Notice notice{};
      notice.event_id = "RUN_MISSED:" + std::to_string(run.report.cycle);
      notice.type = NoticeType::run_missed;
      notice.severity = Severity::warning;
      notice.facts = {{"reason", reason}, {"seconds", std::to_string(seconds)}};
      notice.created_at = run.now;
      item.tell(std::move(notice));
    }
    run.commit({std::move(item)});
  }
  if (account.halted) run.say(Line{Level::warn, "HALTED"}.add("reason", *account.halted));
  if (run.ports.unattended_live_trades == nullptr) return;
  if (const int trades = run.ports.unattended_live_trades(); trades > 0) {
    run.criticals.push_back("live positions unattended");
    Notice notice{};
    notice.event_id = "LIVE_POSITIONS_UNATTENDED:" + std::to_string(run.report.cycle);
    notice.type = NoticeType::live_positions_unattended;
    notice.severity = Severity::critical;
    notice.facts = {{"trades", std::to_string(trades)}};
    notice.created_at = run.now;
    Item item;
    item.say(Line{Level::critical, "LIVE_POSITIONS_UNATTENDED"}.add("trades", trades));
    item.tell(std::move(notice));
    run.commit({std::move(item)});
  }
}

// Another account with open trades is attended to by its own runs. It is not when none of them came since
// this account's run before; and as long as this account does not run minute by minute itself, nobody can
// say so: then it is asked for. What was alarmed stays so until a run of that account comes.
bool is_attended(const Run& run, const LiveAccount& live, const Alarm* standing) {
  if (!live.idle) return false;
  const Instant last_run = run.now - *live.idle;
  if (standing != nullptr) return last_run > standing->raised_at;
  const auto& before = run.book.account.last_started_at;
  constexpr Micros side_by_side = 60s;
  return before && *before <= run.now && run.now - *before <= run.settings.stuck_after &&
         last_run + side_by_side >= *before;
}

// An account that was renamed, another venue in the configuration, or paper where there was money.
void look_for_unattended(Run& run) {
  if (run.ports.live_accounts == nullptr) return;
  constexpr NoticeType kind = NoticeType::live_positions_unattended;
  std::vector<Item> items;
  std::set<std::string> open;
  for (const LiveAccount& live : run.ports.live_accounts()) {
    if (live.account == run.settings.account) continue;
    const std::string subject = live.account.venue + "/" + live.account.account;
    const auto standing = std::find_if(run.book.alarms.begin(), run.book.alarms.end(), [&](const Alarm& alarm) {
      return alarm.kind == kind && alarm.subject == subject;
    });
    const bool stands = standing != run.book.alarms.end();
    if (is_attended(run, live, stands ? &*standing : nullptr)) continue;
    open.insert(subject);
    Line line{Level::critical, "LIVE_POSITIONS_UNATTENDED"};
    line.add("trades", live.trades).add("account", subject);
    if (stands) {
      run.say(line);
      continue;
    }
    Alarm alarm{.kind = kind, .subject = subject, .freezes = {}};
    alarm.detail = std::to_string(live.trades) + " open trades, last run " +
                   (live.idle ? iso_seconds(run.now - *live.idle) + " UTC" : "not known");
    Notice notice{};
    notice.event_id = "LIVE_POSITIONS_UNATTENDED:" + subject;
    notice.type = kind;
    notice.severity = Severity::critical;
    notice.facts = {{"account", subject},
                    {"trades", std::to_string(live.trades)},
                    {"what to do", "run that account again, or sell or release its trades"}};
    notice.created_at = run.now;
    Item item;
    raise(item, run, std::move(alarm), std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  for (const Alarm& alarm : run.book.alarms) {
    if (alarm.kind != kind || open.contains(alarm.subject)) continue;
    Item item;
    clear(item, run, kind, alarm.subject);
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));
}

RunVerdict verdict_of(const Run& run) {
  if (run.fenced) return RunVerdict::internal_error;
  if (run.store_lost)
    return run.sent_entries || !run.book.trades.empty() ? RunVerdict::critical_stands : RunVerdict::unreachable;
  if (!run.book.alarms.empty() || !run.criticals.empty() || run.unverified > 0) return RunVerdict::critical_stands;
  if (run.venue_failed && !run.sent_entries && run.report.open_trades == 0)
    return run.venue_misconfigured ? RunVerdict::configuration : RunVerdict::unreachable;
  if (run.report.rejected > 0) return RunVerdict::some_rejected;
  return RunVerdict::ok;
}

}  // namespace

namespace {

// An alarm each, for each freezes its base, and one message: a new store may find dozens.
Item tell_orphans(Run& run, std::span<const Sighting* const> orphans) {
  Item item;
  Notice notice{};
  notice.event_id = "ORPHAN:" + orphans.front()->client_id + ":" + std::to_string(to_micros(run.now));
  notice.type = NoticeType::orphan;
  notice.severity = Severity::critical;
  notice.created_at = run.now;
  if (orphans.size() > 1) notice.facts.emplace_back("orders", std::to_string(orphans.size()));
  for (const Sighting* sighting : orphans) {
    Alarm alarm{.kind = NoticeType::orphan, .subject = sighting->client_id, .freezes = sighting->symbol.base()};
    alarm.symbol = sighting->symbol.text();
    alarm.order_id = sighting->venue_id;
    alarm.detail = "the store has no row of this order, which is " + std::string{text(sighting->status)};
    alarm.raised_at = run.now;
    alarm.next_reminder = run.now + 5min;
    item.say(Line{Level::critical, "ORPHAN"}
                 .add("symbol", alarm.symbol)
                 .add("order_id", alarm.order_id)
                 .add("client_id", sighting->client_id));
    item.change.alarms.push_back({AlarmEdge::What::raise, std::move(alarm)});
    if (orphans.size() > 1)
      notice.facts.emplace_back("order", sighting->symbol.text() + " " + std::string{text(sighting->side)} + " " +
                                             sighting->venue_id + " " + std::string{text(sighting->status)} + ", " +
                                             sighting->client_id);
  }
  const Symbol& first = orphans.front()->symbol;
  if (std::all_of(orphans.begin(), orphans.end(), [&](const Sighting* s) { return s->symbol == first; }))
    notice.symbol = first.text();
  if (orphans.size() == 1) {
    const Sighting& only = *orphans.front();
    notice.order_id = only.venue_id;
    notice.side = only.side;
    notice.facts = {{"client id", only.client_id}, {"status", std::string{text(only.status)}}};
  }
  item.tell(std::move(notice));
  return item;
}

}  // namespace

// A store that is new, restored or promoted may not know what was sent: the venue is asked for own
// orders without a row, and signals older than this moment are not entered.
void look_at_epoch(Run& run) {
  AccountState& account = run.book.account;
  // Written by a clock that was ahead it would deny every signal until then.
  const bool known_too_early = account.entries_after && is_ahead(*account.entries_after, 1min, run.now);
  if (account.known_epoch && *account.known_epoch == account.epoch && !known_too_early) return;
  constexpr Micros look_back_span = 48h;
  const auto own = run.ports.placer.own_orders(run.now - look_back_span);
  const auto id = run.ports.placer.account_id();
  if (!own || !id) {
    run.no_entries = Denial::epoch_unread;
    run.venue_error(own ? id.error() : own.error());
    run.say(Line{Level::error, "VENUE_UNREADABLE"}
                .add("what", "own orders")
                .add("error", own ? id.error().what : own.error().what));
    return;
  }
  std::vector<const Sighting*> orphans;
  for (const Sighting& sighting : *own) {
    const auto row = run.ports.journal.order(sighting.client_id);
    if (!row) return run.store_failed(row.error());
    const bool matters = sighting.status == VenueStatus::open || sighting.filled.value_or(Quantity{}).is_positive();
    if (!*row && matters && !stands(run, NoticeType::orphan, sighting.client_id)) orphans.push_back(&sighting);
  }
  if (!orphans.empty()) run.commit({tell_orphans(run, orphans)});
  // What is written now bounds every later signal, so the clock it is read from has to be right.
  run.measure_clock();
  if (!run.clock_offset || std::chrono::abs(*run.clock_offset) > run.settings.max_clock_offset) {
    run.no_entries = run.clock_offset ? Denial::clock_offset : Denial::clock_unreadable;
    return;
  }
  // A new account on a venue that is part of this machine and has no order of ours has nothing to forget.
  const bool nothing_to_forget = !account.known_epoch && own->empty() && !run.ports.placer.traits().network;
  const Instant after = nothing_to_forget ? Instant{} : run.now;
  if (auto accepted = run.ports.journal.accept_epoch(*id, after); !accepted) return run.store_failed(accepted.error());
  if (!nothing_to_forget) run.say(Line{Level::warn, "NEW_EPOCH"}.add("entries_after", iso_micros(after)));
}

// The account's name is ours, and whoever exchanges the key gives it another account of the exchange: what the
// store calls open then is not there. The id is remembered at first sight; under another one nothing is
// entered until the old one is back, and what protects goes on.
void look_at_account(Run& run) {
  if (!run.may_write()) return;
  const AccountState& account = run.book.account;
  const std::string seen = run.ports.placer.seen_account();
  if (seen.empty()) return;
  if (account.venue_account_id.empty()) {
    // Before the epoch was looked at, nothing is accepted with it.
    if (!account.known_epoch || *account.known_epoch != account.epoch) return;
    const auto noted = run.ports.journal.accept_epoch(seen, account.entries_after.value_or(Instant{}));
    if (!noted) return run.store_failed(noted.error());
    run.book.account.venue_account_id = seen;
    return;
  }
  const std::string subject = run.settings.account.venue + "/" + run.settings.account.account;
  Item item;
  if (seen == account.venue_account_id) {
    clear(item, run, NoticeType::account_changed, subject);
    return run.commit({std::move(item)});
  }
  Line line{Level::critical, "ACCOUNT_CHANGED"};
  line.add("account", subject).add("seen", seen).add("known", account.venue_account_id);
  if (stands(run, NoticeType::account_changed, subject)) {
    if (!std::exchange(run.said_account, true)) run.say(line);
    return;
  }
  run.said_account = true;
  Alarm alarm{.kind = NoticeType::account_changed, .subject = subject, .freezes = {}};
  alarm.breaks = true;
  alarm.detail = "the exchange answers for account " + seen + ", and these trades are of " + account.venue_account_id;
  Notice notice{};
  notice.event_id = "ACCOUNT_CHANGED:" + subject;
  notice.type = NoticeType::account_changed;
  notice.facts = {
      {"account", subject}, {"the exchange answers for", seen}, {"the trades are of", account.venue_account_id}};
  notice.created_at = run.now;
  raise(item, run, std::move(alarm), std::move(line), std::move(notice));
  run.commit({std::move(item)});
}

}  // namespace tradeguard
