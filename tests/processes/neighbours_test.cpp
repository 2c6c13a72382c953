// A database that is not tradeguard's alone: defaults that are not for a lock's holder, and the
// original bot's own table.
#include <catch2/catch.hpp>

#include "scratch_database.hpp"
#include "witness.hpp"

namespace tradeguard::processes {
namespace {

using support::PlainConnection;

TEST_CASE("a role whose sessions end when they are idle for a second: a run that waits longer still works") {
  const Trading bot{"postgres"};
  const std::string database = bot.url().substr(bot.url().rfind('/') + 1);
  const std::string role = "careless_" + database;
  PlainConnection server{support::test_server()};
  server.ask("CREATE ROLE " + role + " LOGIN IN ROLE " + support::store_role);
  server.ask("ALTER ROLE " + role + " SET idle_session_timeout = '1s'");
  server.ask("ALTER ROLE " + role + " SET synchronous_commit = off");
  const std::string url = support::test_server({.database = database, .user = role});
  {
    PlainConnection ordinary{url};
    HeldRun run{bot, {"--store.url", url}};
    wait_until("two idle sessions of the run, for more than a second", [&] {
      return server.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = '" + role +
                        "' AND state = 'idle' AND clock_timestamp() - state_change > interval '1.5 s' "
                        "AND pid <> " +
                        std::to_string(ordinary.pid())) == "2";
    });
    // What an ordinary session of this role comes to.
    CHECK_THROWS_AS(ordinary.ask("SELECT 1"), std::runtime_error);

    run.write(signal_for("ETH_USDT"));
    const Ran ran = run.finish();
    INFO(ran.err);
    CHECK(ran.code == 0);
    check_entered_once_and_protected(bot, "ETH_USDT");
  }
  server.ask("DROP ROLE " + role);
}

TEST_CASE("the original bot's table in the same database stays as it is, down to where its rows lie") {
  const Trading bot{"postgres"};
  PlainConnection original{bot.url()};
  original.ask("SET client_min_messages = warning");
  original.ask("DROP SCHEMA tradeguard CASCADE");
  original.ask("CREATE TYPE order_side AS ENUM ('BUY', 'SELL')");
  original.ask(
      "CREATE TYPE order_status AS ENUM ('NEW', 'ACTIVE', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', "
      "'REJECTED', 'EXPIRED')");
  original.ask(
      "CREATE TABLE public.exchange_orders (id SERIAL PRIMARY KEY, "
      "exchange_order_id VARCHAR(100) UNIQUE NOT NULL, client_oid VARCHAR(100), "
      "symbol VARCHAR(50) NOT NULL, side order_side NOT NULL, order_type VARCHAR(20), "
      "status order_status NOT NULL, price NUMERIC(20,8), quantity NUMERIC(20,8) NOT NULL, "
      "cumulative_quantity NUMERIC(20,8) DEFAULT 0, cumulative_value NUMERIC(20,8) DEFAULT 0, "
      "avg_price NUMERIC(20,8), trigger_condition NUMERIC(20,8), exchange_create_time TIMESTAMPTZ, "
      "exchange_update_time TIMESTAMPTZ, created_at TIMESTAMPTZ DEFAULT now(), updated_at TIMESTAMPTZ, "
      "imported_at TIMESTAMPTZ, trade_signal_id INTEGER, parent_order_id VARCHAR(100), "
      "oco_group_id VARCHAR(100), order_role VARCHAR(20))");
  original.ask(
      "INSERT INTO public.exchange_orders (exchange_order_id, symbol, side, order_type, status, price, "
      "quantity, exchange_create_time, order_role) VALUES "
      "('4711', 'ETH_USDT', 'BUY', 'MARKET', 'FILLED', 3350.5, 0.0149, now(), NULL), "
      "('4712', 'ETH_USDT', 'SELL', 'STOP_LIMIT', 'ACTIVE', 3249.98, 0.0149, now(), 'STOP_LOSS'), "
      "('4713', 'ETH_USDT', 'SELL', 'TAKE_PROFIT_LIMIT', 'NEW', 3451.01, 0.0149, now(), 'TAKE_PROFIT')");
  const auto as_it_lies = [&] {
    return original.ask(
               "SELECT string_agg(concat_ws(' ', ctid, xmin, xmax, t::text), chr(10) ORDER BY ctid) "
               "FROM public.exchange_orders t") +
           original.ask(
               "SELECT concat_ws(' ', relfilenode, pg_relation_size(oid), relacl) FROM pg_class "
               "WHERE oid = 'public.exchange_orders'::regclass") +
           original.ask(
               "SELECT string_agg(concat_ws(' ', attname, atttypid::regtype, atttypmod, attnotnull), ', ' "
               "ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'public.exchange_orders'::regclass") +
           original.ask("SELECT last_value FROM public.exchange_orders_id_seq") +
           original.ask(
               "SELECT string_agg(concat_ws('.', table_schema, table_name), ' ' ORDER BY 1) "
               "FROM information_schema.tables WHERE table_schema = 'public'");
  };
  const std::string before = as_it_lies();

  REQUIRE(bot.command({"init"}).code == 0);
  const Ran ran = bot.cycle(signal_for("ETH_USDT"));
  INFO(ran.err);
  CHECK(ran.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  CHECK(bot.command({"flatten", "--all"}).code == 0);
  CHECK(bot.command({"prune", "--keep", "24h"}).code == 0);
  CHECK(as_it_lies() == before);
  CHECK(number(bot, "SELECT count(*) FROM tradeguard.exchange_orders WHERE leg = 'entry'") == 1);
}

}  // namespace
}  // namespace tradeguard::processes
