// What cools a base, asked for many at once. Private to this room.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "draft.hpp"
#include "tradeguard/guards.hpp"

namespace tradeguard {

std::vector<Statement> ask_history(const AccountKey& account, const std::set<std::string>& bases);
struct ReadHistory {
  std::map<std::string, BaseHistory> latest;
  std::map<std::string, std::string> unreadable;  // base: what cannot be read of it
};
ReadHistory read_history(const std::vector<SqlRows>& results, std::size_t first, std::size_t count);

}  // namespace tradeguard
