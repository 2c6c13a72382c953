#include <unistd.h>

#include "commands.hpp"
#include "log_sink.hpp"
#include "process.hpp"
#include "replay.hpp"
#include "setup.hpp"
#include "signal_file.hpp"

namespace tradeguard::cli {

namespace {

Result<std::unique_ptr<Store>> stage_store(const CommandLine& line, const Settings& settings);

// Nothing in the first second; then a line that overwrites itself, or on no terminal one a second.
class Progress {
 public:
  void tell(int done, int all);
  ~Progress();

 private:
  SystemClock clock_;
  Micros last_ = clock_.monotonic();
  bool told_ = false;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
};

}  // namespace

int replay_command(const CommandLine& line, const Pairs& environment) {
  const std::string& signals_path = *line.option("signals");
  const std::string& prices_path = *line.option("prices");
  std::optional<Instant> from;
  std::optional<Instant> until;
  for (const auto& [name, time] : {std::pair{"from", &from}, std::pair{"until", &until}}) {
    const std::string* given = line.option(name);
    if (given == nullptr) continue;
    *time = parse_iso(*given);
    if (!*time)
      return say_usage("replay", std::string{"--"} + name + " is a time with its zone, like 2025-01-01T12:00:00Z");
  }
  const std::atomic<bool>& stop_asked = catch_stop_signals();
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  const Settings& settings = (*setup)->settings();

  auto batch = SignalFile{signals_path, (*setup)->clock, 10s, &stop_asked, Timeless::rejected}.read();
  if (!batch) return say_failure(batch.error());
  auto prices = read_prices_of(prices_path, std::nullopt);
  if (!prices) return say_failure(prices.error());
  const ReplayDay day{std::move(batch->signals), std::move(*prices), from, until};

  LogSink log;
  if (const std::string* path = line.option("log")) {
    auto opened = open_log({.file = *path, .bare = line.bare, .file_only = true});
    if (!opened) return say_failure(opened.error());
    log = std::move(opened->sink);
  }
  auto store = stage_store(line, settings);
  if (!store) return say_failure(store.error());
  ManualClock clock{beginning_of(day)};
  Result<ReplayResult> result = failed(Fault::data, "");
  {
    Progress progress;
    result = replay(day, (*setup)->configuration, {clock, **store, std::move(log), &stop_asked},
                    [&](int done, int all) { progress.tell(done, all); });
  }
  for (const RejectedLine& rejected : batch->rejected)
    write_whole(STDERR_FILENO,
                Line{Event::signal_rejected}.add("line", rejected.line).add("reason", rejected.reason).plain() + "\n");
  if (!result) return say_failure(result.error());
  result->rejected += static_cast<int>(batch->rejected.size());
  print(line.json ? json_of(*result) : table_of(*result));
  if (result->critical_at_end) return exit_critical;
  return result->rejected > 0 ? exit_rejected : exit_ok;
}

namespace {

Result<std::unique_ptr<Store>> stage_store(const CommandLine& line, const Settings& settings) {
  const std::string* url = line.option("store");
  if (url == nullptr) return open_memory_store(account_of(settings));
  Settings own = settings;
  own.store_url = *url;
  own.staged = true;
  // A server's clock rules claims, and it would find every signal of a recorded day stale.
  if (is_postgres(own) || ::access(sqlite_file(own).c_str(), F_OK) == 0)
    return failed(Fault::configuration, "--store: " + *url +
                                            " is refused, expected sqlite:FILE with a file that "
                                            "does not exist yet");
  if (auto made = make_store(own); !made) return relayed(made);
  return open_store(own, account_of(own));
}

void Progress::tell(int done, int all) {
  const Micros now = clock_.monotonic();
  if (now - last_ < 1s) return;
  last_ = now;
  told_ = true;
  const std::string text = "replay: " + std::to_string(done) + " of " + std::to_string(all) + " cycles";
  write_whole(STDERR_FILENO, terminal_ ? "\r" + text : text + "\n");
}

Progress::~Progress() {
  if (told_ && terminal_) write_whole(STDERR_FILENO, "\n");
}

}  // namespace
}  // namespace tradeguard::cli
