// May this account enter? What status, resume and doctor say of it, by the facts and in the words of a claim.
// Tests: tests/cli/entries_test.cpp
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json.hpp"
#include "options.hpp"
#include "tradeguard/entry_bars.hpp"

namespace tradeguard::cli {

std::vector<EntryBar> bars_of(const Settings& settings, const OpenBook& book);

// "allowed", or one line for each bar: "HALTED: news", "DENIED, protection_failing: UNPROTECTED ETH_USDT,
// trade tg1-...", "denied in ETH, frozen: ...".
std::vector<std::string> entries_lines(const std::vector<EntryBar>& bars);
std::string bar_text(const EntryBar& bar);
// What a claim in this base, or in some base if it names none, would say first; nullptr: nothing.
const EntryBar* first_bar(const std::vector<EntryBar>& bars, const std::optional<std::string>& base);
void write_entries(Json& json, const std::vector<EntryBar>& bars);

}  // namespace tradeguard::cli
