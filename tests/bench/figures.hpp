// Figures of `make bench`: min, median and max of several runs, beside the limit they are held to.
#pragma once

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace tradeguard::bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

inline const char* judged(double value, double limit) { return value <= limit ? "ok" : "OVER"; }

struct Limit {
  double most;
  std::string said;  // as it stands behind the figure
};
// The median is what is held to the limit.
inline void print_figure(const std::string& name, const std::vector<double>& values, const char* unit, int decimals,
                         const std::optional<Limit>& limit = std::nullopt) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  std::printf("  %-46s %*.*f %*.*f %*.*f  %-4s", name.c_str(), 9, decimals, *least, 9, decimals, median(values), 9,
              decimals, *most, unit);
  if (limit) std::printf("  limit %s  %s", limit->said.c_str(), judged(median(values), limit->most));
  std::printf("\n");
}

inline void print_head(const std::string& what) {
  std::printf("  %-46s %9s %9s %9s\n", what.c_str(), "min", "median", "max");
}

}  // namespace tradeguard::bench
