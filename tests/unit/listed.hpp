// What of a line its row in the table of events does not list. Every line that a test of a run sees goes through here.
#pragma once

#include <string>
#include <string_view>

#include "tradeguard/event.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {

// "RUN_START: field x", or empty: all of it is listed. `bare` has no time and no level.
inline std::string unlisted_in(std::string_view bare) {
  constexpr std::string_view twin = "[DEBUG_TRADING] ";
  if (bare.starts_with(twin)) bare.remove_prefix(twin.size());
  if (bare.starts_with("RUN_LOCKED:")) return {};
  const auto line = parse_line(bare);
  if (!line) return "no line: " + std::string{bare};
  const EventRow* const row = event_named(line->name);
  if (row == nullptr) return "no event: " + line->name;
  for (const auto& [field, value] : line->fields)
    if (field != "cut" && !lists(*row, field)) return line->name + ": field " + field;
  return {};
}

}  // namespace tradeguard
