// The world of one story: an exchange, a store, a notifier, one clock, and runs that come, meet and die.
//
// Everything is one thread. A second process runs while the first one waits in a port: it begins and ends
// inside that call. A process that is killed unwinds with an exception nobody in the product knows.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exchange.hpp"
#include "store.hpp"
#include "tradeguard/monitor_cycle.hpp"

namespace tradeguard::sim {

struct Killed {};  // kill -9, as the process itself sees it: not at all

class World;
class Witness;
class Sentences;

// One run. It lives as long as its call of monitor_cycle.
struct Process {
  World& world;
  int index;
  bool dry_run;
  bool dying = false;  // killed where no exception can be thrown
  bool store_down = false;
  bool trade_unread = false;   // the last look-up could not be answered for an open trade
  bool one_view_down = false;  // readings are incomplete from now on
  bool faulty = false;         // something went wrong in this run
  std::atomic<bool> stop{false};
  Micros began{0};
  Fence fence = 0;  // of its lease
  std::map<Port, int> calls;
  int all_calls = 0;
  std::set<std::size_t> used;  // happenings

  const Happening* arrive(Port port);
  void wrote(const char* what);  // P1: who lost the lease can record nothing more
  void before_call(Micros latency);
  // The one place where a call meets its fate.
  template <class Do, class Fail>
  auto step(Port port, Micros latency, Do&& act, Fail&& failure)
      -> decltype(act(static_cast<const Happening*>(nullptr)));
};

// What became of one run.
struct Ended {
  int index = 0;
  bool dry_run = false;
  bool killed = false;
  bool faulty = false;
  bool inner = false;  // it came and went while another one waited
  RunReport report;
  Instant from;
  Instant to;
  std::vector<std::string> log;
  std::vector<Signal> signals;
};

class World {
 public:
  World(const Story& story, SimStore& store, bool keep_log);
  ~World();

  // Tells the story. Empty: every promise was kept; else which one was broken, and how.
  std::string tell();

  const Story story;
  SimExchange exchange;  // the live one
  SimExchange paper;     // of dry runs
  SimStore& store;
  AccountKey live_account;
  AccountKey paper_account;
  AccountKey other_account;
  CycleSettings settings;
  Micros skew{0};  // of the machine's wall clock
  std::unique_ptr<Witness> live_witness;
  std::unique_ptr<Witness> paper_witness;
  std::unique_ptr<Sentences> sentences;  // of the live account
  Witness& witness(bool dry_run) { return dry_run ? *paper_witness : *live_witness; }

  Instant now() const { return exchange.now(); }
  void advance(Micros span);
  int looks_at_the_clock = 0;  // since it last moved
  void interleave(Process& outer);
  void operator_beside(int who, std::int64_t what);
  void say(const std::string& event);
  // A leg sent by a run that had lost its store, and once more by one that could not know of it. What follows
  // is not promised; such a story ends there.
  bool beyond_the_promises = false;
  bool story_lost_its_store() const {
    return counted.contains("fault store_down") || counted.contains("fault busy") ||
           counted.contains("fault answer_of_store_lost") || counted.contains("fault session_lost");
  }

  // Who holds the lock of which account, and the newest fence.
  struct Holder {
    const Process* process = nullptr;
    Fence newest = 0;
  };
  std::map<AccountKey, Holder> holders;
  void lose_lock(const AccountKey& account);

  // Figures.
  std::int64_t cycles = 0;
  std::map<std::string, std::int64_t> counted;
  std::uint64_t log_hash = 0xcbf29ce484222325U;
  std::vector<std::string> log;  // kept only when asked for
  std::optional<Instant> notifier_down_until;
  bool calm = false;  // the end of the story: nothing goes wrong any more

 private:
  friend struct Process;
  Ended run(int index, std::vector<Signal> signals);
  void happen(const Happening& happening, std::vector<Signal>& signals, bool& missed);
  void step_clock(const Happening& happening);
  Signal signal_of(std::int64_t dice, int who);
  Signal plain_signal(const Happening& happening) const;
  bool operator_flattens(std::optional<Symbol> symbol);
  bool operator_releases(const Symbol& symbol);
  bool another_account_buys(const Signal& signal);
  std::string the_other_account() const;  // empty: nothing of it was touched
  bool operator_resolves();
  bool wear_out(int attempt);
  // With the lock and the journal of the live account, as a command has them; nothing if a run holds the lock.
  bool as_the_operator(const std::function<bool(OrderJournal& journal, const OpenBook& book, Instant wall)>& act);
  std::string after_the_restore(int index);
  void change_settings(std::int64_t dice);
  void operator_resumes();
  std::string until_quiet();
  std::string judge(const Ended& ended);

  bool keep_log_;
  bool dry_run_ = false;
  std::optional<Instant> dry_until_;
  std::optional<Instant> skew_until_;
  int depth_ = 0;
  std::vector<Signal> given_;  // all signals so far
  std::vector<Signal> of_this_minute_;
  bool restored_ = false;
  std::vector<Order> of_the_other_;  // rows of another account of the same store, as they were written
};

}  // namespace tradeguard::sim
