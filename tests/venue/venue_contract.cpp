// What every venue promises: each request is sent at most once, every outcome is what it says,
// whatever is found is the exchange's own record, and the coins of a position are for sale only
// once.
#include "contract.hpp"
#include "orders.hpp"
#include "venues.hpp"

#define VENUE_CONTRACT(sentence)                                                                                      \
  TRADEGUARD_CONTRACT(VenueUnderTest, VenueKind, venues, venue, INTERNAL_CATCH_UNIQUE_NAME(venue_contract), sentence, \
                      "[venue]")

namespace tradeguard::contract {
namespace {

// Longer than any exchange needs to look at an order and to show it, shorter than any request is
// valid.
constexpr Micros a_moment = 1s;

void wait(VenueUnderTest& venue) { venue.clock().advance(a_moment); }
Instant now(VenueUnderTest& venue) { return venue.placer().venue_time().value(); }

// The stop this venue can do, at 2910 as the plan of a fill at 3000 has it.
Order stop_for(VenueUnderTest& venue, const std::string& name, const char* quantity, const char* trigger = "2910",
               const char* limit = "2880.9") {
  return venue.protector().traits().stop_market ? stop_market(name, quantity, trigger, now(venue))
                                                : stop_limit(name, quantity, trigger, limit, now(venue));
}

// Buys and waits until the exchange is done; what was received after fees is 0.999 of it.
Order bought(VenueUnderTest& venue, const std::string& name = "entry", const char* quantity = "1") {
  auto order = entry(name, quantity, now(venue));
  REQUIRE(is<Accepted>(place(venue.placer(), order)));
  wait(venue);
  REQUIRE(sight(venue.placer(), order).status == VenueStatus::filled);
  return order;
}

// ---- Entries ---------------------------------------------------------------------------------

VENUE_CONTRACT("an entry is accepted under an id, fills, and is found by its client id alone") {
  const auto order = entry("entry", "0.5", now(venue));
  const auto outcome = place(venue.placer(), order);
  REQUIRE(is<Accepted>(outcome));
  const auto& accepted = std::get<Accepted>(outcome);
  CHECK_FALSE(accepted.venue_id.empty());
  CHECK(accepted.record.has_value() == venue.placer().traits().answers_are_sightings);

  wait(venue);
  const auto sighting = sight(venue.placer(), order);
  CHECK(sighting.client_id == order.client_id);
  CHECK(sighting.venue_id == accepted.venue_id);
  CHECK(sighting.symbol == eth());
  CHECK(sighting.side == Side::buy);
  CHECK(sighting.type == OrderType::market);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.quantity == qty("0.5"));
  CHECK(sighting.filled == qty("0.5"));
  CHECK(sighting.filled_value == money("1500"));
  REQUIRE(sighting.fee_base);
  CHECK(*sighting.fee_base <= qty("0.0005"));
  CHECK(sighting.exchange_time >= order.stamp);
  CHECK(sighting.at == now(venue));
}

VENUE_CONTRACT("answers stand in the order of the requests") {
  const auto stamp = now(venue);
  const std::vector<Order> orders{entry("a", "0.01", stamp), entry("b", "0.00001", stamp), entry("c", "0.02", stamp),
                                  entry("d", "0.00001", stamp)};
  const auto outcomes = venue.placer().place(TestTickets::of(orders));
  REQUIRE(outcomes.size() == 4);
  CHECK(is<Accepted>(outcomes[0]));
  CHECK(is<Refused>(outcomes[1]));
  CHECK(is<Accepted>(outcomes[2]));
  CHECK(is<Refused>(outcomes[3]));
  wait(venue);
  CHECK(sight(venue.placer(), orders[0]).filled == qty("0.01"));
  CHECK(sight(venue.placer(), orders[2]).filled == qty("0.02"));
}

VENUE_CONTRACT("a call without requests does nothing") {
  CHECK(venue.placer().place({}).empty());
  CHECK(venue.protector().protect({}).empty());
  CHECK(venue.protector().flatten({}).empty());
  CHECK(venue.placer().find({}).empty());
  CHECK(venue.placer().cancel({}).empty());
}

// A process that slept between claim and send is stopped here, and by the venue itself.
VENUE_CONTRACT("what would arrive after its time is not sent") {
  auto late = entry("late", "0.5", now(venue));
  venue.clock().advance(8s + 1us);
  const auto outcome = place(venue.placer(), late);
  REQUIRE(is<Unsent>(outcome));
  CHECK(std::get<Unsent>(outcome).why == Unsent::Why::too_late);
  CHECK(venue.truth(late.client_id).empty());

  auto in_time = entry("in-time", "0.5", now(venue));
  venue.clock().advance(8s);
  CHECK(is<Accepted>(place(venue.placer(), in_time)));
}

VENUE_CONTRACT("legs and exits are bound to their time as entries are") {
  bought(venue);
  auto stop = stop_for(venue, "stop", "0.9");
  auto exit = exit_of("exit", "0.5", now(venue));
  venue.clock().advance(9s);
  CHECK(is<Unsent>(protect(venue.protector(), stop)));
  CHECK(is<Unsent>(flatten(venue.protector(), exit)));
  CHECK(venue.truth(stop.client_id).empty());
  CHECK(venue.truth(exit.client_id).empty());
}

VENUE_CONTRACT("a clock three seconds off is told, and a request from the future is not looked at") {
  const auto ours = venue.clock().now();
  venue.set_clock_ahead(3s);
  CHECK(venue.placer().venue_time() == ours + 3s);
  CHECK(is<Accepted>(place(venue.placer(), entry("slow", "0.1", ours))));

  venue.set_clock_ahead(-3s);
  CHECK(venue.placer().venue_time() == ours - 3s);
  const auto outcome = place(venue.placer(), entry("fast", "0.1", ours));
  REQUIRE(is<Unsent>(outcome));
  CHECK(std::get<Unsent>(outcome).why == Unsent::Why::clock);
  CHECK(venue.truth("tg1-fast").empty());
}

VENUE_CONTRACT("what the market's rules forbid is refused with a code and leaves no order") {
  const auto refused = [&](const Order& order) {
    const auto outcome = order.leg == Leg::entry ? place(venue.placer(), order) : protect(venue.protector(), order);
    INFO(describe(outcome));
    REQUIRE(is<Refused>(outcome));
    CHECK_FALSE(std::get<Refused>(outcome).code.empty());
    CHECK(venue.truth(order.client_id).empty());
  };
  bought(venue);
  refused(entry("small", "0.0009", now(venue)));
  refused(entry("step", "0.10001", now(venue)));
  refused(entry("none", "0", now(venue)));
  refused(entry("huge", "1001", now(venue)));
  refused(entry("cheap", "0.0016", now(venue)));
  refused(stop_for(venue, "tick", "0.5", "2910.001"));
}

// Where the answer is no more than a receipt, the refusal shows in the order's own record.
VENUE_CONTRACT("what the account cannot pay for does not fill") {
  const auto order = entry("rich", "4", now(venue));
  const auto outcome = place(venue.placer(), order);
  if (venue.placer().traits().answers_are_sightings) {
    REQUIRE(is<Refused>(outcome));
    CHECK(venue.truth(order.client_id).empty());
  } else {
    REQUIRE(is<Accepted>(outcome));
    wait(venue);
    const auto sighting = sight(venue.placer(), order);
    CHECK(sighting.status == VenueStatus::rejected);
    CHECK(sighting.filled == Quantity{});
    CHECK_FALSE(sighting.reason.empty());
  }
  CHECK(balance(venue.protector(), "USDT").free == Decimal{10'000});
}

VENUE_CONTRACT("under an id that rests nothing new is accepted, or a reading shows both") {
  bought(venue);
  const auto first = stop_for(venue, "stop", "0.4");
  const auto again = stop_for(venue, "stop", "0.4", "2900");
  REQUIRE(is<Accepted>(protect(venue.protector(), first)));
  wait(venue);
  const auto outcome = protect(venue.protector(), again);
  wait(venue);
  const auto lookup = find(venue.placer(), first);
  REQUIRE(lookup);
  if (venue.placer().traits().duplicate_ids_refused) {
    // An order exists: "refused", which says that none does, would be wrong.
    CHECK(is<InDoubt>(outcome));
    REQUIRE(lookup->found.size() == 1);
    CHECK(sighted_as_planned(first, lookup->found.front()));
  } else {
    CHECK(is<Accepted>(outcome));
    REQUIRE(lookup->found.size() == 2);
    CHECK(lookup->found[0].venue_id != lookup->found[1].venue_id);
  }
}

// ---- Outcomes of a bad day ---------------------------------------------------------------------

struct Case {
  Mishap mishap;
  std::size_t outcome;  // the index in PlaceOutcome
  std::size_t orders;   // what the exchange has afterwards
};
constexpr std::size_t refused = 1;
constexpr std::size_t unsent = 2;
constexpr std::size_t in_doubt = 3;
const std::vector<Case> bad_answers{
    {Mishap::not_connected, unsent, 0},         {Mishap::throttled, unsent, 0},
    {Mishap::clock_refused, unsent, 0},         {Mishap::dropped, in_doubt, 0},
    {Mishap::accepted_dropped, in_doubt, 1},    {Mishap::accepted_500, in_doubt, 1},
    {Mishap::accepted_timeout, in_doubt, 1},    {Mishap::accepted_empty, in_doubt, 1},
    {Mishap::refused_min_quantity, refused, 0}, {Mishap::refused_min_notional, refused, 0},
    {Mishap::refused_tick, refused, 0},         {Mishap::refused_step, refused, 0},
    {Mishap::refused_balance, refused, 0},      {Mishap::refused_margin, refused, 0},
    {Mishap::refused_permission, refused, 0},   {Mishap::refused_auth, refused, 0},
    {Mishap::refused_unsupported, refused, 0},  {Mishap::refused_in_200, refused, 0},
    {Mishap::refused_with_id, in_doubt, 1},     {Mishap::duplicate, in_doubt, 0},
};

VENUE_CONTRACT("each bad answer to an entry has its outcome, and nothing is sent twice") {
  for (const auto& one : bad_answers) {
    const std::string name{text(one.mishap)};
    INFO(name);
    venue.faults().clear();
    venue.faults().on(VenueVerb::place, one.mishap);
    const auto order = entry(name, "0.01", now(venue));
    CHECK(place(venue.placer(), order).index() == one.outcome);
    wait(venue);
    CHECK(venue.truth(order.client_id).size() == one.orders);
  }
}

VENUE_CONTRACT("each bad answer to a stop and to an exit has the same outcome") {
  bought(venue);
  for (const auto& one : bad_answers) {
    const std::string name{text(one.mishap)};
    INFO(name);
    venue.faults().clear();
    venue.faults().on(VenueVerb::protect, one.mishap).on(VenueVerb::flatten, one.mishap);
    const auto stop = stop_for(venue, name + "-stop", "0.01");
    const auto exit = exit_of(name + "-exit", "0.01", now(venue));
    CHECK(protect(venue.protector(), stop).index() == one.outcome);
    CHECK(flatten(venue.protector(), exit).index() == one.outcome);
    wait(venue);
    CHECK(venue.truth(stop.client_id).size() == one.orders);
    CHECK(venue.truth(exit.client_id).size() == one.orders);
  }
}

VENUE_CONTRACT("of a burst only what the bad day meant is spoilt") {
  venue.faults().on(VenueVerb::place, Mishap::accepted_dropped, {.from = 2});
  const auto stamp = now(venue);
  const std::vector<Order> orders{entry("a", "0.01", stamp), entry("b", "0.01", stamp), entry("c", "0.01", stamp)};
  const auto outcomes = venue.placer().place(TestTickets::of(orders));
  CHECK(is<Accepted>(outcomes[0]));
  CHECK(is<InDoubt>(outcomes[1]));
  CHECK(is<Accepted>(outcomes[2]));
  wait(venue);
  for (const auto& order : orders) CHECK(venue.truth(order.client_id).size() == 1);
}

VENUE_CONTRACT("an order may be acknowledged and be REJECTED in its own record") {
  venue.faults().on(VenueVerb::place, Mishap::rejected_later);
  const auto order = entry("entry", "0.01", now(venue));
  const auto outcome = place(venue.placer(), order);
  REQUIRE(is<Accepted>(outcome));
  CHECK_FALSE(std::get<Accepted>(outcome).record);
  wait(venue);
  const auto sighting = sight(venue.placer(), order);
  CHECK(sighting.status == VenueStatus::rejected);
  CHECK(sighting.filled == Quantity{});
  CHECK(balance(venue.protector(), "USDT").free == Decimal{10'000});
}

VENUE_CONTRACT("a partly filled order that is cancelled keeps what it filled") {
  venue.faults().on(VenueVerb::place, Mishap::part_then_cancelled);
  const auto order = entry("entry", "1", now(venue));
  REQUIRE(is<Accepted>(place(venue.placer(), order)));
  wait(venue);
  // Where the answer is a sighting the part was shown there; else the first reading shows it, and of
  // several views one may show the end already.
  if (!venue.placer().traits().answers_are_sightings) {
    const auto first = sight(venue.placer(), order);
    CHECK((first.status == VenueStatus::open || first.status == VenueStatus::cancelled));
    CHECK(first.filled == qty("0.5"));
  }
  const auto sighting = sight(venue.placer(), order);
  CHECK(sighting.status == VenueStatus::cancelled);
  CHECK(sighting.filled == qty("0.5"));
  CHECK(sighting.filled_value == money("1500"));
  const auto usdt = balance(venue.protector(), "USDT");
  CHECK(usdt.free == usdt.total);
}

VENUE_CONTRACT("an order the exchange cancels unfilled shows that nothing was filled") {
  venue.faults().on(VenueVerb::place, Mishap::cancelled_with_zero);
  const auto order = entry("entry", "1", now(venue));
  REQUIRE(is<Accepted>(place(venue.placer(), order)));
  wait(venue);
  const auto sighting = sight(venue.placer(), order);
  CHECK(sighting.status == VenueStatus::cancelled);
  CHECK(sighting.filled == Quantity{});
  CHECK(balance(venue.protector(), "USDT").total == Decimal{10'000});
}

VENUE_CONTRACT("a trigger stored as a plain LIMIT does not pass for the stop that was planned") {
  bought(venue);
  venue.faults().on(VenueVerb::protect, Mishap::stored_as_limit);
  const auto stop = stop_for(venue, "stop", "0.9");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  wait(venue);
  const auto sighting = sight(venue.placer(), stop);
  CHECK(sighting.status == VenueStatus::open);
  CHECK(sighting.type == OrderType::limit);
  CHECK_FALSE(sighted_as_planned(stop, sighting));
  venue.trade_at(price("2000"));
  wait(venue);
  CHECK(sight(venue.placer(), stop).filled == Quantity{});
}

VENUE_CONTRACT("a fee is reported in base only where base was taken") {
  venue.faults().on(VenueVerb::place, Mishap::fee_in_base, {.from = 1});
  venue.faults().on(VenueVerb::place, Mishap::fee_in_other, {.from = 2});
  const auto in_base = bought(venue, "in-base", "1");
  const auto in_other = bought(venue, "in-other", "1");
  CHECK(sight(venue.placer(), in_base).fee_base == qty("0.001"));
  CHECK(sight(venue.placer(), in_other).fee_base == Quantity{});
  CHECK(balance(venue.protector(), "ETH").total == dec("1.999"));
}

// ---- Reading -----------------------------------------------------------------------------------

VENUE_CONTRACT("emptiness is worth something only when every view was read") {
  const auto order = entry("nobody", "1", now(venue));
  const auto nothing = find(venue.placer(), order);
  REQUIRE(nothing);
  CHECK(nothing->found.empty());
  CHECK(nothing->every_view_read);
  CHECK(nothing->read_began == now(venue));

  venue.faults().on(VenueVerb::find, Mishap::view_truncated);
  const auto truncated = find(venue.placer(), order);
  REQUIRE(truncated);
  CHECK(truncated->found.empty());
  CHECK_FALSE(truncated->every_view_read);
}

VENUE_CONTRACT("an order may stay unknown to the first queries") {
  const auto order = bought(venue);
  venue.faults().on(VenueVerb::find, Mishap::unknown_order, {.times = 3});
  for (int i = 0; i < 3; ++i) {
    const auto lookup = find(venue.placer(), order);
    REQUIRE(lookup);
    CHECK(lookup->found.empty());
    CHECK(lookup->every_view_read);
  }
  CHECK(sight(venue.placer(), order).status == VenueStatus::filled);
}

VENUE_CONTRACT("what the venue leaves out or says in unknown words is not guessed") {
  const auto order = bought(venue);
  venue.faults().on(VenueVerb::find, Mishap::unknown_status);
  CHECK(sight(venue.placer(), order).status == VenueStatus::unknown);

  venue.faults().on(VenueVerb::find, Mishap::filled_without_quantity);
  const auto without_quantity = sight(venue.placer(), order);
  CHECK(without_quantity.status == VenueStatus::filled);
  CHECK_FALSE(without_quantity.filled);

  venue.faults().on(VenueVerb::find, Mishap::filled_without_price);
  const auto without_price = sight(venue.placer(), order);
  CHECK(without_price.filled == qty("1"));
  CHECK_FALSE(without_price.filled_value);

  venue.faults().on(VenueVerb::find, Mishap::fees_unread);
  CHECK_FALSE(sight(venue.placer(), order).fee_base);
}

VENUE_CONTRACT("a reading that failed is an error and not an empty answer") {
  bought(venue);
  venue.faults()
      .on(VenueVerb::find, Mishap::read_fails)
      .on(VenueVerb::rules, Mishap::read_fails)
      .on(VenueVerb::quotes, Mishap::read_fails)
      .on(VenueVerb::balances, Mishap::read_fails)
      .on(VenueVerb::venue_time, Mishap::read_fails)
      .on(VenueVerb::own_orders, Mishap::read_fails);
  CHECK_FALSE(venue.placer().venue_time());
  CHECK_FALSE(find(venue.placer(), entry("entry", "1", {})));
  CHECK_FALSE(venue.placer().rules({eth()}));
  CHECK_FALSE(venue.protector().quotes({eth()}));
  CHECK_FALSE(venue.protector().balances());
  CHECK_FALSE(venue.placer().own_orders({}));
  // And then all is well again.
  CHECK(venue.placer().venue_time());
  CHECK(venue.placer().rules({eth()}));
  CHECK(venue.protector().quotes({eth()}));
  CHECK(venue.protector().balances());
  CHECK(venue.placer().own_orders({}));
}

VENUE_CONTRACT("rules and quotes tell the market, and a market they miss is absent") {
  const auto rules = venue.placer().rules({eth()});
  REQUIRE(rules);
  CHECK(rules->at(eth()).tick == price("0.01"));
  CHECK(rules->at(eth()).step == qty("0.0001"));
  CHECK(rules->at(eth()).min_quantity == qty("0.001"));
  CHECK(rules->at(eth()).min_notional == money("5"));
  CHECK(rules->at(eth()).highest_fee_rate == dec("0.001"));
  CHECK(rules->at(eth()).tradable);

  venue.trade_at(price("3100.5"));
  const auto quotes = venue.protector().quotes({eth()});
  REQUIRE(quotes);
  CHECK(quotes->at(eth()).last == price("3100.5"));
  CHECK(quotes->at(eth()).at == now(venue));

  venue.faults()
      .on(VenueVerb::rules, Mishap::left_out, {.symbol = eth()})
      .on(VenueVerb::quotes, Mishap::left_out, {.symbol = eth()});
  CHECK(venue.placer().rules({eth()})->empty());
  CHECK(venue.protector().quotes({eth()})->empty());
}

VENUE_CONTRACT("the own orders are those with our ids that are open or young enough") {
  const auto old = bought(venue, "old", "1");
  const auto stop = stop_for(venue, "stop", "0.5");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  venue.clock().advance(1h);
  const auto since = now(venue);
  const auto young = bought(venue, "young", "0.5");

  std::set<ClientOrderId> ids;
  const auto own = venue.placer().own_orders(since);
  REQUIRE(own);
  for (const auto& sighting : *own) ids.insert(sighting.client_id);
  CHECK(ids == std::set<ClientOrderId>{stop.client_id, young.client_id});
  CHECK(venue.placer().own_orders(old.stamp)->size() == 3);
}

// ---- Legs --------------------------------------------------------------------------------------

VENUE_CONTRACT("a stop rests as planned, locks its coins and sells when the price falls to it") {
  bought(venue);
  const auto before = balance(venue.protector(), "USDT").total;
  const auto stop = stop_for(venue, "stop", "0.9");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  wait(venue);
  CHECK(sighted_as_planned(stop, sight(venue.placer(), stop)));
  const auto resting = balance(venue.protector(), "ETH");
  CHECK(resting.total - resting.free == dec("0.9"));

  venue.trade_at(price("2910.01"));
  wait(venue);
  CHECK(sight(venue.placer(), stop).status == VenueStatus::open);

  venue.trade_at(price("2910"));
  wait(venue);
  const auto sold = sight(venue.placer(), stop);
  CHECK(sold.status == VenueStatus::filled);
  CHECK(sold.filled == qty("0.9"));
  CHECK(sold.filled_value == money("2619"));
  CHECK_FALSE(sold.fired);
  const auto after = balance(venue.protector(), "ETH");
  CHECK(after.total == resting.total - dec("0.9"));
  CHECK(after.free == after.total);
  // 2619 less the fee of 0.1 %.
  CHECK(balance(venue.protector(), "USDT").total == before + dec("2616.381"));
}

VENUE_CONTRACT("a gap through the stop deals at the gap's price, or leaves a stop-limit fired") {
  bought(venue);
  const auto stop = stop_for(venue, "stop", "0.9");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  wait(venue);
  venue.trade_at(price("2500"));
  wait(venue);
  const auto sighting = sight(venue.placer(), stop);
  if (venue.protector().traits().stop_market) {
    CHECK(sighting.status == VenueStatus::filled);
    CHECK(sighting.filled_value == money("2250"));
    return;
  }
  CHECK(sighting.status == VenueStatus::open);
  CHECK(sighting.fired);
  CHECK(sighting.filled == Quantity{});
  // The price comes back to the limit.
  venue.trade_at(price("2890"));
  wait(venue);
  const auto sold = sight(venue.placer(), stop);
  CHECK(sold.status == VenueStatus::filled);
  CHECK(sold.filled_value == money("2592.81"));
}

VENUE_CONTRACT("a stop the market has passed already does not rest") {
  bought(venue);
  venue.trade_at(price("2900"));
  wait(venue);
  const auto stop = stop_for(venue, "stop", "0.9");
  const auto outcome = protect(venue.protector(), stop);
  wait(venue);
  if (venue.placer().traits().answers_are_sightings) {
    CHECK(is<Refused>(outcome));
    CHECK(venue.truth(stop.client_id).empty());
  } else {
    CHECK(sight(venue.placer(), stop).status == VenueStatus::rejected);
  }
}

VENUE_CONTRACT("coins that rest in one order are not for sale in another") {
  bought(venue);
  REQUIRE(is<Accepted>(protect(venue.protector(), stop_for(venue, "stop", "0.9"))));
  wait(venue);
  const auto exit = exit_of("exit", "0.9", now(venue));
  const auto outcome = flatten(venue.protector(), exit);
  wait(venue);
  if (venue.placer().traits().answers_are_sightings) {
    CHECK(is<Refused>(outcome));
  } else {
    CHECK(sight(venue.placer(), exit).status == VenueStatus::rejected);
  }
  CHECK(balance(venue.protector(), "ETH").free < dec("0.9"));
}

VENUE_CONTRACT("an exit sells at the market at once") {
  bought(venue);
  const auto before = balance(venue.protector(), "USDT").total;
  venue.trade_at(price("3050"));
  wait(venue);
  const auto exit = exit_of("exit", "0.9", now(venue));
  REQUIRE(is<Accepted>(flatten(venue.protector(), exit)));
  wait(venue);
  const auto sighting = sight(venue.placer(), exit);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.filled_value == money("2745"));
  CHECK(balance(venue.protector(), "USDT").total == before + dec("2742.255"));
}

VENUE_CONTRACT("a pair rests on the same coins, where the venue has pairs, and a lone stop where not") {
  bought(venue);
  const auto stop = stop_for(venue, "stop", "0.9");
  const auto limit = target("target", "0.9", "3090", now(venue));
  const auto outcome = protect(venue.protector(), stop, limit);
  wait(venue);
  REQUIRE(is<Accepted>(outcome.stop));
  REQUIRE(outcome.target);
  CHECK(sighted_as_planned(stop, sight(venue.placer(), stop)));
  const auto coins = balance(venue.protector(), "ETH");
  CHECK(coins.total - coins.free == dec("0.9"));
  if (venue.protector().traits().oco) {
    CHECK(is<Accepted>(*outcome.target));
    CHECK(sighted_as_planned(limit, sight(venue.placer(), limit)));
  } else {
    CHECK(is<Refused>(*outcome.target));
    CHECK(venue.truth(limit.client_id).empty());
  }
}

VENUE_CONTRACT("one leg's fill cancels the other") {
  if (!venue.protector().traits().oco) return;
  bought(venue, "first", "1");
  bought(venue, "second", "1");
  const auto low_stop = stop_for(venue, "stop-a", "0.9");
  const auto low_target = target("target-a", "0.9", "3500", now(venue));
  const auto high_stop = stop_for(venue, "stop-b", "0.9", "2500", "2400");
  const auto high_target = target("target-b", "0.9", "3090", now(venue));
  protect(venue.protector(), low_stop, low_target);
  protect(venue.protector(), high_stop, high_target);
  wait(venue);

  venue.trade_at(price("3095"));
  wait(venue);
  const auto sold = sight(venue.placer(), high_target);
  CHECK(sold.status == VenueStatus::filled);
  CHECK(sold.filled_value == money("2781"));
  CHECK(sight(venue.placer(), high_stop).status == VenueStatus::cancelled);
  CHECK(sight(venue.placer(), low_target).status == VenueStatus::open);

  venue.trade_at(price("2905"));
  wait(venue);
  CHECK(sight(venue.placer(), low_stop).status == VenueStatus::filled);
  CHECK(sight(venue.placer(), low_target).status == VenueStatus::cancelled);
  const auto coins = balance(venue.protector(), "ETH");
  CHECK(coins.free == coins.total);
}

VENUE_CONTRACT("the answer to a pair is one answer") {
  if (!venue.protector().traits().oco) return;
  bought(venue);
  venue.faults().on(VenueVerb::protect, Mishap::accepted_timeout);
  const auto stop = stop_for(venue, "stop", "0.9");
  const auto limit = target("target", "0.9", "3090", now(venue));
  const auto outcome = protect(venue.protector(), stop, limit);
  CHECK(is<InDoubt>(outcome.stop));
  REQUIRE(outcome.target);
  CHECK(is<InDoubt>(*outcome.target));
  wait(venue);
  CHECK(venue.truth(stop.client_id).size() == 1);
  CHECK(venue.truth(limit.client_id).size() == 1);
}

VENUE_CONTRACT("a pair may be accepted and lose either leg to a rejection") {
  if (!venue.protector().traits().oco) return;
  bought(venue, "first", "1");
  bought(venue, "second", "1");
  venue.faults().on(VenueVerb::protect, Mishap::rejected_later, {.leg = Leg::stop});
  const auto stop = stop_for(venue, "stop-a", "0.9");
  const auto limit = target("target-a", "0.9", "3090", now(venue));
  protect(venue.protector(), stop, limit);
  wait(venue);
  CHECK(sight(venue.placer(), stop).status == VenueStatus::rejected);
  CHECK(sight(venue.placer(), limit).status == VenueStatus::open);

  venue.faults().on(VenueVerb::protect, Mishap::rejected_later, {.leg = Leg::target});
  const auto other_stop = stop_for(venue, "stop-b", "0.9");
  const auto other_limit = target("target-b", "0.9", "3090", now(venue));
  protect(venue.protector(), other_stop, other_limit);
  wait(venue);
  CHECK(sight(venue.placer(), other_stop).status == VenueStatus::open);
  CHECK(sight(venue.placer(), other_limit).status == VenueStatus::rejected);
}

// ---- Cancelling --------------------------------------------------------------------------------

VENUE_CONTRACT("a cancelled order is read back cancelled and frees its coins") {
  bought(venue);
  const auto stop = stop_for(venue, "stop", "0.9");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  wait(venue);
  CHECK(is<CancelAcknowledged>(cancel(venue.protector(), stop)));
  wait(venue);
  const auto sighting = sight(venue.placer(), stop);
  CHECK(sighting.status == VenueStatus::cancelled);
  CHECK(sighting.filled == Quantity{});
  const auto coins = balance(venue.protector(), "ETH");
  CHECK(coins.free == coins.total);
  CHECK(is<CancelGone>(cancel(venue.protector(), stop)));
  venue.trade_at(price("2000"));
  wait(venue);
  CHECK(sight(venue.placer(), stop).filled == Quantity{});
}

VENUE_CONTRACT("what is not there, or filled, cannot be cancelled") {
  const auto order = bought(venue);
  CHECK(is<CancelGone>(cancel(venue.protector(), order)));
  CHECK(is<CancelGone>(cancel(venue.protector(), entry("nobody", "1", now(venue)))));
  CHECK(sight(venue.placer(), order).status == VenueStatus::filled);
}

VENUE_CONTRACT("each bad answer to a cancel has its outcome") {
  struct CancelCase {
    Mishap mishap;
    std::size_t outcome;  // the index in CancelOutcome
    VenueStatus status;
  };
  const std::vector<CancelCase> cases{
      {Mishap::cancel_ignored, 0, VenueStatus::open},   {Mishap::filled_before_cancel, 1, VenueStatus::filled},
      {Mishap::cancel_unsent, 2, VenueStatus::open},    {Mishap::cancel_dropped, 3, VenueStatus::open},
      {Mishap::cancel_lost, 3, VenueStatus::cancelled},
  };
  bought(venue);
  for (const auto& one : cases) {
    const std::string name{text(one.mishap)};
    INFO(name);
    const auto stop = stop_for(venue, name, "0.1");
    REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
    wait(venue);
    venue.faults().clear();
    venue.faults().on(VenueVerb::cancel, one.mishap);
    CHECK(cancel(venue.protector(), stop).index() == one.outcome);
    wait(venue);
    CHECK(sight(venue.placer(), stop).status == one.status);
  }
}

// ---- Over processes ----------------------------------------------------------------------------

VENUE_CONTRACT("the exchange outlives our process") {
  const auto order = bought(venue);
  const auto stop = stop_for(venue, "stop", "0.9");
  REQUIRE(is<Accepted>(protect(venue.protector(), stop)));
  wait(venue);
  const auto coins = balance(venue.protector(), "ETH");

  venue.restart();
  CHECK(sight(venue.placer(), order).status == VenueStatus::filled);
  CHECK(sighted_as_planned(stop, sight(venue.placer(), stop)));
  CHECK(balance(venue.protector(), "ETH").free == coins.free);
  CHECK(balance(venue.protector(), "ETH").total == coins.total);

  // It deals while nobody of ours is there, and the next process reads of it.
  venue.trade_at(price("2900"));
  wait(venue);
  venue.restart();
  CHECK(sight(venue.placer(), stop).status == VenueStatus::filled);
  const auto next = bought(venue, "next", "0.1");
  CHECK(std::stoll(sight(venue.placer(), next).venue_id) > std::stoll(sight(venue.placer(), stop).venue_id));
}

}  // namespace
}  // namespace tradeguard::contract
