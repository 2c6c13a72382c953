#include "draft.hpp"

#include <algorithm>
#include <iterator>

#include "tradeguard/foreign_text.hpp"

namespace tradeguard {

std::string storable(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\0' ? 0 : character_length(text, at);
    kept += length == 0 ? std::string_view{"?"} : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return kept;
}

Draft& Draft::values(const std::vector<Column>& columns, std::vector<SqlRow> rows) {
  sql_ += "VALUES ";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    sql_ += r == 0 ? "(" : ", (";
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) sql_ += ", ";
      if (r == 0) sql_ += "CAST(";
      bind(std::move(rows[r][c]));
      if (r == 0) sql_.append(" AS ").append(columns[c].type).append(")");
    }
    sql_ += ")";
  }
  return *this;
}

Draft& Draft::table(std::string_view name, const std::vector<Column>& columns, std::vector<SqlRow> rows) {
  sql_.append(name).append(" (");
  for (std::size_t c = 0; c < columns.size(); ++c) sql_.append(c == 0 ? "" : ", ").append(columns[c].name);
  sql_ += ") AS (";
  values(columns, std::move(rows));
  sql_ += ")";
  return *this;
}

std::vector<std::vector<SqlRow>> pieces(std::vector<SqlRow> rows, std::size_t columns) {
  const std::size_t most = most_arguments / columns;
  std::vector<std::vector<SqlRow>> cut;
  for (std::size_t from = 0; from < rows.size(); from += most) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(from);
    const auto last = rows.begin() + static_cast<std::ptrdiff_t>(std::min(from + most, rows.size()));
    cut.emplace_back(std::make_move_iterator(first), std::make_move_iterator(last));
  }
  return cut;
}

}  // namespace tradeguard
