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

std::string_view text(NoticeType type) {
  switch (type) {
    case NoticeType::order_created:
      return "ORDER_CREATED";
    case NoticeType::order_filled:
      return "ORDER_FILLED";
    case NoticeType::order_refused:
      return "ORDER_REFUSED";
    case NoticeType::order_in_doubt:
      return "ORDER_IN_DOUBT";
    case NoticeType::order_lapsed:
      return "ORDER_LAPSED";
    case NoticeType::order_recovered:
      return "ORDER_RECOVERED";
    case NoticeType::sltp_created:
      return "SLTP_CREATED";
    case NoticeType::sltp_failed:
      return "SLTP_FAILED";
    case NoticeType::stop_filled:
      return "STOP_FILLED";
    case NoticeType::target_filled:
      return "TARGET_FILLED";
    case NoticeType::exit_filled:
      return "EXIT_FILLED";
    case NoticeType::trade_closed:
      return "TRADE_CLOSED";
    case NoticeType::dust:
      return "DUST";
    case NoticeType::unprotected:
      return "UNPROTECTED";
    case NoticeType::unverified:
      return "UNVERIFIED";
    case NoticeType::in_doubt_too_long:
      return "IN_DOUBT_TOO_LONG";
    case NoticeType::drift:
      return "DRIFT";
    case NoticeType::orphan:
      return "ORPHAN";
    case NoticeType::oversold:
      return "OVERSOLD";
    case NoticeType::twin:
      return "TWIN";
    case NoticeType::impossible:
      return "IMPOSSIBLE";
    case NoticeType::breaker:
      return "BREAKER";
    case NoticeType::run_missed:
      return "RUN_MISSED";
    case NoticeType::run_stuck:
      return "RUN_STUCK";
    case NoticeType::halted:
      return "HALTED";
    case NoticeType::resumed:
      return "RESUMED";
    case NoticeType::operator_action:
      return "OPERATOR_ACTION";
    case NoticeType::undeliverable:
      return "UNDELIVERABLE";
    case NoticeType::live_positions_unattended:
      return "LIVE_POSITIONS_UNATTENDED";
    case NoticeType::cleared:
      return "CLEARED";
    case NoticeType::digest:
      return "DIGEST";
    case NoticeType::reminder:
      return "REMINDER";
    case NoticeType::run_failed:
      return "RUN_FAILED";
    case NoticeType::log_unusable:
      return "LOG_UNUSABLE";
    case NoticeType::exit_expired:
      return "EXIT_EXPIRED";
    case NoticeType::sltp_lost:
      return "SLTP_LOST";
    case NoticeType::stop_not_firing:
      return "STOP_NOT_FIRING";
    case NoticeType::hands_off:
      return "HANDS_OFF";
    case NoticeType::store_lost:
      return "STORE_LOST";
    case NoticeType::exit_rejected:
      return "EXIT_REJECTED";
    case NoticeType::signals_rejected:
      return "SIGNALS_REJECTED";
    case NoticeType::account_changed:
      return "ACCOUNT_CHANGED";
    case NoticeType::unknown:
      break;
  }
  return "";
}

std::optional<NoticeType> parse_notice_type(std::string_view word) {
  for (const auto type : notice_types())
    if (text(type) == word) return type;
  return std::nullopt;
}

const std::vector<NoticeType>& notice_types() {
  static const auto types = [] {
    // text() knows each of them, or it does not compile; so the list ends where the words end.
    std::vector<NoticeType> all;
    for (int i = 0; !text(static_cast<NoticeType>(i)).empty(); ++i) all.push_back(static_cast<NoticeType>(i));
    return all;
  }();
  return types;
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
