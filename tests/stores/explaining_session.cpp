#include "explaining_session.hpp"

#include <array>

namespace tradeguard::stores {

namespace {

bool can_be_explained(const std::string& sql) {
  for (const char* verb : {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"})
    if (sql.starts_with(verb)) return true;
  return false;
}

bool contains(const std::string& line, std::string_view words) { return line.find(words) != std::string::npos; }

// Small by nature: the words about the store itself, a row for each account, base or market, and indexes of what is open, standing or
// waiting; and what is rare, entries proven absent.
bool is_small(const std::string& line) {
  for (const char* name : {" accounts", "autoindex_accounts", " entry_memory", "trades_open", "alarms_standing",
                           "notices_waiting", "exit_words", "exchange_orders_absent", "tradeguard_meta"})
    if (contains(line, name)) return true;
  return false;
}

// A condition on nothing but the account lets all of the account's rows through.
bool narrows(const std::string& condition) {
  for (const char* column :
       {"client_id", "trade", "signal_key", "base", "stamp", "question_until", "closed_at", "claimed_at", "created_at",
        "last_at", "cleared_at", "event_id", "subject", "symbol", "<expr>>"})
    if (contains(condition, column)) return true;
  return false;
}

bool walks_through(const std::vector<std::string>& lines, std::size_t at) {
  const std::string& line = lines[at];
  if (is_small(line)) return false;
  if (contains(line, "Seq Scan on ")) return true;
  if (contains(line, "Index Scan ") || contains(line, "Index Only Scan ")) {
    const bool has_condition = at + 1 < lines.size() && contains(lines[at + 1], "Index Cond:");
    return !has_condition || !narrows(lines[at + 1]);
  }
  // SQLite: "SCAN n" and "SEARCH n USING INDEX i (column=? AND ...)".
  if (line.starts_with("SCAN "))
    return line != "SCAN v" && !contains(line, "CONSTANT ROW") && !contains(line, "SUBQUERY");
  return line.starts_with("SEARCH ") && contains(line, "USING") && !narrows(line);
}

}  // namespace

Result<std::vector<SqlRows>> ExplainingSession::run(std::span<const Statement> statements) {
  std::vector<Statement> all;
  std::vector<std::size_t> plans_at;
  for (const Statement& statement : statements) {
    if (can_be_explained(statement.sql)) {
      plans_at.push_back(all.size());
      all.push_back({(dialect() == SqlDialect::sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ") + statement.sql,
                     statement.arguments});
    }
    all.push_back(statement);
  }
  auto done = session_.run(all);
  if (!done) return done;
  std::vector<SqlRows> results;
  for (std::size_t i = 0, plan = 0; i < done->size(); ++i) {
    if (plan == plans_at.size() || plans_at[plan] != i) {
      results.push_back(std::move((*done)[i]));
      continue;
    }
    ++plan;
    Plan found{all[i + 1].sql, {}};
    for (const SqlRow& row : (*done)[i].rows)
      if (const auto* line = std::get_if<std::string>(&row.back())) found.lines.push_back(*line);
    plans_.push_back(std::move(found));
  }
  return results;
}

std::vector<std::string> full_scans(const std::vector<ExplainingSession::Plan>& plans) {
  std::vector<std::string> scans;
  for (const auto& plan : plans)
    for (std::size_t i = 0; i < plan.lines.size(); ++i)
      if (walks_through(plan.lines, i)) scans.push_back(plan.lines[i] + " <- " + plan.sql);
  return scans;
}

}  // namespace tradeguard::stores
