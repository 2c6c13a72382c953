// A store's file that somebody else could write: what is in it that `init` did not make.
#include <sqlite3.h>

#include <atomic>
#include <fstream>

#include "contract.hpp"
#include "older_store.hpp"
#include "sessions.hpp"
#include "story.hpp"
#include "tradeguard/paper_sql_book.hpp"

namespace tradeguard::security_db {
namespace {

using namespace contract;
using namespace stores;
using Catch::Contains;
using Catch::StartsWith;

// Whoever has the file, with an SQLite that trusts everything.
class Hand {
 public:
  explicit Hand(const std::string& file) {
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error{"no hand on " + file};
  }
  ~Hand() { sqlite3_close(handle_); }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;
  void run(const std::string& sql) const {
    char* complaint = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &complaint) == SQLITE_OK) return;
    const std::string what = sql + ": " + (complaint != nullptr ? complaint : "?");
    sqlite3_free(complaint);
    throw std::runtime_error{what};
  }

 private:
  sqlite3* handle_ = nullptr;
};

struct Store {
  explicit Store(bool with_book = true) {
    const auto session = new_sqlite_store(file);
    if (with_book) must(init_paper_book(*session));
  }
  std::string complaint() const { return complaint_of(SqliteSession::open(file)); }
  ScratchFolder folder;
  std::string file = folder.file("store.db");
};

struct Crafted {
  const char* sql;
  const char* named;
};

const std::vector<Crafted>& everything_crafted() {
  static const std::vector<Crafted> all{
      {"CREATE TRIGGER eating BEFORE INSERT ON signal_claims BEGIN SELECT RAISE(IGNORE); END",
       "the trigger eating on signal_claims"},
      {"CREATE TRIGGER looping AFTER UPDATE ON accounts BEGIN WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
       "FROM c) "
       "SELECT count(*) FROM c; END",
       "the trigger looping on accounts"},
      {"CREATE VIEW orders AS SELECT * FROM exchange_orders", "the view orders"},
      {"CREATE TABLE notes (text TEXT)", "the table notes"},
      {"CREATE INDEX slow ON exchange_orders (reason)", "the index slow"},
      {"DROP INDEX trades_open; CREATE INDEX trades_open ON trades (venue)",
       "the index trades_open is not defined as `init` defines it"},
      {"DROP INDEX trades_open", "the index trades_open is not there"},
      {"DROP TABLE exit_words", "the table exit_words is not there"},
      {"DROP TABLE paper_fills", "the table paper_fills is not there"},
      {"ALTER TABLE accounts ADD COLUMN more TEXT", "the table accounts is not defined as `init` defines it"},
      {"ALTER TABLE accounts DROP COLUMN quiet_until", "the table accounts is not defined as `init` defines it"},
      {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY (signal_key, venue, "
       "account)', "
       "'PRIMARY KEY (signal_key, venue, account) ON CONFLICT IGNORE') WHERE name = 'signal_claims'",
       "the table signal_claims is not defined as `init` defines it"},
      {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'decided TEXT NOT NULL', "
       "'decided TEXT NOT NULL ON CONFLICT IGNORE') WHERE name = 'signal_claims'",
       "the table signal_claims is not defined as `init` defines it"},
      {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (attempt >= 1)', "
       "'CHECK (length(randomblob(100000000)) > 1)') WHERE name = 'exchange_orders'",
       "the table exchange_orders is not defined as `init` defines it"},
  };
  return all;
}

TEST_CASE("a definition in the file that init did not make is refused by its name, and init does not take it either") {
  const Crafted crafted = GENERATE(from_range(everything_crafted()));
  INFO(crafted.sql);
  const Store store;
  CHECK(store.complaint().empty());
  Hand{store.file}.run(crafted.sql);
  CHECK_THAT(store.complaint(), StartsWith("configuration: ") && Contains(crafted.named));
  const auto init = value_of(SqliteSession::open(store.file, {.mode = SqliteOptions::Mode::create}));
  CHECK_THAT(complaint_of(init_schema(*init)), StartsWith("configuration: ") && Contains(crafted.named));
}

TEST_CASE("what is shown with a foreign definition takes it away, and the store is as it was") {
  const Store store;
  for (const char* sql :
       {"CREATE TRIGGER \"a \"\" b\" AFTER UPDATE ON accounts BEGIN SELECT 1; END",
        "CREATE VIEW orders AS SELECT * FROM exchange_orders", "CREATE INDEX slow ON exchange_orders (reason)",
        "CREATE TABLE notes (text TEXT)", "DROP INDEX notices_ended; CREATE INDEX notices_ended ON notices (venue)"}) {
    INFO(sql);
    Hand{store.file}.run(sql);
    CHECK_FALSE(store.complaint().empty());
    const auto session = value_of(SqliteSession::open(store.file, {.mode = SqliteOptions::Mode::create}));
    const auto problems = value_of(examine_schema(*session, SchemaRoles::no_superuser, SchemaAge::current));
    REQUIRE(problems.size() == 1);
    INFO(problems[0].mend);
    Hand{store.file}.run(problems[0].mend);
    CHECK(store.complaint().empty());
  }
}

TEST_CASE("init makes no store in a file that holds somebody else's tables") {
  const ScratchFolder folder;
  const std::string file = folder.file("theirs.db");
  Hand{file}.run("CREATE TABLE notes (text TEXT)");
  const auto session = value_of(SqliteSession::open(file, {.mode = SqliteOptions::Mode::create}));
  CHECK_THAT(complaint_of(init_schema(*session)), StartsWith("configuration: ") && Contains("the table notes"));
  CHECK(value_of(find_schema(*session)).what == SchemaFound::What::nothing);
}

TEST_CASE("a store of any version that was migrated is equal to a new one, and ANALYZE changes nothing") {
  const int version = GENERATE(1, 2);
  const Store store;
  {
    const Hand hand{store.file};
    for (const std::string& statement : statements_back_to(version, SqlDialect::sqlite)) hand.run(statement);
  }
  must(init_schema(*value_of(SqliteSession::open(store.file, {.mode = SqliteOptions::Mode::create}))));
  CHECK(store.complaint().empty());
  Hand{store.file}.run("ANALYZE; VACUUM");
  CHECK(store.complaint().empty());
}

TEST_CASE("an older store with a trigger is not migrated") {
  const Store store;
  {
    const Hand hand{store.file};
    for (const std::string& statement : statements_back_to(2, SqlDialect::sqlite)) hand.run(statement);
    hand.run("CREATE TRIGGER eating BEFORE INSERT ON notices BEGIN SELECT RAISE(IGNORE); END");
  }
  const auto session = value_of(SqliteSession::open(store.file, {.mode = SqliteOptions::Mode::create}));
  CHECK_THAT(complaint_of(init_schema(*session)), StartsWith("configuration: ") && Contains("the trigger eating"));
  CHECK(value_of(find_schema(*session)).version == 2);
}

TEST_CASE("a trigger that comes into the file under a run does not fire") {
  const Store store;
  const auto session = sqlite_session(store.file);
  OverSession over{*session};
  Hand{store.file}.run("CREATE TRIGGER eating BEFORE INSERT ON signal_claims BEGIN SELECT RAISE(IGNORE); END");
  const Order entry = bought(over, buy("ETH_USDT"), noon);
  CHECK(rows(*session, "SELECT count(*) FROM signal_claims").rows == std::vector<SqlRow>{{std::int64_t{1}}});
  CHECK(book(over, noon).trades.size() == 1);
}

TEST_CASE("a database that changes another number of rows than it was told to is IMPOSSIBLE, and nothing of it stays") {
  const Store store;
  const auto session = sqlite_session(store.file);
  const std::array statements{
      Statement{"BEGIN", {}}, Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x')", {}, 1},
      Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x') ON CONFLICT DO NOTHING", {}, 1},
      Statement{"COMMIT", {}}};
  CHECK_THAT(complaint_of(session->run(statements)),
             StartsWith("configuration: IMPOSSIBLE: ") &&
                 Contains("changed 0 rows where 1 had to be changed (INSERT INTO accounts"));
  CHECK(rows(*session, "SELECT * FROM accounts").rows.empty());

  // The very claim, in a file whose table ignores what it does not like.
  Hand{store.file}.run(
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'released BIGINT NOT NULL CHECK "
      "(released IN (0, 1)), attempts', "
      "'released BIGINT NOT NULL CHECK (released IN (0, 1)) , x TEXT NOT NULL ON CONFLICT IGNORE DEFAULT NULL, "
      "attempts') WHERE name = 'signal_claims'");
  const auto crafted = value_of(SqliteSession::open(store.file, {.mode = SqliteOptions::Mode::create}));
  OverSession over{*crafted};
  CHECK_THAT(complaint_of(over.guard().claim(std::array{request(buy("ETH_USDT"), noon)}, open_policy(), noon)),
             StartsWith("configuration: IMPOSSIBLE: ") && Contains("signal_claims"));
}

TEST_CASE("a cell of 60 MB is refused and not read") {
  const Store store;
  const auto session = sqlite_session(store.file);
  OverSession over{*session};
  const Order entry = bought(over, buy("ETH_USDT"), noon);
  Hand{store.file}.run("UPDATE exchange_orders SET reason = CAST(zeroblob(60000000) AS TEXT)");
  CHECK_THAT(complaint_of(over.journal().open_book(noon)), StartsWith("data: ") && Contains("too big"));
}

TEST_CASE("a statement that does not end is broken off when the process is asked to end, and a short one is not") {
  const Store store;
  std::atomic<bool> stop{true};
  const auto session = value_of(SqliteSession::open(store.file, {.stop_asked = &stop}));
  CHECK_THAT(complaint_of(session->run(std::array{Statement{
                 "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c", {}}})),
             StartsWith("unreachable: ") && Contains("interrupted"));
  OverSession over{*session};
  bought(over, buy("ETH_USDT"), noon);
  CHECK(book(over, noon).trades.size() == 1);
}

}  // namespace
}  // namespace tradeguard::security_db
