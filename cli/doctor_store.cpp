// What doctor finds in the store: its clock, the rights of its role, the lock, the account.
#include <algorithm>
#include <array>

#include "alarm_help.hpp"
#include "doctor.hpp"
#include "entries_view.hpp"
#include "store_files.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard::cli {

namespace {

std::optional<Found> examine_store_clock(Setup& setup, SqlSession& session);
Found last_run(const OpenBook& book, const Settings& settings, bool alone, Instant now);
std::string seconds_since(Instant then, Instant now);

}  // namespace

std::vector<Found> examine_store(Setup& setup, Store& store) {
  std::vector<Found> findings;
  const auto rights = missing_rights(*store.session);
  if (!rights)
    findings.push_back(problem("rights", rights.error(), ""));
  else if (!rights->empty())
    findings.push_back(problem("rights", *rights, how_to_grant, exit_configuration));
  const auto epoch = store.session->epoch();
  findings.push_back(epoch ? well("epoch", *epoch) : problem("epoch", epoch.error(), ""));
  if (auto clock = examine_store_clock(setup, *store.session)) findings.push_back(std::move(*clock));
  return findings;
}

// Held as a run would hold it, and asked for by a second session meanwhile: a lock that can only be
// looked at proves nothing. No cycle is counted.
Locked examine_lock(const Settings& settings, Store& store) {
  const AccountKey account = account_of(settings);
  auto tried = store.account->lock().try_hold(account);
  if (!tried) return {{problem("lock", tried.error(), "")}, nullptr};
  const auto* run = std::get_if<HeldElsewhere>(&*tried);
  if (const auto stranger = run != nullptr ? lock_stranger(settings, store) : std::nullopt)
    return {{problem("lock", describe(*stranger),
                     "SELECT pg_terminate_backend(" + std::to_string(stranger->pid) +
                         "); and keep its role out of the database: REVOKE CONNECT (docs/postgresql.md)",
                     exit_critical)},
            nullptr};
  const std::string holder = lock_holder_text(settings, account);
  if (run != nullptr)
    return {{problem("lock",
                     "held by another run" +
                         (run->last_started_cycle ? ", cycle " + std::to_string(*run->last_started_cycle) : "") +
                         (holder.empty() ? "" : "; " + escape_value(holder)),
                     "wait until it is over; `tradeguard status` says whether it is stuck", exit_locked)},
            nullptr};
  Locked locked{{}, std::move(std::get<std::unique_ptr<RunLease::Hold>>(*tried))};
  const auto held = locked.hold->still_held();
  if (held && !*held) {
    locked.findings.push_back(well("lock", "free, and no run has taken it yet"));
    return locked;
  }
  auto second = open_store(settings, account);
  if (!second) {
    locked.findings.push_back(problem("lock", second.error(), ""));
    return locked;
  }
  const auto again = (*second)->account->lock().try_hold(account);
  if (!again)
    locked.findings.push_back(problem("lock", again.error(), ""));
  else if (!std::holds_alternative<HeldElsewhere>(*again))
    locked.findings.push_back(problem("lock", "two sessions hold it at once",
                                      "do not trade with this store: two runs would not exclude each other",
                                      exit_configuration));
  else
    locked.findings.push_back(well("lock", "free, and a second session is kept out"));
  return locked;
}

std::vector<Found> examine_account(Setup& setup, Store& store, bool alone) {
  const Instant now = setup.clock.now();
  const auto book = store.account->journal().open_book(now);
  if (!book) return {problem("account", book.error(), "")};
  std::vector<Found> findings{last_run(*book, setup.settings(), alone, now)};
  for (const Alarm& alarm : book->alarms) {
    std::string detail{kind_of(alarm)};
    for (const std::string* part : {&alarm.symbol, &alarm.subject})
      if (!part->empty() && *part != "-") detail += " " + *part;
    detail += " since " + iso_seconds(alarm.raised_at) + " UTC";
    if (!alarm.detail.empty()) detail += ": " + alarm.detail;
    const AlarmHelp* help = find_alarm_help(text(alarm.kind));
    const std::string step = help == nullptr ? "" : next_step(*help, alarm);
    findings.push_back(
        problem("alarm", escape_value(detail), step.empty() ? "look at `tradeguard status`" : step, exit_critical));
  }
  for (const EntryBar& bar : bars_of(setup.settings(), *book))
    findings.push_back(doubtful("entries", bar_text(bar),
                                bar.reason == Denial::halted ? "`tradeguard resume` takes entries again"
                                                             : "find out why; `tradeguard status` has the trades"));
  const auto waiting = store.account->journal().waiting_notices();
  if (!waiting)
    findings.push_back(problem("messages", waiting.error(), ""));
  else if (*waiting > 0)
    findings.push_back(doubtful("messages", std::to_string(*waiting) + " wait to be delivered",
                                "the next run tries again; its TG_FAILED lines say why it could not"));
  return findings;
}

std::optional<Found> examine_silence(Setup& setup, Store& store) {
  const Instant now = setup.clock.now();
  const auto book = store.account->journal().open_book(now);
  if (!book || !book->account.quiet_until) return std::nullopt;
  const Instant until = *book->account.quiet_until;
  if (until <= now || until > now + longest_quiet) return std::nullopt;
  return problem("exchange",
                 "answered HTTP " + escape_value(book->account.quiet_status) + " and asked for silence until " +
                     iso_seconds(until) + " UTC, so it was not asked anything",
                 "wait until then: asking earlier makes a ban longer", exit_unreachable);
}

namespace {

// Signals are judged, and cooldowns counted, by the clock of a store that has one.
std::optional<Found> examine_store_clock(Setup& setup, SqlSession& session) {
  const auto clock = session.server_now();
  if (!clock) return std::nullopt;
  const Instant before = setup.clock.now();
  const Statement ask{"SELECT " + *clock, {}};
  const auto answer = session.run(std::array{ask});
  const Instant after = setup.clock.now();
  if (!answer) return problem("store clock", answer.error(), "");
  const auto& rows = (*answer)[0].rows;
  const auto* micros = rows.empty() ? nullptr : std::get_if<std::int64_t>(&rows[0][0]);
  if (micros == nullptr) return problem("store clock", "the database does not tell its time", "", exit_unreachable);
  const Micros apart = from_micros(*micros) - (before + (after - before) / 2);
  const std::string far = std::to_string(std::chrono::abs(apart) / 1ms) + " ms " +
                          (apart < Micros{0} ? "behind" : "ahead of") + " this machine's";
  const Micros allowed = setup.settings().max_clock_offset + (after - before);
  if (std::chrono::abs(apart) > allowed)
    return problem("store clock", "the database's clock is " + far + ", and signals are judged by it",
                   "keep both clocks set (chrony, systemd-timesyncd)", exit_critical);
  return well("store clock", "within " + duration_text(setup.settings().max_clock_offset) + " of this machine's");
}

Found last_run(const OpenBook& book, const Settings& settings, bool alone, Instant now) {
  const AccountState& account = book.account;
  const std::string open = std::to_string(book.trades.size()) + " trades are open";
  const std::string start = "look at cron or the timer, and at the log of the last run";
  const bool attended = book.trades.empty();
  const auto judged = [&](const std::string& detail) {
    return attended ? doubtful("last run", detail, start)
                    : problem("last run", detail + ", and " + open, start, exit_critical);
  };
  if (!account.last_started_at) return well("last run", "none yet");
  if (!account.last_completed_at && !alone) return well("last run", "the first one is going");
  if (alone && (!account.last_completed_at || *account.last_started_at > *account.last_completed_at))
    return judged("the run that started at " + iso_seconds(*account.last_started_at) +
                  " UTC did not end: it was killed, or it failed");
  if (now - *account.last_completed_at > settings.stuck_after)
    return judged("no run was completed for " + seconds_since(*account.last_completed_at, now) + " s");
  return well("last run", "completed at " + iso_seconds(*account.last_completed_at) + " UTC");
}

std::string seconds_since(Instant then, Instant now) {
  const Micros span = std::max(Micros{0}, now - then);
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count());
}

}  // namespace
}  // namespace tradeguard::cli
