// live_costs FOLDER TRADEGUARD RUNS ROWS
//
// The real program over TLS against the fake exchange, with a PostgreSQL store that remembers ROWS rows.
// What a run costs in time depends on how long the exchange takes to answer (L): each case says the
// chain of questions that wait for one another, and the time that this chain and the exchange's
// limits make unavoidable; the figure beside it is held to that.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "../fake_venue/fake_venue_client.hpp"
#include "../support/scratch_database.hpp"
#include "figures.hpp"
#include "history.hpp"
#include "stores.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/postgres_session.hpp"

namespace tradeguard::bench {

namespace {

constexpr int latency_ms = 50;

struct Case {
  std::string name;
  int signals;
  bool limits;
  double least_ms;  // chain of answers, or what the limits allow
  double most_ms;   // what the figure is held to
  bool blocked = false;
};

struct Ran {
  double wall_ms;
  double cpu_ms;
  double resident_mib;
  std::map<std::string, std::string> end;  // the fields of RUN_END
  std::optional<double> first_order_ms;    // from the start of the process
};

class Bench {
 public:
  Bench(std::string folder, std::string program, long rows);
  Ran run(const Case& what);
  fake::Json stats() { return venue_.stats(); }

 private:
  void forget();
  Ran start(const std::string& signals, bool limits);

  std::string folder_;
  std::string program_;
  support::ScratchDatabase database_;
  std::unique_ptr<SqlSession> session_;
  fake::FakeVenueProcess venue_;
  int files_ = 0;
};

void must_succeed(int code, const char* doing) {
  if (code != 0) throw std::runtime_error{std::string{doing} + " ended with " + std::to_string(code)};
}

std::string market(int number) { return "C" + std::to_string(100 + number) + "_USDT"; }

Bench::Bench(std::string folder, std::string program, long rows)
    : folder_{std::move(folder)}, program_{std::move(program)} {
  std::ofstream{folder_ + "/live.ini"}
      << "[store]\nurl = " << database_.url() << "\n[run]\nlive = true\nlog_file = live.log\n"
      << "[venue]\nkind = cryptocom\nbase_url = " << venue_.cryptocom_url() << "\nca_file = " << venue_.ca_file()
      << "\n[telegram]\nchat_id = " << fake::FakeVenueProcess::chat_id << "\nbase_url = " << venue_.url()
      << "\nca_file = " << venue_.ca_file()
      << "\n[limits]\nmax_order_notional = 0\nmax_open_positions = 0\n[net]\nconnections = 100\n";
  ::setenv("TRADEGUARD_API_KEY", std::string{fake::FakeVenueProcess::api_key}.c_str(), 1);
  ::setenv("TRADEGUARD_API_SECRET", std::string{fake::FakeVenueProcess::api_secret}.c_str(), 1);
  ::setenv("TRADEGUARD_TELEGRAM_TOKEN", std::string{fake::FakeVenueProcess::bot_token}.c_str(), 1);
  must_succeed(
      std::system((program_ + " init --config " + folder_ + "/live.ini >" + folder_ + "/init.out 2>&1").c_str()),
      "tradeguard init");
  session_ = must(PostgresSession::open(database_.url(), {}));
  write_history(*session_, rows, "cryptocom");
  must_run(*session_, "ANALYZE");
  forget();
  // A new store looks for orders it may have forgotten, once.
  start("", false);
}

// The history stays, the last run goes.
void Bench::forget() {
  const std::string recent = " > CAST(extract(epoch FROM now()) * 1000000 AS BIGINT) - 86400000000";
  must_run(*session_, "DELETE FROM exchange_orders WHERE claimed_at" + recent);
  must_run(*session_,
           "DELETE FROM trades t WHERE NOT EXISTS (SELECT 1 FROM exchange_orders o WHERE o.client_id = t.trade "
           "AND o.venue = t.venue AND o.account = t.account)");
  must_run(*session_, "DELETE FROM signal_claims WHERE claimed_at" + recent);
  must_run(*session_, "DELETE FROM decisions WHERE first_at" + recent);
  must_run(*session_, "DELETE FROM notices WHERE created_at" + recent);
  must_run(*session_, "DELETE FROM alarms WHERE raised_at" + recent);
  venue_.reset();
  venue_.set_balance("USDT", Decimal{10'000'000});
  for (int i = 0; i < 100; ++i) venue_.post("/market", {{"symbol", market(i)}, {"price", "100"}});
}

Ran Bench::run(const Case& what) {
  forget();
  std::string signals;
  for (int i = 0; i < what.signals; ++i)
    signals += R"({"symbol":")" + market(i) + R"(","side":"BUY","quantity":"0.5","time":")" +
               iso_seconds(SystemClock{}.now()) + "Z\"}\n";
  for (const char* name : {"latency_ms", "telegram_latency_ms"}) venue_.set(name, std::to_string(latency_ms));
  venue_.set("enforce_limits", what.limits ? "1" : "0");
  if (what.blocked) {
    // Every base was bought a moment ago, in a run that is not measured; these are other signals.
    venue_.set("latency_ms", "0");
    start(signals, false);
    venue_.set("latency_ms", std::to_string(latency_ms));
    std::string others;
    for (int i = 0; i < what.signals; ++i)
      others += R"({"symbol":")" + market(i) +
                R"(","side":"BUY","id":"again","quantity":"0.5"})"
                "\n";
    must_run(*session_,
             "UPDATE exchange_orders SET state = 'closed', fees_known = 1 WHERE state <> 'closed' OR fees_known = 0");
    must_run(*session_, "UPDATE trades SET settled = 1 WHERE settled = 0");
    signals = others;
  }
  return start(signals, what.limits);
}

Ran Bench::start(const std::string& signals, bool limits) {
  const std::string file = folder_ + "/signals-" + std::to_string(++files_) + ".jsonl";
  std::ofstream{file} << signals;
  const std::string log = folder_ + "/live.log";
  ::unlink(log.c_str());
  const std::vector<std::string> words{program_,          "run",
                                       "--config",        folder_ + "/live.ini",
                                       "--signals",       file,
                                       "--venue.pace",    limits ? "documented" : "off",
                                       "--telegram.pace", limits ? "1s" : "0"};
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  const auto wall_clock = std::chrono::system_clock::now();
  const auto begun = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, descriptor);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begun;
  must_succeed(WIFEXITED(status) ? WEXITSTATUS(status) : 128, "tradeguard run");

  Ran ran{};
  ran.wall_ms = wall.count();
  const auto ms = [](const timeval& span) {
    return static_cast<double>(span.tv_sec) * 1000 + static_cast<double>(span.tv_usec) / 1000;
  };
  ran.cpu_ms = ms(used.ru_utime) + ms(used.ru_stime);
  ran.resident_mib = static_cast<double>(used.ru_maxrss) / 1024;
  std::ifstream lines{log};
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find("RUN_END ");
    if (at == std::string::npos) continue;
    if (const auto parsed = parse_line(line.substr(at)))
      for (const auto& [key, value] : parsed->fields) ran.end[key] = value;
  }
  const double started = static_cast<double>(std::chrono::duration_cast<Micros>(wall_clock.time_since_epoch()).count());
  for (const fake::Json& event : venue_.get("/timeline").items) {
    if (event.text_of("endpoint") != "private/create-order") continue;
    ran.first_order_ms = (std::stod(event.text_of("at")) - started) / 1000;
    break;
  }
  return ran;
}

void print_case(Bench& bench, const Case& what, int runs) {
  std::vector<double> wall, cpu, resident, first;
  std::map<std::string, std::vector<double>> naked;
  std::string entries;
  for (int i = -1; i < runs; ++i) {
    const Ran ran = bench.run(what);
    if (i < 0) continue;
    wall.push_back(ran.wall_ms);
    cpu.push_back(ran.cpu_ms);
    resident.push_back(ran.resident_mib);
    if (ran.first_order_ms && !what.blocked) first.push_back(*ran.first_order_ms);
    for (const char* which : {"min", "median", "max"})
      if (const auto field = ran.end.find("unprotected_" + std::string{which} + "_ms");
          field != ran.end.end() && field->second != "-")
        naked[which].push_back(std::stod(field->second));
    entries = ran.end.at("entries");
  }
  const fake::Json stats = bench.stats();
  std::string over;
  for (const auto& [name, count] : stats.at("over").members) over += " " + name + "=" + count.scalar;
  std::printf("\n");
  print_head(what.name);
  char said[80];
  std::snprintf(said, sizeof said, "%.0f ms (unavoidable %.0f)", what.most_ms, what.least_ms);
  print_figure("  wall", wall, "ms", 0, Limit{what.most_ms, said});
  print_figure("  CPU of the process", cpu, "ms", 1);
  print_figure("  resident at most", resident, "MiB", 1);
  if (!first.empty()) print_figure("  start of the process to the first order", first, "ms", 0);
  for (const char* which : {"min", "median", "max"})
    if (!naked[which].empty())
      print_figure(std::string{"  fill seen to stop sighted, "} + which, naked[which], "ms", 0);
  std::printf("  entries %s, requests beyond a limit:%s\n", entries.c_str(), over.empty() ? " none" : over.c_str());
  std::fflush(stdout);
}

// Windows of a limit after the first, each with the quarter that the pace leaves for jitter, and the
// chain of answers around them.
double paced(int orders, int per_window, int chain) {
  return (orders + per_window - 1) / per_window * 125.0 - 125 + chain * latency_ms;
}

int measured(const std::string& folder, const std::string& program, int runs, long rows) {
  Bench bench{folder, program, rows};
  std::printf(
      "Every answer takes L = %d ms. The chain of one signal is six answers long: prices and balances, "
      "order,\nits record, stop with target, their record, message. With limits, a pair of stop and "
      "target is one of\nthree requests in 100 ms, and each message after the first waits a second. "
      "%ld rows of history.\n",
      latency_ms, rows);
  constexpr double chain = 6 * latency_ms;
  for (const Case& what :
       {Case{"no signal, nothing open", 0, false, 0, 40}, Case{"1 signal", 1, false, chain, chain + 40},
        Case{"20 signals", 20, false, chain, chain + 120},
        Case{"100 signals", 100, false, chain + 3 * latency_ms, chain + 3 * latency_ms + 480},
        Case{"100 signals, every base cooling", 100, false, 0, 40, true},
        Case{"20 signals, limits kept", 20, true, paced(20, 3, 6), paced(20, 3, 6) * 1.15},
        Case{"100 signals, limits kept", 100, true, paced(100, 3, 6) + 2000, (paced(100, 3, 6) + 2000) * 1.15}})
    print_case(bench, what, runs);
  return 0;
}

}  // namespace
}  // namespace tradeguard::bench

int main(int argc, char** argv) try {
  if (argc != 5) {
    std::cerr << "live_costs FOLDER TRADEGUARD RUNS ROWS\n";
    return 64;
  }
  return tradeguard::bench::measured(argv[1], argv[2], std::atoi(argv[3]), std::atol(argv[4]));
} catch (const std::exception& error) {
  std::cerr << "live_costs: " << error.what() << "\n";
  return 1;
}
