// What a trade holds, what protects it, and what it needs next: the sums of the design, in numbers.
#include "tradeguard/exposure.hpp"

#include <algorithm>
#include <array>

#include "dice.hpp"
#include "shown.hpp"
#include "tradeguard/error.hpp"

namespace Catch {
template <>
struct StringMaker<tradeguard::NextMove> {
  static std::string convert(const tradeguard::NextMove& move) {
    using namespace tradeguard;
    return std::visit(overloaded{
                          [](const Nothing&) { return std::string{"Nothing"}; },
                          [](const Cancel& m) {
                            std::string out = "Cancel(" + std::to_string(static_cast<int>(m.why));
                            for (const auto& id : m.ids) out += " " + id;
                            return out + ")";
                          },
                          [](const PlaceLegs& m) {
                            return "PlaceLegs(" + m.quantity.text() + (m.with_target ? " with target)" : ")");
                          },
                          [](const PlaceExit& m) { return "PlaceExit(" + m.quantity.text() + " " + m.why.str() + ")"; },
                          [](const Settle&) { return std::string{"Settle"}; },
                          [](const Stuck& m) { return "Stuck(" + m.why + ")"; },
                      },
                      move);
  }
};
}  // namespace Catch

namespace tradeguard {
namespace {

const auto noon = at("2025-01-01T12:00:00Z");
const auto now = noon + 30s;

// A trade is told in the order in which it happens: bought("0.0149").stop("0.0148")...
struct Story {
  Trade trade{TradeRecord{.symbol = symbol("ETH_USDT")}, {}, {}};
  SightedOpen sighted;
  Surroundings around{.now = now, .market = price("3000"), .free_base = qty("1000000")};

  Exposure exposure() const { return tradeguard::exposure(trade, sighted, around.now); }
  NextMove next() const { return next_move(trade, exposure(), sighted, around); }

  Order& entry() { return trade.entries.front(); }
  const Order& entry() const { return trade.entries.front(); }
  Order& leg(Leg leg, OrderType type, OrderState state, std::string_view quantity) {
    const int attempt = trade.next_attempt(leg);
    Order order{
        .client_id = std::string{text(leg)} + std::to_string(attempt), .trade = "entry1", .symbol = symbol("ETH_USDT")};
    order.leg = leg;
    order.attempt = attempt;
    order.side = Side::sell;
    order.type = type;
    order.quantity = qty(quantity);
    order.state = state;
    order.acknowledged = state == OrderState::placed || state == OrderState::closed;
    order.claimed_at = order.stamp = noon + 5s;
    order.valid_until = noon + 15s;
    trade.legs.push_back(order);
    return trade.legs.back();
  }
  Order& stop(OrderState state, std::string_view quantity) {
    auto& order = leg(Leg::stop, OrderType::stop_market, state, quantity);
    order.trigger = price("2910");
    return order;
  }
  // A stop that rests as planned.
  Order& working_stop(std::string_view quantity) {
    auto& order = stop(OrderState::placed, quantity);
    sighted.insert(order.client_id);
    return order;
  }
  Order& target(OrderState state, std::string_view quantity) {
    auto& order = leg(Leg::target, OrderType::limit, state, quantity);
    order.price = price("3090");
    return order;
  }
  // Both legs of one OCO request, resting as planned.
  void working_pair(std::string_view quantity) {
    const auto pair = working_stop(quantity).client_id;
    trade.legs.back().pair = pair;
    auto& target_leg = target(OrderState::placed, quantity);
    target_leg.pair = pair;
    sighted.insert(target_leg.client_id);
  }
  Order& exit(OrderState state, std::string_view quantity) {
    return leg(Leg::exit, OrderType::market, state, quantity);
  }
};

// An entry of this much at 3000, closed, with its fees read and taken in the quote currency.
Story bought(std::string_view filled) {
  Story story;
  Order entry{.client_id = "entry1", .trade = "entry1", .symbol = symbol("ETH_USDT")};
  entry.quantity = qty("0.02");
  entry.state = OrderState::closed;
  entry.acknowledged = true;
  entry.filled = qty(filled);
  entry.filled_value = cost(price("3000"), qty(filled), Rounding::down);
  entry.fees_known = true;
  entry.claimed_at = entry.stamp = noon;
  entry.valid_until = noon + 10s;
  story.trade.record = opened_by(entry);
  story.trade.record.rules = InstrumentRules{.symbol = symbol("ETH_USDT"),
                                             .tick = price("0.01"),
                                             .step = qty("0.0001"),
                                             .min_quantity = qty("0.001"),
                                             .max_quantity = qty("0"),
                                             .min_notional = money("10"),
                                             .highest_fee_rate = dec("0.001"),
                                             .read_at = noon};
  story.trade.record.plan = ProtectionPlan{};
  story.trade.entries.push_back(entry);
  return story;
}

void fill(Order& order, std::string_view filled) {
  order.filled = qty(filled);
  order.filled_value = cost(price("3000"), qty(filled), Rounding::down);
}

template <class Move>
const Move* as(const NextMove& move) {
  return std::get_if<Move>(&move);
}
bool sells(const NextMove& move) { return as<PlaceLegs>(move) || as<PlaceExit>(move); }
Quantity sold_by(const NextMove& move) {
  if (const auto* legs = as<PlaceLegs>(move)) return legs->quantity;
  if (const auto* exit = as<PlaceExit>(move)) return exit->quantity;
  return {};
}
std::vector<ClientOrderId> sorted(std::vector<ClientOrderId> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

// ---- Exposure ---------------------------------------------------------------------------------

TEST_CASE("a trade that was claimed without rules and plan has no levels, and the least rest of it is held") {
  Trade trade{TradeRecord{.symbol = symbol("ETH_USDT")}, {}, {}};
  Order entry{.client_id = "entry1", .trade = "entry1", .symbol = symbol("ETH_USDT")};
  entry.quantity = entry.filled = qty("0.5");
  entry.filled_value = Money{Decimal{1500}};
  entry.price = price("3000");
  trade.entries.push_back(entry);
  for (const bool with_plan : {false, true}) {
    if (with_plan) trade.record.plan = ProtectionPlan{};
    const Exposure e = exposure(trade, {}, noon);
    CHECK(e.held == qty("0.5"));
    CHECK(e.naked == qty("0.5"));
    CHECK_FALSE(e.levels);
    CHECK_FALSE(e.held_is_dust);
  }
  trade.entries.front().filled = qty("0.000000000000000001");
  trade.entries.front().filled_value = Money{};
  CHECK_FALSE(exposure(trade, {}, noon).naked_is_dust);
  trade.entries.front().fees_known = true;
  trade.entries.front().fee_base = trade.entries.front().filled;
  CHECK(exposure(trade, {}, noon).held_is_dust);
}

TEST_CASE("what is received is what was filled, less the fees that were taken from it") {
  auto story = bought("0.0149");
  CHECK(story.exposure().received == qty("0.0149"));
  story.entry().fee_base = qty("0.00001");
  CHECK(story.exposure().received == qty("0.01489"));
}

TEST_CASE("until the fees are read, the highest one is assumed") {
  auto story = bought("0.0149");
  story.entry().fees_known = false;
  CHECK(story.exposure().received == qty("0.0148851"));
  CHECK(story.exposure().held == qty("0.0148851"));
}

TEST_CASE("a twin counts as the entry does, each with its own fees") {
  auto story = bought("0.0149");
  auto twin = story.entry();
  twin.client_id = "entry1-twin";
  twin.twin = true;
  twin.fees_known = false;
  fill(twin, "0.01");
  story.trade.entries.push_back(twin);
  CHECK(story.exposure().received == qty("0.02489"));  // 0.0149 + 0.00999
  CHECK(story.exposure().naked == qty("0.02489"));
}

TEST_CASE("the average fill is of all entries, by what was paid") {
  auto story = bought("0.01");
  CHECK(story.exposure().average_fill == price("3000"));
  CHECK(story.exposure().levels == Levels{price("2910"), price("3090")});
  auto twin = story.entry();
  twin.client_id = "entry1-twin";
  twin.filled_value = money("31");
  story.trade.entries.push_back(twin);
  CHECK(story.exposure().average_fill == price("3050"));
}

TEST_CASE("with nothing filled there is neither an average nor a level") {
  const auto exposure = bought("0").exposure();
  CHECK_FALSE(exposure.average_fill);
  CHECK_FALSE(exposure.levels);
  CHECK(exposure.held == qty("0"));
  CHECK(exposure.naked == qty("0"));
  CHECK_FALSE(exposure.oversold());
}

TEST_CASE("what any own sell of the trade filled is no longer held") {
  auto story = bought("0.02");
  fill(story.stop(OrderState::closed, "0.02"), "0.003");
  fill(story.target(OrderState::closed, "0.02"), "0.004");
  fill(story.exit(OrderState::closed, "0.01"), "0.005");
  fill(story.stop(OrderState::placed, "0.02"), "0.001");  // a partial fill of an open one, too
  fill(story.stop(OrderState::lapsed, "0.02"), "0.002");  // and of one thought dead
  CHECK(story.exposure().received == qty("0.02"));
  CHECK(story.exposure().held == qty("0.005"));
}

TEST_CASE("more sold than received is oversold") {
  auto story = bought("0.01");
  fill(story.stop(OrderState::closed, "0.01"), "0.01");
  CHECK_FALSE(story.exposure().oversold());
  fill(story.target(OrderState::closed, "0.01"), "0.01");
  CHECK(story.exposure().held == -qty("0.01"));
  CHECK(story.exposure().oversold());
}

TEST_CASE("working is what is left of stops sighted in this run") {
  auto story = bought("0.02");
  auto& first = story.working_stop("0.015");
  fill(first, "0.005");
  CHECK(story.exposure().working == qty("0.01"));
  CHECK(story.exposure().held == qty("0.015"));
  CHECK(story.exposure().naked == qty("0.005"));
  story.working_stop("0.005");
  CHECK(story.exposure().working == qty("0.015"));
  CHECK(story.exposure().naked == qty("0"));
}

TEST_CASE("a stop nobody saw in this run protects nothing") {
  auto story = bought("0.02");
  story.stop(OrderState::placed, "0.02");
  CHECK(story.exposure().working == qty("0"));
  CHECK(story.exposure().naked == qty("0.02"));
}

TEST_CASE("a target protects nothing, however visible it is") {
  auto story = bought("0.02");
  story.sighted.insert(story.target(OrderState::placed, "0.02").client_id);
  CHECK(story.exposure().working == qty("0"));
}

TEST_CASE("a stop whose cancel was asked protects nothing and is leaving until it is read back") {
  auto story = bought("0.02");
  auto& stop = story.working_stop("0.02");
  fill(stop, "0.005");
  stop.cancel_asked_at = noon + 20s;
  CHECK(story.exposure().working == qty("0"));
  CHECK(story.exposure().leaving == qty("0.015"));
  stop.state = OrderState::closed;
  CHECK(story.exposure().leaving == qty("0"));
}

TEST_CASE("a stop that fired and still rests protects for five seconds") {
  auto story = bought("0.02");
  auto& stop = story.working_stop("0.02");
  stop.fired_at = now - 5s;
  CHECK(story.exposure().working == qty("0.02"));
  stop.fired_at = now - 5s - Micros{1};
  CHECK(story.exposure().working == qty("0"));
  CHECK(story.exposure().naked == qty("0.02"));
}

TEST_CASE("a claimed stop is asked for, and does not protect yet") {
  auto story = bought("0.02");
  story.stop(OrderState::claimed, "0.015");
  CHECK(story.exposure().asked == qty("0.015"));
  CHECK(story.exposure().working == qty("0"));
  CHECK(story.exposure().naked == qty("0.02"));
}

TEST_CASE("an exit that is claimed or open is leaving") {
  auto story = bought("0.02");
  fill(story.exit(OrderState::placed, "0.01"), "0.004");
  CHECK(story.exposure().leaving == qty("0.006"));
  story.exit(OrderState::claimed, "0.005");
  CHECK(story.exposure().leaving == qty("0.011"));
  CHECK(story.exposure().held == qty("0.016"));
}

TEST_CASE("orders that are over count for nothing but what they filled") {
  auto story = bought("0.02");
  for (const auto state : {OrderState::closed, OrderState::refused, OrderState::lapsed}) {
    story.sighted.insert(story.stop(state, "0.02").client_id);
    story.exit(state, "0.02");
  }
  CHECK(story.exposure().working == qty("0"));
  CHECK(story.exposure().asked == qty("0"));
  CHECK(story.exposure().leaving == qty("0"));
}

TEST_CASE("what the venue would not take as a stop is dust") {
  CHECK_FALSE(bought("0.01").exposure().held_is_dust);
  CHECK_FALSE(bought("0.01").exposure().naked_is_dust);
  auto story = bought("0.0034");  // at 2910 worth 9.894
  CHECK(story.exposure().held_is_dust);
  CHECK(story.exposure().naked_is_dust);
  story = bought("0.02");
  story.working_stop("0.0199");
  CHECK_FALSE(story.exposure().held_is_dust);
  CHECK(story.exposure().naked_is_dust);
}

TEST_CASE("nothing at all is dust, and needs nothing") {
  CHECK(bought("0").exposure().held_is_dust);
  auto story = bought("0.02");
  story.working_stop("0.02");
  CHECK(story.exposure().naked_is_dust);
}

TEST_CASE("the next attempt of a leg is one more than the highest used") {
  auto story = bought("0.02");
  CHECK(story.trade.next_attempt(Leg::stop) == 1);
  story.stop(OrderState::refused, "0.02");
  story.stop(OrderState::lapsed, "0.02").attempt = 7;
  story.target(OrderState::closed, "0.02").attempt = 3;
  CHECK(story.trade.next_attempt(Leg::stop) == 8);
  CHECK(story.trade.next_attempt(Leg::target) == 4);
  CHECK(story.trade.next_attempt(Leg::exit) == 1);
}

// ---- Getting protected ------------------------------------------------------------------------

TEST_CASE("a fill gets its stop and its target in one request, where the venue has OCO") {
  auto story = bought("0.0149");
  const auto move = story.next();
  const auto* legs = as<PlaceLegs>(move);
  CAPTURE(move);
  REQUIRE(legs);
  CHECK(legs->quantity == qty("0.0149"));
  CHECK(legs->levels == Levels{price("2910"), price("3090")});
  CHECK(legs->with_target);
}

TEST_CASE("a target above the price band rests as high as the band allows, and the stop as planned") {
  auto story = bought("0.0149");
  story.trade.record.rules->lowest_sell = dec("0.9");
  story.trade.record.rules->highest_sell = dec("1.2");
  story.trade.record.plan->target_percent = dec("25");
  const auto move = story.next();
  const auto* legs = as<PlaceLegs>(move);
  CAPTURE(move);
  REQUIRE(legs);
  CHECK(legs->levels == Levels{price("2910"), price("3585")});  // 1.195 times 3000
  CHECK(legs->planned == Levels{price("2910"), price("3750")});
  CHECK(legs->with_target);
}

TEST_CASE("a stop that the price left too far behind rests as low as the band allows") {
  auto story = bought("0.0149");
  story.trade.record.rules->lowest_sell = dec("0.9");
  story.trade.record.rules->highest_sell = dec("1.2");
  story.trade.record.plan->target_percent = dec("50");
  story.around.market = price("3600");
  const auto move = story.next();
  const auto* legs = as<PlaceLegs>(move);
  CAPTURE(move);
  REQUIRE(legs);
  CHECK(legs->levels == Levels{price("3258"), price("4302")});  // 0.905 and 1.195 times 3600
  CHECK(legs->lowest == price("3258"));
  CHECK(legs->with_target);
}

TEST_CASE("a target that could rest only at a loss is none") {
  auto story = bought("0.0149");
  story.trade.record.rules->highest_sell = dec("1.1");
  story.trade.record.plan->stop_percent = dec("30");
  story.trade.record.plan->target_percent = dec("25");
  story.around.market = price("2500");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK_FALSE(as<PlaceLegs>(move)->with_target);
  CHECK(as<PlaceLegs>(move)->levels.stop == price("2100"));
}

TEST_CASE("elsewhere it gets its stop, and never a bare target") {
  auto story = bought("0.0149");
  story.around.oco = false;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK_FALSE(as<PlaceLegs>(move)->with_target);
}

TEST_CASE("a stop is for whole steps of what the fees leave at least") {
  auto story = bought("0.0149");
  story.entry().fees_known = false;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.0148"));  // of 0.0148851
}

TEST_CASE("a partial fill of an open entry is protected at once") {
  auto story = bought("0.008");
  story.entry().state = OrderState::placed;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.008"));
}

TEST_CASE("growth of a fill gets a second stop, the first one stays") {
  auto story = bought("0.02");
  story.working_pair("0.012");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.008"));
}

TEST_CASE("a trade whose stop works needs nothing") {
  auto story = bought("0.02");
  story.working_pair("0.02");
  CHECK(as<Nothing>(story.next()));
}

TEST_CASE("a rest that is dust needs nothing beside a working stop") {
  auto story = bought("0.02");
  story.working_stop("0.0199");
  CHECK(as<Nothing>(story.next()));
}

TEST_CASE("a stop in doubt is waited for, loudly, and not asked for again") {
  auto story = bought("0.02");
  story.stop(OrderState::claimed, "0.02");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Stuck>(move));
  CHECK(as<Stuck>(move)->why == "in_doubt");
}

TEST_CASE("beside a stop in doubt only what it does not cover is asked for") {
  auto story = bought("0.02");
  story.stop(OrderState::claimed, "0.008");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.012"));
}

TEST_CASE("a stop that was refused or lapsed is tried again") {
  for (const auto state : {OrderState::refused, OrderState::lapsed}) {
    auto story = bought("0.02");
    story.stop(state, "0.02");
    const auto move = story.next();
    CAPTURE(text(state), move);
    REQUIRE(as<PlaceLegs>(move));
    CHECK(as<PlaceLegs>(move)->quantity == qty("0.02"));
  }
}

TEST_CASE("a stop that somebody cancelled at the venue is replaced") {
  auto story = bought("0.02");
  story.stop(OrderState::closed, "0.02");
  const auto move = story.next();
  CAPTURE(move);
  CHECK(as<PlaceLegs>(move));
}

TEST_CASE("a pair that ended half-filled gets a new pair for the rest") {
  auto story = bought("0.02");
  const auto pair = story.stop(OrderState::closed, "0.02").client_id;
  auto& target = story.target(OrderState::closed, "0.02");
  target.pair = pair;
  fill(target, "0.01");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.01"));
}

TEST_CASE("no more is asked for than the venue lets be used") {
  auto story = bought("0.02");
  story.around.free_base = qty("0.01505");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.015"));
}

TEST_CASE("a balance that is used up makes it stuck, not silent") {
  auto story = bought("0.02");
  story.around.free_base = qty("0");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Stuck>(move));
  CHECK(as<Stuck>(move)->why == "balance");
}

TEST_CASE("a balance that could not be read does not keep a stop from being placed") {
  auto story = bought("0.02");
  story.around.free_base.reset();
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceLegs>(move));
  CHECK(as<PlaceLegs>(move)->quantity == qty("0.02"));
}

TEST_CASE("a price that could not be read does not keep a stop from being placed") {
  auto story = bought("0.02");
  story.around.market.reset();
  CAPTURE(story.next());
  CHECK(as<PlaceLegs>(story.next()));
}

TEST_CASE("an open target that is bound to no working stop holds the coins: it is cancelled first") {
  auto story = bought("0.02");
  const auto target = story.target(OrderState::placed, "0.02").client_id;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->ids == std::vector{target});
  CHECK(as<Cancel>(move)->why == Cancel::Why::unbound_target);
}

TEST_CASE("without a stop since: the fill that grew, or the last sight of the stop that was lost") {
  Story story = bought("0.02");
  story.trade.record.covered_at = noon + 10s;
  story.trade.record.naked_since = noon + 70s;
  story.working_stop("0.01");
  CHECK(naked_from(story.trade) == noon + 70s);  // a part more was bought

  Order& second = story.stop(OrderState::closed, "0.01");
  second.closed_at = second.sighted_at = noon + 70s;
  CHECK(naked_from(story.trade) == noon + 10s);  // it was there, and is not
  second.closed_at = noon + 30s;                 // the exchange says when
  CHECK(naked_from(story.trade) == noon + 30s);
  second.cancel_asked_at = noon + 70s;  // by us
  CHECK(naked_from(story.trade) == noon + 70s);
  second.cancel_asked_at.reset();
  second.claimed_at = noon + 71s;  // for what was bought since, and gone at once
  CHECK(naked_from(story.trade) == noon + 70s);
}

TEST_CASE("a sale that failed by a clock that was ahead is tried again under the stop that was placed since") {
  Story story = bought("0.0149");
  story.exit(OrderState::refused, "0.0149").claimed_at = noon + 1h;
  story.working_stop("0.0149");
  story.around.exit_reason = ExitReason::operator_;
  const NextMove move = story.next();
  CHECK(std::holds_alternative<Cancel>(move));
}

// Expected to fail until next_move counts what an unbound target may still sell; then the tags go.
TEST_CASE("nothing is placed before an unbound target is read back") {
  auto story = bought("0.02");
  auto& target = story.target(OrderState::placed, "0.02");
  target.cancel_asked_at = noon + 20s;
  story.around.free_base.reset();  // what would tell that the coins are held cannot be read
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));
}

TEST_CASE("nothing is placed beside an unbound target in doubt") {
  auto story = bought("0.02");
  story.target(OrderState::claimed, "0.02");
  story.around.free_base.reset();
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));
}

TEST_CASE("when an unbound target is read back closed, the stop is placed") {
  auto story = bought("0.02");
  story.target(OrderState::closed, "0.02").cancel_asked_at = noon + 20s;
  CAPTURE(story.next());
  CHECK(as<PlaceLegs>(story.next()));
}

TEST_CASE("a stop that rests otherwise than planned protects nothing and is cancelled") {
  auto story = bought("0.02");
  const auto stop = story.stop(OrderState::placed, "0.02").client_id;
  story.around.mismatched.insert(stop);
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->ids == std::vector{stop});
}

TEST_CASE("a placed stop that was not read in this run is not placed again") {
  auto story = bought("0.02");
  story.stop(OrderState::placed, "0.02");
  story.around.venue_read = false;
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));
  CHECK_FALSE(as<Nothing>(story.next()));
  CHECK_FALSE(as<Settle>(story.next()));
}

TEST_CASE("a stop that fired and rests too long is not sold over") {
  auto story = bought("0.02");
  story.working_stop("0.02").fired_at = now - 6s;
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));
  CHECK_FALSE(as<Nothing>(story.next()));
}

// ---- Beyond the stop --------------------------------------------------------------------------

TEST_CASE("a price beyond the stop is sold at market, as the plan says") {
  auto story = bought("0.02");
  story.around.market = price("2910");
  auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceExit>(move));
  CHECK(as<PlaceExit>(move)->quantity == qty("0.02"));
  CHECK(as<PlaceExit>(move)->why == ExitReason::breached);
  story.around.market = price("2910.01");
  CHECK(as<PlaceLegs>(story.next()));
}

TEST_CASE("a price beyond the stop is told and not sold, where the plan says so") {
  auto story = bought("0.02");
  story.trade.record.plan->flatten_on_breach = false;
  story.around.market = price("2800");
  CAPTURE(story.next());
  CHECK_FALSE(as<PlaceExit>(story.next()));
  CHECK_FALSE(as<Nothing>(story.next()));
}

TEST_CASE("a stop that works is trusted with a price beyond it") {
  auto story = bought("0.02");
  story.working_pair("0.02");
  story.around.market = price("2909");
  CAPTURE(story.next());
  CHECK(as<Nothing>(story.next()));
}

TEST_CASE("what nobody could protect is sold after the plan's patience, if the plan says so") {
  auto story = bought("0.02");
  story.stop(OrderState::refused, "0.02");
  story.trade.record.naked_since = now - 121s;
  SECTION("it says so, and one try to place a stop comes first") {
    story.trade.record.plan->flatten_unprotected = true;
    CHECK(as<PlaceLegs>(story.next()));
    story.around.stop_tried = true;
    const auto move = story.next();
    CAPTURE(move);
    REQUIRE(as<PlaceExit>(move));
    CHECK(as<PlaceExit>(move)->why == ExitReason::unprotected);
    CHECK(as<PlaceExit>(move)->quantity == qty("0.02"));
  }
  SECTION("it says so, and a stop sent a moment ago is read back first") {
    story.trade.record.plan->flatten_unprotected = true;
    Order& sent = story.stop(OrderState::placed, "0.02");
    sent.stamp = now - 200ms;
    CHECK((as<Nothing>(story.next()) || as<Stuck>(story.next())));
    sent.stamp = now - 31s;
    REQUIRE(as<Cancel>(story.next()));
    CHECK(as<Cancel>(story.next())->ids == std::vector{sent.client_id});
  }
  SECTION("it says so, but the patience is not over") {
    story.trade.record.plan->flatten_unprotected = true;
    story.trade.record.naked_since = now - 119s;
    CHECK(as<PlaceLegs>(story.next()));
  }
  SECTION("it says alarm, which is the default") { CHECK(as<PlaceLegs>(story.next())); }
}

TEST_CASE("a target is sold by hand where the venue has no OCO") {
  auto story = bought("0.02");
  story.around.oco = false;
  const auto stop = story.working_stop("0.02").client_id;
  story.around.market = price("3089.99");
  CHECK(as<Nothing>(story.next()));
  story.around.market = price("3090");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->ids == std::vector{stop});
}

// ---- Exits ------------------------------------------------------------------------------------

TEST_CASE("an exit first takes back every own sell, and sells only when all are read closed") {
  auto story = bought("0.02");
  story.working_pair("0.02");
  story.around.exit_reason = ExitReason::signal;
  auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->why == Cancel::Why::exit);
  const auto ids = sorted(as<Cancel>(move)->ids);
  // Where the two are one OCO, taking one back takes back both; naming both is no mistake.
  CHECK((ids == std::vector<ClientOrderId>{"stop1", "target1"} || ids == std::vector<ClientOrderId>{"stop1"}));

  for (auto& leg : story.trade.legs) leg.cancel_asked_at = now;
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));

  story.trade.legs.front().state = OrderState::closed;
  CHECK_FALSE(sells(story.next()));

  story.trade.legs.back().state = OrderState::closed;
  move = story.next();
  REQUIRE(as<PlaceExit>(move));
  CHECK(as<PlaceExit>(move)->quantity == qty("0.02"));
  CHECK(as<PlaceExit>(move)->why == ExitReason::signal);
}

TEST_CASE("an exit sells what a stop did not, and no more than the balance") {
  auto story = bought("0.02");
  auto& stop = story.stop(OrderState::closed, "0.02");
  fill(stop, "0.005");
  story.around.exit_reason = ExitReason::signal;
  story.around.free_base = qty("0.01234");
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<PlaceExit>(move));
  CHECK(as<PlaceExit>(move)->quantity == qty("0.0123"));
}

TEST_CASE("there is one exit at a time") {
  for (const auto state : {OrderState::claimed, OrderState::placed}) {
    auto story = bought("0.02");
    story.around.exit_reason = ExitReason::signal;
    story.exit(state, "0.02");
    CAPTURE(text(state), story.next());
    CHECK_FALSE(sells(story.next()));
    CHECK_FALSE(as<Settle>(story.next()));
  }
}

// Expected to fail until next_move covers a trade between two exits; then the tag goes.
TEST_CASE("after an exit that was refused or lapsed protection comes first") {
  for (const auto state : {OrderState::refused, OrderState::lapsed}) {
    auto story = bought("0.02");
    story.around.exit_reason = ExitReason::signal;
    story.exit(state, "0.02");
    CAPTURE(text(state), story.next());
    CHECK(as<PlaceLegs>(story.next()));
  }
}

// ---- The end ----------------------------------------------------------------------------------

TEST_CASE("when the stop has filled, a target that is still open is taken back") {
  auto story = bought("0.02");
  fill(story.stop(OrderState::closed, "0.02"), "0.02");
  const auto target = story.target(OrderState::placed, "0.02").client_id;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->ids == std::vector{target});
}

TEST_CASE("when the target has filled, a stop that is still open is taken back") {
  auto story = bought("0.02");
  fill(story.target(OrderState::closed, "0.02"), "0.02");
  const auto stop = story.working_stop("0.02").client_id;
  const auto move = story.next();
  CAPTURE(move);
  REQUIRE(as<Cancel>(move));
  CHECK(as<Cancel>(move)->ids == std::vector{stop});
}

TEST_CASE("a trade that holds nothing and has nothing open is over") {
  SECTION("sold") {
    auto story = bought("0.02");
    fill(story.exit(OrderState::closed, "0.02"), "0.02");
    CHECK(as<Settle>(story.next()));
  }
  SECTION("never bought") {
    for (const auto state : {OrderState::refused, OrderState::lapsed, OrderState::closed}) {
      auto story = bought("0");
      story.entry().state = state;
      CAPTURE(text(state), story.next());
      CHECK(as<Settle>(story.next()));
    }
  }
  SECTION("but for dust, which nobody can sell") {
    auto story = bought("0.003");
    CAPTURE(story.next());
    CHECK(as<Settle>(story.next()));
  }
}

TEST_CASE("a trade is not over while its entry may still fill") {
  for (const auto state : {OrderState::claimed, OrderState::placed}) {
    auto story = bought("0");
    story.entry().state = state;
    CAPTURE(text(state), story.next());
    CHECK(as<Nothing>(story.next()));
  }
}

TEST_CASE("a trade is not over while a leg of it may still fill") {
  auto story = bought("0.02");
  fill(story.exit(OrderState::closed, "0.02"), "0.02");
  story.stop(OrderState::claimed, "0.02");
  CAPTURE(story.next());
  CHECK_FALSE(as<Settle>(story.next()));
  CHECK_FALSE(sells(story.next()));
}

TEST_CASE("an oversold trade sells nothing") {
  auto story = bought("0.01");
  fill(story.stop(OrderState::closed, "0.01"), "0.01");
  fill(story.target(OrderState::closed, "0.01"), "0.01");
  for (const Word<ExitReason>& reason : {Word<ExitReason>{}, Word<ExitReason>{ExitReason::signal}}) {
    story.around.exit_reason = reason;
    CAPTURE(story.next());
    CHECK_FALSE(sells(story.next()));
  }
}

TEST_CASE("a trade the operator took out of our hands is left alone") {
  auto story = bought("0.02");
  story.trade.record.released = true;
  CHECK_FALSE(sells(story.next()));
  story.working_stop("0.02");
  story.around.exit_reason = ExitReason::signal;
  CAPTURE(story.next());
  CHECK_FALSE(sells(story.next()));
  CHECK_FALSE(as<Cancel>(story.next()));
}

TEST_CASE("with drift nothing is sold beyond what the venue has") {
  auto story = bought("0.02");
  story.around.drifted = true;
  story.around.free_base = qty("0.005");
  CAPTURE(story.next());
  CHECK(sold_by(story.next()) <= qty("0.005"));
  CHECK_FALSE(as<Nothing>(story.next()));
}

// ---- Any trade --------------------------------------------------------------------------------

namespace {

Story any_trade(Dice& dice) {
  constexpr std::array states{OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused,
                              OrderState::lapsed};
  constexpr std::array quantities{"0.001", "0.004", "0.008", "0.0149", "0.02", "0.05"};
  constexpr std::array prices{"2800", "2909.99", "2910", "2999", "3090", "3200"};
  auto story = bought(dice.once_in(4) ? "0" : dice.one_of(quantities));
  auto& entry = story.entry();
  entry.state = dice.one_of(states);
  entry.fees_known = dice.once_in(2);
  entry.fee_base = entry.fees_known && dice.once_in(2) ? qty("0.00001") : qty("0");
  TradeRecord& record = story.trade.record;
  record.plan->flatten_on_breach = dice.once_in(2);
  record.plan->flatten_unprotected = dice.once_in(2);
  record.released = dice.once_in(10);
  if (dice.once_in(2)) record.naked_since = now - std::chrono::seconds{dice.between(0, 300)};
  if (dice.once_in(8)) {
    auto twin = entry;
    twin.client_id = "entry1-twin";
    twin.twin = true;
    story.trade.entries.push_back(twin);
  }
  for (int legs = dice.between(0, 3); legs > 0; --legs) {
    const auto state = dice.one_of(states);
    const auto* const quantity = dice.one_of(quantities);
    auto& order = dice.once_in(2)   ? story.stop(state, quantity)
                  : dice.once_in(2) ? story.target(state, quantity)
                                    : story.exit(state, quantity);
    if (dice.once_in(3)) fill(order, dice.one_of(quantities));
    order.filled = std::min(order.filled, order.quantity);
    if (order.leg == Leg::target && dice.once_in(2)) order.pair = "stop1";
    if (dice.once_in(4)) order.cancel_asked_at = now - 2s;
    if (dice.once_in(6)) order.fired_at = now - std::chrono::seconds{dice.between(0, 10)};
    if (order.state == OrderState::placed && !dice.once_in(3))
      story.sighted.insert(order.client_id);
    else if (order.state == OrderState::placed && dice.once_in(2))
      story.around.mismatched.insert(order.client_id);
  }
  story.around.market.reset();
  if (!dice.once_in(5)) story.around.market = price(dice.one_of(prices));
  story.around.free_base.reset();
  if (!dice.once_in(5)) story.around.free_base = dice.once_in(4) ? qty("0") : qty(dice.one_of(quantities));
  story.around.oco = dice.once_in(2);
  story.around.stop_market = dice.once_in(2);
  story.around.venue_read = !dice.once_in(5);
  story.around.drifted = dice.once_in(6);
  if (dice.once_in(3)) story.around.exit_reason = dice.once_in(2) ? ExitReason::signal : ExitReason::operator_;
  return story;
}

std::string told(const Story& story) {
  std::string out;
  const auto tell = [&](const Order& order) {
    out += order.client_id + " " + std::string{text(order.state)} + " " + order.filled.text() + "/" +
           order.quantity.text() + (order.cancel_asked_at ? " cancel asked" : "") + (order.fired_at ? " fired" : "") +
           (story.sighted.count(order.client_id) != 0 ? " sighted" : "") +
           (story.around.mismatched.count(order.client_id) != 0 ? " mismatched" : "") + "; ";
  };
  for (const auto& order : story.trade.entries) tell(order);
  for (const auto& order : story.trade.legs) tell(order);
  const auto& around = story.around;
  return out + "market " + (around.market ? around.market->text() : "?") + " free " +
         (around.free_base ? around.free_base->text() : "?") + (story.trade.record.released ? " released" : "") +
         (around.oco ? " oco" : "") + (around.venue_read ? "" : " unread") + (around.drifted ? " drifted" : "") +
         " exit " + around.exit_reason.str();
}

}  // namespace

TEST_CASE("whatever a trade looks like, its sums add up") {
  Dice dice{91};
  for (int i = 0; i < 20'000; ++i) {
    const auto story = any_trade(dice);
    INFO(told(story));
    const auto sum = story.exposure();
    Quantity sold;
    for (const auto& leg : story.trade.legs) sold += leg.filled;
    REQUIRE(sum.held == sum.received - sold);
    REQUIRE(sum.naked == sum.held - sum.working);
    REQUIRE_FALSE(sum.working.is_negative());
    REQUIRE_FALSE(sum.asked.is_negative());
    REQUIRE_FALSE(sum.leaving.is_negative());
    Quantity bought_most;
    for (const auto& entry : story.trade.entries) bought_most += entry.filled;
    REQUIRE(sum.received <= bought_most);
    REQUIRE(sum.oversold() == (sum.held < qty("0")));
  }
}

TEST_CASE("whatever a trade looks like, the next move never sells what is not there") {
  Dice dice{92};
  int legs_placed = 0;
  int exits = 0;
  int cancels = 0;
  int settled = 0;
  int stuck = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto story = any_trade(dice);
    const auto sum = story.exposure();
    const auto move = story.next();
    INFO(told(story));
    CAPTURE(move);
    const auto& rules = story.trade.rules();
    const auto live = [](const Order& order) { return order.live(); };
    const auto& legs = story.trade.legs;
    const bool any_live_leg = std::any_of(legs.begin(), legs.end(), live);

    if (sells(move)) {
      const auto quantity = sold_by(move);
      REQUIRE(quantity.is_positive());
      REQUIRE(quantity >= rules.min_quantity);
      REQUIRE(quantity.value.is_multiple_of(rules.step.value));
      if (story.around.free_base) REQUIRE(quantity <= *story.around.free_base);
      REQUIRE_FALSE(sum.oversold());
      REQUIRE_FALSE(story.trade.record.released);
      // Were everything that can still fill to fill, no more than is held would be sold. Targets
      // are left out: they share their coins with a stop, or are the matter of the test below.
      Quantity leaving;
      for (const auto& leg : legs)
        if (leg.live() && leg.leg != Leg::target) leaving += leg.left();
      REQUIRE(quantity + leaving <= sum.held);
    }
    if (as<PlaceLegs>(move)) {
      ++legs_placed;
      if (as<PlaceLegs>(move)->with_target) REQUIRE(story.around.oco);
      REQUIRE(as<PlaceLegs>(move)->levels == sum.levels);
    }
    if (as<PlaceExit>(move)) {
      ++exits;
      REQUIRE_FALSE(any_live_leg);
    }
    if (as<Cancel>(move)) {
      ++cancels;
      REQUIRE_FALSE(as<Cancel>(move)->ids.empty());
      for (const auto& id : as<Cancel>(move)->ids) {
        const auto found =
            std::find_if(legs.begin(), legs.end(), [&](const Order& leg) { return leg.client_id == id; });
        REQUIRE(found != legs.end());  // a cancel names an order of its own trade
        REQUIRE(found->live());
      }
    }
    if (as<Settle>(move)) {
      ++settled;
      REQUIRE_FALSE(any_live_leg);
      for (const auto& entry : story.trade.entries) REQUIRE_FALSE(entry.live());
      if (!story.trade.record.released && !sum.oversold()) REQUIRE(sum.held_is_dust);
    }
    if (as<Stuck>(move)) {
      ++stuck;
      REQUIRE_FALSE(as<Stuck>(move)->why.empty());
    }
    // Naked and not a word about it: that is what this house is built against.
    if (!sum.naked_is_dust && !story.trade.record.released && !any_live_leg)
      REQUIRE_FALSE((as<Nothing>(move) || as<Settle>(move)));
  }
  CHECK(legs_placed > 1'000);
  CHECK(exits > 1'000);
  CHECK(cancels > 1'000);
  CHECK(settled > 1'000);
  CHECK(stuck > 1'000);
}

// Expected to fail until next_move counts what an unbound target may still sell; then the tag goes.
TEST_CASE("whatever a trade looks like, nothing is sold over a target without a live stop") {
  Dice dice{93};
  for (int i = 0; i < 20'000; ++i) {
    const auto story = any_trade(dice);
    const auto& legs = story.trade.legs;
    const auto bound = [&](const Order& target) {
      return std::any_of(legs.begin(), legs.end(), [&](const Order& stop) {
        return stop.leg == Leg::stop && stop.live() && stop.client_id == target.pair;
      });
    };
    Quantity leaving;
    for (const auto& leg : legs)
      if (leg.live() && !(leg.leg == Leg::target && bound(leg))) leaving += leg.left();
    const auto move = story.next();
    INFO(told(story));
    CAPTURE(move);
    if (sells(move)) REQUIRE(sold_by(move) + leaving <= story.exposure().held);
  }
}

}  // namespace tradeguard
