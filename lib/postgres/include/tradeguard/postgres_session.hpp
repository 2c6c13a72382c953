// One un-pooled PostgreSQL connection as an SqlSession: for stores that several machines share.
//
// The tables lie in the schema `tradeguard`, which is all this session sees besides PostgreSQL's own,
// and which it refuses where another role could put code of its own. What keeps the
// promises is pinned when the connection is made, over any default of role or database. A
// connection that is lost stays lost: run lock and pen die together, and nothing is repeated.
// Contract tests: tests/contract, backend "postgres"; tests/stores/postgres_test.cpp
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tradeguard/sql_session.hpp"

namespace tradeguard {

struct PostgresOptions {
  enum class Mode {
    existing,  // the schema has to be there, in this program's version
    create,    // for `init`: no schema is asked for, and no statement has a time limit; one that is
               // there has to be this role's
    looking,   // for `doctor`: whatever is there, none of it is read
  };
  Mode mode = Mode::existing;
  // False: another host has to show a certificate of its name (sslmode=verify-full), and a server of this
  // machine that is reached by TCP never gets a password in clear, whatever it asks for.
  bool insecure = false;
  // The server's clock rules claims and checks. False leaves it to the caller's, for simulations.
  bool server_clock = true;
  // Called about once a second while a statement takes long, for whoever wants to say so.
  std::function<void()> waiting = nullptr;
};

class PostgresConnection;  // known to this room only

class PostgresSession final : public SqlSession {
 public:
  // `url` is postgresql://user@host:port/database, as libpq reads it; the password comes from
  // PGPASSWORD or the password file. Fault::configuration for what will not heal by itself: a
  // standby, a pooler (named, as its sessions are not ours), a superuser, a schema that is not as
  // `init` makes it, a database without store, another schema version. No error shows a password.
  static Result<std::unique_ptr<PostgresSession>> open(const std::string& url, const PostgresOptions& options = {});
  ~PostgresSession() override;
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;

  // Everything in one call is one pipeline, hence one round trip; a failure costs another one.
  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override;
  SqlDialect dialect() const override { return SqlDialect::postgres; }
  std::optional<std::string> server_now() const override;
  // System identifier, timeline and the identity of the tables: a restored dump differs in the
  // last.
  Result<std::string> epoch() override;
  std::int64_t round_trips() const override;

 private:
  friend class PostgresRunLock;
  PostgresSession(std::shared_ptr<PostgresConnection> connection, PostgresOptions options);
  std::shared_ptr<PostgresConnection> connection_;
  PostgresOptions options_;
  std::string epoch_;
};

// ?1 ?2 ... as $1 $2 ..., except inside '...' and "...".
std::string with_dollar_placeholders(std::string_view sql);

}  // namespace tradeguard
