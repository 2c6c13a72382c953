// What cools a base, asked in one statement for many. Private to this room.
#pragma once

#include <map>
#include <set>
#include <string>

#include "draft.hpp"
#include "tradeguard/guards.hpp"

namespace tradeguard {

Statement ask_history(const AccountKey& account, const std::set<std::string>& bases);
Result<std::map<std::string, BaseHistory>> read_history(const SqlRows& rows);

}  // namespace tradeguard
