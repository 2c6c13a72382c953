// Price, Quantity and Money are different types, so that adding a price to a quantity
// does not compile; and the roundings to tick and step, each with its direction named.
// Contract test: tests/unit/amounts_test.cpp
#pragma once

#include <algorithm>
#include <string>

#include "tradeguard/decimal.hpp"

namespace tradeguard {

template <class Tag>
struct Amount {
  Decimal value;

  constexpr Amount() = default;
  constexpr explicit Amount(Decimal v) : value{v} {}

  static std::optional<Amount> parse(std::string_view text) {
    auto parsed = Decimal::parse(text);
    return parsed ? std::optional{Amount{*parsed}} : std::nullopt;
  }
  std::string text() const { return value.text(); }
  constexpr bool is_zero() const { return value.is_zero(); }
  constexpr bool is_positive() const { return value.is_positive(); }
  constexpr bool is_negative() const { return value.is_negative(); }

  friend constexpr auto operator<=>(Amount, Amount) = default;
  friend constexpr bool operator==(Amount, Amount) = default;
  friend Amount operator+(Amount a, Amount b) { return Amount{a.value + b.value}; }
  friend Amount operator-(Amount a, Amount b) { return Amount{a.value - b.value}; }
  Amount operator-() const { return Amount{-value}; }
  Amount& operator+=(Amount o) { return *this = *this + o; }
  Amount& operator-=(Amount o) { return *this = *this - o; }
};

using Price = Amount<struct PriceTag>;        // quote units for one base unit
using Quantity = Amount<struct QuantityTag>;  // base units
using Money = Amount<struct MoneyTag>;        // quote units

Money cost(Price price, Quantity quantity, Rounding rounding);
Quantity quantity_for(Money money, Price price, Rounding rounding);  // price > 0
Price average_price(Money money, Quantity quantity);                 // half-even; quantity > 0

// Quantities are only ever floored, toward zero: an order never grows by rounding.
Quantity floor_to_step(Quantity quantity, Quantity step);
Price to_tick(Price price, Price tick, Rounding rounding);
// price * (1 + percent / 100), not rounded to any tick.
Price moved_by_percent(Price price, Decimal percent);
// Wire text: exactly the digits the tick or step has, plain, "0.10" for tick 0.01. Precondition: the
// amount needs no more digits; one that was not rounded throws std::domain_error.
std::string wire_text(Price price, Price tick);
std::string wire_text(Quantity quantity, Quantity step);

}  // namespace tradeguard
