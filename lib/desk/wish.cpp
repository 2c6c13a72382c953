#include "wish.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tradeguard {

Result<Symbol> symbol_of(std::string_view spelled, const std::vector<std::string>& quotes) {
  std::string text;
  std::size_t parted = std::string::npos;
  for (const char c : spelled) {
    if (c == '_' || c == '-' || c == '/') {
      if (parted != std::string::npos) return failed(Fault::data, "the symbol has more than two parts");
      parted = text.size();
    } else {
      text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  const bool has_sign = parted != std::string::npos;
  std::string known;
  for (const std::string& quote : quotes) {
    known += (known.empty() ? "" : ", ") + quote;
    // The longest that fits: BTCFDUSD is quoted in FDUSD and not in USD.
    if (!has_sign && text.size() > quote.size() && text.ends_with(quote))
      parted = std::min(parted, text.size() - quote.size());
  }
  if (parted != std::string::npos)
    if (auto symbol = Symbol::parse(text.substr(0, parted) + "_" + text.substr(parted))) return *symbol;
  return failed(Fault::data,
                "no symbol: it has to be BASE_QUOTE, BASE-QUOTE, BASE/QUOTE, or to end in one of " + known);
}

namespace {

Result<Decimal> nearest_multiple(double value, Decimal step) {
  if (!std::isfinite(value)) return failed(Fault::data, "no number");
  if (!step.is_positive()) return failed(Fault::data, "the step has to be above zero");
  std::array<char, 512> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::fixed);
  const auto exact = Decimal::parse(std::string_view{digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
  if (end.ec != std::errc{} || !exact) return failed(Fault::data, "a number of too many digits");
  return exact->to_multiple(step, Rounding::half_even);
}

}  // namespace

Result<Quantity> nearest(double value, Quantity step) {
  auto multiple = nearest_multiple(value, step.value);
  if (!multiple) return relayed(multiple);
  return Quantity{*multiple};
}

Result<Price> nearest(double value, Price tick) {
  auto multiple = nearest_multiple(value, tick.value);
  if (!multiple) return relayed(multiple);
  return Price{*multiple};
}

Result<EntryRequest> request_of(const Wish& wish, const Desk::Settings& settings) {
  auto symbol = symbol_of(wish.symbol, settings.quotes);
  if (!symbol) return relayed(symbol);
  if (wish.quantity.is_negative()) return failed(Fault::data, "the quantity is negative");
  if (!wish.quantity.is_positive() && !wish.notional)
    return failed(Fault::data, "quantity or notional has to be above zero");
  if (wish.price && !wish.price->is_positive()) return failed(Fault::data, "the price has to be above zero");
  if (wish.notional && !wish.notional->is_positive()) return failed(Fault::data, "the notional has to be above zero");
  if (wish.id && !is_signal_id(*wish.id))
    return failed(Fault::data, "the id has to be 1 to 64 of letters, digits, dot, dash and underscore");
  Signal signal{.symbol = *symbol,
                .side = wish.side,
                .time = wish.said,
                .id = wish.id,
                .notional = wish.notional,
                .quantity = wish.quantity,
                .price = wish.price,
                .strategy = wish.strategy};
  Order order{.client_id = {},
              .trade = {},
              .signal_key = signal_key(signal),
              .symbol = *symbol,
              .side = wish.side,
              .type = wish.price ? OrderType::limit : OrderType::market,
              .quantity = wish.quantity,
              .price = wish.price};
  // A cap that cannot be compared is none.
  if (!wish.notional && !wish.price && settings.policy.max_order_notional.is_positive() && wish.side == Side::buy)
    return failed(Fault::data, "price or notional has to say what it will cost, for max_order_notional is set");
  EntryRequest request{std::move(signal), std::move(order), Money{}};
  // The larger one: a cap is not passed by saying less than quantity and price come to.
  if (wish.notional) request.notional = *wish.notional;
  if (wish.price) request.notional = std::max(request.notional, cost(*wish.price, wish.quantity, Rounding::up));
  request.protected_elsewhere = wish.protected_elsewhere;
  return request;
}

}  // namespace tradeguard
