#include <unistd.h>

#include "commands.hpp"
#include "log_sink.hpp"
#include "one_cycle.hpp"
#include "process.hpp"
#include "signal_file.hpp"
#include "tradeguard/sql_schema.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

Result<int> wired_cycle(Desk& desk, SignalSource& signals, const std::atomic<bool>& stop_asked,
                        std::FILE* messages);

// Behind the cycle's own end at the deadline, which it reaches unless it is stuck.
constexpr Micros grace = 2s;

}  // namespace

int run_command(const CommandLine& line, const Pairs& environment) {
  const std::string& path = *line.option("signals");
  const std::atomic<bool>& stop_asked = catch_stop_signals();
  auto desk = set_up(line, environment);
  if (!desk) {
    // Whoever looks for the end of every run in the log finds this one too.
    SystemClock clock;
    Log log{open_log({"", line.bare})->sink, clock};
    log.write(Line{Level::error, "RUN_FAILED"}.add("reason", "configuration"));
    return desk.error();
  }
  SignalFile signals{path, (*desk)->clock, 10s, &stop_asked};
  return one_cycle(**desk, signals, stop_asked, stdout);
}

int one_cycle(Desk& desk, SignalSource& signals, const std::atomic<bool>& stop_asked,
              std::FILE* messages) {
  try {
    const Watchdog watchdog{desk.settings().hard_deadline + grace,
                            "RUN_FAILED reason=hard_deadline", desk.settings().log_file, desk.bare};
    auto code = wired_cycle(desk, signals, stop_asked, messages);
    return code ? *code : say_run_failed(*desk.log, code.error());
  } catch (const std::exception& broken) {
    // The next run recovers: everything that was sent is on record.
    desk.log->write(Line{Level::critical, "RUN_FAILED"}
                        .add("reason", "internal_error")
                        .add("error", broken.what()));
    return exit_internal;
  }
}

namespace {

Result<int> wired_cycle(Desk& desk, SignalSource& signals, const std::atomic<bool>& stop_asked,
                        std::FILE* messages) {
  const Settings& settings = desk.settings();
  auto exchange = open_exchange(settings, desk.environment, desk.clock, *desk.log);
  if (!exchange) return tl::unexpected{std::move(exchange.error())};
  auto notifier = make_notifier(settings, desk.environment, desk.clock, *desk.log, messages);
  if (!notifier) return tl::unexpected{std::move(notifier.error())};
  auto store = open_store(settings, account_of(settings));
  if (!store) return tl::unexpected{std::move(store.error()).within("opening the store")};

  CyclePorts ports{*(*store)->lock,      (*store)->pen,           *(*store)->journal,
                   *(*store)->guard,     *(*exchange)->placer,    *(*exchange)->protector,
                   **notifier,           signals,                 desk.clock,
                   *desk.log,            &stop_asked,             nullptr};
  if (settings.dry_run)
    ports.unattended_live_trades = [&] {
      return unattended_live_trades(settings, **store, desk.clock.now());
    };
  CycleSettings cycle =
      cycle_settings(desk.configuration, process_id(), host_name(), desk.clock.now());
  cycle.start_facts.emplace_back("schema", std::to_string(schema_version));
  cycle.start_facts.emplace_back("store", is_postgres(settings) ? "postgres" : "sqlite");
  cycle.start_facts.emplace_back("dry_run", settings.dry_run ? "1" : "0");
  return exit_code(monitor_cycle(ports, cycle).verdict);
}

}  // namespace
}  // namespace tradeguard::cli
