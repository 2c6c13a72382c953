// Why an entry is denied. One table says for each reason its word, whether it decides the signal for good, and what
// the manual says of it (docs/log-lines.md is printed from it). Test: tests/unit/denial_test.cpp
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tradeguard/time.hpp"
#include "tradeguard/word.hpp"

namespace tradeguard {

// clang-format off
enum class Denial {
  cooldown, halted, protection_failing, frozen, before_epoch, stale, superseded, sell_entry, strands, future, changed,
  max_order_notional, max_open_positions, max_entries_per_day, blocked, balance, slippage, no_rules, no_price, no_size,
  not_tradable, below_min_quantity, above_max_quantity, below_min_notional, above_max_notional, no_protection,
  stop_outside_band, stop_below_min_notional, open_order_limit, rules_unreadable, prices_unreadable,
  balances_unreadable, epoch_unread, clock_unreadable, clock_offset, unverified, unreadable, throttled, deadline, stopping
};
// clang-format on

// A decision is stored with the key and ends the signal. An obstacle (an unread price, a deadline, a frozen base)
// says nothing about the signal, which stays open while it is fresh.
enum class Decides { for_good, nothing };

// Where the detail of a denial is shown.
enum class Detail {
  beside,     // in the twin of the log line
  in_reason,  // behind the word itself: "below_min_notional: 4.02 < 5"
  of_others,  // as because=: something else than the signal stands in the way, with its market and trade
};

struct DenialRow {
  Denial denial;
  std::string_view word;
  Decides decides;
  Detail detail;
  std::string_view meaning;    // for people
  std::string_view goes_away;  // when a signal like it passes again; empty: it depends
};
std::span<const DenialRow> denials();

std::string_view text(Denial denial);
std::optional<Denial> parse_word(std::string_view word, Denial);

struct Denied {
  Word<Denial> reason;  // a word of the table, or a bot's own
  std::optional<Instant> until = {};
  std::string detail = {};
  Micros ahead{0};              // future: by how much, by the clock that ruled
  bool clock_of_store = false;  // that clock was the database's and not the caller's
};
// A reason of a bot's own, as "drawdown" or "drawdown: 5.2 > 5".
inline Word<Denial> own_reason(std::string words) { return Word<Denial>::of(std::move(words)); }
// A reason that the table does not know, a bot's own, decides for good: denied once is denied.
bool is_final(const Word<Denial>& reason);
// What is stored with the key: the word without the numbers that a bot may have put behind it.
std::string decided_word(const Word<Denial>& reason);
bool is_of_others(const Denied& denied);
// As a log line has it: the word, with its numbers where they belong to it.
std::string spoken(const Denied& denied);
// As it is recorded for `why`: with what stands in the way where that is something else than the signal.
std::string recorded(const Denied& denied);

}  // namespace tradeguard
