#include "tradeguard/notice.hpp"

#include <algorithm>

#include "foreign_text.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

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
  title += printable(type_of(notice));
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
    for (int i = 0; !text(static_cast<NoticeType>(i)).empty(); ++i)
      all.push_back(static_cast<NoticeType>(i));
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
  if (notice.type == NoticeType::digest && !notice.notices.empty())
    return plain_text_of_digest(notice);
  std::string out = title(notice);
  // Values are foreign text: one with a newline could look like a fact of its own.
  for (const auto& [key, value] : notice.facts)
    out.append("\n").append(printable(key)).append(": ").append(printable(value));
  return out.append("\nevent: ").append(printable(notice.event_id));
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
