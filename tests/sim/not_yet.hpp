// The findings in the first version whose mends are still on their way. A sentence of the witness that belongs to
// one of them is judged and counted, and breaks no story; a lesson of it is not told at all.
//
// A line goes when its mend arrives. `simulation --with F-6` tells and judges one of them all the same.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

namespace tradeguard::sim {

inline constexpr std::array<std::string_view, 11> not_yet{
    "F-1", "F-3", "F-4", "F-6", "F-15", "F-16", "F-19", "F-22", "F-23", "F-59", "F-60",
};

struct SwitchedOn {
  std::set<std::string, std::less<>> findings;  // "all": every one
};
inline SwitchedOn& switched_on() {
  static SwitchedOn one;
  return one;
}

inline bool waits_for_its_mend(std::string_view finding) {
  const auto& on = switched_on().findings;
  // Whoever looks for one of them wants to see that one only.
  if (!on.empty()) return !on.contains(finding) && !on.contains("all");
  return std::find(not_yet.begin(), not_yet.end(), finding) != not_yet.end();
}

}  // namespace tradeguard::sim
