// Random values for property tests: the same ones in every run, so that a failure can be repeated.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "tradeguard/amounts.hpp"

namespace tradeguard {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : source_{seed} {}

  std::uint64_t below(std::uint64_t n) { return source_() % n; }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::uint64_t>(high - low) + 1)); }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  template <class Container>
  auto& one_of(Container& all) {
    return all[static_cast<std::size_t>(below(std::size(all)))];
  }

  std::string digits(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += static_cast<char>('0' + below(10));
    return text;
  }
  // Below 10^whole_digits with at most `fraction_digits` digits behind the point. Where its digits
  // begin and end is as random as they are, so that tiny, huge and round numbers meet.
  Decimal decimal(int whole_digits = 18, int fraction_digits = 18) {
    const int first = between(0, whole_digits + fraction_digits);
    const int last = between(first, whole_digits + fraction_digits);
    const int zeros = whole_digits + 18 - last;
    Decimal::Units units = 0;
    for (const char c : digits(last - first)) units = units * 10 + (c - '0');
    for (int i = 0; i < zeros; ++i) units *= 10;
    return Decimal::from_units(units);
  }
  Decimal positive(int whole_digits = 18, int fraction_digits = 18) {
    while (true) {
      if (const auto value = decimal(whole_digits, fraction_digits); value.is_positive()) return value;
    }
  }
  Decimal any_sign(int whole_digits = 18, int fraction_digits = 18) {
    const auto value = decimal(whole_digits, fraction_digits);
    return once_in(2) ? -value : value;
  }
  // A tick or a step as venues have them: 1, 2 or 5 times a power of ten, or now and then an odd
  // one.
  Decimal grid(int lowest_power = -8, int highest_power = 2) {
    static constexpr int mantissas[] = {1, 1, 1, 1, 2, 5, 25, 7};
    auto value = Decimal{one_of(mantissas)};
    const int power = between(lowest_power, highest_power);
    for (int i = 0; i < power; ++i) value = Decimal::multiply(value, 10, Rounding::down);
    for (int i = 0; i > power; --i) value = Decimal::divide(value, 10, Rounding::down);
    return value;
  }
  // Arbitrary bytes, with those that matter to a grammar more often than chance has them.
  std::string bytes(int longest) {
    static constexpr std::string_view pieces[] = {" ",
                                                  "\"",
                                                  "=",
                                                  "\\",
                                                  "\n",
                                                  "\r",
                                                  "\t",
                                                  "\x1b[31m",
                                                  "\x7f",
                                                  "\\n",
                                                  "\\x0A",
                                                  "\" x=\"",
                                                  "\xe2\x80\xa8",
                                                  "\xc2\x85",
                                                  "\xc3\xa4",
                                                  "\xe2\x82\xac",
                                                  "\xf0\x9f\x9a\x80",
                                                  "\xff",
                                                  "\xc0\x80",
                                                  "\xed\xa0\x80",
                                                  "event: ",
                                                  "a",
                                                  "B",
                                                  "7",
                                                  "-",
                                                  "%",
                                                  ","};
    std::string text;
    for (int i = between(0, longest); i > 0; --i) {
      if (once_in(3))
        text += static_cast<char>(below(256));
      else
        text += one_of(pieces);
    }
    return text;
  }

 private:
  std::mt19937_64 source_;
};

}  // namespace tradeguard
