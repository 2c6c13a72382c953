// A database that was put back does not know what it forgot. Its lock file does: it has the highest
// fence there ever was.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "contract.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

struct Run {
  explicit Run(const std::string& file) : session{sqlite_session(file)}, lock{*session} {}
  RunLease lease() {
    auto outcome = value_of(lock.try_acquire(the_account));
    REQUIRE(std::holds_alternative<RunLease>(outcome));
    return std::get<RunLease>(std::move(outcome));
  }
  std::unique_ptr<SqliteSession> session;
  SqliteRunLock lock;
};

// A store at whose lock runs were, the first of which accepted the epoch.
struct Store {
  Store() {
    new_sqlite_store(file);
    run();
  }
  std::string lock_file() const { return file + ".paper.main.lock"; }
  // Whether the next run takes the store for the one it knows; it accepts what it finds.
  bool run() const {
    Run next{file};
    RunLease lease = next.lease();
    OverSession over{*next.session};
    over.pen.fence = lease.fence();
    const AccountState state = book(over, noon).account;
    must(over.journal().accept_epoch("", noon));
    return state.known_epoch == state.epoch;
  }
  Fence fence() const {
    const auto session = sqlite_session(file);
    return value_of(read_fence(*session, the_account)).value_or(0);
  }
  void copy(const std::string& to) const {
    std::filesystem::copy_file(file, to, std::filesystem::copy_options::overwrite_existing);
  }
  void put_back(const std::string& from) const {
    for (const char* log : {"-wal", "-shm"}) std::filesystem::remove(file + log);
    std::filesystem::copy_file(from, file, std::filesystem::copy_options::overwrite_existing);
  }
  ScratchFolder folder;
  std::string file = std::filesystem::canonical(folder.path()).string() + "/store.db";
};

std::string bytes_of(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST_CASE("sqlite: runs one after the other know their store", "[fence_file]") {
  const Store store;
  for (int i = 0; i < 4; ++i) CHECK(store.run());
}

TEST_CASE("sqlite: a copy that is put back after a later run is a new epoch, and its fences go on", "[fence_file]") {
  const Store store;
  const std::string backup = store.folder.file("backup.db");
  const int runs = GENERATE(1, 2, 3);
  store.copy(backup);
  for (int i = 0; i < runs; ++i) CHECK(store.run());
  const Fence before = store.fence();

  store.put_back(backup);
  CHECK_FALSE(store.run());
  CHECK(store.fence() > before);
  CHECK(store.run());  // once it is accepted it is the store that is known
}

TEST_CASE("sqlite: a copy that is put back before another run has forgotten nothing", "[fence_file]") {
  const Store store;
  const std::string backup = store.folder.file("backup.db");
  store.copy(backup);
  store.put_back(backup);
  CHECK(store.run());
}

TEST_CASE("sqlite: a used store that comes without its lock file is a new epoch", "[fence_file]") {
  const Store store;
  SECTION("deleted") { std::filesystem::remove(store.lock_file()); }
  SECTION("something else in its place") { std::ofstream{store.lock_file()} << "pid=1\n"; }
  SECTION("cut off in the middle") { std::filesystem::resize_file(store.lock_file(), 20); }
  CHECK_FALSE(store.run());
  CHECK(store.run());
}

TEST_CASE("sqlite: a restored copy is noticed by each account that has run since", "[fence_file]") {
  const Store store;
  const AccountKey other{"paper", "other"};
  const auto run_other = [&] {
    const auto session = sqlite_session(store.file);
    SqliteRunLock lock{*session};
    auto lease = std::get<RunLease>(value_of(lock.try_acquire(other)));
    OverSession over{*session, other};
    over.pen.fence = lease.fence();
    const AccountState state = book(over, noon).account;
    must(over.journal().accept_epoch("", noon));
    return state.known_epoch == state.epoch;
  };
  run_other();
  const std::string backup = store.folder.file("backup.db");
  store.copy(backup);
  CHECK(run_other());
  store.put_back(backup);
  CHECK_FALSE(run_other());
  CHECK(store.run());  // this one has forgotten nothing
}

// Earlier versions made the file and wrote nothing.
TEST_CASE("sqlite: an empty lock file says nothing", "[fence_file]") {
  const Store store;
  std::filesystem::resize_file(store.lock_file(), 0);
  CHECK(store.run());
}

TEST_CASE("sqlite: a fence whose writing was torn leaves the one before it", "[fence_file]") {
  const Store store;
  REQUIRE(store.run());
  const std::string before = bytes_of(store.lock_file());
  REQUIRE(store.run());
  const std::string after = bytes_of(store.lock_file());
  REQUIRE(before.size() == after.size());
  for (std::size_t torn_at = 0; torn_at <= after.size(); ++torn_at) {
    INFO("torn at byte " << torn_at);
    std::ofstream{store.lock_file(), std::ios::binary} << after.substr(0, torn_at) << before.substr(torn_at);
    CHECK(store.run());
  }
}

TEST_CASE("sqlite: a lease whose database is put elsewhere meanwhile is no answer", "[fence_file]") {
  const Store store;
  const std::string backup = store.folder.file("backup.db");
  Run run{store.file};
  RunLease lease = run.lease();
  CHECK(value_of(lease.still_held()));
  store.copy(backup);
  std::filesystem::rename(backup, store.file);
  CHECK_THAT(complaint_of(lease.still_held()), Catch::StartsWith("unreachable: ") && Catch::Contains(store.file));
}

TEST_CASE("sqlite: a database that is replaced before its lock is taken is not run on", "[fence_file]") {
  const Store store;
  const std::string backup = store.folder.file("backup.db");
  Run run{store.file};
  store.copy(backup);
  std::filesystem::rename(backup, store.file);
  CHECK_THAT(complaint_of(run.lock.try_acquire(the_account)), Catch::StartsWith("unreachable: "));
}

}  // namespace
}  // namespace tradeguard::stores
