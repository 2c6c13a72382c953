// The tables of a store: made once, and refused when they are not this program's.
#include <thread>

#include "contract.hpp"
#include "databases.hpp"
#include "older_store.hpp"
#include "sessions.hpp"
#include "story.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::Contains;
using Catch::StartsWith;

void set_version(SqlSession& session, int version) {
  must_run(session,
           "UPDATE tradeguard_meta SET value = '" + std::to_string(version) + "' WHERE key = 'schema_version'");
}
void go_back_to(SqlSession& session, int version) {
  for (const std::string& statement : statements_back_to(version, session.dialect())) must_run(session, statement);
}

#define SCHEMA_TEST(sentence) TEMPLATE_TEST_CASE(sentence, "[schema]", SqliteDatabase, PostgresDatabase)

SCHEMA_TEST("a database without a store is told what to run") {
  const TestType database;
  const auto session = database.for_init();
  CHECK(value_of(find_schema(*session)).what == SchemaFound::What::nothing);
  CHECK_THAT(complaint_of(require_schema(*session)), StartsWith("configuration: ") && Contains("tradeguard init"));
  CHECK_THAT(database.complaint_of_run(), StartsWith("configuration: ") && Contains("tradeguard init"));
}

SCHEMA_TEST("init makes a store that can be opened, and a second one changes nothing") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  CHECK(database.complaint_of_run().empty());
  OverSession store{*session};
  const Order entry = bought(store, buy("ETH_USDT"), noon);
  const std::string epoch = value_of(session->epoch());

  must(init_schema(*session));
  CHECK(row(store, entry.client_id) == entry);
  CHECK(value_of(database.for_init()->epoch()) == epoch);
}

SCHEMA_TEST("two inits at once make one store") {
  const TestType database;
  constexpr int makers = 4;
  std::vector<std::unique_ptr<SqlSession>> sessions;
  for (int i = 0; i < makers; ++i) sessions.push_back(database.for_init());
  std::vector<std::string> complaints(makers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < makers; ++i)
    threads.emplace_back([&, i] { complaints[i] = complaint_of(init_schema(*sessions[i])); });
  for (auto& thread : threads) thread.join();
  CHECK(complaints == std::vector<std::string>(makers));
  CHECK(database.complaint_of_run().empty());
}

SCHEMA_TEST("an older store is refused with what to do") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  set_version(*session, schema_version - 1);
  CHECK(value_of(find_schema(*session)).what == SchemaFound::What::older);
  CHECK_THAT(database.complaint_of_run(), StartsWith("configuration: ") &&
                                              Contains("version " + std::to_string(schema_version - 1)) &&
                                              Contains("tradeguard init"));
  // Nobody can have a store older than the first.
  set_version(*session, 0);
  CHECK_THAT(complaint_of(init_schema(*session)), StartsWith("configuration: "));
}

SCHEMA_TEST("a store of an older version is migrated with its open trades") {
  const int version = GENERATE(1, 2);
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  OverSession store{*session};
  const Order entry = bought(store, buy("ETH_USDT"), noon);
  TradeRecord before = trade_row(store, entry.trade);
  go_back_to(*session, version);

  must(init_schema(*session));
  CHECK(database.complaint_of_run().empty());
  Order expected = entry;
  expected.ending = {};           // no older store knew that it had just ended, nor when the signal spoke
  expected.rules = before.rules;  // they stay where they were, too
  CHECK(row(store, entry.client_id) == expected);
  before.signal_at.reset();
  before.version = 1;
  CHECK(trade_row(store, entry.trade) == before);
  must_run(*session, "SELECT * FROM instrument_rules");
}

SCHEMA_TEST("an older store without the index that goes is migrated all the same") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  go_back_to(*session, 2);
  must_run(*session, "DROP INDEX exchange_orders_open");
  must(init_schema(*session));
  CHECK(database.complaint_of_run().empty());
}

// Older stores knew how an order had ended by the first word of the sentence for people.
SCHEMA_TEST("the endings of an older store are those of the migrated one") {
  const int version = GENERATE(1, 2);
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  OverSession store{*session};
  const Order entry = bought(store, buy("ETH_USDT"), noon);
  go_back_to(*session, version);
  const auto ending_of = [&](const std::string& state, const std::string& reason) {
    must_run(*session, "UPDATE exchange_orders SET state = '" + state + "', reason = '" + reason + "'");
    must(init_schema(*session));
    const Word<Ending> ending = row(store, entry.client_id).ending;
    go_back_to(*session, version);
    return ending;
  };
  CHECK(ending_of("lapsed", "unsent throttled: 429") == Ending::unsent);
  CHECK(ending_of("closed", "rejected INSUFFICIENT_BALANCE") == Ending::rejected);
  CHECK(ending_of("lapsed", "absent, proven").empty());
  CHECK(ending_of("closed", "cancelled by the owner").empty());
  CHECK(ending_of("placed", "unsent throttled: 429").empty());
}

SCHEMA_TEST("a newer store is refused and left alone, by init too") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  set_version(*session, schema_version + 1);
  CHECK(value_of(find_schema(*session)).what == SchemaFound::What::newer);
  for (const std::string& complaint : {database.complaint_of_run(), complaint_of(init_schema(*session))})
    CHECK_THAT(complaint, StartsWith("configuration: ") && Contains("newer tradeguard"));
  CHECK(value_of(find_schema(*session)).version == schema_version + 1);
}

SCHEMA_TEST("a table of one of our names that is not ours is refused and left alone") {
  const TestType database;
  const auto session = database.for_init();
  if (session->dialect() == SqlDialect::postgres) must_run(*session, "CREATE SCHEMA tradeguard");
  must_run(*session, in_our_schema("CREATE TABLE exchange_orders (id TEXT)", session->dialect()));
  must_run(*session, "INSERT INTO exchange_orders VALUES ('theirs')");

  for (const std::string& complaint :
       {complaint_of(init_schema(*session)), complaint_of(require_schema(*session)), database.complaint_of_run()})
    CHECK_THAT(complaint, StartsWith("configuration: ") && Contains("exchange_orders"));
  CHECK(rows(*session, "SELECT id FROM exchange_orders").rows == std::vector<SqlRow>{{std::string{"theirs"}}});
}

SCHEMA_TEST("a store whose version is no number is not taken for ours") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  must_run(*session, "DELETE FROM tradeguard_meta WHERE key = 'schema_version'");
  CHECK_THAT(database.complaint_of_run(), StartsWith("configuration: "));
}

// ---- rows --------------------------------------------------------------------------------------

struct SqliteRows : SqliteDatabase {
  SqliteRows() { must(init_schema(*session)); }
  std::unique_ptr<SqlSession> session = for_init();
};
struct PostgresRows : PostgresDatabase {
  PostgresRows() { must(init_schema(*session)); }
  std::unique_ptr<SqlSession> session = for_init();
};

#define ROWS_TEST(sentence) TEMPLATE_TEST_CASE(sentence, "[rows]", SqliteRows, PostgresRows)

ROWS_TEST("what the tables refuse is refused as this batch's fault and nothing of it is written") {
  const TestType database;
  OverSession store{*database.session};
  const Order entry = bought(store, buy("ETH_USDT"), noon);
  Order negative = stop_for(entry);
  negative.quantity = Quantity{} - quantity("1");
  Order nameless = stop_for(entry, 2);
  nameless.client_id = "";
  for (const Order& bad : {negative, nameless}) {
    const std::vector<Change> items{{.append = {target_for(entry)}}, {.append = {bad}}};
    CHECK_THAT(complaint_of(store.journal().write(items)), StartsWith("data: "));
    CHECK(book(store, noon).trades.at(0).legs.empty());
  }
}

ROWS_TEST("text from outside breaks nothing and comes back readable") {
  const TestType database;
  OverSession store{*database.session};
  Order entry = bought(store, buy("ETH_USDT"), noon);
  entry.reason = "Robert'); DROP TABLE exchange_orders;-- ?1 $1 \"x\" \\ %s";
  entry = advance(store, entry);
  CHECK(row(store, entry.client_id).reason == entry.reason);

  // Neither UTF-8 nor without NUL: a refusal must be writable all the same.
  Order torn = entry;
  torn.reason = std::string{"caf\xC3\xA9 \xFF\xC3", 8} + std::string(1, '\0') + "end";
  advance(store, torn);
  CHECK(row(store, entry.client_id).reason ==
        "caf\xC3\xA9 ??"
        "?end");
}

ROWS_TEST("a row that something else has spoilt freezes its base and leaves the others") {
  const TestType database;
  OverSession store{*database.session};
  const Order eth = bought(store, buy("ETH_USDT"), noon);
  const Order stop = append(store, stop_for(eth));
  const Order btc = bought(store, buy("BTC_USDT"), noon);
  const bool of_trade = GENERATE(false, true);
  if (of_trade)
    must_run(*database.session, "UPDATE trades SET rules = 'none' WHERE symbol = 'ETH_USDT'");
  else
    must_run(*database.session, "UPDATE exchange_orders SET filled_value = 'much' WHERE client_id = '" +
                                    GENERATE_COPY(eth.client_id, stop.client_id) + "'");

  const OpenBook open = book(store, noon);
  REQUIRE(open.trades.size() == 1);
  CHECK(open.trades[0].id() == btc.client_id);
  CHECK(open.alarms.empty());
  REQUIRE(open.unreadable.size() == 1);
  CHECK(open.unreadable[0].kind == NoticeType::impossible);
  CHECK_THAT(open.unreadable[0].subject, StartsWith(of_trade ? "row/trades/tg1-" : "row/tg1-"));
  CHECK(open.unreadable[0].order_id == eth.client_id);
  CHECK(open.unreadable[0].freezes == "ETH");
  CHECK(open.unreadable[0].breaks);
  CHECK_THAT(open.unreadable[0].detail, Contains(of_trade ? "rules" : "filled_value"));

  const PastTrades past = value_of(store.journal().trades({}));
  CHECK(past.trades.size() == 1);
  REQUIRE(past.unreadable.size() == 1);
  CHECK_THAT(past.unreadable[0], StartsWith("trade " + eth.trade + ": "));
}

ROWS_TEST("words of a newer version come back") {
  const TestType database;
  OverSession store{*database.session};
  Order entry = bought(store, buy("ETH_USDT"), noon);
  entry.ending = Word<Ending>::of("a newer version's");
  entry = advance(store, entry);
  CHECK(row(store, entry.client_id) == entry);
  TradeRecord trade = trade_row(store, entry.trade);
  trade.exit_reason = Word<ExitReason>::of("a newer version's");
  trade = advance(store, trade);
  CHECK(trade_row(store, trade.id) == trade);
}

// Whoever deletes rows by hand is told what is missing, and what is left is not acted on.
ROWS_TEST("a trade without its entry, and an open order without its trade, are said") {
  const TestType database;
  OverSession store{*database.session};
  const Order eth = bought(store, buy("ETH_USDT"), noon);
  const Order stop = append(store, stop_for(eth));
  const bool of_orders = GENERATE(true, false);
  must_run(*database.session, of_orders ? "DELETE FROM exchange_orders WHERE leg = 'entry'" : "DELETE FROM trades");

  const OpenBook open = book(store, noon);
  CHECK(open.trades.empty());
  CHECK(open.questions.empty());
  REQUIRE(open.unreadable.size() == 1);
  CHECK(open.unreadable[0].subject == "row/" + (of_orders ? "trades/" + eth.trade : stop.client_id));
  CHECK(open.unreadable[0].freezes == "ETH");
  CHECK_THAT(open.unreadable[0].detail,
             Contains(of_orders ? "has no entry in exchange_orders" : "has no row in trades"));
  // Without its entry nobody knows when it was: it is in no list of past trades.
  const PastTrades past = value_of(store.journal().trades({}));
  CHECK(past.trades.empty());
  CHECK(past.unreadable.size() == (of_orders ? 0 : 1));
}

// The SQL that finds questions may show too many, never too few.
ROWS_TEST("no open question of a settled trade is missed") {
  const TestType database;
  OverSession store{*database.session};
  const Order first = bought(store, buy("ETH_USDT"), noon);
  const Instant now = noon + 1h;
  std::vector<Change> items;
  std::vector<Order> expected;
  for (const OrderState state :
       {OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused, OrderState::lapsed})
    for (const Side side : {Side::buy, Side::sell})
      for (const char* filled : {"0", "0.01"})
        for (const bool fees_known : {false, true})
          for (const auto age : {Micros{1h} - 1us, Micros{1h}, Micros{1h} + 1us}) {
            Order entry = stop_for(first, static_cast<int>(items.size()) + 1);
            entry.leg = Leg::entry;
            entry.trade = entry.client_id;
            entry.state = state;
            entry.side = side;
            entry.filled = quantity(filled);
            entry.fees_known = fees_known;
            entry.valid_until = now - age;
            TradeRecord trade = opened_by(entry);
            trade.settled = true;
            items.push_back({.append = {entry}, .trades = {trade}});
            entry.version = 1;
            if (is_open_question(entry, now)) expected.push_back(entry);
          }
  value_of(store.journal().write(items));
  std::vector<Order> found;
  for (const OpenQuestion& question : book(store, now).questions) found.push_back(question.order);
  const auto by_id = [](const Order& a, const Order& b) { return a.client_id < b.client_id; };
  std::sort(found.begin(), found.end(), by_id);
  std::sort(expected.begin(), expected.end(), by_id);
  CHECK(found == expected);
}

ROWS_TEST("pruning takes years away in bites and leaves what is open") {
  const TestType database;
  OverSession store{*database.session};
  const Order open = bought(store, buy("ETH_USDT"), noon);
  constexpr int old = 12'000;
  const bool sqlite = database.session->dialect() == SqlDialect::sqlite;
  const std::string numbers =
      sqlite ? "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < " + std::to_string(old) + ") "
             : "WITH g(i) AS (SELECT * FROM generate_series(1, " + std::to_string(old) + ")) ";
  must_run(*database.session, numbers +
                                  "INSERT INTO decisions (venue, account, signal_key, guard, verdict, detail, "
                                  "first_at, last_at, count) SELECT 'paper', 'main', 'old:' || i, 'cooldown', "
                                  "'passed', '', 0, 0, 1 FROM g");
  CHECK(value_of(store.journal().prune(noon, noon + 48h)) == old);
  CHECK(row(store, open.client_id) == open);
  CHECK(value_of(store.journal().prune(noon, noon + 48h)) == 0);
}

}  // namespace
}  // namespace tradeguard::stores
