// The run lock of an SQLite store, with real processes: who ends frees it, and only who ends.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "contract.hpp"
#include "holder_note.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using support::Fork;

// A process of its own that takes the lock, says its fence, and then does as it is told.
struct Runner {
  explicit Runner(const std::string& file) : session{sqlite_session(file)}, lock{*session} {}
  std::variant<RunLease, HeldElsewhere> attempt() { return value_of(lock.try_acquire(the_account)); }
  bool gets_the_lock() { return std::holds_alternative<RunLease>(attempt()); }

  std::unique_ptr<SqliteSession> session;
  SqliteRunLock lock;
};

RunLease taken(Runner& runner) { return std::get<RunLease>(runner.attempt()); }

struct Store {
  Store() { new_sqlite_store(file); }
  ScratchFolder folder;
  std::string file = folder.file("store.db");
};

// Takes the lock in a process of its own, then does the rest there.
Fork holder(
    const std::string& file, const std::function<void(Fork::Parent&)>& then = [](Fork::Parent&) {}) {
  return Fork{[&](Fork::Parent& parent) {
    Runner runner{file};
    const RunLease lease = taken(runner);
    then(parent);
    parent.say("held");
    Fork::Parent::park();
  }};
}

TEST_CASE("sqlite: a holder that is killed frees the lock at once", "[run_lock]") {
  const Store store;
  Fork first = holder(store.file);
  REQUIRE(first.hear() == "held");
  Runner second{store.file};
  CHECK_FALSE(second.gets_the_lock());
  first.kill_and_wait();
  CHECK(second.gets_the_lock());
}

TEST_CASE("sqlite: a holder that is stopped keeps the lock", "[run_lock]") {
  const Store store;
  Fork first = holder(store.file);
  REQUIRE(first.hear() == "held");
  first.kill(SIGSTOP);
  Runner second{store.file};
  const auto outcome = second.attempt();
  REQUIRE(std::holds_alternative<HeldElsewhere>(outcome));
  CHECK(std::get<HeldElsewhere>(outcome).last_started_cycle == 1);
}

TEST_CASE("sqlite: a program that outlives the holder who started it does not hold the lock", "[run_lock]") {
  const Store store;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  Fork first = holder(store.file, [&](Fork::Parent&) {
    int became[2];
    if (::pipe2(became, O_CLOEXEC) != 0) return;
    if (::fork() != 0) {
      // Until it is another program: before its first instruction it is still this one.
      ::close(became[1]);
      char byte = 0;
      (void)!::read(became[0], &byte, 1);
      return;
    }
    // Lives until the test closes the other end.
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[1]);
    ::execlp("cat", "cat", nullptr);
  });
  ::close(ends[0]);
  REQUIRE(first.hear() == "held");
  first.kill_and_wait();
  Runner second{store.file};
  CHECK(second.gets_the_lock());
  ::close(ends[1]);
}

TEST_CASE("sqlite: a fork that outlives the holder does not hold the lock", "[run_lock]") {
  const Store store;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  Fork first = holder(store.file, [&](Fork::Parent& parent) {
    if (::fork() != 0) return;
    ::close(ends[1]);
    parent.say("forked");
    char until_the_test_is_over = 0;
    (void)!::read(ends[0], &until_the_test_is_over, 1);
    ::_exit(0);
  });
  ::close(ends[0]);
  CHECK(std::set<std::string>{first.hear(), first.hear()} == std::set<std::string>{"forked", "held"});
  first.kill_and_wait();
  Runner second{store.file};
  CHECK(second.gets_the_lock());
  ::close(ends[1]);
}

TEST_CASE("sqlite: a fork that ends does not free the lock of its parent", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  RunLease lease = taken(first);
  {
    Fork child{[](Fork::Parent&) {}};
    CHECK(child.wait() == 0);
  }
  CHECK(value_of(lease.still_held()));
  Runner second{store.file};
  CHECK_FALSE(second.gets_the_lock());
}

TEST_CASE("sqlite: unlinking the lock file while it is held is noticed and fences the holder off", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  RunLease lost = taken(first);
  REQUIRE(::unlink(first.lock.lock_file(the_account).c_str()) == 0);
  CHECK_FALSE(value_of(lost.still_held()));

  Runner second{store.file};
  RunLease lease = taken(second);
  CHECK(lease.fence() > lost.fence());
  CHECK(value_of(lease.still_held()));
  CHECK_FALSE(value_of(lost.still_held()));

  OverSession writer{*first.session};
  writer.pen.fence = lost.fence();
  CHECK(is_fenced(writer.journal().set_halt("too late", noon)));
  CHECK(std::holds_alternative<Fenced>(claim(writer, buy("ETH_USDT"), noon).outcome));
}

TEST_CASE("sqlite: a lock file put in the place of the held one is noticed", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  RunLease lost = taken(first);
  const std::string path = first.lock.lock_file(the_account);
  REQUIRE(::unlink(path.c_str()) == 0);
  std::ofstream{path} << "somebody's";
  CHECK_FALSE(value_of(lost.still_held()));
  Runner second{store.file};
  CHECK(second.gets_the_lock());
}

TEST_CASE("sqlite: a database reached through links has the one lock", "[run_lock]") {
  const Store store;
  const std::string link = store.folder.file("link.db");
  const std::string folder_link = store.folder.file("folder");
  std::filesystem::create_symlink(store.file, link);
  std::filesystem::create_directory_symlink(store.folder.path(), folder_link);

  Runner first{store.file};
  Runner through_link{link};
  Runner through_folder{folder_link + "/link.db"};
  CHECK(through_link.lock.lock_file(the_account) == first.lock.lock_file(the_account));
  const RunLease lease = taken(through_link);
  CHECK_FALSE(first.gets_the_lock());
  CHECK_FALSE(through_folder.gets_the_lock());
}

TEST_CASE("sqlite: the working directory does not matter for the lock", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  const RunLease lease = taken(first);
  Fork elsewhere{[&](Fork::Parent& parent) {
    if (::chdir(store.folder.path().c_str()) != 0) parent.say("nowhere");
    Runner second{"./store.db"};
    parent.say(second.gets_the_lock() ? "locked twice" : "locked out");
  }};
  CHECK(elsewhere.hear() == "locked out");
}

// POSIX record locks go when the process closes any descriptor of the file.
TEST_CASE("sqlite: opening and closing database and lock file does not drop the lock", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  RunLease lease = taken(first);
  for (const std::string& path : {store.file, first.lock.lock_file(the_account)}) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
  }
  CHECK(value_of(lease.still_held()));
  Fork other{[&](Fork::Parent& parent) {
    Runner second{store.file};
    parent.say(second.gets_the_lock() ? "locked twice" : "locked out");
  }};
  CHECK(other.hear() == "locked out");
}

TEST_CASE("sqlite: a lock file left behind locks nobody out, whatever it says", "[run_lock]") {
  const Store store;
  Runner first{store.file};
  std::ofstream{first.lock.lock_file(the_account)} << "pid=1\n";
  CHECK(first.gets_the_lock());
}

TEST_CASE("sqlite: the lock files of accounts have names of their own", "[run_lock]") {
  const Store store;
  Runner runner{store.file};
  const std::string real = std::filesystem::canonical(store.file).string();
  CHECK(runner.lock.lock_file({"paper", "main"}) == real + ".paper.main.lock");
  CHECK(runner.lock.lock_file({"binance", "two"}) == real + ".binance.two.lock");
}

TEST_CASE("sqlite: a lock file that cannot be made is told with its path", "[run_lock]") {
  const Store store;
  Runner runner{store.file};
  const std::string path = runner.lock.lock_file(the_account);
  std::filesystem::create_symlink(store.folder.file("no/such/folder/lock"), path);
  const auto outcome = runner.lock.try_acquire(the_account);
  CHECK_THAT(complaint_of(outcome), Catch::StartsWith("configuration: ") && Catch::Contains(path));
}

TEST_CASE("sqlite: a holder that ends while it is looked at ends no run", "[run_lock]") {
  // It can be opened and not read, as the files of a process that has ended in between.
  CHECK(text_of_proc("/proc/self/mem").empty());
  CHECK(text_of_proc("/proc/self/comm") == "stores_tests\n");
}

}  // namespace
}  // namespace tradeguard::stores
