// What is told: a notice is written in the transaction that makes it true, and delivered at least once.
// Contract tests: tests/unit/notice_test.cpp, tests/contract/notifier_contract.cpp
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tradeguard/order.hpp"

namespace tradeguard {

enum class Severity { info, warning, critical };
std::string_view text(Severity severity);
std::optional<Severity> parse_severity(std::string_view word);

// The types of the log contract: ORDER_CREATED, ORDER_FILLED, SLTP_CREATED, SLTP_FAILED, UNPROTECTED, ...
// A closed list with a row each, which docs/log-lines.md prints.
enum class NoticeType {
  order_created,
  order_filled,
  order_refused,
  order_in_doubt,
  order_lapsed,
  order_recovered,
  sltp_created,
  sltp_failed,
  stop_filled,
  target_filled,
  exit_filled,
  trade_closed,
  dust,
  unprotected,
  unverified,
  in_doubt_too_long,
  drift,
  orphan,
  oversold,
  twin,
  impossible,
  breaker,
  run_missed,
  run_stuck,
  halted,
  resumed,
  operator_action,
  undeliverable,
  live_positions_unattended,
  cleared,
  digest,
  reminder,
  run_failed,
  log_unusable,
  store_lost,
  exit_expired,
  sltp_lost,
  stop_not_firing,
  hands_off,
  exit_rejected,
  signals_rejected,
  account_changed,
  unknown,  // stays last, no type of ours: what another version wrote, whose word the notice or alarm keeps
};
// What takes no entries while an alarm of that kind stands.
enum class Freezes { nothing, base, account };
struct NoticeRow {
  NoticeType type;
  std::string_view word;  // "ORDER_CREATED"
  Severity severity;
  Freezes freezes;
  std::string_view told_when;  // in Markdown
};
std::span<const NoticeRow> notice_rows();  // without `unknown`
const NoticeRow& row_of(NoticeType type);
std::string_view text(NoticeType type);  // "ORDER_CREATED", ...; empty: unknown
std::optional<NoticeType> parse_notice_type(std::string_view word);

struct Notice {
  std::string event_id;  // unique; a pure function of what happened, shown to the reader
  NoticeType type;
  Severity severity = Severity::info;
  ClientOrderId trade;   // notices of one trade are delivered in order; empty: of no trade
  std::string symbol;    // empty: none
  std::string order_id;  // the venue's, else the client id; empty: none
  std::optional<Side> side;
  // What the text is made of, in order: ("quantity", "0.0149"). From the struct sent and filled.
  std::vector<std::pair<std::string, std::string>> facts;
  Instant created_at;
  std::vector<Notice> notices = {};  // of a DIGEST: what it gathers, each as it would be told alone
  // For the reader of several bots: "binance/main, live, host bot-1". Not stored; whoever delivers sets it.
  std::string where = {};

  // Of the outbox.
  std::int64_t sequence = 0;  // in order of writing
  int attempts = 0;
  std::optional<Instant> next_try;
  bool may_have_arrived = false;  // an attempt was sent and not answered
  std::string unknown_type;       // of NoticeType::unknown: the word as it stands in the store
};
// Of that type, with the severity its row says.
Notice notice_of(NoticeType type, std::string event_id, Instant now);
// The type as text, whether this version knows the word or not.
inline std::string_view type_of(const Notice& notice) {
  return notice.type == NoticeType::unknown ? std::string_view{notice.unknown_type} : text(notice.type);
}

// The message for a person: several lines of plain text, no markup. Used by every notifier. Behind the title
// stands where it happened, behind the facts what to do next, at the end the event.
std::string plain_text(const Notice& notice);
// What the reader does about it, as one line with the commands to type; empty: nothing. A fact "what to do"
// is the notice's own word, and then there is no other.
std::string next_step(const Notice& notice);
// Names what all notices in a digest are: the fact of this name, a notice type, "REMINDER " before it if they
// remind of it. Shown as the title.
inline constexpr std::string_view all_of = "all";
// The stored form of the facts, read back exactly.
std::string stored_facts(const Notice& notice);
std::vector<std::pair<std::string, std::string>> parse_facts(std::string_view stored);

struct Delivered {};
// The way is blocked and not the message: it waits for its turn.
struct TryLater {
  Micros after;
  std::string why;
  bool refused = false;           // the other side said no (token, chat, rights): a person has to look
  bool may_have_arrived = false;  // it was sent, and nobody answered
};
// This very message will never be taken. Said of nothing else: what a wrong token or a closed chat
// refuses today, a right one takes tomorrow.
struct Undeliverable {
  std::string why;
};
using Delivery = std::variant<Delivered, TryLater, Undeliverable>;

class Notifier {
 public:
  virtual ~Notifier() = default;
  // Tells one notice within the budget. Never throws. An error text carries no secret.
  virtual Delivery deliver(const Notice& notice, Micros budget) noexcept = 0;
  // True: costs nothing and cannot hang (printing, memory, file); it is drained at each barrier.
  virtual bool immediate() const = 0;
  // Until when the other side asked for silence, by this machine's clock; nullopt: it did not.
  virtual std::optional<Instant> quiet_until() const { return std::nullopt; }
  // An earlier run was asked for silence: nothing is sent before then.
  virtual void keep_quiet(Instant until) { static_cast<void>(until); }
};

}  // namespace tradeguard
