#include "scratch_database.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace tradeguard::support {

namespace {

// postgresql://USER@HOST:PORT/DATABASE, as scripts/with-postgres writes it.
std::string replaced(const std::string& url, const UrlParts& other) {
  const auto user_at = url.find("//") + 2;
  const auto host_at = url.find('@') + 1;
  const auto port_at = url.rfind(':') + 1;
  const auto database_at = url.rfind('/') + 1;
  return url.substr(0, user_at) + (other.user.empty() ? url.substr(user_at, host_at - 1 - user_at) : other.user) + "@" +
         url.substr(host_at, port_at - host_at) +
         (other.port == 0 ? url.substr(port_at, database_at - 1 - port_at) : std::to_string(other.port)) + "/" +
         (other.database.empty() ? url.substr(database_at) : other.database);
}

}  // namespace

std::string test_server() {
  const char* url = std::getenv("TRADEGUARD_TEST_POSTGRES");
  if (!url || !*url)
    throw std::runtime_error{"TRADEGUARD_TEST_POSTGRES is not set: run this test under scripts/with-postgres"};
  return url;
}

std::string test_server(const UrlParts& other) { return replaced(test_server(), other); }

ScratchDatabase::ScratchDatabase() {
  static std::atomic<int> made{0};
  name_ = "tradeguard_test_" + std::to_string(::getpid()) + "_" + std::to_string(++made);
  PlainConnection server{test_server()};
  server.ask("CREATE DATABASE " + name_ + " OWNER " + store_role);
  url_ = test_server({.database = name_, .user = store_role});
}

ScratchDatabase::~ScratchDatabase() {
  try {
    PlainConnection server{test_server()};
    server.ask("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const std::exception&) {
    // The server, and all its databases, go with the test run.
  }
}

struct PlainConnection::Handle {
  PGconn* connection = nullptr;
  ~Handle() { PQfinish(connection); }
};

PlainConnection::PlainConnection(const std::string& url) : handle_{std::make_unique<Handle>()} {
  handle_->connection = PQconnectdb(url.c_str());
  if (PQstatus(handle_->connection) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(handle_->connection)};
}
PlainConnection::~PlainConnection() = default;

std::string PlainConnection::ask(std::string_view sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> answer{PQexec(handle_->connection, std::string{sql}.c_str()),
                                                             &PQclear};
  const auto status = PQresultStatus(answer.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    throw std::runtime_error{std::string{sql} + ": " + PQresultErrorMessage(answer.get())};
  return PQntuples(answer.get()) > 0 && PQnfields(answer.get()) > 0 ? PQgetvalue(answer.get(), 0, 0) : std::string{};
}

int PlainConnection::pid() const { return PQbackendPID(handle_->connection); }

}  // namespace tradeguard::support
