// Decimals: text is read exactly or not at all, and sums are those of whole numbers of 128 bits.
#include <algorithm>
#include <stdexcept>

#include "fuzz.hpp"
#include "tradeguard/decimal.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

using Units = Decimal::Units;
constexpr Units one{1'000'000'000'000'000'000};

// The slow way: the digits as they stand, moved by the exponent. For texts that parse took.
Units units_of(std::string_view text) {
  const bool negative = text.front() == '-';
  std::string digits;
  long point = 0;
  bool behind = false;
  std::size_t at = negative ? 1 : 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      behind = true;
      continue;
    }
    digits += text[at];
    point += behind ? 1 : 0;
  }
  if (digits.find_first_not_of('0') == std::string::npos) return 0;
  long exponent = at < text.size() ? std::stol(std::string{text.substr(at + 1)}) : 0;
  exponent += Decimal::fraction_digits - point;
  for (; exponent < 0; ++exponent) {
    require(digits.back() == '0', "no digit is lost in reading");
    digits.pop_back();
  }
  digits.append(static_cast<std::size_t>(exponent), '0');
  Units units = 0;
  for (const char c : digits) units = units * 10 + (c - '0');
  return negative ? -units : units;
}

void check_text(std::string_view text) {
  const auto number = Decimal::parse(text);
  if (!number) return;
  require(number->units() == units_of(text), "a text is read exactly");
  require(Decimal::parse(number->text()) == number, "a number's text is that number");
  require(number->text().size() <= 40, "a number's text is short");
  require(Decimal::parse(number->text_with(18)) == number, "all digits are that number too");
  require(number->text_with(number->digits_needed()) == number->text(), "the digits needed are those shown");
}

// The quotient the slow way.
Units quotient(Units dividend, Units divisor, Rounding rounding) {
  const bool negative = (dividend < 0) != (divisor < 0);
  const Units top = dividend < 0 ? -dividend : dividend;
  const Units bottom = divisor < 0 ? -divisor : divisor;
  Units whole = top / bottom;
  const Units rest = top % bottom;
  switch (rounding) {
    case Rounding::down:
      break;
    case Rounding::up:
      whole += rest > 0 ? 1 : 0;
      break;
    case Rounding::half_even:
      whole += rest * 2 > bottom || (rest * 2 == bottom && whole % 2 == 1) ? 1 : 0;
      break;
  }
  return negative ? -whole : whole;
}

// Of 63 bits each, so that the reference does not overflow.
void check_sums(std::int64_t first, std::int64_t second, Rounding rounding) {
  const Units a = first;
  const Units b = second;
  const Decimal x = Decimal::from_units(a);
  const Decimal y = Decimal::from_units(b);
  require((x + y).units() == a + b && (x - y).units() == a - b && (-x).units() == -a, "sums");
  require((x <=> y) == (a <=> b), "order");
  require(Decimal::multiply(x, y, rounding).units() == quotient(a * b, one, rounding), "products");
  if (b != 0) require(Decimal::divide(x, y, rounding).units() == quotient(a * one, b, rounding), "quotients");
  if (b > 0) {
    require(x.to_multiple(y, rounding).units() == quotient(a, b, rounding) * b, "multiples");
    require(x.is_multiple_of(y) == (a % b == 0), "what is a multiple");
  }
}

// Of any size: in range and right, or an exception that says so.
void check_far(Units a, Units b, Rounding rounding) {
  const Decimal x = Decimal::from_units(a);
  const Decimal y = Decimal::from_units(b);
  Units sum = 0;
  const bool too_far = __builtin_add_overflow(a, b, &sum);
  try {
    require((x + y).units() == sum && !too_far, "a far sum is right");
  } catch (const std::overflow_error&) {
    require(too_far, "a sum in range is no overflow");
  }
  for (const auto& sums : {+[](Decimal p, Decimal q, Rounding r) { Decimal::multiply(p, q, r); },
                           +[](Decimal p, Decimal q, Rounding r) {
                             if (!q.is_zero()) Decimal::divide(p, q, r);
                           },
                           +[](Decimal p, Decimal q, Rounding r) {
                             if (q.is_positive()) p.to_multiple(q, r);
                           },
                           +[](Decimal p, Decimal q, Rounding) { p -= q; },
                           +[](Decimal p, Decimal, Rounding) { static_cast<void>(-p); }}) {
    try {
      sums(x, y, rounding);
    } catch (const std::overflow_error&) {
      // Left the range, which is the promise.
    }
  }
  require(!x.text().empty() && x.digits_needed() <= 18, "a far number has a text");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_text(text_of(data, size));
  Bytes bytes{data, size};
  const auto rounding = static_cast<Rounding>(bytes.byte() % 3);
  const std::int64_t a = bytes.number();
  const std::int64_t b = bytes.number();
  check_sums(a / 2, b / 2, rounding);
  check_sums(a >> (bytes.byte() % 63), b >> (bytes.byte() % 63), rounding);
  const auto wide = [](std::int64_t high, std::int64_t low) {
    return Units{high} * (Units{1} << 64) + static_cast<std::uint64_t>(low);
  };
  check_far(wide(a, bytes.number()), wide(b, bytes.number()), rounding);
  return 0;
}
