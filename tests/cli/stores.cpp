#include "stores.hpp"

#include <algorithm>

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>

namespace tradeguard::cli::test {

namespace {

std::string server_url() {
  const char* url = std::getenv("TRADEGUARD_TEST_POSTGRES");
  // Failing, not skipping: a test that did not run says nothing about PostgreSQL.
  INFO("TRADEGUARD_TEST_POSTGRES names a server; scripts/with-postgres starts one");
  REQUIRE(url != nullptr);
  return url;
}

std::string url_of_database(const std::string& server, const std::string& database) {
  return server.substr(0, server.rfind('/') + 1) + database;
}

// A store is opened as the role that owns it, and never as a superuser.
constexpr const char* store_role = "tradeguard_test";
std::string as_store_role(const std::string& url) {
  return url.substr(0, url.find("//") + 2) + store_role + url.substr(url.find('@'));
}

}  // namespace

std::vector<std::string> store_kinds() { return {"sqlite", "postgres"}; }

Trading::Trading(const std::string& kind, std::string_view ini) : place_{{{"DRY_RUN", "1"}}} {
  if (kind == "postgres") {
    static std::atomic<int> count{0};
    database_ = "cli_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    const Ran made = run_program({"psql", server_url(), "-qc", "CREATE DATABASE " + database_ + " OWNER " + store_role},
                                 folder().path());
    INFO(made.err);
    REQUIRE(made.code == 0);
    url_ = as_store_role(url_of_database(server_url(), database_));
  } else {
    url_ = "sqlite:bot.db";
  }
  folder().write("bot.ini", "[store]\nurl = " + url_ + "\n" + std::string{ini});
  const Ran made = command({"init"});
  INFO(made.err);
  REQUIRE(made.code == 0);
}

Trading::~Trading() {
  if (!database_.empty())
    run_program({"psql", server_url(), "-qc", "DROP DATABASE " + database_ + " WITH (FORCE)"}, folder().path());
}

Ran Trading::cycle(std::string_view signals, const std::vector<std::string>& more,
                   const Environment& environment) const {
  folder().write("signals.jsonl", signals);
  std::vector<std::string> arguments{"run",           "--config",     "bot.ini", "--signals",
                                     "signals.jsonl", "--log-format", "bare"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return place_.run(arguments, environment);
}

Ran Trading::command(std::vector<std::string> arguments, const Environment& environment) const {
  // What stands behind -- is somebody else's.
  arguments.insert(std::find(arguments.begin(), arguments.end(), "--"),
                   {"--config", "bot.ini", "--log-format", "bare"});
  return place_.run(std::move(arguments), environment);
}

Started Trading::start_cycle(const std::string& signals_path, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"run", "--config", "bot.ini", "--signals", signals_path, "--log-format", "bare"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return place_.start(arguments);
}

std::string Trading::sql(const std::string& statement) const {
  const Ran ran = database_.empty()
                      ? run_program({"sqlite3", "-batch", "-cmd", ".timeout 5000", folder().file("bot.db"), statement},
                                    folder().path())
                      : run_program({"psql", url_of_database(server_url(), database_), "-qAtc",
                                     "SET search_path = tradeguard; " + statement},
                                    folder().path());
  INFO(statement << "\n" << ran.err);
  REQUIRE(ran.code == 0);
  return ran.out;
}

}  // namespace tradeguard::cli::test
