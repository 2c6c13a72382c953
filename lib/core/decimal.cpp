#include "tradeguard/decimal.hpp"

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <stdexcept>

namespace tradeguard {
namespace {

using Units = Decimal::Units;
__extension__ using Magnitude = unsigned __int128;
// A product of two decimals needs 254 bits before it is scaled back.
using Wide = boost::multiprecision::int256_t;

constexpr int most_whole_digits = 18;  // what parse lets in
constexpr Units largest = static_cast<Units>(~Magnitude{0} >> 1);
constexpr Units smallest = -largest - 1;
constexpr Magnitude one = 1'000'000'000'000'000'000U;

[[noreturn]] void out_of_range() { throw std::overflow_error{"decimal arithmetic left its range"}; }

// -units would overflow for the smallest number; its magnitude does not.
Magnitude magnitude_of(Units units) {
  return units < 0 ? Magnitude{0} - static_cast<Magnitude>(units) : static_cast<Magnitude>(units);
}

Units narrow(const Wide& wide) {
  if (wide > Wide{largest} || wide < Wide{smallest}) out_of_range();
  return static_cast<Units>(wide);
}

// The one place that rounds.
template <class Number>
bool rounds_away(const Number& quotient, const Number& remainder, const Number& divisor, Rounding rounding) {
  if (remainder == 0) return false;
  switch (rounding) {
    case Rounding::down:
      return false;
    case Rounding::up:
      return true;
    case Rounding::half_even: {
      const Number rest = divisor - remainder;  // 2 * remainder might overflow
      return remainder > rest || (remainder == rest && quotient % 2 != 0);
    }
  }
  return false;
}

Units rounded_quotient(const Wide& dividend, const Wide& divisor, Rounding rounding) {
  const Wide top = abs(dividend);
  const Wide bottom = abs(divisor);
  Wide quotient;
  Wide remainder;
  divide_qr(top, bottom, quotient, remainder);
  if (rounds_away(quotient, remainder, bottom, rounding)) ++quotient;
  const bool negative = (dividend < 0) != (divisor < 0);
  return narrow(negative ? Wide{-quotient} : quotient);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits at the front of `text` away from it.
std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  const auto digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// "12", "+12", "-12"; saturates far beyond any exponent that can still matter.
std::optional<std::int64_t> take_exponent(std::string_view& text) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  const auto digits = take_digits(text);
  if (digits.empty()) return std::nullopt;
  constexpr std::int64_t enough = 1'000'000'000'000'000;
  std::int64_t value = 0;
  for (const char c : digits) value = std::min(enough, value * 10 + (c - '0'));
  return negative ? -value : value;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const bool negative = take(text, '-');
  const auto whole = take_digits(text);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  std::string_view fraction;
  if (take(text, '.')) {
    fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
  }
  std::int64_t exponent = 0;
  if (take(text, 'e') || take(text, 'E')) {
    const auto read = take_exponent(text);
    if (!read) return std::nullopt;
    exponent = *read;
  }
  if (!text.empty()) return std::nullopt;

  // The number is `digits` times 10^exponent, without zeros at either end.
  std::string digits{whole};
  digits += fraction;
  exponent -= static_cast<std::int64_t>(fraction.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) return Decimal{};
  if (exponent < -fraction_digits) return std::nullopt;
  if (static_cast<std::int64_t>(digits.size()) + exponent > most_whole_digits) return std::nullopt;

  Units units = 0;
  for (const char c : digits) units = units * 10 + (c - '0');
  for (; exponent > -fraction_digits; --exponent) units *= 10;
  return from_units(negative ? -units : units);
}

std::string Decimal::text() const { return text_with(digits_needed()); }

std::string Decimal::text_with(int digits) const {
  if (digits < digits_needed() || digits > fraction_digits)
    throw std::domain_error{"a decimal does not fit into the digits asked for"};
  auto rest = magnitude_of(units_);
  std::string reversed;
  for (int place = fraction_digits; place > 0; --place, rest /= 10) {
    if (place <= digits) reversed += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  if (digits > 0) reversed += '.';
  do {
    reversed += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (is_negative()) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

int Decimal::digits_needed() const {
  auto fraction = magnitude_of(units_) % one;
  if (fraction == 0) return 0;
  int digits = fraction_digits;
  for (; fraction % 10 == 0; fraction /= 10) --digits;
  return digits;
}

Decimal Decimal::operator-() const { return Decimal{} - *this; }

Decimal operator+(Decimal a, Decimal b) {
  Units sum = 0;
  if (__builtin_add_overflow(a.units(), b.units(), &sum)) out_of_range();
  return Decimal::from_units(sum);
}

Decimal operator-(Decimal a, Decimal b) {
  Units difference = 0;
  if (__builtin_sub_overflow(a.units(), b.units(), &difference)) out_of_range();
  return Decimal::from_units(difference);
}

Decimal Decimal::multiply(Decimal a, Decimal b, Rounding rounding) {
  return from_units(rounded_quotient(Wide{a.units_} * Wide{b.units_}, Wide{one_units}, rounding));
}

Decimal Decimal::divide(Decimal a, Decimal b, Rounding rounding) {
  if (b.is_zero()) throw std::domain_error{"division by zero"};
  return from_units(rounded_quotient(Wide{a.units_} * Wide{one_units}, Wide{b.units_}, rounding));
}

Decimal Decimal::to_multiple(Decimal step, Rounding rounding) const {
  if (!step.is_positive()) throw std::domain_error{"a step is greater than zero"};
  const auto whole = magnitude_of(units_);
  const auto size = magnitude_of(step.units_);
  const auto remainder = whole % size;
  auto rounded = whole - remainder;
  if (rounds_away(Magnitude{whole / size}, remainder, size, rounding)) rounded += size;
  if (rounded > magnitude_of(largest)) out_of_range();
  return from_units(is_negative() ? -static_cast<Units>(rounded) : static_cast<Units>(rounded));
}

bool Decimal::is_multiple_of(Decimal step) const {
  if (!step.is_positive()) throw std::domain_error{"a step is greater than zero"};
  return units_ % step.units_ == 0;
}

}  // namespace tradeguard
