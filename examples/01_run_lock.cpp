// 01: one runner at a time, over processes. Teaches RunLock, RunLease and the fence.
//
// A second process is told at once that somebody else runs; it never waits. A holder that is killed
// frees the lock in that moment, because the kernel holds it and not a row in a table. Whoever lost
// the lock can record nothing more: its fence is too old.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <stdexcept>

#include "tradeguard/clock.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

using namespace tradeguard;

namespace {

void must(const Result<void>& done) {
  if (!done) throw std::runtime_error{done.error().what};
}

const AccountKey account{"paper", "main"};
const char* const file = "run_lock.db";

void make_store() {
  SqliteOptions options;
  options.mode = SqliteOptions::Mode::create;
  must(init_schema(*SqliteSession::open(file, options).value()));
}

// The first process: takes the lock, says so through the pipe, and works for ever.
[[noreturn]] void hold_the_lock(int ready) {
  auto session = SqliteSession::open(file).value();
  SqliteRunLock lock{*session};
  auto acquired = lock.try_acquire(account).value();
  const bool held = std::holds_alternative<RunLease>(acquired);
  if (::write(ready, held ? "1" : "0", 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

void say(std::variant<RunLease, HeldElsewhere>& acquired) {
  std::visit(overloaded{
                 [](RunLease& lease) {
                   std::cout << "this process runs: cycle " << lease.cycle() << ", fence "
                             << lease.fence() << '\n';
                 },
                 [](HeldElsewhere& held) {
                   std::cout << "somebody else runs: cycle " << held.last_started_cycle.value_or(0)
                             << ", so this one leaves\n";
                 },
             },
             acquired);
}

}  // namespace

int main() {
  make_store();
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return 1;
  // Forked before anything is opened: a database connection does not survive a fork.
  const pid_t holder = ::fork();
  if (holder == 0) hold_the_lock(pipe_ends[1]);
  char ready = 0;
  if (::read(pipe_ends[0], &ready, 1) != 1) return 1;

  auto session = SqliteSession::open(file).value();
  SqliteRunLock lock{*session};
  auto first = lock.try_acquire(account).value();
  say(first);

  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  std::cout << "the holder is killed\n";
  auto second = lock.try_acquire(account).value();
  say(second);
  auto* lease = std::get_if<RunLease>(&second);
  if (lease == nullptr) return 1;
  std::cout << "asked at each step: " << (lease->still_held().value() ? "still held" : "lost")
            << '\n';

  // Who writes says with which fence; the one of the killed process is one too old.
  const Pen stale{account, lease->fence() - 1};
  const auto refused = SqlJournal{*session, stale}.set_halt("too late", SystemClock{}.now());
  std::cout << "a write with the old fence: "
            << (!refused && refused.error().fault == Fault::fenced ? "fenced off" : "written")
            << '\n';
}
