// What a venue demands, and the sums made with it: dust, levels, sizes, and their stored form.
#include "tradeguard/rules.hpp"

#include <algorithm>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

InstrumentRules eth() {
  return {.symbol = symbol("ETH_USDT"),
          .tick = price("0.01"),
          .step = qty("0.0001"),
          .min_quantity = qty("0.001"),
          .max_quantity = qty("0"),
          .min_notional = money("10"),
          .highest_fee_rate = dec("0.001"),
          .read_at = at("2025-01-01T12:00:00Z")};
}

ProtectionPlan three_percent() { return {}; }

InstrumentRules random_rules(Dice& dice) {
  auto rules = eth();
  rules.tick = Price{dice.grid()};
  rules.step = Quantity{dice.grid()};
  rules.min_quantity = Quantity{dice.decimal(3, 6)};
  rules.max_quantity = Quantity{dice.once_in(2) ? Decimal{} : dice.decimal(8, 4)};
  rules.min_notional = Money{dice.decimal(2, 4)};
  rules.highest_fee_rate = Decimal::divide(dice.between(0, 100), 10'000, Rounding::down);
  return rules;
}

ProtectionPlan random_plan(Dice& dice) {
  ProtectionPlan plan;
  plan.stop_percent = dice.once_in(10) ? dice.any_sign(3, 4) : dice.positive(2, 2);
  plan.target_percent = dice.once_in(10) ? dice.any_sign(3, 4) : dice.positive(2, 2);
  plan.stop_limit_slack_percent = dice.decimal(2, 2);
  if (dice.once_in(5)) plan.stop_price = Price{dice.any_sign(5, 8)};
  if (dice.once_in(5)) plan.target_price = Price{dice.any_sign(5, 8)};
  plan.flatten_on_breach = dice.once_in(2);
  plan.flatten_unprotected = dice.once_in(2);
  plan.flatten_after = Micros{static_cast<std::int64_t>(dice.below(1'000'000'000'000))};
  return plan;
}

std::string why_not(const tl::expected<EntrySize, Denied>& size) { return size ? "" : size.error().reason.str(); }

}  // namespace

// ---- Dust -------------------------------------------------------------------------------------

TEST_CASE("dust is what cannot be sold as a stop") {
  const auto rules = eth();
  CHECK_FALSE(is_dust(qty("0.01"), price("3249.99"), rules));
  CHECK(is_dust(qty("0"), price("3249.99"), rules));
  CHECK(is_dust(-qty("0.01"), price("3249.99"), rules));
  SECTION("because it is below the smallest quantity once it is floored") {
    CHECK_FALSE(is_dust(qty("0.001"), price("100000"), rules));
    CHECK(is_dust(qty("0.00099999"), price("100000"), rules));
  }
  SECTION("because it is worth too little once it is floored") {
    CHECK_FALSE(is_dust(qty("0.004"), price("2500"), rules));  // 10, not less
    CHECK(is_dust(qty("0.004"), price("2499.99"), rules));
    CHECK(is_dust(qty("0.00399999"), price("2500"), rules));  // 0.0039 * 2500
  }
  SECTION("because it is worth less by less than can be written") {
    auto fine = rules;
    fine.step = fine.min_quantity = qty("0.000000001");
    fine.min_notional = Money{Decimal::from_units(1)};
    CHECK(is_dust(qty("0.000000001"), price("0.0000000005"), fine));  // half of it
    CHECK_FALSE(is_dust(qty("0.000000001"), price("0.000000001"), fine));
  }
  SECTION("and nothing at all is dust even where a venue names no minimum") {
    auto generous = rules;
    generous.min_quantity = qty("0");
    generous.min_notional = money("0");
    CHECK(is_dust(qty("0.00009"), price("2500"), generous));
    CHECK_FALSE(is_dust(qty("0.0001"), price("2500"), generous));
  }
}

TEST_CASE("what is not dust can be sold, and more of it is not dust either") {
  Dice dice{21};
  int dusts = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto rules = random_rules(dice);
    const Quantity quantity{dice.positive(4, 10)};
    const Price stop{dice.positive(5, 8)};
    CAPTURE(stored_text(rules), quantity, stop);
    const auto floored = floor_to_step(quantity, rules.step);
    if (is_dust(quantity, stop, rules)) {
      ++dusts;
      // Worth is rounded up here and down there: whatever reaches the minimum is never called dust.
      REQUIRE((floored < rules.min_quantity || floored.is_zero() ||
               cost(stop, floored, Rounding::down) < rules.min_notional));
    } else {
      REQUIRE(floored.is_positive());
      REQUIRE(floored >= rules.min_quantity);
      REQUIRE(cost(stop, floored, Rounding::up) >= rules.min_notional);
      REQUIRE_FALSE(is_dust(quantity + Quantity{dice.decimal(3, 10)}, stop, rules));
    }
  }
  CHECK(dusts > 1'000);
  CHECK(dusts < 19'000);
}

// ---- Levels -----------------------------------------------------------------------------------

TEST_CASE("levels stand the plan's percents around the average fill") {
  CHECK(levels_for(three_percent(), price("3350.50"), eth()) ==
        Levels{price("3249.99"), price("3451.01")});  // 3249.985 up, 3451.015 down
  auto plan = three_percent();
  plan.stop_percent = dec("2.5");
  plan.target_percent = dec("10");
  CHECK(levels_for(plan, price("100"), eth()) == Levels{price("97.5"), price("110")});
}

TEST_CASE("levels fixed by the signal win over percents, and go to the tick as well") {
  auto plan = three_percent();
  plan.stop_price = price("3300.001");
  plan.target_price = price("3500.009");
  CHECK(levels_for(plan, price("3350.5"), eth()) == Levels{price("3300.01"), price("3500")});
  plan.target_price.reset();
  CHECK(levels_for(plan, price("3350.5"), eth()) == Levels{price("3300.01"), price("3451.01")});
}

TEST_CASE("coins far below a cent get the levels of their own tick") {
  auto rules = eth();
  rules.tick = price("0.00000001");
  CHECK(levels_for(three_percent(), price("0.00000712"), rules) == Levels{price("0.00000691"), price("0.00000733")});
}

TEST_CASE("what protects nothing is no level") {
  const auto rules = eth();
  auto plan = three_percent();
  SECTION("a stop at or above the fill") {
    plan.stop_price = price("100");
    CHECK_FALSE(levels_for(plan, price("100"), rules));
    plan.stop_price = price("99.999");  // up to the tick is 100
    CHECK_FALSE(levels_for(plan, price("100"), rules));
    plan.stop_price = price("99.99");
    CHECK(levels_for(plan, price("100"), rules));
  }
  SECTION("a target at or below the fill") {
    plan.target_price = price("100.009");
    CHECK_FALSE(levels_for(plan, price("100"), rules));
    plan.target_price = price("100.01");
    CHECK(levels_for(plan, price("100"), rules));
  }
  SECTION("a stop that is not positive") {
    plan.stop_percent = 100;
    CHECK_FALSE(levels_for(plan, price("100"), rules));
    plan.stop_percent = dec("250");
    CHECK_FALSE(levels_for(plan, price("100"), rules));
  }
  SECTION("a tick so coarse that the stop is rounded up to the fill") {
    auto coarse = rules;
    coarse.tick = price("5");
    CHECK_FALSE(levels_for(three_percent(), price("100"), coarse).has_value());
  }
  SECTION("percents beyond all numbers") {
    plan.target_percent = dec("999999999999999999");
    CHECK_FALSE(levels_for(plan, price("999999999999999999"), rules));
  }
}

TEST_CASE("rounding never widens the risk, nor asks for more than the plan does") {
  Dice dice{22};
  int found = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto rules = random_rules(dice);
    const auto plan = random_plan(dice);
    const Price fill{dice.positive(5, 8)};
    const auto levels = levels_for(plan, fill, rules);
    if (!levels) continue;
    ++found;
    CAPTURE(stored_text(rules), stored_text(plan), fill, levels->stop, levels->target);
    const auto stop = plan.stop_price.value_or(moved_by_percent(fill, -plan.stop_percent));
    const auto target = plan.target_price.value_or(moved_by_percent(fill, plan.target_percent));
    REQUIRE(levels->stop.is_positive());
    REQUIRE(levels->stop < fill);
    REQUIRE(levels->target > fill);
    REQUIRE(levels->stop >= stop);
    REQUIRE(levels->stop - stop < rules.tick);
    REQUIRE(levels->target <= target);
    REQUIRE(target - levels->target < rules.tick);
    REQUIRE(levels->stop.value.is_multiple_of(rules.tick.value));
    REQUIRE(levels->target.value.is_multiple_of(rules.tick.value));

    const auto limit = stop_limit_price(levels->stop, plan, rules);
    REQUIRE(limit <= levels->stop);
    REQUIRE(limit >= rules.tick);
    REQUIRE(limit.value.is_multiple_of(rules.tick.value));
  }
  CHECK(found > 2'000);
}

TEST_CASE("the limit under a stop leaves the slack, downwards, and is never nothing") {
  auto plan = three_percent();
  CHECK(stop_limit_price(price("3249.99"), plan, eth()) == price("3217.49"));  // 3217.4901
  plan.stop_limit_slack_percent = dec("0");
  CHECK(stop_limit_price(price("3249.99"), plan, eth()) == price("3249.99"));
  plan.stop_limit_slack_percent = dec("100");
  CHECK(stop_limit_price(price("3249.99"), plan, eth()) == price("0.01"));
  plan.stop_limit_slack_percent = dec("1");
  CHECK(stop_limit_price(price("0.01"), plan, eth()) == price("0.01"));
}

// ---- Size -------------------------------------------------------------------------------------

TEST_CASE("an entry buys what its money buys, floored") {
  const auto size = size_entry(money("50"), std::nullopt, price("3350.5"), three_percent(), eth());
  REQUIRE(size);
  CHECK(size->quantity == qty("0.0149"));
  CHECK(size->notional == money("49.92245"));
}

TEST_CASE("an entry buys the quantity it was given, floored, and that wins over money") {
  const auto size = size_entry(money("1000000"), qty("0.02009"), price("3350.5"), three_percent(), eth());
  REQUIRE(size);
  CHECK(size->quantity == qty("0.02"));
  CHECK(size->notional == money("67.01"));
}

TEST_CASE("an entry that would be refused, or could not be protected, is denied with a reason") {
  auto rules = eth();
  auto plan = three_percent();
  const auto with_money = [&](std::string_view notional, std::string_view reference = "3350.5") {
    return why_not(size_entry(money(notional), std::nullopt, price(reference), plan, rules));
  };
  const auto with_quantity = [&](std::string_view quantity) {
    return why_not(size_entry(std::nullopt, qty(quantity), price("3350.5"), plan, rules));
  };

  SECTION("nothing is wrong") { CHECK(with_money("50").empty()); }
  SECTION("the market is closed") {
    rules.tradable = false;
    CHECK(with_money("50") == "not_tradable");
  }
  SECTION("nobody said how much") {
    CHECK(why_not(size_entry(std::nullopt, std::nullopt, price("3350.5"), plan, rules)) == "no_size");
    CHECK(with_money("0") == "no_size");
    CHECK(with_money("-50") == "no_size");
    CHECK(with_quantity("0") == "no_size");
    CHECK(with_quantity("-1") == "no_size");
    CHECK(with_money("50", "0") == "no_size");
    CHECK(with_money("50", "-1") == "no_size");
  }
  SECTION("too little of it") {
    CHECK(with_quantity("0.00099") == "below_min_quantity");
    CHECK(with_money("0.1") == "below_min_quantity");
    rules.min_quantity = qty("0");
    CHECK(with_money("0.1") == "below_min_quantity");  // not one step
  }
  SECTION("too much of it") {
    rules.max_quantity = qty("0.01");
    CHECK(with_quantity("0.01009").empty());
    CHECK(with_quantity("0.0101") == "above_max_quantity");
  }
  SECTION("worth too much, at the target") {
    rules.max_notional = money("52");
    CHECK(with_money("50").empty());
    rules.max_notional = money("51");
    CHECK(with_money("50") == "above_max_notional");
  }
  SECTION("worth too little") {
    CHECK(with_quantity("0.0029") == "below_min_notional");  // 9.71645
    CHECK(with_money("10") == "below_min_notional");         // floored to 9.71645
  }
  SECTION("no stop protects it") {
    plan.stop_price = price("3351");
    CHECK(with_money("50") == "no_protection");
    plan.stop_price = price("3300");
    plan.target_price = price("3350.5");
    CHECK(with_money("50") == "no_protection");
  }
  SECTION("what is left after the fee is worth too little at the stop") {
    CHECK(with_money("10.1") == "stop_below_min_notional");  // 0.003 is 10.05, 0.0029 at 3249.99
    rules.min_notional = money("0");
    CHECK(with_quantity("0.001") == "stop_below_min_notional");  // 0.0009 is below 0.001
    CHECK(with_quantity("0.0011").empty());
  }
  SECTION("amounts beyond all numbers") {
    CHECK(with_money("999999999999999999", "0.000000000000000001") == "no_size");
    CHECK(with_quantity("999999999999999999") == "no_size");
  }
}

TEST_CASE("an entry whose stop the exchange would not let rest so far below the market is denied") {
  auto rules = eth();
  rules.lowest_sell = dec("0.9");
  rules.highest_sell = dec("1.2");
  auto plan = three_percent();
  const auto at_100 = [&] { return why_not(size_entry(money("1000"), std::nullopt, price("100"), plan, rules)); };
  plan.stop_percent = dec("15");
  const auto size = size_entry(money("1000"), std::nullopt, price("100"), plan, rules);
  REQUIRE_FALSE(size);
  CHECK(spoken(size.error()) == "stop_outside_band: 85 is not between 90.5 and 119.5");
  plan.stop_percent = dec("9");
  CHECK(at_100().empty());
  // What it judges by is not quite the last price: the very edge is no place to rest.
  plan.stop_percent = dec("10");
  CHECK(at_100() == "stop_outside_band");
  // A stop-limit's limit has to fit too.
  plan.stop_percent = dec("9");
  plan.stop_limit_slack_percent = dec("5");
  CHECK(at_100().empty());
  rules.stop_market = false;
  CHECK(at_100() == "stop_outside_band");
  // A target that is too far up keeps nobody from buying.
  plan = three_percent();
  plan.target_percent = dec("25");
  CHECK(at_100().empty());
  // Bounds that do not move with the market.
  rules.lowest_sell = Decimal{};
  rules.min_price = price("98");
  CHECK(at_100() == "stop_outside_band");
}

TEST_CASE("a price band is in whole ticks, inside what the exchange says, and off where it says zero") {
  auto rules = eth();
  CHECK(sell_band(price("100"), rules).holds(price("0.01")));
  CHECK(sell_band(price("100"), rules).holds(price("100000")));
  rules.tick = price("0.3");
  rules.lowest_sell = dec("0.9");
  rules.highest_sell = dec("1.2");
  rules.max_price = price("110");
  const auto band = sell_band(price("100"), rules);
  CHECK(band.lowest == price("90.6"));
  CHECK(band.highest == price("109.8"));
  CHECK_FALSE(band.holds(price("90.3")));
  CHECK(band.holds(price("90.6")));
  CHECK_FALSE(band.holds(price("110.1")));
  // Absurd numbers are no band, and nothing throws.
  rules.highest_sell = dec("999999999999999999");
  CHECK_NOTHROW(sell_band(price("999999999999999999"), rules));
}

TEST_CASE("a denial says the numbers behind its code") {
  const auto size = size_entry(std::nullopt, qty("0.00051"), price("3350.5"), three_percent(), eth());
  REQUIRE_FALSE(size);
  CHECK(spoken(size.error()) == "below_min_quantity: 0.0005 < 0.001");
}

TEST_CASE("whatever is sized meets every minimum, before and after the fee, within its money") {
  Dice dice{23};
  int sized = 0;
  for (int i = 0; i < 30'000; ++i) {
    const auto rules = random_rules(dice);
    const auto plan = random_plan(dice);
    const Price reference{dice.positive(5, 6)};
    const bool by_money = dice.once_in(2);
    const Money budget{dice.positive(5, 4)};
    const Quantity wanted{dice.positive(5, 8)};
    CAPTURE(stored_text(rules), stored_text(plan), reference, budget, wanted, by_money);
    const auto size = by_money ? size_entry(budget, std::nullopt, reference, plan, rules)
                               : size_entry(std::nullopt, wanted, reference, plan, rules);
    if (!size) continue;
    ++sized;
    REQUIRE(size->quantity.is_positive());
    REQUIRE(size->quantity.value.is_multiple_of(rules.step.value));
    REQUIRE(size->quantity >= rules.min_quantity);
    if (rules.max_quantity.is_positive()) REQUIRE(size->quantity <= rules.max_quantity);
    REQUIRE(size->notional >= rules.min_notional);
    REQUIRE(size->notional == cost(reference, size->quantity, Rounding::up));
    if (by_money) REQUIRE(size->notional <= budget);
    if (!by_money) REQUIRE(size->quantity <= wanted);

    // Whatever fee up to the highest the venue takes, the stop can be sold.
    const auto levels = levels_for(plan, reference, rules);
    REQUIRE(levels);
    const auto fee = Decimal::multiply(size->quantity.value, rules.highest_fee_rate, Rounding::up);
    REQUIRE_FALSE(is_dust(Quantity{size->quantity.value - fee}, levels->stop, rules));
  }
  CHECK(sized > 2'000);
}

// ---- The stored form --------------------------------------------------------------------------

TEST_CASE("rules and plans have one stored form") {
  CHECK(stored_text(eth()) ==
        "symbol=ETH_USDT tick=0.01 step=0.0001 min_quantity=0.001 max_quantity=0 min_notional=10 "
        "highest_fee_rate=0.001 max_open_stops=0 tradable=1 stop_market=1 read_at=1735732800000000");
  auto banded = eth();
  banded.lowest_sell = dec("0.9");
  banded.max_price = price("100000");
  CHECK(stored_text(banded) ==
        "symbol=ETH_USDT tick=0.01 step=0.0001 min_quantity=0.001 max_quantity=0 min_notional=10 "
        "highest_fee_rate=0.001 max_open_stops=0 tradable=1 stop_market=1 lowest_sell=0.9 "
        "max_price=100000 read_at=1735732800000000");
  auto plan = three_percent();
  plan.stop_price = price("3300.5");
  CHECK(stored_text(plan) ==
        "stop_percent=3 target_percent=3 stop_price=3300.5 target_price=- "
        "stop_limit_slack_percent=1 flatten_on_breach=1 flatten_unprotected=0 "
        "flatten_after=120000000");
}

TEST_CASE("what is stored is read back exactly") {
  Dice dice{24};
  for (int i = 0; i < 5'000; ++i) {
    auto rules = random_rules(dice);
    if (dice.once_in(3)) rules.max_notional = Money{dice.decimal(8, 4)};
    rules.max_open_stops = dice.between(0, 500);
    rules.tradable = dice.once_in(2);
    if (dice.once_in(2)) rules.lowest_sell = dice.decimal(0, 4);
    if (dice.once_in(2)) rules.highest_sell = dice.decimal(1, 4);
    if (dice.once_in(3)) rules.min_price = Price{dice.decimal(3, 6)};
    if (dice.once_in(3)) rules.max_price = Price{dice.decimal(6, 6)};
    rules.read_at = from_micros(static_cast<std::int64_t>(dice.below(1ULL << 62)));
    CAPTURE(stored_text(rules));
    REQUIRE(parse_rules(stored_text(rules)) == rules);
    const auto plan = random_plan(dice);
    CAPTURE(stored_text(plan));
    REQUIRE(parse_plan(stored_text(plan)) == plan);
  }
}

TEST_CASE("what is not exactly a stored form is not read") {
  const auto damaged = [](std::string stored, std::string_view what, std::string_view by) {
    const auto found = stored.find(what);
    REQUIRE(found != std::string::npos);
    return stored.replace(found, what.size(), by);
  };
  const auto rules = stored_text(eth());
  const auto plan = stored_text(three_percent());
  REQUIRE(parse_rules(rules));
  REQUIRE(parse_plan(plan));
  CHECK_FALSE(parse_rules(""));
  CHECK_FALSE(parse_plan(""));
  CHECK_FALSE(parse_rules(plan));
  CHECK_FALSE(parse_plan(rules));
  CHECK_FALSE(parse_rules(rules + " more=1"));  // unknown
  CHECK_FALSE(parse_plan(plan + " more=1"));
  CHECK_FALSE(parse_rules(rules + " tick=0.01"));  // twice
  CHECK_FALSE(parse_rules(rules + " "));
  CHECK_FALSE(parse_rules(" " + rules));
  CHECK_FALSE(parse_rules(damaged(rules, "tick=0.01 ", "")));  // missing
  CHECK_FALSE(parse_rules(damaged(rules, "symbol=ETH_USDT ", "")));
  CHECK_FALSE(parse_rules(damaged(rules, "symbol=ETH_USDT", "symbol=eth")));
  CHECK_FALSE(parse_rules(damaged(rules, "tick=0.01", "tick=")));
  CHECK_FALSE(parse_rules(damaged(rules, "tick=0.01", "tick=x")));
  CHECK_FALSE(parse_rules(damaged(rules, "tick=0.01", "tick=-")));
  CHECK_FALSE(parse_rules(damaged(rules, "tick=0.01", "tick")));
  CHECK_FALSE(parse_rules(damaged(rules, "max_open_stops=0", "max_open_stops=0x")));
  CHECK_FALSE(parse_rules(damaged(rules, "max_open_stops=0", "max_open_stops=99999999999")));
  CHECK_FALSE(parse_rules(damaged(rules, "tradable=1", "tradable=yes")));
  CHECK_FALSE(parse_rules(damaged(rules, "read_at=1735732800000000", "read_at=1e3")));
  CHECK_FALSE(parse_plan(damaged(plan, " stop_price=-", "")));  // none is written, not left out
  CHECK_FALSE(parse_plan(damaged(plan, "stop_price=-", "stop_price=none")));
  CHECK_FALSE(parse_plan(damaged(plan, "flatten_after=120000000", "flatten_after=120s")));
}

TEST_CASE("stored rules that no venue could have are not read back") {
  const std::string good =
      "symbol=ETH_USDT tick=0.01 step=0.0001 min_quantity=0.0001 max_quantity=9000 min_notional=10 "
      "highest_fee_rate=0.001 max_open_stops=6 tradable=1 stop_market=1 read_at=1735732800000000";
  REQUIRE(parse_rules(good));
  const auto with = [&](std::string_view was, std::string_view is) {
    std::string changed = good;
    return parse_rules(changed.replace(changed.find(was), was.size(), is));
  };
  CHECK_FALSE(with("step=0.0001", "step=0.0000"));
  CHECK_FALSE(with("tick=0.01", "tick=0"));
  CHECK_FALSE(with("tick=0.01", "tick=-0.01"));
  CHECK_FALSE(with("min_notional=10", "min_notional=-10"));
  CHECK_FALSE(with("read_at", "lowest_sell=-0.9 read_at"));
  CHECK_FALSE(with("read_at", "highest_sell=x read_at"));
}

}  // namespace tradeguard
