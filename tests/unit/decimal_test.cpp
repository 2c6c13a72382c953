// Exact decimal numbers. What is claimed about products and quotients is checked against digits
// written down and calculated with as at school, which shares nothing with the implementation.
#include "tradeguard/decimal.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

constexpr auto all_roundings = {Rounding::down, Rounding::up, Rounding::half_even};

// ---- Arithmetic as at school: a whole number is its digits, without zeros in front ------------

std::string trimmed(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.empty() ? "0" : digits;
}

bool less(const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

std::string sum(const std::string& a, const std::string& b) {
  std::string reversed;
  int carry = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry > 0; ++i) {
    const int x = i < a.size() ? a[a.size() - 1 - i] - '0' : 0;
    const int y = i < b.size() ? b[b.size() - 1 - i] - '0' : 0;
    reversed += static_cast<char>('0' + (x + y + carry) % 10);
    carry = (x + y + carry) / 10;
  }
  return trimmed({reversed.rbegin(), reversed.rend()});
}

// a - b for a >= b.
std::string difference(const std::string& a, const std::string& b) {
  std::string reversed;
  int borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    int digit = a[a.size() - 1 - i] - '0' - borrow;
    if (i < b.size()) digit -= b[b.size() - 1 - i] - '0';
    borrow = digit < 0 ? 1 : 0;
    reversed += static_cast<char>('0' + digit + 10 * borrow);
  }
  return trimmed({reversed.rbegin(), reversed.rend()});
}

std::string product(const std::string& a, const std::string& b) {
  std::string total = "0";
  for (const char digit : b) {
    total = trimmed(total + "0");
    for (char i = '0'; i < digit; ++i) total = sum(total, a);
  }
  return total;
}

// Quotient and remainder, digit by digit.
std::pair<std::string, std::string> quotient(const std::string& a, const std::string& b) {
  std::string result;
  std::string rest = "0";
  for (const char digit : a) {
    rest = trimmed(rest + digit);
    char count = '0';
    for (; !less(rest, b); ++count) rest = difference(rest, b);
    result += count;
  }
  return {trimmed(result), rest};
}

std::string rounded_quotient(const std::string& a, const std::string& b, Rounding rounding) {
  const auto [result, rest] = quotient(a, b);
  if (rest == "0" || rounding == Rounding::down) return result;
  if (rounding == Rounding::up) return sum(result, "1");
  const auto twice = sum(rest, rest);
  if (less(twice, b)) return result;
  if (less(b, twice)) return sum(result, "1");
  return (result.back() - '0') % 2 == 0 ? result : sum(result, "1");
}

const std::string one = "1" + std::string(18, '0');
const std::string largest = "170141183460469231731687303715884105727";  // 2^127 - 1

// The digits of a decimal in units of 10^-18, and whether it is negative.
std::pair<std::string, bool> units_of(Decimal value) {
  auto text = value.text_with(18);
  const bool negative = text.front() == '-';
  if (negative) text.erase(0, 1);
  text.erase(text.find('.'), 1);
  return {trimmed(text), negative};
}

// What an operation gives: the decimal in units, or that it left the range.
template <class Operation>
std::string given(Operation operation) {
  try {
    const auto [digits, negative] = units_of(operation());
    return negative ? "-" + digits : digits;
  } catch (const std::overflow_error&) {
    return "overflow";
  }
}

std::string expected(const std::string& digits, bool negative) {
  if (less(largest, digits)) return "overflow";
  return negative && digits != "0" ? "-" + digits : digits;
}

Decimal units(std::string_view digits) {
  Decimal::Units value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return Decimal::from_units(value);
}
const Decimal highest = units(largest);
const Decimal lowest = -highest - Decimal::from_units(1);

}  // namespace

TEST_CASE("the arithmetic the tests trust is right where it can be seen") {
  CHECK(sum("999", "1") == "1000");
  CHECK(difference("1000", "1") == "999");
  CHECK(product("123456789", "987654321") == "121932631112635269");
  CHECK(quotient("121932631112635270", "987654321") == std::pair<std::string, std::string>{"123456789", "1"});
  CHECK(rounded_quotient("5", "2", Rounding::half_even) == "2");
  CHECK(rounded_quotient("7", "2", Rounding::half_even) == "4");
}

TEST_CASE("a decimal is read exactly as it is written") {
  CHECK(Decimal::parse("12") == Decimal{12});
  CHECK(Decimal::parse("0") == Decimal{});
  CHECK(Decimal::parse("-0") == Decimal{});
  CHECK(Decimal::parse("-0.5") == Decimal::from_units(-500'000'000'000'000'000));
  CHECK(Decimal::parse("3350.5") == units("3350500000000000000000"));
  CHECK(Decimal::parse("0.000000000000000001") == Decimal::from_units(1));
  CHECK(Decimal::parse("999999999999999999.999999999999999999") == units("999999999999999999999999999999999999"));
  CHECK(Decimal::parse("1.50000000000000000000000000") == dec("1.5"));  // zeros say nothing
}

TEST_CASE("a decimal is read with an exponent, as JSON numbers may have one") {
  CHECK(Decimal::parse("1e-8") == dec("0.00000001"));
  CHECK(Decimal::parse("1E-8") == dec("0.00000001"));
  CHECK(Decimal::parse("12.5e+3") == Decimal{12500});
  CHECK(Decimal::parse("-2e0") == Decimal{-2});
  CHECK(Decimal::parse("10e-19") == Decimal::from_units(1));
  CHECK(Decimal::parse("0.0000000000000000001e1") == Decimal::from_units(1));
  CHECK(Decimal::parse("1e17") == dec("100000000000000000"));
  CHECK(Decimal::parse("0e999999999999999999999999") == Decimal{});
}

TEST_CASE("what is no number is not read") {
  const auto text = GENERATE(as<std::string>{}, "", "+1", " 1", "1 ", "1.", ".5", "-", "-.5", "--1", "NaN", "nan",
                             "inf", "Infinity", "0x1", "1e", "1e+", "1e1.5", "1,5", "1.5.", "1.2.3", "007", "00.5",
                             "-01", "1_000", "1e--1", "one", "1f");
  CAPTURE(text);
  CHECK_FALSE(Decimal::parse(text));
  CHECK_FALSE(Decimal::parse(std::string_view{"1\0", 2}));
}

TEST_CASE("absurd amounts and absurd precision stop at the door") {
  const auto text = GENERATE(as<std::string>{}, "1000000000000000000", "-1000000000000000000", "1e18", "1e400",
                             "1e99999999999999999999", "0.0000000000000000001", "1.0000000000000000001", "1e-19",
                             "1e-99999999999999999999", "123456789012345678901234567890");
  CAPTURE(text);
  CHECK_FALSE(Decimal::parse(text));
}

TEST_CASE("a decimal prints as the shortest exact plain text") {
  CHECK(Decimal{}.text() == "0");
  CHECK(dec("3350.50").text() == "3350.5");
  CHECK(dec("-7.12e-6").text() == "-0.00000712");
  CHECK(dec("100").text() == "100");
  CHECK(Decimal::from_units(1).text() == "0.000000000000000001");
  CHECK(Decimal::from_units(-1).text() == "-0.000000000000000001");
  CHECK(highest.text() == "170141183460469231731.687303715884105727");
  CHECK(lowest.text() == "-170141183460469231731.687303715884105728");
}

TEST_CASE("what is printed reads back as the same number, and nothing shorter does") {
  Dice dice{1};
  for (int i = 0; i < 20'000; ++i) {
    const auto value = dice.any_sign();
    const auto text = value.text();
    CAPTURE(text);
    REQUIRE(Decimal::parse(text) == value);
    REQUIRE(text.find_first_not_of("-0123456789.") == std::string::npos);
    if (text.find('.') != std::string::npos) REQUIRE(text.back() != '0');
    const auto whole = text.substr(value.is_negative() ? 1 : 0);
    if (whole.size() > 1 && whole[1] != '.') REQUIRE(whole[0] != '0');
  }
}

TEST_CASE("an exponent only moves the point") {
  Dice dice{2};
  for (int i = 0; i < 20'000; ++i) {
    const auto digits = trimmed("1" + dice.digits(dice.between(0, 20)));
    const int behind = dice.between(0, 25);  // digits behind the point, when written plainly
    const auto padded = std::string(26, '0') + digits;
    const auto middle = padded.size() - static_cast<std::size_t>(behind);
    auto plain = trimmed(padded.substr(0, middle));
    if (behind > 0) plain += "." + padded.substr(middle);
    const auto shifted = digits + "e" + std::to_string(-behind);
    CAPTURE(shifted, plain);
    REQUIRE(Decimal::parse(shifted) == Decimal::parse(plain));
  }
}

TEST_CASE("text with a number of digits pads, and throws rather than lose one") {
  CHECK(dec("0.1").text_with(2) == "0.10");
  CHECK(dec("5").text_with(0) == "5");
  CHECK(dec("-3350.5").text_with(2) == "-3350.50");
  CHECK(Decimal{}.text_with(3) == "0.000");
  CHECK_THROWS_AS(dec("0.01").text_with(1), std::domain_error);
  CHECK_THROWS_AS(dec("1.5").text_with(0), std::domain_error);
  CHECK_THROWS_AS(dec("1").text_with(19), std::domain_error);
  CHECK_THROWS_AS(dec("1").text_with(-1), std::domain_error);
}

TEST_CASE("a decimal knows how many digits it needs behind the point") {
  CHECK(Decimal{5}.digits_needed() == 0);
  CHECK(Decimal{}.digits_needed() == 0);
  CHECK(dec("0.05").digits_needed() == 2);
  CHECK(dec("-10.10").digits_needed() == 1);
  CHECK(Decimal::from_units(1).digits_needed() == 18);
}

TEST_CASE("sums are exact, and leaving the range throws") {
  CHECK(dec("0.1") + dec("0.2") == dec("0.3"));
  CHECK(dec("1") - dec("1.000000000000000001") == Decimal::from_units(-1));
  CHECK(highest - highest == Decimal{});
  CHECK_THROWS_AS(highest + Decimal::from_units(1), std::overflow_error);
  CHECK_THROWS_AS(lowest - Decimal::from_units(1), std::overflow_error);
  CHECK_THROWS_AS(-lowest, std::overflow_error);
  auto total = dec("1.5");
  total += dec("2");
  total -= dec("0.25");
  CHECK(total == dec("3.25"));
}

TEST_CASE("sums agree with arithmetic as at school") {
  Dice dice{3};
  for (int i = 0; i < 20'000; ++i) {
    const auto a = dice.decimal();
    const auto b = dice.decimal();
    CAPTURE(a, b);
    const auto [x, x_negative] = units_of(a);
    const auto [y, y_negative] = units_of(b);
    REQUIRE(given([&] { return a + b; }) == expected(sum(x, y), false));
    REQUIRE(given([&] { return a - b; }) ==
            (less(x, y) ? expected(difference(y, x), true) : expected(difference(x, y), false)));
    REQUIRE(given([&] { return -a - b; }) == expected(sum(x, y), true));
  }
}

TEST_CASE("products agree with arithmetic as at school, whatever the rounding") {
  Dice dice{4};
  int overflows = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto a = dice.any_sign();
    const auto b = dice.any_sign();
    const auto [x, x_negative] = units_of(a);
    const auto [y, y_negative] = units_of(b);
    const auto exact = product(x, y);
    for (const auto rounding : all_roundings) {
      CAPTURE(a, b, static_cast<int>(rounding));
      const auto want = expected(rounded_quotient(exact, one, rounding), x_negative != y_negative);
      REQUIRE(given([&] { return Decimal::multiply(a, b, rounding); }) == want);
      if (want == "overflow") ++overflows;
    }
  }
  CHECK(overflows > 100);  // the edge was really visited
}

TEST_CASE("quotients agree with arithmetic as at school, whatever the rounding") {
  Dice dice{5};
  int overflows = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto a = dice.any_sign();
    auto b = dice.positive();
    if (dice.once_in(2)) b = -b;
    const auto [x, x_negative] = units_of(a);
    const auto [y, y_negative] = units_of(b);
    for (const auto rounding : all_roundings) {
      CAPTURE(a, b, static_cast<int>(rounding));
      const auto want = expected(rounded_quotient(product(x, one), y, rounding), x_negative != y_negative);
      REQUIRE(given([&] { return Decimal::divide(a, b, rounding); }) == want);
      if (want == "overflow") ++overflows;
    }
  }
  CHECK(overflows > 100);
}

TEST_CASE("ties go to the even neighbour, and only ties do") {
  const auto unit = [](int n) { return Decimal::from_units(n); };
  const auto half = dec("0.5");
  CHECK(Decimal::multiply(unit(1), half, Rounding::half_even) == unit(0));
  CHECK(Decimal::multiply(unit(3), half, Rounding::half_even) == unit(2));
  CHECK(Decimal::multiply(unit(5), half, Rounding::half_even) == unit(2));
  CHECK(Decimal::multiply(unit(-3), half, Rounding::half_even) == unit(-2));
  CHECK(Decimal::multiply(unit(1), dec("0.500000000000000001"), Rounding::half_even) == unit(1));
  CHECK(Decimal::divide(unit(3), 2, Rounding::half_even) == unit(2));
  CHECK(Decimal::divide(unit(1), 3, Rounding::half_even) == unit(0));
  CHECK(Decimal::divide(unit(2), 3, Rounding::half_even) == unit(1));
}

TEST_CASE("down is toward zero and up is away from it, for losses too") {
  CHECK(Decimal::divide(1, 3, Rounding::down) == dec("0.333333333333333333"));
  CHECK(Decimal::divide(1, 3, Rounding::up) == dec("0.333333333333333334"));
  CHECK(Decimal::divide(-1, 3, Rounding::down) == dec("-0.333333333333333333"));
  CHECK(Decimal::divide(-1, 3, Rounding::up) == dec("-0.333333333333333334"));
}

TEST_CASE("dividing by nothing is a broken invariant") {
  CHECK_THROWS_AS(Decimal::divide(1, 0, Rounding::down), std::domain_error);
  CHECK_THROWS_AS(Decimal::divide(0, 0, Rounding::down), std::domain_error);
}

TEST_CASE("the largest numbers survive what stays in range") {
  CHECK(Decimal::multiply(highest, 1, Rounding::down) == highest);
  CHECK(Decimal::multiply(lowest, 1, Rounding::down) == lowest);
  CHECK(Decimal::divide(lowest, 1, Rounding::up) == lowest);
  CHECK(Decimal::divide(highest, highest, Rounding::up) == Decimal{1});
  CHECK_THROWS_AS(Decimal::multiply(lowest, -1, Rounding::down), std::overflow_error);
  CHECK_THROWS_AS(Decimal::multiply(highest, highest, Rounding::down), std::overflow_error);
  CHECK_THROWS_AS(Decimal::divide(highest, Decimal::from_units(1), Rounding::down), std::overflow_error);
  CHECK_THROWS_AS(highest.to_multiple(Decimal{1}, Rounding::up), std::overflow_error);
  CHECK(highest.to_multiple(Decimal::from_units(1), Rounding::up) == highest);
}

TEST_CASE("a multiple of a step is the neighbour that was named") {
  CHECK(dec("12.345").to_multiple(dec("0.01"), Rounding::down) == dec("12.34"));
  CHECK(dec("12.341").to_multiple(dec("0.01"), Rounding::up) == dec("12.35"));
  CHECK(dec("12.345").to_multiple(dec("0.01"), Rounding::half_even) == dec("12.34"));
  CHECK(dec("12.355").to_multiple(dec("0.01"), Rounding::half_even) == dec("12.36"));
  CHECK(dec("-12.345").to_multiple(dec("0.01"), Rounding::down) == dec("-12.34"));
  CHECK(dec("-12.341").to_multiple(dec("0.01"), Rounding::up) == dec("-12.35"));
  CHECK(dec("3353").to_multiple(5, Rounding::down) == Decimal{3350});
  CHECK(dec("0.4").to_multiple(1, Rounding::down) == Decimal{});
  CHECK_THROWS_AS(dec("1").to_multiple(0, Rounding::down), std::domain_error);
  CHECK_THROWS_AS(dec("1").to_multiple(-1, Rounding::down), std::domain_error);
  CHECK_THROWS_AS(dec("1").is_multiple_of(0), std::domain_error);
}

TEST_CASE("a rounded multiple is a multiple, on the named side, less than a step away") {
  Dice dice{6};
  const auto size = [](Decimal d) { return d.is_negative() ? -d : d; };
  for (int i = 0; i < 20'000; ++i) {
    const auto value = dice.any_sign();
    const auto step = dice.once_in(2) ? dice.grid() : dice.positive(6, 18);
    CAPTURE(value, step);
    const auto down = value.to_multiple(step, Rounding::down);
    const auto up = value.to_multiple(step, Rounding::up);
    const auto even = value.to_multiple(step, Rounding::half_even);
    REQUIRE(down.is_multiple_of(step));
    REQUIRE(up.is_multiple_of(step));
    REQUIRE(size(down) <= size(value));
    REQUIRE(size(up) >= size(value));
    REQUIRE(size(value) - size(down) < step);
    REQUIRE(size(up) - size(value) < step);
    REQUIRE((even == down || even == up));
    const auto below = size(value) - size(down);
    const auto above = size(up) - size(value);
    if (below < above) REQUIRE(even == down);
    if (above < below) REQUIRE(even == up);
    if (below == above && down != up) REQUIRE(even.is_multiple_of(step + step));
    REQUIRE(value.is_multiple_of(step) == (down == value));
    REQUIRE(down.to_multiple(step, Rounding::up) == down);
  }
}

TEST_CASE("decimals are ordered as numbers are") {
  CHECK(dec("-1") < dec("-0.5"));
  CHECK(dec("-0.5") < Decimal{});
  CHECK(dec("9") < dec("10"));
  CHECK(dec("0.1") > dec("0.09"));
  CHECK(dec("1.0") == Decimal{1});
  CHECK(Decimal{}.is_zero());
  CHECK_FALSE(Decimal{}.is_positive());
  CHECK(dec("-0.1").is_negative());
}

}  // namespace tradeguard
