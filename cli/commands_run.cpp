#include <unistd.h>

#include <algorithm>

#include "commands.hpp"
#include "exit_codes.hpp"
#include "log_sink.hpp"
#include "no_start.hpp"
#include "one_cycle.hpp"
#include "process.hpp"
#include "signal_file.hpp"
#include "store_files.hpp"
#include "tradeguard/sql_schema.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

Result<int> wired_cycle(Setup& setup, const Station& station, SignalSource& signals,
                        const std::atomic<bool>& stop_asked);
Error not_started(const RunReport& report);
int report_stranger(const Station& station, Store& store, int code);
int report_lock_file(const Station& station, RunVerdict verdict, int code);

// Remembers beside the lock that live trades may be open, before the first of them can be.
class NotedSignals final : public SignalSource {
 public:
  NotedSignals(SignalSource& signals, const Station& station) : signals_{signals}, station_{station} {}
  Result<SignalBatch> read() override {
    auto batch = signals_.read();
    if (batch && std::ranges::any_of(batch->signals, [](const Signal& signal) { return signal.side == Side::buy; }))
      note_entries_ahead(station_);
    return batch;
  }

 private:
  SignalSource& signals_;
  const Station& station_;
};

// Behind the cycle's own end at the deadline, which it reaches unless it is stuck.
constexpr Micros grace = 2s;

}  // namespace

int run_command(const CommandLine& line, const Pairs& environment) {
  const std::string& path = *line.option("signals");
  const std::atomic<bool>& stop_asked = catch_stop_signals();
  auto setup = set_up(line, environment);
  if (!setup) {
    // Whoever looks for the end of every run in the log finds this one too.
    SystemClock clock;
    Log log{open_log({"", line.bare})->sink, clock};
    log.write(Line{Event::run_failed}.add("reason", "configuration"));
    const Given given{line.config, environment, line.settings, true};
    const auto configuration = read_configuration(given);
    std::string faults;
    if (!configuration)
      for (const std::string& fault : configuration.error()) faults += (faults.empty() ? "" : "; ") + fault;
    return report_misread(given, faults, line.bare, setup.error());
  }
  if (!(*setup)->log_fault.empty())
    (*setup)->log->write(
        Line{Event::log_file_unusable}.add("file", (*setup)->settings().log_file).add("error", (*setup)->log_fault));
  const Micros max_age = (*setup)->settings().policy.max_age;
  SignalFile signals{path,
                     (*setup)->clock,
                     10s,
                     &stop_asked,
                     Timeless::takes_file_time,
                     {.entries = max_age, .exits = std::max<Micros>(max_age, 24h)},
                     Trusted{.others = (*setup)->settings().signals_from}};
  const int code = one_cycle(**setup, signals, stop_asked, stdout);
  // Protection was seen to first; a CRITICAL that stands is worse.
  return signals.distrusted() && code != exit_critical ? exit_configuration : code;
}

int one_cycle(Setup& setup, SignalSource& signals, const std::atomic<bool>& stop_asked, std::FILE* messages) {
  const Station station{setup.settings(), setup.config_file, setup.environment, setup.clock, *setup.log, messages};
  const auto broke_off = [&](const std::exception& broken) {
    // The next run recovers: everything that was sent is on record.
    setup.log->write(
        Line{Event::run_failed, Level::critical}.add("reason", "internal_error").add("error", broken.what()));
    report_no_start(station, Error{Fault::data, broken.what()}, exit_internal);
  };
  try {
    const Watchdog watchdog{setup.settings().hard_deadline + grace, "RUN_FAILED reason=hard_deadline", setup.log_path,
                            setup.bare};
    try {
      // Before anything opens it: a log that somebody put beside the database would be taken into it.
      if (const auto secure = secure_store(setup.settings(), *setup.log); !secure) {
        Station blind = station;
        blind.store_is_ours = false;
        return report_no_start(blind, secure.error(), say_run_failed(*setup.log, secure.error()));
      }
      auto code = wired_cycle(setup, station, signals, stop_asked);
      if (code) return *code;
      if (code.error().fault == Fault::unreachable)
        say_lock_holders(setup.settings(), account_of(setup.settings()), LockedPart::database, Named::all, *setup.log);
      return report_no_start(station, code.error(), say_run_failed(*setup.log, code.error()));
    } catch (const std::exception& broken) {
      broke_off(broken);
    }
  } catch (const std::exception& unwatched) {
    broke_off(unwatched);
  }
  return exit_internal;
}

namespace {

Result<int> wired_cycle(Setup& setup, const Station& station, SignalSource& signals,
                        const std::atomic<bool>& stop_asked) {
  const Settings& settings = setup.settings();
  auto exchange = open_exchange(settings, setup.environment, setup.clock, *setup.log);
  if (!exchange) return relayed(exchange);
  auto notifier = make_notifier(settings, setup.environment, setup.clock, *setup.log, station.messages);
  if (!notifier) return relayed(notifier);
  auto store = open_store(settings, account_of(settings), &stop_asked);
  if (!store) return relayed(store, "opening the store");

  NotedSignals noted{signals, station};
  CyclePorts ports{*(*store)->account,
                   *(*exchange)->placer,
                   *(*exchange)->protector,
                   **notifier,
                   noted,
                   setup.clock,
                   *setup.log,
                   &stop_asked,
                   nullptr};
  ports.live_accounts = [&] { return accounts_with_open_trades(settings, **store, setup.clock.now()); };
  CycleSettings cycle = cycle_settings(setup.configuration, process_id(), host_name(), setup.clock.now());
  cycle.start_facts.emplace_back("schema", std::to_string(schema_version));
  cycle.start_facts.emplace_back("store", is_postgres(settings) ? "postgres" : "sqlite");
  cycle.start_facts.emplace_back("dry_run", settings.dry_run ? "1" : "0");
  bool began = false;
  ports.before_the_end = [&](const RunReport& report) {
    began = true;
    try {
      // Whoever lost the lease does not know what is open now.
      if (report.verdict != RunVerdict::internal_error)
        report_started(station, report.open_trades, report.verdict != RunVerdict::unreachable);
      report_log_file(station, setup.log_fault);
    } catch (const std::exception& broken) {
      setup.log->write(Line{Event::port_failed}.add("doing", "reporting").add("error", broken.what()));
    }
  };
  const RunReport report = monitor_cycle(ports, cycle);
  const int code = exit_code(report.verdict);
  if (report.verdict == RunVerdict::locked || report.verdict == RunVerdict::stuck)
    return is_postgres(settings) ? report_stranger(station, **store, code)
                                 : report_lock_file(station, report.verdict, code);
  if (began) return code;
  return report_no_start(station, not_started(report), code);
}

// Locked out by something that is no run: it will not end by itself, so nobody waits until it is stuck.
int report_stranger(const Station& station, Store& store, int code) {
  if (station.settings.kind == VenueKind::paper) return code;
  const auto stranger = lock_stranger(station.settings, store);
  if (!stranger) return code;
  station.log.write(Line{Event::lock_stranger}
                        .add("role", stranger->role)
                        .add("application", stranger->application.empty() ? "-" : stranger->application)
                        .add("address", stranger->address.empty() ? "-" : stranger->address)
                        .add("pid", stranger->pid));
  return report_no_start(station, Error{Fault::configuration, describe(*stranger)}, code, Reported::always);
}

// The same where the lock is a file of this machine.
int report_lock_file(const Station& station, RunVerdict verdict, int code) {
  const Named named = verdict == RunVerdict::stuck ? Named::all : Named::strangers;
  const std::string stranger =
      say_lock_holders(station.settings, account_of(station.settings), LockedPart::run, named, station.log);
  if (stranger.empty()) return code;
  return report_no_start(station,
                         Error{Fault::unreachable, "the run lock is held by " + stranger +
                                                       ", which is no tradeguard: end it, and find "
                                                       "out who started it"},
                         code, Reported::always);
}

Error not_started(const RunReport& report) {
  const Fault fault = report.verdict == RunVerdict::configuration ? Fault::configuration
                      : report.verdict == RunVerdict::unreachable ? Fault::unreachable
                                                                  : Fault::data;
  return {fault, report.error};
}

}  // namespace
}  // namespace tradeguard::cli
