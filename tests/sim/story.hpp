// A story: everything that will happen in one simulated history, decided by its seed before it begins.
//
// What happens is an explicit list, so that a failing story is made smaller by leaving things out.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chance.hpp"

namespace tradeguard::sim {

// Where a run touches the world. A fault waits at the n-th call of one of them.
enum class Port {
  any,  // the n-th call of the run, whatever it is
  acquire,
  still_held,
  claim,
  open_book,
  write,
  claim_exits,
  outbox,
  frame,
  store_other,
  place,
  protect,
  flatten,
  cancel,
  find,
  market,
  venue_other,
  deliver,
};

enum class Kind {
  // The process.
  kill_before,
  kill_after,
  kill_midway,
  interleave_before,
  interleave_after,
  steal_lock,
  lose_lock,
  pause,
  sigterm,
  clock_step,
  // The store.
  busy,
  answer_of_store_lost,
  store_down,
  // A request that changes something.
  lost,
  late,
  answer_lost,
  throttled,
  not_connected,
  refused,
  rejected_later,
  in_parts,
  twin,
  reordered,
  stored_wrong,
  expires,
  slow,
  adapter_throws,
  // A reading.
  unread,
  unread_one,
  incomplete,
  stale,
  not_understood,
  without_fees,
  // The notifier.
  try_later,
  undeliverable,
  told_but_no_answer,
  slow_notifier,
  // The world, at the beginning of a minute.
  maintenance,
  ban,
  notifier_down,
  price_jump,
  signal,
  repeat_signals,
  halt,
  resume,
  dry_run,
  settings_change,
  owner_cancels_stop,
  owner_sells,
  owner_buys,
  half_filled_target,
  new_epoch,
  missed_run,
  prune,
  // What the first version taught us. At a call: a fill off its price, a stop that never fires, a leg that is
  // gone at once, a fill without its value, a store and a lock that are gone for minutes, an operator meanwhile.
  slipped,
  sleeps,
  gone_soon,
  without_value,
  session_lost,
  operator_beside,
  // At the beginning of a minute. `amount` of a signal is its age.
  buy,
  buy_levels,
  buy_small,
  sell,
  flatten,
  release,
  resolve,
  on_unprotected,
  stops_refused,
  pairs_refused,
  tick_change,
  zeros_omitted,
  owner_takes_all,
  owner_withdraws,
  worn_out,
  clock_ahead,
  unreadable_row,
  backup,
  restore_backup,
  other_account,
};
std::string_view text(Port port);
std::string_view text(Kind kind);
bool is_fault(Kind kind);  // not a signal, a price or an operator: something that goes wrong

struct Happening {
  Kind kind;
  int run = 0;  // the minute; 1000 more: the run that interleaves with that minute's
  Port port = Port::any;
  int nth = 1;  // 0: not at a call, but at the beginning of the minute
  int who = 0;  // which request of a burst, market, signal ...
  std::int64_t amount = 0;
};
std::string text(const Happening& happening);

enum class Exchange { oco_slow_window, answers_at_once, plain };  // as Crypto.com, as Binance, neither
std::string_view text(Exchange exchange);

struct Story {
  std::uint64_t seed;
  Exchange exchange;
  int minutes;
  std::int64_t starts_at;       // microseconds since the epoch
  bool quiet_notifier = false;  // immediate: printing, memory
  bool owner_has_coins = false;
  bool file_grows = false;     // each run is given every signal so far, as from a file that is only appended to
  bool ends_restored = false;  // the store of a backup is another world: the story ends soon after
  std::vector<Happening> happenings;
};
// What the first version taught us, by finding; empty: all of it.
using Lessons = std::set<std::string, std::less<>>;
// files: the store can be copied and damaged.
Story story_of(std::uint64_t seed, bool files = false, const Lessons& lessons = {});

}  // namespace tradeguard::sim
