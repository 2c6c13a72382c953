#include "tradeguard/signal.hpp"

#include <algorithm>

#include "tradeguard/log.hpp"

namespace tradeguard {
namespace {

bool is_currency(std::string_view part) {
  return !part.empty() && part.size() <= 20 &&
         std::all_of(part.begin(), part.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

template <class T>
std::string text_or_none(const std::optional<T>& value) {
  return value ? value->text() : "-";
}

}  // namespace

std::string_view text(Side side) {
  switch (side) {
    case Side::buy:
      return "BUY";
    case Side::sell:
      return "SELL";
  }
  return "";
}

std::optional<Side> parse_side(std::string_view text) {
  if (text == "BUY") return Side::buy;
  if (text == "SELL") return Side::sell;
  return std::nullopt;
}

std::optional<Symbol> Symbol::parse(std::string_view text) {
  const auto middle = text.find('_');
  if (middle == std::string_view::npos) return std::nullopt;
  if (!is_currency(text.substr(0, middle)) || !is_currency(text.substr(middle + 1))) return std::nullopt;
  return Symbol{std::string{text}};
}

bool is_signal_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

SignalKey signal_key(const Signal& signal) {
  SignalKey key = signal.symbol.text();
  key.append(":").append(text(signal.side)).append(":");
  if (signal.id) return key + "id=" + *signal.id;
  return key + iso_seconds(std::chrono::floor<std::chrono::minutes>(signal.time));
}

SignalKey claim_key(const Signal& signal) {
  if (signal.side == Side::buy || signal.id) return signal_key(signal);
  return signal.symbol.text() + ":SELL:" + iso_micros(signal.time);
}

std::string exits_of_minute(std::string_view shown_key) {
  constexpr std::string_view side = ":SELL:";
  const auto at = shown_key.find(side);
  if (at == std::string_view::npos || !shown_key.ends_with(":00")) return "";
  if (!parse_iso(std::string{shown_key.substr(at + side.size())} + "Z")) return "";
  return std::string{shown_key.substr(0, shown_key.size() - 2)};
}

// The time is left out: it is identity and not content, and a repeat read from a file written
// anew carries another one. So is the line, which says where a signal stood and not what it is.
std::string signal_digest(const Signal& signal) {
  const std::pair<std::string_view, std::string> content[] = {
      {"symbol", signal.symbol.text()},
      {"side", std::string{text(signal.side)}},
      {"notional", text_or_none(signal.notional)},
      {"quantity", text_or_none(signal.quantity)},
      {"price", text_or_none(signal.price)},
      {"stop_loss_percent", text_or_none(signal.stop_loss_percent)},
      {"take_profit_percent", text_or_none(signal.take_profit_percent)},
      {"stop_loss_price", text_or_none(signal.stop_loss_price)},
      {"take_profit_price", text_or_none(signal.take_profit_price)},
      {"strategy", escape_value(signal.strategy)},  // foreign text cannot forge a field
  };
  std::string digest;
  for (const auto& [key, value] : content) {
    if (!digest.empty()) digest += ' ';
    digest.append(key).append("=").append(value);
  }
  // Behind the others, and only if given: digests of earlier versions stay what they were.
  if (signal.percent) digest.append(" percent=").append(signal.percent->text());
  return digest;
}

}  // namespace tradeguard
