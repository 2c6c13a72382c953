// Price, Quantity and Money: different types, and roundings that go the safe way.
#include "tradeguard/amounts.hpp"

#include <stdexcept>
#include <type_traits>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

template <class A, class B>
concept addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept comparable = requires(A a, B b) {
  a < b;
};

// A price and a quantity have no sum, and a bare number is no amount.
static_assert(addable<Price, Price>);
static_assert(!addable<Price, Quantity>);
static_assert(!addable<Money, Price>);
static_assert(!comparable<Money, Quantity>);
static_assert(!std::is_convertible_v<Decimal, Price>);
// Nor is a double one: 0.1 is not what it says.
static_assert(!std::is_constructible_v<Decimal, double>);
static_assert(!std::is_convertible_v<float, Decimal>);
static_assert(std::is_convertible_v<int, Decimal>);

}  // namespace

TEST_CASE("amounts are read and written as decimals are") {
  CHECK(Price::parse("3350.5") == Price{dec("3350.5")});
  CHECK_FALSE(Quantity::parse("1."));
  CHECK(money("50").text() == "50");
  CHECK(qty("1") + qty("0.5") == qty("1.5"));
  CHECK(-qty("1") == qty("0.5") - qty("1.5"));
}

TEST_CASE("a cost and the quantity it buys") {
  CHECK(cost(price("3350.5"), qty("0.0149"), Rounding::down) == money("49.92245"));
  CHECK(quantity_for(money("50"), price("3350.5"), Rounding::down) == qty("0.014923145799134457"));
  CHECK(average_price(money("49.92245"), qty("0.0149")) == price("3350.5"));
  CHECK(average_price(money("2"), qty("3")) == price("0.666666666666666667"));
}

TEST_CASE("what money buys never costs more than the money") {
  Dice dice{11};
  for (int i = 0; i < 20'000; ++i) {
    const Money budget{dice.positive(9, 8)};
    const Price at{dice.positive(6, 10)};
    CAPTURE(budget, at);
    const auto bought = quantity_for(budget, at, Rounding::down);
    REQUIRE(cost(at, bought, Rounding::up) <= budget);
    const Quantity more{bought.value + Decimal::from_units(1)};
    REQUIRE(cost(at, more, Rounding::up) > budget);  // and not a unit less than it could
  }
}

TEST_CASE("the average price lies between the prices it is an average of") {
  Dice dice{12};
  for (int i = 0; i < 10'000; ++i) {
    const Price low{dice.positive(6, 8)};
    const Price high{low.value + dice.decimal(5, 8)};
    const Quantity a{dice.positive(5, 8)};
    const Quantity b{dice.positive(5, 8)};
    CAPTURE(low, high, a, b);
    const auto average = average_price(cost(low, a, Rounding::half_even) + cost(high, b, Rounding::half_even), a + b);
    REQUIRE(average >= low);
    REQUIRE(average <= high);
  }
}

TEST_CASE("a quantity is only ever floored") {
  CHECK(floor_to_step(qty("0.01492"), qty("0.0001")) == qty("0.0149"));
  CHECK(floor_to_step(qty("0.99"), qty("1")) == qty("0"));
  CHECK(floor_to_step(qty("12"), qty("5")) == qty("10"));
  CHECK(floor_to_step(-qty("0.01492"), qty("0.0001")) == -qty("0.0149"));

  Dice dice{13};
  for (int i = 0; i < 20'000; ++i) {
    const Quantity quantity{dice.decimal()};
    const Quantity step{dice.grid(-18, 3)};
    CAPTURE(quantity, step);
    const auto floored = floor_to_step(quantity, step);
    REQUIRE(floored <= quantity);
    REQUIRE(quantity - floored < step);
    REQUIRE(floored.value.is_multiple_of(step.value));
    REQUIRE(floor_to_step(floored, step) == floored);
  }
}

TEST_CASE("a price goes to the tick on the named side") {
  CHECK(to_tick(price("3249.985"), price("0.01"), Rounding::up) == price("3249.99"));
  CHECK(to_tick(price("3249.985"), price("0.01"), Rounding::down) == price("3249.98"));
  CHECK(to_tick(price("0.00000712"), price("0.00000001"), Rounding::down) == price("0.00000712"));
  CHECK(to_tick(price("3353"), price("5"), Rounding::up) == price("3355"));
}

TEST_CASE("a price moved by percents") {
  CHECK(moved_by_percent(price("100"), 3) == price("103"));
  CHECK(moved_by_percent(price("100"), -3) == price("97"));
  CHECK(moved_by_percent(price("3350.5"), dec("-2.5")) == price("3266.7375"));
  CHECK(moved_by_percent(price("0.00000712"), -3) == price("0.0000069064"));
  CHECK(moved_by_percent(price("100"), 0) == price("100"));
  CHECK(moved_by_percent(price("100"), -100) == price("0"));
  // As large as a price can be read, it can still be moved.
  CHECK(moved_by_percent(price("999999999999999999"), 3) ==
        Price{dec("999999999999999999") + dec("29999999999999999.97")});
}

TEST_CASE("moving a price is exact whenever the result fits") {
  Dice dice{14};
  for (int i = 0; i < 10'000; ++i) {
    const Price from{dice.positive(9, 8)};
    const auto percent = dice.any_sign(2, 6);
    CAPTURE(from, percent);
    // 100 * result = price * (100 + percent), with 16 digits and therefore exact.
    const auto result = moved_by_percent(from, percent);
    REQUIRE(Decimal::multiply(result.value, 100, Rounding::down) ==
            Decimal::multiply(from.value, 100 + percent, Rounding::down));
  }
}

TEST_CASE("wire text has exactly the digits of the tick or step") {
  CHECK(wire_text(price("3350.5"), price("0.01")) == "3350.50");
  CHECK(wire_text(price("0.1"), price("0.01")) == "0.10");
  CHECK(wire_text(price("3350"), price("5")) == "3350");
  CHECK(wire_text(qty("12"), qty("1")) == "12");
  CHECK(wire_text(qty("12"), qty("0.0001")) == "12.0000");
  CHECK(wire_text(price("0.00000712"), price("0.00000001")) == "0.00000712");
}

TEST_CASE("an amount that was not rounded has no wire text") {
  CHECK_THROWS_AS(wire_text(price("3350.505"), price("0.01")), std::domain_error);
  CHECK_THROWS_AS(wire_text(qty("0.5"), qty("1")), std::domain_error);
}

TEST_CASE("wire text reads back as the same amount") {
  Dice dice{15};
  for (int i = 0; i < 10'000; ++i) {
    const Quantity step{dice.grid()};
    const auto quantity = floor_to_step(Quantity{dice.decimal()}, step);
    CAPTURE(quantity, step);
    const auto text = wire_text(quantity, step);
    REQUIRE(Quantity::parse(text) == quantity);
    const auto point = text.find('.');
    const auto digits = point == std::string::npos ? 0 : text.size() - point - 1;
    REQUIRE(digits == static_cast<std::size_t>(step.value.digits_needed()));
  }
}

}  // namespace tradeguard
