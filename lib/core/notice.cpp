#include "tradeguard/notice.hpp"

#include <algorithm>

#include "tradeguard/foreign_text.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

const std::string* fact_of(const Notice& notice, std::string_view name) {
  for (const auto& [key, value] : notice.facts)
    if (key == name) return &value;
  return nullptr;
}

// What may be typed as it stands: a trade, a market, an order; else a word for the reader to fill in.
struct Names {
  std::string trade = "TRADE";
  std::string symbol = "SYMBOL";
  std::string order = "CLIENT_ID";
};
Names names_in(const Notice& notice) {
  Names names;
  const std::string* told = fact_of(notice, "trade");
  const std::string& trade = told ? *told : notice.trade;
  if (!trade.empty()) names.trade = names.order = printable(trade);
  if (!notice.symbol.empty()) names.symbol = printable(notice.symbol);
  return names;
}

std::string step_for(NoticeType type, const Names& names) {
  const std::string release = "`tradeguard release " + names.trade + "`";
  const std::string resume = "`tradeguard resume " + names.symbol + "`";
  switch (type) {
    case NoticeType::order_refused:
      return "nothing: it is not sent again, and later signals are judged as before";
    case NoticeType::order_in_doubt:
      return "nothing yet: it is looked up until it is found, or proven never to have arrived";
    case NoticeType::sltp_failed:
      return "nothing yet: it is tried again, and UNPROTECTED follows if no stop rests";
    case NoticeType::dust:
      return "nothing; sell the remainder by hand if you want it";
    case NoticeType::unprotected:
      return "look at the exchange; `tradeguard flatten " + names.symbol + "` sells, and after closing it by hand " +
             release;
    case NoticeType::unverified:
      return "look at the position at the exchange, and at `tradeguard doctor`; closed by hand? " + release;
    case NoticeType::in_doubt_too_long:
      return "look the order up at the exchange, then `tradeguard resolve " + names.order +
             " --as absent|closed --reason TEXT`";
    case NoticeType::drift:
      return "look at the account's coins; closed by hand? `tradeguard status` lists the trades, then `tradeguard "
             "release TRADE`";
    case NoticeType::orphan:
      return "look at these orders at the exchange and cancel or sell what is not wanted, then " + resume;
    case NoticeType::oversold:
      return "look at the account's coins, then " + release;
    case NoticeType::twin:
      return "look at both orders at the exchange; when one is gone, " + resume;
    case NoticeType::impossible:
      return "look at the order at the exchange, then `tradeguard resolve` or " + release + ", then " + resume;
    case NoticeType::breaker:
      return "find out why stops do not hold, then `tradeguard resume`";
    case NoticeType::run_missed:
      return "look at cron or the timer, and at the end of the log";
    case NoticeType::run_stuck:
      return "look at the process that holds the lock, and end it if it hangs";
    case NoticeType::halted:
      return "`tradeguard resume` takes entries again";
    case NoticeType::live_positions_unattended:
      return "start the live bot again, or close these positions at the exchange";
    case NoticeType::store_lost:
      return "look at the store: until it is back nothing is bought, and no run protects";
    case NoticeType::sltp_lost:
      return "nothing yet: a new one is placed, and UNPROTECTED follows if none rests";
    case NoticeType::stop_not_firing:
      return "look at the exchange; it is taken back and sold, or `tradeguard flatten " + names.symbol + "`";
    case NoticeType::hands_off:
      return "look at both the order and the trade at the exchange; the next run takes up what it finds";
    case NoticeType::run_failed:
      return "look at the reason, and start a run by hand: until one starts nobody looks after the trades";
    case NoticeType::log_unusable:
      return "look at run.log_file, its folder and its owner";
    case NoticeType::exit_rejected:
      return "correct what sends it; `tradeguard flatten " + names.symbol + "` sells now";
    case NoticeType::signals_rejected:
      return "correct what writes the signals; the log names each line and what is wrong with it";
    case NoticeType::account_changed:
      return "give the API key of the account whose trades these are; for another account of the exchange "
             "write another venue.account";
    case NoticeType::unknown:
    case NoticeType::exit_expired:
    case NoticeType::order_created:
    case NoticeType::order_filled:
    case NoticeType::order_lapsed:
    case NoticeType::order_recovered:
    case NoticeType::sltp_created:
    case NoticeType::stop_filled:
    case NoticeType::target_filled:
    case NoticeType::exit_filled:
    case NoticeType::trade_closed:
    case NoticeType::resumed:
    case NoticeType::operator_action:
    case NoticeType::undeliverable:
    case NoticeType::cleared:
    case NoticeType::digest:
    case NoticeType::reminder:
      return "";
  }
  return "";
}

std::string title(const Notice& notice) {
  std::string title;
  switch (notice.severity) {
    case Severity::info:
      break;
    case Severity::warning:
      title = "WARNING ";
      break;
    case Severity::critical:
      title = "CRITICAL ";
      break;
  }
  const std::string* of_a_kind = notice.type == NoticeType::digest ? fact_of(notice, all_of) : nullptr;
  title += of_a_kind ? printable(*of_a_kind) : printable(type_of(notice));
  std::replace(title.begin(), title.end(), '_', ' ');
  if (!notice.symbol.empty()) title.append(" ").append(printable(notice.symbol));
  if (notice.side) title.append(" ").append(text(*notice.side));
  return title;
}

std::optional<Facts> read_facts(std::string_view stored) {
  Facts facts;
  while (!stored.empty()) {
    if (!facts.empty()) {
      if (stored.front() != ' ') return std::nullopt;
      stored.remove_prefix(1);
    }
    auto key = take_value(stored);
    if (!key || stored.empty() || stored.front() != '=') return std::nullopt;
    stored.remove_prefix(1);
    auto value = take_value(stored);
    if (!value) return std::nullopt;
    facts.emplace_back(std::move(*key), std::move(*value));
  }
  return facts;
}

}  // namespace

std::string_view text(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "INFO";
    case Severity::warning:
      return "WARNING";
    case Severity::critical:
      return "CRITICAL";
  }
  return "";
}

std::optional<Severity> parse_severity(std::string_view word) {
  for (const auto severity : {Severity::info, Severity::warning, Severity::critical})
    if (text(severity) == word) return severity;
  return std::nullopt;
}

namespace {

// In the order of the enumerators. clang-format is off: a row reads as a row.
// clang-format off
constexpr NoticeRow table[] = {
    {NoticeType::order_created, "ORDER_CREATED", Severity::info, Freezes::nothing,
     "an entry was acknowledged or seen"},
    {NoticeType::order_filled, "ORDER_FILLED", Severity::info, Freezes::nothing,
     "an entry was filled, or filled further"},
    {NoticeType::order_refused, "ORDER_REFUSED", Severity::warning, Freezes::nothing,
     "an entry was refused, or ended with nothing filled"},
    {NoticeType::order_in_doubt, "ORDER_IN_DOUBT", Severity::warning, Freezes::nothing,
     "the answer to an entry was lost"},
    {NoticeType::order_lapsed, "ORDER_LAPSED", Severity::warning, Freezes::nothing,
     "an entry in doubt is proven never to have arrived"},
    {NoticeType::order_recovered, "ORDER_RECOVERED", Severity::warning, Freezes::nothing,
     "an entry of an earlier run was found"},
    {NoticeType::sltp_created, "SLTP_CREATED", Severity::info, Freezes::nothing,
     "stop, and target where there is one, are sighted"},
    {NoticeType::sltp_failed, "SLTP_FAILED", Severity::warning, Freezes::nothing,
     "a leg came to nothing; once a run for a trade and kind of leg, and not while its `UNPROTECTED` stands"},
    {NoticeType::stop_filled, "STOP_FILLED", Severity::info, Freezes::nothing,
     "the stop sold"},
    {NoticeType::target_filled, "TARGET_FILLED", Severity::info, Freezes::nothing,
     "the target sold"},
    {NoticeType::exit_filled, "EXIT_FILLED", Severity::info, Freezes::nothing,
     "an exit sold"},
    {NoticeType::trade_closed, "TRADE_CLOSED", Severity::info, Freezes::nothing,
     "the trade is over"},
    {NoticeType::dust, "DUST", Severity::warning, Freezes::nothing,
     "a rest too small to sell remains"},
    {NoticeType::unprotected, "UNPROTECTED", Severity::critical, Freezes::account,
     "something held is under no sighted stop"},
    {NoticeType::unverified, "UNVERIFIED", Severity::critical, Freezes::nothing,
     "a trade could not be looked up for `protection.unverified_after`"},
    {NoticeType::in_doubt_too_long, "IN_DOUBT_TOO_LONG", Severity::critical, Freezes::base,
     "an entry is open or in doubt for `protection.in_doubt_after`"},
    {NoticeType::drift, "DRIFT", Severity::critical, Freezes::base,
     "the exchange has less of the base currency than the open trades hold"},
    {NoticeType::orphan, "ORPHAN", Severity::critical, Freezes::base,
     "orders with our ids that the store does not know; all that one run finds are one notice"},
    {NoticeType::oversold, "OVERSOLD", Severity::critical, Freezes::account,
     "more of a trade was sold than it held"},
    {NoticeType::twin, "TWIN", Severity::critical, Freezes::base,
     "two orders under one client id"},
    {NoticeType::impossible, "IMPOSSIBLE", Severity::critical, Freezes::base,
     "an order did what the protocol rules out, or a row of the store cannot be read"},
    {NoticeType::breaker, "BREAKER", Severity::critical, Freezes::account,
     "three trades were flattened in a UTC day; `REMINDER`s follow until `resume`"},
    {NoticeType::run_missed, "RUN_MISSED", Severity::warning, Freezes::nothing,
     "a run did not end, or none came while trades were open"},
    {NoticeType::run_stuck, "RUN_STUCK", Severity::critical, Freezes::nothing,
     "the holder of the lock is stuck; at most once in 15 minutes, straight to the notifier"},
    {NoticeType::halted, "HALTED", Severity::warning, Freezes::nothing,
     "an operator halted the account"},
    {NoticeType::resumed, "RESUMED", Severity::warning, Freezes::nothing,
     "an operator resumed the account, or a base currency"},
    {NoticeType::operator_action, "OPERATOR_ACTION", Severity::warning, Freezes::nothing,
     "an operator released, resolved or flattened something"},
    {NoticeType::undeliverable, "UNDELIVERABLE", Severity::info, Freezes::nothing,
     "the notifier's peer refuses the token, the chat or the bot's rights, or one message for its text: it is not sent as a notice, but stands (exit code 1) until a later notice of a run arrives"},
    {NoticeType::live_positions_unattended, "LIVE_POSITIONS_UNATTENDED", Severity::critical, Freezes::nothing,
     "another account of the store has open live trades, and no run of it comes: a dry run, paper in its place, another exchange, a renamed account"},
    {NoticeType::cleared, "CLEARED", Severity::info, Freezes::nothing,
     "a CRITICAL that was told is over"},
    {NoticeType::digest, "DIGEST", Severity::info, Freezes::nothing,
     "several waiting notices as one message: those of one trade together; CRITICALs of one kind together, under that kind's name; or, when more than five others wait, many trades in two lines each. `TG_SENT` is said for each notice in it"},
    {NoticeType::reminder, "REMINDER", Severity::critical, Freezes::nothing,
     "it still stands: after 5, 15 and 60 minutes, then hourly"},
    {NoticeType::run_failed, "RUN_FAILED", Severity::critical, Freezes::nothing,
     "a run did not start while live trades are open, or may be; straight to the notifier, once an hour for one cause"},
    {NoticeType::log_unusable, "LOG_UNUSABLE", Severity::warning, Freezes::nothing,
     "the log file cannot be opened; straight to the notifier, once an hour for one cause"},
    {NoticeType::store_lost, "STORE_LOST", Severity::critical, Freezes::nothing,
     "the store failed while trades were open or entries sent; told at once, past the outbox"},
    {NoticeType::exit_expired, "EXIT_EXPIRED", Severity::warning, Freezes::nothing,
     "a SELL that was too old, could not be carried out in its time, or is for a trade that cannot be read; the trade stays open"},
    {NoticeType::sltp_lost, "SLTP_LOST", Severity::warning, Freezes::nothing,
     "a stop that rested was ended by somebody else"},
    {NoticeType::stop_not_firing, "STOP_NOT_FIRING", Severity::critical, Freezes::nothing,
     "a stop rests with the market at or below it"},
    {NoticeType::hands_off, "HANDS_OFF", Severity::critical, Freezes::nothing,
     "a run without its store left a trade to another run"},
    {NoticeType::exit_rejected, "EXIT_REJECTED", Severity::warning, Freezes::nothing,
     "a SELL could not be read while a trade is open that it may mean; once for each trade and line"},
    {NoticeType::signals_rejected, "SIGNALS_REJECTED", Severity::warning, Freezes::nothing,
     "lines were given and not one could be read; once a UTC day for the same first line"},
    {NoticeType::account_changed, "ACCOUNT_CHANGED", Severity::critical, Freezes::account,
     "the exchange answers for another account than the one whose trades these are"},
    {NoticeType::unknown, "", Severity::info, Freezes::nothing, ""},
};
// clang-format on

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < std::size(table); ++i)
    if (table[i].type != static_cast<NoticeType>(i)) return false;
  return true;
}
static_assert(is_in_order() && std::size(table) == static_cast<std::size_t>(NoticeType::unknown) + 1,
              "a NoticeType has no row, or the rows are not in the order of the enumerators");

}  // namespace

const NoticeRow& row_of(NoticeType type) { return table[static_cast<std::size_t>(type)]; }

std::span<const NoticeRow> notice_rows() { return std::span{table}.first(std::size(table) - 1); }

std::string_view text(NoticeType type) { return row_of(type).word; }

Notice notice_of(NoticeType type, std::string event_id, Instant now) {
  Notice notice{.event_id = std::move(event_id), .type = type};
  notice.severity = row_of(type).severity;
  notice.created_at = now;
  return notice;
}

std::optional<NoticeType> parse_notice_type(std::string_view word) {
  const auto rows = notice_rows();
  const auto row = std::ranges::find(rows, word, &NoticeRow::word);
  return row == rows.end() ? std::nullopt : std::optional{row->type};
}

namespace {

// What is gathered keeps its lines: a digest is read by people too.
std::string plain_text_of_digest(const Notice& digest) {
  std::string out = title(digest);
  for (const Notice& notice : digest.notices) out.append("\n\n").append(plain_text(notice));
  return out.append("\n\nevent: ").append(printable(digest.event_id));
}

}  // namespace

std::string plain_text(const Notice& notice) {
  if (notice.type == NoticeType::digest && !notice.notices.empty()) return plain_text_of_digest(notice);
  std::string out = title(notice);
  if (!notice.where.empty()) out.append("\nwhere: ").append(printable(notice.where));
  // Values are foreign text: one with a newline could look like a fact of its own.
  for (const auto& [key, value] : notice.facts)
    if (notice.type != NoticeType::digest || key != all_of)
      out.append("\n").append(printable(key)).append(": ").append(printable(value));
  if (const std::string next = next_step(notice); !next.empty()) out.append("\nto do: ").append(next);
  return out.append("\nevent: ").append(printable(notice.event_id));
}

std::string next_step(const Notice& notice) {
  if (fact_of(notice, "what to do")) return "";
  NoticeType type = notice.type;
  const std::string* of = type == NoticeType::reminder ? fact_of(notice, "still")
                          : type == NoticeType::digest ? fact_of(notice, all_of)
                                                       : nullptr;
  if (of) {
    constexpr std::string_view reminding = "REMINDER ";
    std::string_view word = *of;
    if (word.starts_with(reminding)) word.remove_prefix(reminding.size());
    type = parse_notice_type(word).value_or(type);
  }
  return step_for(type, names_in(notice));
}

std::string stored_facts(const Notice& notice) {
  std::string stored;
  for (const auto& [key, value] : notice.facts) {
    if (!stored.empty()) stored += ' ';
    stored.append(escape_value(key)).append("=").append(escape_value(value));
  }
  return stored;
}

std::vector<std::pair<std::string, std::string>> parse_facts(std::string_view stored) {
  auto facts = read_facts(stored);
  // A notice is told even when what it is made of was damaged in the store.
  return facts ? std::move(*facts) : Facts{{"unreadable", std::string{stored}}};
}

}  // namespace tradeguard
