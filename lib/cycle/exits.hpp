// The SELLs of a batch become wishes on record; the rounds behind the entries carry them out.
#pragma once

#include <map>
#include <vector>

#include "tradeguard/signal.hpp"

namespace tradeguard {

class Run;
// The SELLs of a batch that were heard or wait until they are due, by symbol: they overtake its BUYs.
using NewestExits = std::map<Symbol, std::vector<Signal>>;
NewestExits wish_exits(Run& run, const std::vector<Signal>& signals);

}  // namespace tradeguard
