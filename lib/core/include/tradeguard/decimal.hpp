// Exact decimal numbers: parsed from text, printed as text, no double in or out.
//
// A Decimal is a whole number of 10^-18 in 128 bits: 18 digits after the point and
// 20 before it. Everything that rounds says how. Arithmetic that leaves the range
// throws std::overflow_error: no amount of a real market comes near it, so it is a
// broken invariant and not an outcome.
// Contract test: tests/unit/decimal_test.cpp
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tradeguard {

enum class Rounding { down, up, half_even };  // down: toward zero; up: away from zero

class Decimal {
 public:
  __extension__ using Units = __int128;  // a GNU extension, on every platform we build for
  static constexpr int fraction_digits = 18;

  constexpr Decimal() = default;
  constexpr Decimal(int whole) : units_{Units{whole} * one_units} {}  // NOLINT: 3 is a decimal

  // 0.5 would become an int on its way here, and silently 0.
  template <std::floating_point Float>
  Decimal(Float) = delete;

  // Reads what JSON calls a number: "12", "-0.5", "3350.5", "1e-8"; not ".5", "+1", "007", " 1".
  // nullopt for anything else, for more than 18 fraction digits that are not zero, and for 10^18
  // or more: absurd amounts stop at the door.
  static std::optional<Decimal> parse(std::string_view text);
  static constexpr Decimal from_units(Units units) {
    Decimal d;
    d.units_ = units;
    return d;
  }
  constexpr Units units() const { return units_; }

  // Shortest exact plain text: "3350.5", "0", "-0.00000712". Never an exponent.
  std::string text() const;
  // Exactly `digits` digits after the point. Precondition: no more digits are needed; else it
  // throws std::domain_error.
  std::string text_with(int digits) const;
  // How many digits after the point the number needs: 0 for 5, 2 for 0.05.
  int digits_needed() const;

  constexpr bool is_zero() const { return units_ == 0; }
  constexpr bool is_positive() const { return units_ > 0; }
  constexpr bool is_negative() const { return units_ < 0; }

  friend constexpr auto operator<=>(Decimal, Decimal) = default;
  friend constexpr bool operator==(Decimal, Decimal) = default;

  Decimal operator-() const;
  friend Decimal operator+(Decimal a, Decimal b);
  friend Decimal operator-(Decimal a, Decimal b);
  Decimal& operator+=(Decimal other) { return *this = *this + other; }
  Decimal& operator-=(Decimal other) { return *this = *this - other; }

  static Decimal multiply(Decimal a, Decimal b, Rounding rounding);
  // Throws std::domain_error when b is zero.
  static Decimal divide(Decimal a, Decimal b, Rounding rounding);
  // The multiple of `step` next to this number in the named direction; step > 0.
  Decimal to_multiple(Decimal step, Rounding rounding) const;
  bool is_multiple_of(Decimal step) const;

 private:
  static constexpr Units one_units = Units{1'000'000'000'000'000'000};
  Units units_ = 0;
};

}  // namespace tradeguard
