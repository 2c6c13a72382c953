// The placeholders of a statement, ?1 ?2 ..., rewritten for one database: what stands in quotes is
// text and stays. Contract tests: tests/stores/postgres_test.cpp, sqlite_test.cpp
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tradeguard {

// `write(number, to)` appends what stands in place of ?number. A statement with n placeholders is
// read once, whatever n is.
template <class Write>
std::string with_placeholders(std::string_view sql, Write&& write) {
  std::string rewritten;
  rewritten.reserve(sql.size());
  char quote = '\0';  // the one we are inside of; a doubled one closes and opens again
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    const auto is_digit = [&](std::size_t at) { return at < sql.size() && sql[at] >= '0' && sql[at] <= '9'; };
    if (quote == '\0' && c == '?' && is_digit(i + 1)) {
      std::size_t number = 0;
      for (; is_digit(i + 1); ++i) number = number * 10 + static_cast<std::size_t>(sql[i + 1] - '0');
      write(number, rewritten);
      continue;
    }
    if (quote == '\0' && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = '\0';
    rewritten += c;
  }
  return rewritten;
}

}  // namespace tradeguard
