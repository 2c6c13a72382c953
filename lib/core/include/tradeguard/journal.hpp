// OrderJournal: the memory of a run. Each change is written together with the notices that tell of it.
// Contract test: tests/contract/journal_contract.cpp
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tradeguard/exposure.hpp"
#include "tradeguard/guards.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard {

// A CRITICAL (or a freeze) that stands until it is cleared. One row per kind and subject.
struct Alarm {
  NoticeType kind;
  std::string subject;  // trade id, base, "-" ...
  std::string freezes;  // base that takes no entries while it stands; empty: none
  bool breaks = false;  // a protection CRITICAL: every entry of the account is denied
  std::string detail;
  std::string symbol;  // for the line and the notice
  std::string order_id;
  Instant raised_at;
  std::optional<Instant> next_reminder;
  int told = 1;
  std::optional<Instant> cleared_at;
  std::string unknown_kind;  // of NoticeType::unknown: the word as it stands in the store
};
// Of that kind, freezing what its row says: a kind that freezes a base freezes this one.
inline Alarm alarm_of(NoticeType kind, std::string subject, const std::string& base = {}) {
  Alarm alarm{};
  alarm.kind = kind;
  alarm.subject = std::move(subject);
  if (row_of(kind).freezes == Freezes::base) alarm.freezes = base;
  alarm.breaks = row_of(kind).freezes == Freezes::account;
  return alarm;
}
// The kind as text, whether this version knows the word or not.
inline std::string_view kind_of(const Alarm& alarm) {
  return alarm.kind == NoticeType::unknown ? std::string_view{alarm.unknown_kind} : text(alarm.kind);
}
inline bool same_alarm(const Alarm& a, const Alarm& b) {
  return a.kind == b.kind && a.unknown_kind == b.unknown_kind && a.subject == b.subject;
}

struct AccountState {
  std::int64_t cycle = 0;
  Fence fence = 0;
  std::optional<std::string> halted;   // reason
  std::optional<std::string> breaker;  // reason; cleared by resume only
  std::optional<Instant> last_started_at;
  std::optional<Instant> last_completed_at;
  std::optional<Instant> last_stuck_told_at;
  bool previous_run_ended = true;             // of the run before; false: it was killed or failed
  bool last_run_ended = true;                 // of the run that began last; false while it goes on, too
  std::string epoch;                          // of the store, as it is now
  std::optional<Instant> store_made_at;       // when `init` made the store; nullopt: not known
  std::optional<std::string> known_epoch;     // as the account last saw it; differs: restored, promoted
  std::optional<Instant> entries_after;       // set with a new epoch
  std::string venue_account_id;               // the venue's own id of the account, once known
  std::optional<Instant> breaker_reset_at;    // `resume` ended the breaker then: what was before does not count
  std::optional<Instant> quiet_until;         // the venue asked not to be asked before this
  std::string quiet_status;                   // with what: "418", "429"
  std::optional<Instant> notify_quiet_until;  // the notifier's peer asked for silence
};

// An account of the store at a real venue with open trades.
struct LiveAccount {
  AccountKey account;
  int trades = 0;
  std::optional<Micros> idle = {};  // since a run of it last began or ended; nullopt: no run is known
};

// An order of a settled trade that the venue may still have something to say about.
struct OpenQuestion {
  Order order;
  TradeRecord trade;
};

struct OpenBook {
  AccountState account;
  std::vector<Trade> trades;            // unsettled, oldest first
  std::vector<OpenQuestion> questions;  // still to be asked: lapsed, refused, fees
  std::vector<Alarm> alarms;            // standing
  // Rows that cannot be read, each as the alarm that somebody has to raise: IMPOSSIBLE, `subject` is
  // "row/" and which row it is. Of a trade with such a row nothing is in `trades`.
  std::vector<Alarm> unreadable;
  // Trades of which an exit that flattens (is_flattening) was filled in this UTC day, and
  // that was claimed after the breaker was reset last. A reset later than `now` is not believed.
  int flattened_today = 0;
  int entries_today = 0;  // of this UTC day that cool: what limits.max_entries_per_day counts
  bool notices_waiting = false;
};

struct AlarmEdge {
  enum class What { raise, remind, clear };
  What what;
  Alarm alarm;
};

// One item: all of it is written, or nothing of it.
struct Change {
  std::vector<Order> append;        // claims; exists already: the item is not written
  std::vector<Order> advance;       // rows with the version they were read at
  std::vector<TradeRecord> trades;  // likewise; version 0: opened here, and if it exists the item is not written
  std::vector<Notice> notices;      // an event id already there is skipped, not an error
  std::vector<AlarmEdge> alarms;
  std::vector<ExitWord> words;  // kept by symbol and speaker, the newest
};
enum class Written { yes, stale, exists };  // stale: another version stands; exists: claimed before
// The whole item is judged before any of it is written; the same for every store. nullopt: there is no such row.
using VersionOf = std::function<std::optional<std::int64_t>(const ClientOrderId&)>;
Written judge_change(const Change& item, const VersionOf& order, const VersionOf& trade);

// No notice waits longer for its next attempt; one whose `next_try` is further ahead is due.
inline constexpr Micros longest_retry = 1h;

// Where undelivered notices stand after an attempt.
struct DeliveryRecord {
  std::string event_id;
  enum class What { delivered, try_later, undeliverable } what;
  std::optional<Instant> next_try;
  std::string error;
  bool may_have_arrived = false;  // of try_later: remembered with the notice
};
// What an attempt comes to, the same for everybody who delivers. Later is after three runs every 5 min, then every 30,
// for a CRITICAL never more than 5. Two attempts that may have arrived are as good as told, but of a CRITICAL: more of
// them is one message again and again, while the other side is slow.
DeliveryRecord delivery_record(const Notice& notice, const Delivery& delivery, Instant now);

// One guard's verdict on one signal, kept one row per (key, verdict) with first, last and count.
struct Decision {
  SignalKey key;
  std::string guard;    // "cooldown", "idempotency", "policy"
  std::string verdict;  // "passed", "blocked", "denied"
  std::string detail;
  Instant first;
  Instant last;
  std::int64_t count = 1;
};

struct ExitClaim {
  Signal signal;
  std::vector<TradeRecord> advance;    // of the trades it wants sold, with its wish
  std::vector<ClientOrderId> touches;  // every trade it concerns, those an earlier exit wants sold too
};
// The trades of both, each once.
std::vector<ClientOrderId> trades_of(const ExitClaim& claim);
// Its wishes without those for trades in `written`: for them an earlier claim of the same call wrote one.
std::vector<TradeRecord> wishes_beyond(const ExitClaim& claim, const std::set<ClientOrderId>& written);
struct ExitClaimed {
  std::vector<TradeRecord> written;  // the records of its wishes as they now stand in the store
};
using ExitVerdict = std::variant<ExitClaimed, Duplicate, Denied>;

// The judgement of a SELL that wants these wishes written, pure and the same for every store: for repeat first, for age
// second. `known` is the claim that has its key already, `trade_version` what version of a trade stands.
ExitVerdict judge_exit(const Signal& signal, const std::optional<Duplicate>& known, std::vector<TradeRecord> wishes,
                       const VersionOf& trade_version, Micros max_age, Micros max_future, Instant now);

// What is known about signals before a venue is asked anything. A forecast: the claim decides.
struct Outlook {
  std::set<SignalKey> known;                   // claimed before
  std::map<std::string, BaseHistory> history;  // what cools a base
  std::map<Symbol, InstrumentRules> rules;     // as they were remembered, however old
};

// Which trades a person wants to see.
struct TradeQuery {
  std::optional<Instant> since;  // claimed then or later
  std::optional<Symbol> symbol;
  std::size_t at_most = 20;  // the newest of them
};
struct PastTrades {
  std::vector<Trade> trades;            // open and settled, oldest first
  std::vector<std::string> unreadable;  // one sentence each for a trade with a row that cannot be read
};

// Few enough that a piece takes milliseconds.
inline constexpr std::size_t prune_at_once = 200;

class OrderJournal {
 public:
  virtual ~OrderJournal() = default;

  // What it writes with; nullptr: it does not say. A run refuses a journal whose pen is not its own.
  virtual const Pen* pen() const { return nullptr; }

  // Everything earlier runs left open, in one consistent reading. Bounded by what is open, not by
  // history. `now` bounds the look-back of questions.
  virtual Result<OpenBook> open_book(Instant now) = 0;

  // Writes the items, each whole or not at all, in one transaction; afterwards versions of written
  // rows are one higher than given. An Error{data} says that the batch was refused by a constraint and
  // nothing was written: the caller repeats item by item. Error{fenced}: the lease is lost.
  virtual Result<std::vector<Written>> write(std::span<const Change> items) = 0;

  // SELL signals: the claim_key and the wish to exit, in one transaction. Never cooled, capped or halted;
  // judged for repeat first and for age second, as entries are. A claim that touches no trade is answered
  // and kept as decided "nothing_held". Either is the newest word about its symbol. Where several claims of one
  // call want a trade sold, the first one that is claimed writes the wish.
  virtual Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age,
                                                       Micros max_future, Instant now) = 0;

  virtual Result<Outlook> outlook(std::span<const Signal> signals) = 0;
  // Kept by symbol, in place of what was remembered before.
  virtual Result<void> remember_rules(std::span<const InstrumentRules> rules) = 0;

  // The outbox: due notices, CRITICAL first, then in order of writing. Behind a notice that is postponed
  // the rest of its trade waits too, unless it is CRITICAL.
  virtual Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) = 0;
  virtual Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) = 0;

  // The frame of a run.
  virtual Result<void> begin_run(const std::string& run_id, const std::string& config_hash, Instant now) = 0;
  virtual Result<void> finish_run(const std::string& result, Instant now) = 0;  // "ok", "critical", ...
  virtual Result<void> note_stuck_told(Instant now) = 0;  // unfenced: said by a run that is locked out
  // The silences that the venue (with which status) and the notifier's peer asked for, in place of
  // those noted before; nullopt: none.
  virtual Result<void> note_silences(std::optional<Instant> venue_until, const std::string& status,
                                     std::optional<Instant> notifier_until) = 0;
  virtual Result<void> accept_epoch(const std::string& venue_account_id, Instant entries_after) = 0;

  // The operator.
  virtual Result<void> set_halt(const std::optional<std::string>& reason, Instant now) = 0;
  // nullopt: reset, and counted from `now` on. On an account without a breaker that is as good.
  virtual Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) = 0;

  // For people. The key of a line, "…:SELL:2025-01-01T12:00:00", names every exit of that minute.
  virtual Result<std::vector<Decision>> decisions(const SignalKey& key) = 0;
  virtual Result<std::vector<Order>> orders_of(const SignalKey& key) = 0;  // entry and its legs
  virtual Result<std::optional<Order>> order(const ClientOrderId& id) = 0;
  virtual Result<std::optional<TradeRecord>> trade(const ClientOrderId& id) = 0;
  virtual Result<PastTrades> trades(const TradeQuery& query) = 0;
  // The signals a word is about, newest first: a signal's own key, any id of an order of its trade (ours, the
  // venue's, that of a fired trigger), or a symbol.
  virtual Result<std::vector<SignalKey>> keys_about(const std::string& word, std::size_t at_most) = 0;
  virtual Result<std::size_t> waiting_notices() = 0;

  // What is old enough to go, a piece at a time, until nothing of it is left or `enough` says so; it is asked
  // after each piece. Returns how many rows went. `tradeguard prune` and the end of every run call this.
  Result<std::size_t> prune(Instant before, Instant now, const std::function<bool()>& enough = nullptr);
  // One piece: at most `at_most` rows of each kind, in one short transaction; 0: nothing was left to remove.
  // Removed are, older than `before`, notices that nobody waits for, decisions, cleared alarms, and of
  // settled trades that nothing has touched since the orders that filled nothing, the entry excepted.
  // For good stay: all of an open trade, what waits to be delivered, keys that were claimed or decided with the
  // trades they name, the words and moments that newer signals are compared with, and of a settled trade its
  // entry and what was sold of it. No order younger than 24 h goes.
  virtual Result<std::size_t> prune_piece(Instant before, Instant now, std::size_t at_most) = 0;
};

}  // namespace tradeguard
