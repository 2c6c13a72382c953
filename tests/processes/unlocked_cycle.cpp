// unlocked_cycle ORDERS ANSWERS LOG [OPTION...]: cycles under a run lock that lets everybody in.
//
// Each line of ORDERS is `ACCOUNT SIGNALS`: everything is opened, "ready" is answered, and the cycle
// runs when the next line, "go", is there. Then its exit code and its entries are answered. What
// still holds without the lock, the claims hold.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "process.hpp"
#include "setup.hpp"
#include "signal_file.hpp"
#include "tradeguard/sql_store.hpp"
#include "wiring.hpp"

namespace {

using namespace tradeguard;
using namespace tradeguard::cli;

// Everybody gets a lease at once, and all leases have the fence the account has anyway.
class OpenDoor final : public RunLock {
 public:
  explicit OpenDoor(SqlSession& session) : session_{session} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override {
    const auto fence = read_fence(session_, account);
    if (!fence) return tl::unexpected{fence.error()};
    return RunLease{fence->value_or(0), 1, std::make_unique<Nothing>()};
  }

 private:
  struct Nothing final : RunLease::Hold {
    Result<bool> still_held() override { return true; }
  };
  SqlSession& session_;
};

template <class T>
T or_end(Result<T> result, const char* doing) {
  if (result) return std::move(*result);
  std::cerr << doing << ": " << result.error().what << "\n";
  std::exit(exit_internal);
}

class Racer {
 public:
  Racer(CommandLine line, std::istream& orders, std::ostream& answers)
      : line_{std::move(line)}, orders_{orders}, answers_{answers} {}

  void run(const std::string& account, const std::string& signals_path) {
    CommandLine line = line_;
    line.settings.emplace_back("venue.account", account);
    auto setup = set_up(line, take_environment());
    if (!setup) std::exit(setup.error());
    const Settings& settings = (*setup)->settings();
    Clock& clock = (*setup)->clock;
    const auto store = or_end(open_store(settings, account_of(settings)), "opening the store");
    const auto exchange = or_end(open_paper(settings, clock, *(*setup)->log), "opening the exchange");
    const auto notifier =
        or_end(make_notifier(settings, (*setup)->environment, clock, *(*setup)->log, stderr), "making the notifier");
    // So that a race for the account's first row does not bring order into the one that is meant.
    or_end(store->session->run(std::array{ensure_account(account_of(settings))}), "making the account");

    OpenDoor door{*store->session};
    SignalFile signals{signals_path, clock};
    PaperVenue& venue = *exchange->venue;
    Pen pen{account_of(settings), std::nullopt};
    SqlJournal journal{*store->session, pen};
    SqlIdempotencyGuard guard{*store->session, pen};
    Account behind_the_door{pen, door, journal, guard};
    CyclePorts ports{behind_the_door, venue, venue, *notifier, signals, clock, *(*setup)->log};
    CycleSettings cycle = cycle_settings((*setup)->configuration, process_id(), host_name(), clock.now());
    cycle.fast_patience = 5ms;
    answer("ready");
    std::string go;
    if (!std::getline(orders_, go)) return;
    const RunReport report = monitor_cycle(ports, cycle);
    answer(std::to_string(exit_code(report.verdict)) + " " + std::to_string(report.entries));
  }

 private:
  void answer(const std::string& words) { answers_ << words << std::endl; }

  CommandLine line_;
  std::istream& orders_;
  std::ostream& answers_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::freopen(argv[3], "a", stderr) == nullptr) return exit_usage;
  std::ifstream orders{argv[1]};
  std::ofstream answers{argv[2]};
  std::vector<std::string> arguments{"run", "--signals", "of each order"};
  arguments.insert(arguments.end(), argv + 4, argv + argc);
  const auto line = read_command_line(arguments);
  if (!line) {
    std::cerr << line.error().what << "\n";
    return exit_usage;
  }
  Racer racer{*line, orders, answers};
  for (std::string account, signals; orders >> account >> signals;) {
    orders.ignore();
    racer.run(account, signals);
  }
  return 0;
}
