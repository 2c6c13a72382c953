// Draft: a statement that grows together with its arguments, so that no placeholder is counted by
// hand. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/sql_cells.hpp"

namespace tradeguard {

struct Column {
  std::string_view name;
  std::string_view type;  // "TEXT" or "BIGINT"
};

class Draft {
 public:
  Draft() = default;
  // The first arguments can be named in the text as ?1 ?2 ... and as often as needed.
  Draft(std::string_view text, std::vector<SqlValue> first) : sql_{text}, arguments_{std::move(first)} {}

  Draft& operator<<(std::string_view text) {
    sql_ += text;
    return *this;
  }
  // Adds the next argument and its placeholder.
  Draft& bind(SqlValue value) {
    arguments_.push_back(std::move(value));
    sql_ += "?" + std::to_string(arguments_.size());
    return *this;
  }
  // "(VALUES (...), (...))". The casts of the first row tell PostgreSQL the types of the columns.
  Draft& values(const std::vector<Column>& columns, std::vector<SqlRow> rows);
  // "name (a, b) AS (VALUES ...)", to stand behind WITH.
  Draft& table(std::string_view name, const std::vector<Column>& columns, std::vector<SqlRow> rows);

  Statement done() && { return {std::move(sql_), std::move(arguments_)}; }
  // One that has to change so many rows.
  Statement changing(std::int64_t rows) && { return {std::move(sql_), std::move(arguments_), rows}; }

 private:
  std::string sql_;
  std::vector<SqlValue> arguments_;
};

// Both databases take 32,766 arguments in one statement; a few are left for the rest of it.
inline constexpr std::size_t most_arguments = 32'000;

// Cuts rows into pieces that fit into one statement each.
std::vector<std::vector<SqlRow>> pieces(std::vector<SqlRow> rows, std::size_t columns);

}  // namespace tradeguard
