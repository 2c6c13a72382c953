#include "entries_view.hpp"

#include <algorithm>

#include "tradeguard/log.hpp"

namespace tradeguard::cli {

std::vector<EntryBar> bars_of(const Settings& settings, const OpenBook& book) {
  return entry_bars(facts_of(book), settings.policy);
}

std::string bar_text(const EntryBar& bar) {
  const std::string detail = bar.detail.empty() ? "" : ": " + escape_value(bar.detail);
  if (!bar.base.empty()) return "denied in " + bar.base + ", " + bar.reason.str() + detail;
  if (bar.reason == Denial::halted) return "HALTED" + detail;
  return "DENIED, " + bar.reason.str() + detail;
}

std::vector<std::string> entries_lines(const std::vector<EntryBar>& bars) {
  std::vector<std::string> lines;
  const bool some = std::none_of(bars.begin(), bars.end(), [](const EntryBar& bar) { return bar.base.empty(); });
  if (some) lines.emplace_back("allowed");
  for (const EntryBar& bar : bars) lines.push_back(bar_text(bar));
  return lines;
}

const EntryBar* first_bar(const std::vector<EntryBar>& bars, const std::optional<std::string>& base) {
  const auto found = std::find_if(bars.begin(), bars.end(),
                                  [&](const EntryBar& bar) { return bar.base.empty() || (base && bar.base == *base); });
  return found == bars.end() ? nullptr : &*found;
}

void write_entries(Json& json, const std::vector<EntryBar>& bars) {
  json.field("entries_allowed", first_bar(bars, std::nullopt) == nullptr).array("entry_bars");
  for (const EntryBar& bar : bars)
    json.object().field("base", bar.base).field("reason", bar.reason.str()).field("detail", bar.detail).end_object();
  json.end_array();
}

}  // namespace tradeguard::cli
