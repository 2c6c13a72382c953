// What guards and journal expect of an SqlSession, whichever database stands behind it.
#include <limits>

#include "contract.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::StartsWith;

struct SqliteStore {
  SqliteStore() { new_sqlite_store(file); }
  std::unique_ptr<SqlSession> open() const { return sqlite_session(file); }
  ScratchFolder folder;
  std::string file = folder.file("store.db");
};
struct PostgresStore {
  PostgresStore() { new_postgres_store(database.url()); }
  std::unique_ptr<SqlSession> open() const { return postgres_session(database.url()); }
  support::ScratchDatabase database;
};

#define SESSION_CONTRACT(sentence) TEMPLATE_TEST_CASE(sentence, "[sql_session]", SqliteStore, PostgresStore)

constexpr const char* put = "INSERT INTO tradeguard_meta (key, value) VALUES (?1, ?2)";
Statement put_in(const std::string& key) { return {put, {key, std::string{"value"}}}; }
std::size_t count(SqlSession& session, const std::string& key) {
  const Statement ask{"SELECT key FROM tradeguard_meta WHERE key = ?1", {key}};
  return value_of(session.run(std::array{ask})).at(0).rows.size();
}

SESSION_CONTRACT("values come back as they went in") {
  const TestType store;
  const auto session = store.open();
  const SqlRow values{SqlValue{},
                      std::numeric_limits<std::int64_t>::min(),
                      std::numeric_limits<std::int64_t>::max(),
                      std::int64_t{0},
                      std::string{},
                      std::string{"caf\xC3\xA9 \xF0\x9F\x90\xA2 'x' \"y\" \\ ?1 $1\n\t%"},
                      std::string(100'000, 'x')};
  const Statement echo{
      "SELECT CAST(?1 AS TEXT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), "
      "CAST(?5 AS TEXT), CAST(?6 AS TEXT), CAST(?7 AS TEXT)",
      values};
  CHECK(value_of(session->run(std::array{echo})).at(0).rows == std::vector<SqlRow>{values});
}

SESSION_CONTRACT("statements run in order and each has its result") {
  const TestType store;
  const auto session = store.open();
  const std::array statements{put_in("a"), put_in("b"),
                              Statement{"SELECT key FROM tradeguard_meta WHERE key IN ('a', 'b') ORDER BY key", {}},
                              Statement{"UPDATE tradeguard_meta SET value = 'new' WHERE key IN ('a', 'b')", {}},
                              Statement{"DELETE FROM tradeguard_meta WHERE key = 'a' RETURNING value", {}}};
  const auto results = value_of(session->run(statements));
  REQUIRE(results.size() == statements.size());
  CHECK(results[0].changed == 1);
  CHECK(results[2].rows == std::vector<SqlRow>{{std::string{"a"}}, {std::string{"b"}}});
  CHECK(results[2].changed == 0);
  CHECK(results[3].changed == 2);
  CHECK(results[4].rows == std::vector<SqlRow>{{std::string{"new"}}});
  CHECK(results[4].changed == 1);
  CHECK(value_of(session->run({})).empty());
}

SESSION_CONTRACT("what was committed is seen by others, and what was not is not") {
  const TestType store;
  const auto session = store.open();
  const auto other = store.open();
  value_of(session->run(std::array{Statement{"BEGIN", {}}, put_in("a")}));
  CHECK(count(*session, "a") == 1);
  CHECK(count(*other, "a") == 0);
  value_of(session->run(std::array{Statement{"COMMIT", {}}}));
  CHECK(count(*other, "a") == 1);
  value_of(session->run(std::array{Statement{"BEGIN", {}}, put_in("b")}));
  value_of(session->run(std::array{Statement{"ROLLBACK", {}}}));
  CHECK(count(*session, "b") == 0);
}

SESSION_CONTRACT("the first statement that fails ends the call and undoes its transaction") {
  const TestType store;
  const auto session = store.open();
  value_of(session->run(std::array{put_in("taken")}));
  const auto failed_call = session->run(
      std::array{Statement{"BEGIN", {}}, put_in("before"), put_in("taken"), put_in("after"), Statement{"COMMIT", {}}});
  CHECK_THAT(complaint_of(failed_call), StartsWith("data: "));
  CHECK(count(*session, "before") == 0);
  CHECK(count(*session, "after") == 0);
  // And so does one that fails in a later call.
  value_of(session->run(std::array{Statement{"BEGIN", {}}, put_in("before")}));
  CHECK_THAT(complaint_of(session->run(std::array{put_in("taken")})), StartsWith("data: "));
  CHECK(count(*session, "before") == 0);
  value_of(session->run(std::array{Statement{"BEGIN", {}}, Statement{"COMMIT", {}}}));
}

SESSION_CONTRACT("a violated constraint is the batch's fault, nonsense is not") {
  const TestType store;
  const auto session = store.open();
  for (const char* violation : {"INSERT INTO tradeguard_meta (key, value) VALUES ('x', NULL)",
                                "INSERT INTO accounts (venue, account, run_ended) VALUES ('a', 'b', 7)"})
    CHECK_THAT(complaint_of(session->run(std::array{Statement{violation, {}}})), StartsWith("data: "));
  for (const char* nonsense : {"SELEKT 1", "SELECT * FROM no_such_table", "SELECT no_such_column"})
    CHECK_THAT(complaint_of(session->run(std::array{Statement{nonsense, {}}})), StartsWith("configuration: "));
}

SESSION_CONTRACT("a statement takes as many arguments as the largest batch has") {
  const TestType store;
  const auto session = store.open();
  Statement many{"SELECT 1 WHERE 0 IN (", {}};
  constexpr int arguments = 32'000;
  for (int i = 1; i <= arguments; ++i) {
    many.sql += (i == 1 ? "?" : ", ?") + std::to_string(i);
    many.arguments.emplace_back(std::int64_t{i % 7});
  }
  many.sql += ")";
  CHECK(value_of(session->run(std::array{many})).at(0).rows.size() == 1);
}

SESSION_CONTRACT("the epoch of a store stays what it is") {
  const TestType store;
  const std::string epoch = value_of(store.open()->epoch());
  CHECK_FALSE(epoch.empty());
  CHECK(value_of(store.open()->epoch()) == epoch);
  CHECK(value_of(TestType{}.open()->epoch()) != epoch);
}

}  // namespace
}  // namespace tradeguard::stores
