// Event: what the program logs, one row each: name, level, fields and meaning. A line is made from its row, and the
// tables of docs/log-lines.md are printed from them.
// Contract test: tests/unit/event_test.cpp
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tradeguard {

enum class Level { debug, info, warn, error, critical };
std::string_view text(Level level);  // "INFO", "WARN", ... without padding

enum class Event : std::uint8_t {
  run_start,
  run_end,
  run_locked,
  lock_holder,
  run_failed,
  run_missed,
  run_stuck,
  halted,
  live_positions_unattended,
  account_changed,
  lock_stranger,
  log_file_unusable,
  store_tightened,
  new_epoch,
  store_lost,
  signals_unreadable,
  signals_deferred,
  exit_whole,
  signals_left_out,
  exit_rejected,
  signal_rejected,
  signal_waits,
  guard_cooldown_passed,
  guard_cooldown_blocked,
  guard_idempotency_passed,
  guard_idempotency_blocked,
  entry_denied,
  exit_nothing_held,
  exit_deferred,
  order_placed,
  order_filled,
  order_refused,
  order_unsent,
  order_in_doubt,
  order_lapsed,
  order_recovered,
  sltp_placed,
  sltp_skipped_already_exists,
  sltp_failed,
  level_moved,
  sltp_lost,
  stop_not_firing,
  rules_changed,
  exit_expired,
  hands_off,
  sibling_cancelled,
  dust,
  trade_closed,
  unprotected,
  unverified,
  in_doubt_too_long,
  drift,
  oversold,
  orphan,
  twin,
  impossible,
  breaker,
  cleared,
  tg_sent,
  tg_chat_moved,
  tg_topic_left,
  tg_failed,
  operator_action,
  resumed,
  pruned,
  prune_failed,
  venue_quiet,
  venue_unreadable,
  venue_answer,
  paper_price_invented,
  port_failed,
  item_dropped,
  item_stale
};

// Where the page of log lines has it.
enum class Section : std::uint8_t { frame, guards, orders, protection, telling, inside };

struct EventRow {
  Event event;
  std::string_view name;  // "RUN_START", "GUARD cooldown_passed"
  Section section;
  Level level;               // the usual one
  Level other;               // of some of its lines; the same where there is one only
  std::string_view fields;   // each as `name=`, in Markdown; behind "twin:" those of the [DEBUG_TRADING] twin alone
  std::string_view meaning;  // in Markdown
};

std::span<const EventRow> event_rows();
const EventRow& row_of(Event event);
// nullptr: no line is called so.
const EventRow* event_named(std::string_view name);
// Whether lines of this event have a field of that name, or their twins do.
bool lists(const EventRow& row, std::string_view field);

}  // namespace tradeguard
