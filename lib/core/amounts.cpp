#include "tradeguard/amounts.hpp"

namespace tradeguard {

Money cost(Price price, Quantity quantity, Rounding rounding) {
  return Money{Decimal::multiply(price.value, quantity.value, rounding)};
}

Quantity quantity_for(Money money, Price price, Rounding rounding) {
  return Quantity{Decimal::divide(money.value, price.value, rounding)};
}

Price average_price(Money money, Quantity quantity) {
  return Price{Decimal::divide(money.value, quantity.value, Rounding::half_even)};
}

Quantity floor_to_step(Quantity quantity, Quantity step) {
  return Quantity{quantity.value.to_multiple(step.value, Rounding::down)};
}

Price to_tick(Price price, Price tick, Rounding rounding) {
  return Price{price.value.to_multiple(tick.value, rounding)};
}

Price moved_by_percent(Price price, Decimal percent) {
  // The factor first: price * 100 could leave the range where the result does not.
  const auto factor = 1 + Decimal::divide(percent, 100, Rounding::half_even);
  return Price{Decimal::multiply(price.value, factor, Rounding::half_even)};
}

std::string wire_text(Price price, Price tick) { return price.value.text_with(tick.value.digits_needed()); }

std::string wire_text(Quantity quantity, Quantity step) { return quantity.value.text_with(step.value.digits_needed()); }

}  // namespace tradeguard
