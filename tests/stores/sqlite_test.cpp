// What an SQLite store refuses at the door, and what it survives.
#include <grp.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "contract.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::Contains;
using Catch::StartsWith;

// SQLite looks for a numbered placeholder among all that it has seen.
TEST_CASE("sqlite: placeholders are numbered only where a bare one would mean another", "[sqlite]") {
  CHECK(with_bare_placeholders("SELECT ?1, ?2, ?3") == "SELECT ?, ?, ?");
  CHECK(with_bare_placeholders("SELECT ?1, ?2, ?1, ?3") == "SELECT ?, ?, ?1, ?");
  CHECK(with_bare_placeholders("VALUES (?3, ?4) ... ?1, ?2, ?5") == "VALUES (?3, ?) ... ?1, ?2, ?");
  CHECK(with_bare_placeholders("SELECT '?1', ?1, \"a?2\", 'it''s ?2', ?2") == "SELECT '?1', ?, \"a?2\", 'it''s ?2', ?");
}

double cpu_of(const std::function<void()>& work) {
  double least = 0;
  for (int i = 0; i < 5; ++i) {
    timespec from{};
    timespec to{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    work();
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    const double took =
        static_cast<double>(to.tv_sec - from.tv_sec) + static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e9;
    if (i == 0 || took < least) least = took;
  }
  return least;
}

// Sixteen times as many placeholders in one statement: 16 times the work and not 256 times.
TEST_CASE("sqlite: a statement costs what its placeholders are, not their square", "[sqlite]") {
  const ScratchFolder folder;
  const auto session = new_sqlite_store(folder.file("store.db"));
  const auto ask = [&](int placeholders) {
    Statement statement{"SELECT count(*) FROM (VALUES ", {}};
    for (int i = 1; i <= placeholders; ++i) {
      statement.sql += (i == 1 ? "(?" : ", (?") + std::to_string(i) + ")";
      statement.arguments.emplace_back(std::int64_t{i});
    }
    statement.sql += ") AS v";
    return [&session, statement, placeholders] {
      const auto answer = value_of(session->run(std::array{statement}));
      REQUIRE(answer.at(0).rows.at(0).at(0) == SqlValue{std::int64_t{placeholders}});
    };
  };
  const double few = cpu_of(ask(2'000));
  const double many = cpu_of(ask(32'000));
  CHECK(many < few * 60);
}

TEST_CASE("sqlite: a store that is missing is told and not made", "[sqlite]") {
  ScratchFolder folder;
  const std::string file = folder.file("gone.db");
  CHECK_THAT(complaint_of(SqliteSession::open(file)),
             StartsWith("configuration: ") && Contains(file) && Contains("tradeguard init"));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("sqlite: a file without tables of ours is no store", "[sqlite]") {
  ScratchFolder folder;
  { static_cast<void>(SqliteSession::open(folder.file("empty.db"), {.mode = SqliteOptions::Mode::create})); }
  CHECK_THAT(complaint_of(SqliteSession::open(folder.file("empty.db"))),
             StartsWith("configuration: ") && Contains("tradeguard init"));
}

TEST_CASE("sqlite: a folder that does not exist is told", "[sqlite]") {
  ScratchFolder folder;
  CHECK_THAT(complaint_of(SqliteSession::open(folder.file("no/store.db"), {.mode = SqliteOptions::Mode::create})),
             StartsWith("configuration: ") && Contains("no"));
}

TEST_CASE("sqlite: a file that is no database is told and left alone", "[sqlite]") {
  ScratchFolder folder;
  const std::string file = folder.file("notes.txt");
  const std::string notes(8192, 'x');
  { std::ofstream{file} << notes; }
  for (const auto mode : {SqliteOptions::Mode::existing, SqliteOptions::Mode::create})
    CHECK_THAT(complaint_of(SqliteSession::open(file, {.mode = mode})),
               StartsWith("configuration: ") && Contains(file));
  std::ifstream read{file};
  CHECK(std::string{std::istreambuf_iterator<char>{read}, {}} == notes);
}

TEST_CASE("sqlite: a network file system is refused by its name", "[sqlite]") {
  ScratchFolder folder;
  const std::string file = folder.file("store.db");
  { new_sqlite_store(file); }
  const auto opened_on = [&](std::int64_t type) {
    return complaint_of(SqliteSession::open(
        file, {.file_system_type = [type](const std::string&) -> Result<std::int64_t> { return type; }}));
  };
  for (const auto& [type, name] :
       {std::pair{0x6969LL, "NFS"}, std::pair{0xFF534D42LL, "CIFS"}, std::pair{0x517BLL, "SMB"},
        std::pair{0xFE534D42LL, "SMB2"}, std::pair{0x65735546LL, "FUSE"}, std::pair{0x01021997LL, "9P"},
        std::pair{0x00C36400LL, "Ceph"}, std::pair{0x0BD00BD0LL, "Lustre"}}) {
    CAPTURE(name);
    CHECK_THAT(opened_on(type), StartsWith("configuration: ") && Contains(name) && Contains("network file system"));
  }
  // The field is a signed int on 32-bit machines.
  CHECK_THAT(opened_on(static_cast<std::int32_t>(0xFF534D42)), Contains("CIFS"));
  for (const long long local : {0xEF53LL, 0x58465342LL, 0x9123683ELL, 0x01021994LL, 0x794C7630LL})
    CHECK(opened_on(local).empty());
}

TEST_CASE("sqlite: the file system is that of the file and not of the link to it", "[sqlite]") {
  ScratchFolder here;
  ScratchFolder there;
  { new_sqlite_store(there.file("store.db")); }
  std::filesystem::create_symlink(there.file("store.db"), here.file("store.db"));
  std::string asked;
  value_of(SqliteSession::open(here.file("store.db"),
                               {.file_system_type = [&](const std::string& path) -> Result<std::int64_t> {
                                 asked = path;
                                 return 0xEF53;
                               }}));
  CHECK(asked == std::filesystem::canonical(there.path()).string());
}

TEST_CASE("sqlite: a store that may not be written is told", "[sqlite]") {
  ScratchFolder folder;
  { new_sqlite_store(folder.file("store.db")); }
  ::chmod(folder.file("store.db").c_str(), 0444);
  ::chmod(folder.path().c_str(), 0755);
  support::Fork other_user{[&](support::Fork::Parent& parent) {
    constexpr uid_t nobody = 65534;  // root may write everything
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0))
      parent.say("cannot become nobody");
    parent.say(complaint_of(SqliteSession::open(folder.file("store.db"))));
  }};
  CHECK_THAT(other_user.hear(), StartsWith("configuration: ") && Contains("read-only"));
}

TEST_CASE("sqlite: a full disk stops the claim and loses nothing", "[sqlite]") {
  ScratchFolder folder;
  const auto session = new_sqlite_store(folder.file("store.db"));
  OverSession store{*session};
  const Order before = bought(store, buy("ETH_USDT"), noon);

  must_run(*session, "PRAGMA max_page_count = 1");  // as many as there are, and no more
  std::vector<EntryRequest> many;
  for (int i = 0; i < 500; ++i) many.push_back(request(buy("C" + std::to_string(i) + "_USDT"), noon));
  const auto full = store.guard().claim(many, open_policy(), noon);
  CHECK_THAT(complaint_of(full), StartsWith("unreachable: ") && Contains("full"));

  CHECK(row(store, before.client_id) == before);
  CHECK(book(store, noon).trades.size() == 1);
  must_run(*session, "PRAGMA max_page_count = 1000000");
  CHECK(value_of(store.guard().claim(many, open_policy(), noon)).size() == 500);
  CHECK(book(store, noon).trades.size() == 501);
}

TEST_CASE("sqlite: another writer that takes too long is an outage and not a wait for ever", "[sqlite]") {
  ScratchFolder folder;
  const auto blocking = new_sqlite_store(folder.file("store.db"));
  must_run(*blocking, "BEGIN");
  const auto session = value_of(SqliteSession::open(folder.file("store.db"), {.busy_timeout = 20ms}));
  OverSession store{*session};
  CHECK_THAT(complaint_of(store.journal().set_halt("x", noon)), StartsWith("unreachable: "));
  CHECK(book(store, noon).trades.empty());  // readers do not wait
  must_run(*blocking, "ROLLBACK");
  must(store.journal().set_halt("x", noon));
}

TEST_CASE("sqlite: a session that is used while it is used says so, and goes on", "[sqlite]") {
  ScratchFolder folder;
  new_sqlite_store(folder.file("store.db"));
  SqliteSession* used = nullptr;
  std::string said;
  SqliteOptions options;
  options.waiting = [&] {
    if (said.empty())
      std::thread{[&] { said = complaint_of(used->run(std::array{Statement{"SELECT 1", {}}})); }}.join();
  };
  const auto session = value_of(SqliteSession::open(folder.file("store.db"), options));
  used = session.get();
  must_run(*session,
           "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT max(n) FROM c");
  CHECK_THAT(said, StartsWith("configuration: this session is used by two threads at once"));
  CHECK(rows(*session, "SELECT 1").rows.size() == 1);
}

TEST_CASE("sqlite: what is committed survives the machine", "[sqlite]") {
  ScratchFolder folder;
  const auto session = new_sqlite_store(folder.file("store.db"));
  CHECK(rows(*session, "PRAGMA journal_mode").rows == std::vector<SqlRow>{{std::string{"wal"}}});
  CHECK(rows(*session, "PRAGMA synchronous").rows == std::vector<SqlRow>{{std::int64_t{2}}});
}

TEST_CASE("sqlite: a failing statement undoes the transaction it stands in", "[sqlite]") {
  ScratchFolder folder;
  const auto session = new_sqlite_store(folder.file("store.db"));
  const std::array statements{
      Statement{"BEGIN", {}}, Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x')", {}},
      Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x')", {}}, Statement{"COMMIT", {}}};
  CHECK_THAT(complaint_of(session->run(statements)), StartsWith("data: "));
  CHECK(rows(*session, "SELECT * FROM accounts").rows.empty());
  must_run(*session, "BEGIN");
  must_run(*session, "COMMIT");
}

TEST_CASE("sqlite: a deleted and newly made store has another epoch", "[sqlite]") {
  ScratchFolder folder;
  std::string first;
  {
    const auto session = new_sqlite_store(folder.file("store.db"));
    first = value_of(session->epoch());
    CHECK(value_of(sqlite_session(folder.file("store.db"))->epoch()) == first);
  }
  std::filesystem::remove(folder.file("store.db"));
  CHECK(value_of(new_sqlite_store(folder.file("store.db"))->epoch()) != first);
}

}  // namespace
}  // namespace tradeguard::stores
