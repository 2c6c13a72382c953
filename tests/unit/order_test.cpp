// Orders: their words, their ids, and when a sighting shows what was planned.
#include "tradeguard/order.hpp"

#include <functional>
#include <set>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

const AccountKey paper{"paper", "main"};
const AccountKey binance{"binance", "main"};
constexpr auto legs = {Leg::entry, Leg::stop, Leg::target, Leg::exit};

Order stop_limit() {
  Order order{.symbol = symbol("ETH_USDT")};
  order.client_id = "tg1-s1-x";
  order.leg = Leg::stop;
  order.side = Side::sell;
  order.type = OrderType::stop_limit;
  order.quantity = qty("0.0149");
  order.price = price("3217.49");
  order.trigger = price("3249.99");
  return order;
}

// What the venue shows of an order that rests exactly as it was asked for.
Sighting as_asked(const Order& order) {
  return {.client_id = order.client_id,
          .symbol = order.symbol,
          .side = order.side,
          .type = order.type,
          .status = VenueStatus::open,
          .quantity = order.quantity,
          .price = order.price,
          .trigger = order.trigger};
}

}  // namespace

// ---- Words ------------------------------------------------------------------------------------

TEST_CASE("legs, types and states are written and read by the same words") {
  for (const auto leg : legs) CHECK(parse_leg(text(leg)) == leg);
  for (const auto type : {OrderType::market, OrderType::stop_market, OrderType::stop_limit, OrderType::limit})
    CHECK(parse_order_type(text(type)) == type);
  for (const auto state :
       {OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused, OrderState::lapsed})
    CHECK(parse_order_state(text(state)) == state);
  CHECK(text(Leg::exit) == "exit");
  CHECK(text(OrderType::stop_market) == "stop_market");
  CHECK(text(OrderState::claimed) == "claimed");
  CHECK(text(VenueStatus::rejected) == "rejected");
}

TEST_CASE("a word that is none of ours is not read") {
  const auto word = GENERATE(as<std::string>{}, "", "Entry", "entry ", "unknown", "STOP");
  CAPTURE(word);
  CHECK_FALSE(parse_leg(word));
  CHECK_FALSE(parse_order_type(word));
  CHECK_FALSE(parse_order_state(word));
}

// ---- Ids --------------------------------------------------------------------------------------

// These were computed by another program from the description of the hash. A change of any of them
// is a second entry for every open trade: it is never right.
TEST_CASE("client order ids are fixed for good") {
  CHECK(client_order_id(paper, "ETH_USDT:BUY:2025-01-01T12:00:00", Leg::entry, 1) ==
        "tg1-e1-2dvn4as81vp328w5tj7tqgyvjz");
  const auto entry = client_order_id(binance, "BTC_USDT:BUY:id=abc", Leg::entry, 1);
  CHECK(entry == "tg1-e1-78qh07xbs9d0wpgc8cbapx7110");
  CHECK(client_order_id(binance, entry, Leg::stop, 1) == "tg1-s1-1dzyrvbqa1rgn6yxh1exhbxzz8");
  CHECK(client_order_id(binance, entry, Leg::target, 2) == "tg1-t2-4223v13qeecyz0698dvz9cxf4w");
  CHECK(client_order_id(binance, entry, Leg::exit, 9999) == "tg1-x9999-5jxn6gt6k76vkn93cedrx8qrym");
}

TEST_CASE("lock keys are fixed for good, and never negative") {
  CHECK(lock_key(paper) == 7372240135929391553);
  CHECK(lock_key(binance) == 3847385534669565485);
  CHECK(lock_key({"cryptocom", "main"}) == 3709517205154860133);
  CHECK(lock_key({"", ""}) == 6174940297403340712);
  for (int i = 0; i < 1'000; ++i) CHECK(lock_key({"paper", std::to_string(i)}) >= 0);
}

TEST_CASE("a client order id fits every venue: at most 36 of [a-z0-9-]") {
  Dice dice{51};
  for (int i = 0; i < 5'000; ++i) {
    for (const auto leg : legs) {
      const auto id = client_order_id({dice.bytes(8), dice.bytes(8)}, dice.bytes(40), leg, dice.between(1, 9999));
      CAPTURE(id);
      REQUIRE(id.size() <= 36);
      REQUIRE(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
      REQUIRE(id.substr(0, client_id_prefix.size()) == client_id_prefix);
    }
  }
}

TEST_CASE("a client order id is never used twice") {
  std::set<ClientOrderId> ids;
  for (const auto& account : {paper, binance, AccountKey{"paper", "second"}})
    for (const auto* of : {"ETH_USDT:BUY:2025-01-01T12:00:00", "ETH_USDT:BUY:2025-01-01T12:01:00",
                           "ETH_USD:BUY:2025-01-01T12:00:00", "ETH_USDT:BUY:id=1"})
      for (const auto leg : legs)
        for (int attempt = 1; attempt <= 50; ++attempt)
          CHECK(ids.insert(client_order_id(account, of, leg, attempt)).second);
}

TEST_CASE("where one part of an id ends and the next begins matters") {
  const auto hash = [](const AccountKey& account, std::string_view of, int attempt = 1) {
    const auto id = client_order_id(account, of, Leg::entry, attempt);
    return id.substr(id.rfind('-'));
  };
  CHECK(hash({"ab", "c"}, "d") != hash({"a", "bc"}, "d"));
  CHECK(hash({"ab", "c"}, "d") != hash({"ab", "cd"}, ""));
  CHECK(hash({"a", ""}, "b") != hash({"a", "b"}, ""));
  CHECK(hash({"a", "b"}, "c", 11) != hash({"a", "b"}, "c1", 1));
  CHECK(hash({"a", "1:b"}, "c") != hash({"a1:", "b"}, "c"));
}

TEST_CASE("attempts beyond 9,999 have ids of their own, no longer than the others") {
  std::set<ClientOrderId> ids;
  for (const int attempt : {9'999, 10'000, 10'001, 4'000'000}) {
    const auto id = client_order_id(paper, "k", Leg::stop, attempt);
    CHECK(id.size() <= 36);
    CHECK(ids.insert(id).second);
  }
  CHECK(client_order_id(paper, "k", Leg::stop, 10'000).starts_with("tg1-s0-"));
}

TEST_CASE("an attempt that has no id is a broken invariant") {
  CHECK_THROWS_AS(client_order_id(paper, "k", Leg::stop, 0), std::out_of_range);
}

TEST_CASE("what is left of an order is never negative") {
  auto order = stop_limit();
  CHECK(order.left() == qty("0.0149"));
  order.filled = qty("0.01");
  CHECK(order.left() == qty("0.0049"));
  order.filled = qty("0.02");
  CHECK(order.left() == qty("0"));
}

// ---- Sightings --------------------------------------------------------------------------------

TEST_CASE("an order is sighted as planned when it rests exactly as it was asked for") {
  const auto order = stop_limit();
  CHECK(sighted_as_planned(order, as_asked(order)));

  auto half = as_asked(order);
  half.filled = qty("0.007");  // a partial fill rests as planned; its quantity is the whole
  CHECK(sighted_as_planned(order, half));
}

TEST_CASE("a sighting that differs in anything that matters is not as planned") {
  const auto order = stop_limit();
  const std::pair<const char*, std::function<void(Sighting&)>> differences[] = {
      {"symbol", [](Sighting& s) { s.symbol = symbol("ETH_USD"); }},
      {"side", [](Sighting& s) { s.side = Side::buy; }},
      {"type", [](Sighting& s) { s.type = OrderType::limit; }},
      {"market", [](Sighting& s) { s.type = OrderType::stop_market; }},
      {"less", [](Sighting& s) { s.quantity = qty("0.0148"); }},
      {"more", [](Sighting& s) { s.quantity = qty("0.015"); }},
      {"trigger", [](Sighting& s) { s.trigger = price("3249.98"); }},
      {"price", [](Sighting& s) { s.price = price("3217.5"); }},
  };
  for (const auto& [what, change] : differences) {
    CAPTURE(what);
    auto sighting = as_asked(order);
    change(sighting);
    CHECK_FALSE(sighted_as_planned(order, sighting));
  }
}

TEST_CASE("a level that the venue does not show is not another one") {
  const auto order = stop_limit();
  auto sighting = as_asked(order);
  sighting.trigger.reset();
  CHECK(sighted_as_planned(order, sighting));
  sighting.price = price("3217.5");
  CHECK_FALSE(sighted_as_planned(order, sighting));
}

TEST_CASE("only an order that is open is as planned") {
  const auto order = stop_limit();
  for (const auto status : {VenueStatus::filled, VenueStatus::cancelled, VenueStatus::expired, VenueStatus::rejected,
                            VenueStatus::unknown}) {
    auto sighting = as_asked(order);
    sighting.status = status;
    CAPTURE(text(status));
    CHECK_FALSE(sighted_as_planned(order, sighting));
  }
}

TEST_CASE("each type is compared by the levels it has") {
  auto stop_market = stop_limit();
  stop_market.type = OrderType::stop_market;
  stop_market.price.reset();
  auto sighting = as_asked(stop_market);
  sighting.price = price("0");  // venues fill in what a stop-market order does not have
  CHECK(sighted_as_planned(stop_market, sighting));
  sighting.trigger = price("3200");
  CHECK_FALSE(sighted_as_planned(stop_market, sighting));

  auto target = stop_limit();
  target.leg = Leg::target;
  target.type = OrderType::limit;
  target.trigger.reset();
  CHECK(sighted_as_planned(target, as_asked(target)));
  sighting = as_asked(target);
  sighting.price = price("3217.48");
  CHECK_FALSE(sighted_as_planned(target, sighting));
}

TEST_CASE("a stop without a level agrees with nothing, not even with another one without") {
  auto stop = stop_limit();
  stop.trigger.reset();
  CHECK_FALSE(sighted_as_planned(stop, as_asked(stop)));
  stop = stop_limit();
  stop.price.reset();
  CHECK_FALSE(sighted_as_planned(stop, as_asked(stop)));
}

}  // namespace tradeguard
