// A book in tables keeps every word of what it is told, is shared by processes without a loss, and
// is refused where it is not what this program wrote.
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "orders.hpp"
#include "sql_books.hpp"

namespace tradeguard::contract {
namespace {

const Instant noon = at("2025-01-01T12:00:00Z");

// Runs each statement by itself, as a person at a prompt would.
void run(SqlSession& session, const std::vector<std::string>& statements) {
  for (const auto& sql : statements) {
    const auto done = session.run(std::array{Statement{sql, {}}});
    INFO(sql);
    REQUIRE(done);
  }
}

void for_each_database(const std::function<void(PaperDatabase&)>& test) {
  for (const auto& kind : databases()) {
    INFO(kind.name);
    const auto database = kind.fresh();
    test(*database);
  }
}

TEST_CASE("every word of an order, a fill and a market is read back as it was written") {
  for_each_database([](PaperDatabase& database) {
    PaperOrder full{.symbol = eth()};
    full.number = 100007;
    full.list = 100006;
    full.fired_number = 100009;
    full.client_id = "tg1-s1-it's";
    full.side = Side::sell;
    full.type = OrderType::stop_limit;
    full.quantity = qty("0.123456789012345678");
    full.price = price("2880.9");
    full.trigger = price("2910");
    full.market_price = price("2909.99");
    full.fee_in = FeeIn::other;
    full.status = VenueStatus::cancelled;
    full.fired = true;
    full.filled = qty("0.05");
    full.filled_value = money("145.4995");
    full.fee_base = qty("0.00005");
    full.fee_quote = money("0.1454995");
    full.given_up = qty("0.000000000000000001");
    full.fate = Fate::part_cancelled;
    full.parts = 3;
    full.next_part_at = noon + 7s;
    full.pending_until = noon + 1s;
    full.created_at = noon;
    full.changed_at = noon + 1us;
    full.reason = "foreign \"text\" with 'quotes'\nand a line \xc3\xa4";
    PaperOrder bare{.symbol = eth()};
    bare.number = 100008;
    const PaperFill fill{
        100007, eth(), Side::sell, price("2909.99"), qty("0.05"), money("145.4995"), {}, money("0.1454995"), noon + 2s};

    const auto first = database.connect();
    SqlPaperBook writer{*first, database.account()};
    REQUIRE(writer.open({}));
    auto& state = writer.state();
    state.put(full);
    state.put(bare);
    state.next_number = 100010;
    state.balances["USDT"] = dec("-0.000000000000000001");
    state.markets[eth()] = {price("2909.99"), noon + 3s};
    const auto btc = symbol("BTC_USDT");
    state.markets[btc] = {std::nullopt, noon};
    REQUIRE(writer.close({{full.number, bare.number}, {"USDT"}, {eth(), btc}, {fill}}));

    const auto second = database.connect();
    SqlPaperBook reader{*second, database.account()};
    REQUIRE(reader.open({.client_ids = {full.client_id}}));
    CHECK(reader.state().version == 1);
    CHECK(reader.state().next_number == 100010);
    CHECK(reader.state().orders.at(full.number) == full);
    CHECK(reader.state().orders.at(bare.number) == bare);
    CHECK(reader.state().open == std::set<std::int64_t>{bare.number});
    CHECK(reader.state().balances == state.balances);
    CHECK(reader.state().markets == state.markets);
    REQUIRE(reader.close({}));
    CHECK(reader.fills({}).value() == std::vector{fill});
    CHECK(reader.fills(noon + 3s)->empty());
  });
}

TEST_CASE("two venues on one book see each other's orders at once") {
  for_each_database([](PaperDatabase& database) {
    ManualClock clock{noon};
    const auto settings = contract_settings();
    const auto sessions = std::array{database.connect(), database.connect()};
    SqlPaperBook left_book{*sessions[0], database.account()};
    SqlPaperBook right_book{*sessions[1], database.account()};
    PaperVenue left{clock, left_book, settings};
    PaperVenue right{clock, right_book, settings};
    auto order = entry("entry", "1", noon);
    order.price = price("3000");
    REQUIRE(is<Accepted>(place(left, order)));
    const auto stop = stop_market("stop", "0.9", "2910", noon);
    REQUIRE(is<Accepted>(protect(right, stop)));
    CHECK(balance(left, "ETH").free == dec("0.099"));
    CHECK(is<InDoubt>(protect(left, stop)));
    CHECK(is<CancelAcknowledged>(cancel(left, stop)));
    CHECK(sight(right, stop).status == VenueStatus::cancelled);
    CHECK(is<Accepted>(flatten(right, exit_of("exit", "0.9", noon))));
    CHECK(balance(left, "ETH").total == dec("0.099"));
    CHECK(sight(left, order).venue_id == "100001");
  });
}

// Eight processes buy at once, and nothing but the book keeps them apart.
TEST_CASE("processes that race on one book lose no order, no number and no money") {
  constexpr std::size_t processes = 8;
  constexpr std::size_t orders = 20;
  for_each_database([](PaperDatabase& database) {
    std::vector<pid_t> children;
    for (std::size_t i = 0; i < processes; ++i) {
      const auto child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        // Connected after the fork: a connection belongs to one process.
        int failures = 0;
        ManualClock clock{noon};
        const auto session = database.connect();
        SqlPaperBook book{*session, database.account()};
        PaperVenue venue{clock, book, contract_settings()};
        for (std::size_t n = 0; n < orders; ++n) {
          auto order = entry(std::to_string(i) + "-" + std::to_string(n), "0.01", noon);
          order.price = price("3000");
          if (!is<Accepted>(place(venue, order))) ++failures;
        }
        ::_exit(failures);
      }
      children.push_back(child);
    }
    for (const auto child : children) {
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      REQUIRE(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 0);
    }
    ManualClock clock{noon};
    const auto session = database.connect();
    SqlPaperBook book{*session, database.account()};
    PaperVenue venue{clock, book, contract_settings()};
    const auto own = venue.own_orders({}).value();
    std::set<std::string> numbers;
    for (const auto& sighting : own) numbers.insert(sighting.venue_id);
    CHECK(own.size() == processes * orders);
    CHECK(numbers.size() == processes * orders);
    CHECK(*numbers.begin() == "100001");
    CHECK(*numbers.rbegin() == "100160");
    CHECK(balance(venue, "USDT").total == dec("5200"));
    CHECK(balance(venue, "ETH").total == dec("1.5984"));
    CHECK(book.fills({})->size() == processes * orders);
  });
}

TEST_CASE("a visit reads what is open or asked for, not all that ever was") {
  for_each_database([](PaperDatabase& database) {
    ManualClock clock{noon};
    const auto settings = contract_settings();
    const auto first = database.connect();
    SqlPaperBook book{*first, database.account()};
    PaperVenue venue{clock, book, settings};
    std::vector<Order> burst;
    for (int i = 0; i < 300; ++i) {
      burst.push_back(entry(std::to_string(i), "0.002", noon));
      burst.back().price = price("3000");
    }
    for (const auto& outcome : venue.place(TestTickets::of(burst))) CHECK(is<Accepted>(outcome));
    REQUIRE(is<Accepted>(protect(venue, stop_market("stop", "0.1", "2910", noon))));

    const auto second = database.connect();
    SqlPaperBook fresh{*second, database.account()};
    PaperVenue next{clock, fresh, settings};
    CHECK(balance(next, "ETH").total == dec("0.5994"));
    REQUIRE(fresh.open({.client_ids = {burst[7].client_id}}));
    CHECK(fresh.state().orders.size() == 2);
    const auto version = fresh.state().version;
    REQUIRE(fresh.close({}));

    // Looking changes nothing, and costs one trip to open and one to close.
    const auto before = second->round_trips();
    CHECK(sight(next, burst[7]).status == VenueStatus::filled);
    CHECK(second->round_trips() - before == 2);
    REQUIRE(fresh.open({}));
    CHECK(fresh.state().version == version);
    REQUIRE(fresh.close({}));
  });
}

TEST_CASE("accounts of one database know nothing of each other") {
  for_each_database([](PaperDatabase& database) {
    ManualClock clock{noon};
    auto other = database.account();
    other.account += "-other";
    const auto session = database.connect();
    SqlPaperBook mine{*session, database.account()};
    SqlPaperBook theirs{*session, other};
    PaperVenue venue{clock, mine, contract_settings()};
    PaperVenue stranger{clock, theirs, contract_settings()};
    auto order = entry("entry", "1", noon);
    order.price = price("3000");
    REQUIRE(is<Accepted>(place(venue, order)));
    CHECK(find(stranger, order)->found.empty());
    CHECK(stranger.own_orders({})->empty());
    REQUIRE(is<Accepted>(place(stranger, order)));
    CHECK(sight(stranger, order).venue_id == "100001");
  });
}

// ---- Where the book is not what it has to be ---------------------------------------------------

TEST_CASE("without a book nothing is sent, and the way to one is told") {
  const auto database = bare_sqlite();
  ManualClock clock{noon};
  const auto session = database->connect();
  SqlPaperBook book{*session, database->account()};
  PaperVenue venue{clock, book, contract_settings()};
  const auto outcome = place(venue, entry("entry", "1", noon));
  REQUIRE(is<Unsent>(outcome));
  CHECK_THAT(std::get<Unsent>(outcome).message, Catch::Contains("tradeguard init"));
  const auto balances = venue.balances();
  REQUIRE_FALSE(balances);
  CHECK(balances.error().fault == Fault::configuration);

  // Then somebody makes one.
  REQUIRE(init_paper_book(*session));
  REQUIRE(init_paper_book(*session));
  auto order = entry("entry", "1", noon);
  order.price = price("3000");
  CHECK(is<Accepted>(place(venue, order)));
}

TEST_CASE("a book of another version, and tables somebody else made, are left alone") {
  const auto refused_with = [](const std::vector<std::string>& statements, const std::string& why) {
    const auto database = bare_sqlite();
    const auto session = database->connect();
    run(*session, statements);
    const auto made = init_paper_book(*session);
    REQUIRE_FALSE(made);
    CHECK(made.error().fault == Fault::configuration);
    CHECK_THAT(made.error().what, Catch::Contains(why));
    SqlPaperBook book{*session, database->account()};
    const auto opened = book.open({});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().fault == Fault::configuration);
  };
  refused_with({"CREATE TABLE paper_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
                "INSERT INTO paper_meta VALUES ('book_version', '2')"},
               "version 2");
  refused_with({"CREATE TABLE paper_orders (id BIGINT)"}, "did not make");
  refused_with({"CREATE TABLE paper_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"}, "version");
}

TEST_CASE("a row nobody of us wrote is an error, and the book is not left locked") {
  for (const char* damage :
       {"UPDATE paper_orders SET quantity = 'much'", "UPDATE paper_orders SET symbol = 'ETH'",
        "UPDATE paper_orders SET fate = 'sealed'", "UPDATE paper_balances SET total = '1e400'",
        "UPDATE paper_markets SET last_price = ''", "UPDATE paper_orders SET created_at = 'noon'"}) {
    INFO(damage);
    const auto database = databases().front().fresh();
    ManualClock clock{noon};
    const auto session = database->connect();
    {
      SqlPaperBook book{*session, database->account()};
      PaperVenue venue{clock, book, contract_settings()};
      auto order = entry("entry", "1", noon);
      order.price = price("3000");
      REQUIRE(is<Accepted>(place(venue, order)));
      REQUIRE(is<Accepted>(protect(venue, stop_market("stop", "0.9", "2910", noon))));
    }
    run(*session, {damage});
    SqlPaperBook book{*session, database->account()};
    PaperVenue venue{clock, book, contract_settings()};
    CHECK(is<Unsent>(place(venue, entry("other", "1", noon))));
    CHECK_FALSE(find(venue, entry("entry", "1", noon)));
    const auto other = database->connect();
    run(*other, {"BEGIN", "ROLLBACK"});
  }
}

TEST_CASE("a server that goes away between two visits costs the visit and not the book") {
  const auto database = databases().back().fresh();
  ManualClock clock{noon};
  const auto stop = stop_market("stop", "0.9", "2910", noon);
  {
    const auto session = database->connect();
    SqlPaperBook book{*session, database->account()};
    PaperVenue venue{clock, book, contract_settings()};
    auto order = entry("entry", "1", noon);
    order.price = price("3000");
    REQUIRE(is<Accepted>(place(venue, order)));
    const auto pid = session->run(std::array{Statement{"SELECT pg_backend_pid()::bigint", {}}});
    REQUIRE(pid);
    const auto killer = database->connect();
    REQUIRE(killer->run(std::array{Statement{"SELECT pg_terminate_backend(?1::int)", {pid->front().rows[0][0]}}}));
    CHECK(is<Unsent>(protect(venue, stop)));
    CHECK_FALSE(find(venue, order));
    CHECK_FALSE(venue.balances());
  }
  const auto session = database->connect();
  SqlPaperBook book{*session, database->account()};
  PaperVenue venue{clock, book, contract_settings()};
  CHECK(find(venue, stop)->found.empty());
  CHECK(is<Accepted>(protect(venue, stop)));
}

TEST_CASE("a book that connects by itself does so at the first visit, and again after a failed one") {
  const auto database = databases().back().fresh();
  ManualClock clock{noon};
  int connections = 0;
  SqlSession* current = nullptr;
  bool reachable = true;
  SqlPaperBook book{[&]() -> Result<std::unique_ptr<SqlSession>> {
                      ++connections;
                      if (!reachable) return failed(Fault::unreachable, "no route");
                      auto session = database->connect();
                      current = session.get();
                      return session;
                    },
                    database->account()};
  PaperVenue venue{clock, book, contract_settings()};
  CHECK(venue.venue_time());
  CHECK(venue.rules({eth()}));
  CHECK(connections == 0);

  auto order = entry("entry", "1", noon);
  order.price = price("3000");
  REQUIRE(is<Accepted>(place(venue, order)));
  CHECK(sight(venue, order).status == VenueStatus::filled);
  CHECK(connections == 1);

  const auto pid = current->run(std::array{Statement{"SELECT pg_backend_pid()::bigint", {}}});
  REQUIRE(pid);
  const auto killer = database->connect();
  REQUIRE(killer->run(std::array{Statement{"SELECT pg_terminate_backend(?1::int)", {pid->front().rows[0][0]}}}));
  const auto stop = stop_market("stop", "0.9", "2910", noon);
  CHECK(is<Unsent>(protect(venue, stop)));
  CHECK(connections == 1);
  reachable = false;
  CHECK(is<Unsent>(protect(venue, stop)));
  CHECK_FALSE(book.fills({}));
  reachable = true;
  CHECK(is<Accepted>(protect(venue, stop)));
  CHECK(sight(venue, order).status == VenueStatus::filled);
  CHECK(connections == 4);
}

}  // namespace
}  // namespace tradeguard::contract
