// The connection itself: libpq in pipeline mode, never blocking without a limit.
// Private to this room.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tradeguard/not_for_forks.hpp"
#include "tradeguard/signal.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

class PostgresConnection {
 public:
  // `insecure`: as of PostgresOptions.
  static Result<std::shared_ptr<PostgresConnection>> connect(const std::string& url, bool insecure);

  Result<std::vector<SqlRows>> run(std::span<const Statement> statements);
  // Process id the server gave at connect: a pooler's is not the one that answers queries.
  int announced_pid() const { return PQbackendPID(connection_.get()); }
  // As far as this machine can know without asking: false for sure, or nothing speaks against it.
  bool seems_alive();
  // The server was heard from so lately that it cannot have given the session up since, unless it
  // said so, which seems_alive() would have seen.
  bool heard_lately() const;
  std::int64_t round_trips() const { return round_trips_; }

  // From now on no statement is given up for taking long: the server has been told as well. `waiting`
  // is called about once a second meanwhile; it may be empty.
  void be_patient(std::function<void()> waiting);

  // Accounts whose run lock this session holds: the server would give it twice.
  std::set<AccountKey> locked;

 private:
  using Handle = std::unique_ptr<PGconn, decltype(&PQfinish)>;
  using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;
  explicit PostgresConnection(Handle connection) : connection_{std::move(connection)} {
    not_for_forks_.emplace(PQsocket(connection_.get()));
  }

  OneThread one_thread_;
  Result<std::vector<SqlRows>> run_pipeline(std::span<const Statement> statements);
  bool send(const Statement& statement);
  // The next result of the pipeline; nullopt: the connection is lost.
  std::optional<Answer> next_answer();
  // Waits until the socket can be read, sending what is still to be sent meanwhile.
  bool wait_for_input();
  Error lost();

  Handle connection_;
  std::optional<NotForForks> not_for_forks_;  // let go before the socket's number is
  std::string lost_because_;
  std::int64_t round_trips_ = 0;
  bool patient_ = false;
  std::function<void()> waiting_;
};

}  // namespace tradeguard
