// A session that asks the database how it is going to answer, before it lets it.
#pragma once

#include <string>
#include <vector>

#include "tradeguard/sql_session.hpp"

namespace tradeguard::stores {

class ExplainingSession final : public SqlSession {
 public:
  explicit ExplainingSession(SqlSession& session) : session_{session} {}

  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override;
  SqlDialect dialect() const override { return session_.dialect(); }
  std::optional<std::string> server_now() const override { return session_.server_now(); }
  Result<std::string> epoch() override { return session_.epoch(); }
  std::int64_t round_trips() const override { return session_.round_trips(); }

  // Every plan since the last asking: the statement, and behind it the database's lines.
  struct Plan {
    std::string sql;
    std::vector<std::string> lines;
  };
  std::vector<Plan> take_plans() { return std::exchange(plans_, {}); }

 private:
  SqlSession& session_;
  std::vector<Plan> plans_;
};

// Lines that walk through all rows of a table or of an account. Not counted are a batch's own
// values, and what is small by nature.
std::vector<std::string> full_scans(const std::vector<ExplainingSession::Plan>& plans);

}  // namespace tradeguard::stores
