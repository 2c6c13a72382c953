// One life for every order. The table stands here as the design has it, cell by cell.
#include "tradeguard/order_state.hpp"

#include <algorithm>
#include <array>

#include "dice.hpp"
#include "shown.hpp"

namespace Catch {
template <>
struct StringMaker<tradeguard::Step> {
  static std::string convert(tradeguard::Step step) {
    constexpr std::array words{"to_claimed", "to_placed", "to_closed", "to_refused",
                               "to_lapsed",  "alarm",     "stale",     "not_asked"};
    return words.at(static_cast<std::size_t>(step));
  }
};
template <>
struct StringMaker<tradeguard::OrderState> {
  static std::string convert(tradeguard::OrderState state) { return std::string{text(state)}; }
};
}  // namespace Catch

namespace tradeguard {
namespace {

constexpr std::array states{OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused,
                            OrderState::lapsed};
constexpr std::array events{OrderEvent::accepted,  OrderEvent::refused,     OrderEvent::unsent,
                            OrderEvent::seen_open, OrderEvent::seen_closed, OrderEvent::absent};

const auto noon = at("2025-01-01T12:00:00Z");

Order claimed() {
  Order order{.client_id = "tg1-e1-x", .trade = "tg1-e1-x", .symbol = symbol("ETH_USDT")};
  order.signal_key = "ETH_USDT:BUY:2025-01-01T12:00:00";
  order.quantity = qty("0.02");
  order.claimed_at = noon;
  order.stamp = noon;
  order.valid_until = noon + 10s;
  return order;
}

Order in_state(OrderState state) {
  auto order = claimed();
  order.state = state;
  return order;
}

Sighting seen(VenueStatus status, std::string_view filled = "0", Instant when = noon + 3s) {
  Sighting sighting{.client_id = "tg1-e1-x",
                    .venue_id = "V1",
                    .symbol = symbol("ETH_USDT"),
                    .side = Side::buy,
                    .type = OrderType::market,
                    .status = status,
                    .quantity = qty("0.02"),
                    .filled = qty(filled),
                    .at = when};
  sighting.filled_value = cost(price("3000"), qty(filled), Rounding::down);
  return sighting;
}

Lookup complete(Instant began) { return {.found = {}, .every_view_read = true, .read_began = began}; }

}  // namespace

// ---- The table --------------------------------------------------------------------------------

TEST_CASE("every state answers every event as the design says") {
  using enum Step;
  // Set off, because its columns are the events.
  // clang-format off
  constexpr Step table[5][6] = {
      //            accepted    refused     unsent     seen_open  seen_closed  absent
      /* claimed */ {to_claimed, to_refused, to_lapsed, to_placed, to_closed,   to_lapsed},
      /* placed  */ {to_placed,  to_placed,  alarm,     to_placed, to_closed,   not_asked},
      /* closed  */ {to_closed,  to_closed,  alarm,     stale,     to_closed,   not_asked},
      /* refused */ {alarm,      to_refused, alarm,     to_placed, to_closed,   to_refused},
      /* lapsed  */ {alarm,      to_lapsed,  to_lapsed, to_placed, to_closed,   to_lapsed},
  };
  // clang-format on
  for (std::size_t s = 0; s < states.size(); ++s)
    for (std::size_t e = 0; e < events.size(); ++e) {
      CAPTURE(text(states[s]), text(events[e]));
      CHECK(next_step(states[s], events[e]) == table[s][e]);
    }
}

TEST_CASE("events have the words of the table") {
  CHECK(text(OrderEvent::accepted) == "accepted");
  CHECK(text(OrderEvent::refused) == "refused");
  CHECK(text(OrderEvent::unsent) == "unsent");
  CHECK(text(OrderEvent::seen_open) == "seen_open");
  CHECK(text(OrderEvent::seen_closed) == "seen_closed");
  CHECK(text(OrderEvent::absent) == "absent");
}

// ---- Answers ----------------------------------------------------------------------------------

TEST_CASE("an acknowledgement is noted, and is no sighting") {
  const auto applied = apply(claimed(), Accepted{"V1", {}}, noon + 1s);
  CHECK(applied.step == Step::to_claimed);
  CHECK(applied.order.state == OrderState::claimed);
  CHECK(applied.order.acknowledged);
  CHECK(applied.order.venue_id == "V1");
  CHECK_FALSE(applied.order.sighted_at);
  CHECK(applied.first_acknowledged);
  CHECK_FALSE(applied.fill_grew);

  const auto again = apply(applied.order, Accepted{"V1", {}}, noon + 2s);
  CHECK_FALSE(again.first_acknowledged);
}

TEST_CASE("an acknowledgement without an id forgets none") {
  auto order = claimed();
  order.venue_id = "V1";
  CHECK(apply(order, Accepted{"", {}}, noon + 1s).order.venue_id == "V1");
}

TEST_CASE("an answer that is the venue's record is a sighting") {
  const auto resting = apply(claimed(), Accepted{"V1", seen(VenueStatus::open, "0.01")}, noon + 1s);
  CHECK(resting.order.state == OrderState::placed);
  CHECK(resting.order.filled == qty("0.01"));
  CHECK(resting.fill_grew);
  CHECK(resting.first_acknowledged);

  const auto done = apply(claimed(), Accepted{"V1", seen(VenueStatus::filled, "0.02")}, noon + 1s);
  CHECK(done.order.state == OrderState::closed);
  CHECK(done.order.filled == qty("0.02"));
  CHECK(done.order.filled_value == money("60"));
  CHECK(done.order.venue_id == "V1");
}

TEST_CASE("a refusal ends a claim and keeps the venue's words") {
  const auto applied = apply(claimed(), Refused{"306", "INSUFFICIENT_BALANCE"}, noon + 1s);
  CHECK(applied.step == Step::to_refused);
  CHECK(applied.order.state == OrderState::refused);
  CHECK(applied.order.reason == "refused 306: INSUFFICIENT_BALANCE");
  CHECK_FALSE(applied.first_acknowledged);
}

TEST_CASE("a sighting is stronger than a refusal that comes late") {
  for (const auto state : {OrderState::placed, OrderState::closed}) {
    const auto applied = apply(in_state(state), Refused{"1", "no"}, noon + 1s);
    CHECK(applied.order.state == state);
    CHECK(applied.step != Step::alarm);
  }
}

TEST_CASE("what was never sent lapses") {
  const auto applied = apply(claimed(), Unsent{Unsent::Why::throttled, "429"}, noon + 1s);
  CHECK(applied.order.state == OrderState::lapsed);
  CHECK_FALSE(applied.proof_was_wrong);
}

TEST_CASE("doubt changes nothing: a claim is in doubt by definition") {
  for (const auto state : states) {
    const auto applied = apply(in_state(state), InDoubt{"no answer"}, noon + 1s);
    CHECK(applied.order == in_state(state));
    CHECK(applied.step != Step::alarm);
    CHECK_FALSE(applied.first_acknowledged);
  }
}

TEST_CASE("what the protocol makes impossible is an alarm and moves nothing") {
  for (const auto state : {OrderState::placed, OrderState::closed, OrderState::refused}) {
    const auto applied = apply(in_state(state), Unsent{Unsent::Why::clock, ""}, noon + 1s);
    CHECK(applied.step == Step::alarm);
    CHECK(applied.order.state == state);
  }
  for (const auto state : {OrderState::refused, OrderState::lapsed}) {
    const auto applied = apply(in_state(state), Accepted{"V1", {}}, noon + 1s);
    CHECK(applied.step == Step::alarm);
    CHECK(applied.order.state == state);
  }
}

// ---- Sightings --------------------------------------------------------------------------------

TEST_CASE("an order that is seen is noted with all the venue says of it") {
  auto sighting = seen(VenueStatus::open, "0.01");
  sighting.exchange_time = noon + 1s;
  const auto applied = apply(claimed(), sighting, noon + 4s);
  CHECK(applied.step == Step::to_placed);
  CHECK(applied.order.state == OrderState::placed);
  CHECK(applied.order.venue_id == "V1");
  CHECK(applied.order.filled == qty("0.01"));
  CHECK(applied.order.filled_value == money("30"));
  CHECK(applied.order.exchange_time == noon + 1s);
  CHECK(applied.order.sighted_at == noon + 3s);
  CHECK(applied.order.acknowledged);
  CHECK(applied.first_acknowledged);
  CHECK(applied.fill_grew);
  CHECK_FALSE(applied.proof_was_wrong);
}

TEST_CASE("an order whose end is seen is closed, however it ended") {
  for (const auto status : {VenueStatus::filled, VenueStatus::cancelled, VenueStatus::expired, VenueStatus::rejected}) {
    CAPTURE(text(status));
    const auto applied = apply(claimed(), seen(status), noon + 4s);
    CHECK(applied.step == Step::to_closed);
    CHECK(applied.order.state == OrderState::closed);
    CHECK(applied.order.closed_at);
  }
}

TEST_CASE("a status that was not understood is neither open nor closed") {
  for (const auto state : states) {
    CAPTURE(text(state));
    CHECK(apply(in_state(state), seen(VenueStatus::unknown), noon + 4s).order.state == state);
  }
}

// Else an order would show nothing for as long as a clock was set back by.
TEST_CASE("a sighting that is more than a minute older than the row was made by a clock set back since, and counts") {
  const auto row = apply(claimed(), seen(VenueStatus::open, "0.01", noon + 1h), noon + 1h).order;
  const auto applied = apply(row, seen(VenueStatus::cancelled, "0.02", noon + 5s), noon + 6s);
  CHECK(applied.step == Step::to_closed);
  CHECK(applied.order.sighted_at == noon + 5s);
  // A fill is never taken back all the same.
  CHECK(apply(row, seen(VenueStatus::cancelled, "0", noon + 5s), noon + 6s).order.filled == row.filled);
}

TEST_CASE("a sighting older than the row is dropped") {
  const auto row = apply(claimed(), seen(VenueStatus::open, "0.01", noon + 5s), noon + 6s).order;
  const auto applied = apply(row, seen(VenueStatus::cancelled, "0", noon + 4s), noon + 7s);
  CHECK(applied.step == Step::stale);
  CHECK(applied.order == row);
  CHECK_FALSE(applied.fill_grew);
  // And an order that is closed was not opened again by a page read late.
  const auto closed = apply(row, seen(VenueStatus::filled, "0.02", noon + 8s), noon + 9s).order;
  CHECK(apply(closed, seen(VenueStatus::open, "0.01", noon + 10s), noon + 11s).order == closed);
}

TEST_CASE("a fill that is seen late still counts, on a closed order too") {
  const auto row = apply(claimed(), seen(VenueStatus::cancelled, "0.01"), noon + 4s).order;
  REQUIRE(row.state == OrderState::closed);
  const auto applied = apply(row, seen(VenueStatus::cancelled, "0.015", noon + 6s), noon + 7s);
  CHECK(applied.step == Step::to_closed);
  CHECK(applied.fill_grew);
  CHECK(applied.order.filled == qty("0.015"));
}

TEST_CASE("a fill the venue did not speak of is what it was") {
  const auto row = apply(claimed(), seen(VenueStatus::open, "0.01"), noon + 4s).order;
  auto silent = seen(VenueStatus::open, "0", noon + 6s);
  silent.filled.reset();
  silent.filled_value.reset();
  const auto applied = apply(row, silent, noon + 7s);
  CHECK(applied.order.filled == qty("0.01"));
  CHECK(applied.order.filled_value == money("30"));
  CHECK_FALSE(applied.fill_grew);
}

TEST_CASE("seeing the same fill twice is no growth") {
  const auto row = apply(claimed(), seen(VenueStatus::open, "0.01"), noon + 4s).order;
  CHECK_FALSE(apply(row, seen(VenueStatus::open, "0.01", noon + 6s), noon + 7s).fill_grew);
}

TEST_CASE("fees are known once they are read with the fill they belong to") {
  auto sighting = seen(VenueStatus::filled, "0.02");
  CHECK_FALSE(apply(claimed(), sighting, noon + 4s).order.fees_known);
  sighting.fee_base = qty("0.00002");
  const auto row = apply(claimed(), sighting, noon + 4s).order;
  CHECK(row.fees_known);
  CHECK(row.fee_base == qty("0.00002"));
}

TEST_CASE("fees of half the fill are not the fees of the whole") {
  auto half = seen(VenueStatus::open, "0.01");
  half.fee_base = qty("0.00001");
  const auto row = apply(claimed(), half, noon + 4s).order;
  REQUIRE(row.fees_known);
  const auto grown = apply(row, seen(VenueStatus::filled, "0.02", noon + 6s), noon + 7s).order;
  CHECK_FALSE(grown.fees_known);
}

TEST_CASE("the first moment a fired stop was seen resting is kept") {
  auto stop = in_state(OrderState::placed);
  stop.leg = Leg::stop;
  auto fired = seen(VenueStatus::open);
  fired.fired = true;
  fired.fired_id = "V2";
  const auto row = apply(stop, fired, noon + 4s).order;
  CHECK(row.fired_id == "V2");
  REQUIRE(row.fired_at);
  fired.at = noon + 9s;
  CHECK(apply(row, fired, noon + 10s).order.fired_at == row.fired_at);
}

TEST_CASE("an order that is alive after it was proven absent says that the proof was wrong") {
  for (const auto status : {VenueStatus::open, VenueStatus::filled}) {
    const auto applied = apply(in_state(OrderState::lapsed), seen(status), noon + 4s);
    CHECK(applied.proof_was_wrong);
    CHECK(applied.order.state == (status == VenueStatus::open ? OrderState::placed : OrderState::closed));
  }
}

TEST_CASE("an order that was refused and is seen all the same lives again") {
  const auto applied = apply(in_state(OrderState::refused), seen(VenueStatus::open), noon + 4s);
  CHECK(applied.order.state == OrderState::placed);
}

TEST_CASE("a sighting touches nothing that is not the venue's to say") {
  auto row = claimed();
  row.cancel_asked_at = noon + 1s;
  row.pair = "tg1-s1-x";
  row.because = ExitReason::signal;
  row.version = 7;
  const auto after = apply(row, seen(VenueStatus::open, "0.01"), noon + 4s).order;
  CHECK(after.cancel_asked_at == row.cancel_asked_at);
  CHECK(after.pair == row.pair);
  CHECK(after.because == row.because);
  CHECK(after.version == row.version);
  CHECK(after.quantity == row.quantity);
  CHECK(after.client_id == row.client_id);
}

// ---- Absence ----------------------------------------------------------------------------------

TEST_CASE("what is proven absent lapses") {
  const auto applied = apply_absent(claimed(), noon + 20s);
  CHECK(applied.step == Step::to_lapsed);
  CHECK(applied.order.state == OrderState::lapsed);
  CHECK_FALSE(applied.proof_was_wrong);
}

TEST_CASE("what was over before it is proven absent keeps its own reason") {
  for (const auto state : {OrderState::lapsed, OrderState::refused}) {
    auto order = in_state(state);
    order.closed_at = noon + 1s;
    order.ending = Ending::unsent;
    order.reason = "unsent throttled: too many requests";
    CHECK(apply_absent(order, noon + 20s).order == order);
  }
}

TEST_CASE("what the venue acknowledged and then does not have is an alarm besides") {
  auto order = claimed();
  order.acknowledged = true;
  const auto applied = apply_absent(order, noon + 20s);
  CHECK(applied.order.state == OrderState::lapsed);
  CHECK(applied.proof_was_wrong);
}

TEST_CASE("nobody asks whether a sighted order is absent") {
  for (const auto state : {OrderState::placed, OrderState::closed}) {
    const auto applied = apply_absent(in_state(state), noon + 20s);
    CHECK(applied.step == Step::not_asked);
    CHECK(applied.order == in_state(state));
  }
}

TEST_CASE("absence needs a complete reading that began after the request had run out") {
  const auto order = claimed();  // runs out at noon + 10 s
  CHECK(proves_absence(order, complete(noon + 12s + Micros{1}), 2s));
  CHECK_FALSE(proves_absence(order, complete(noon + 12s), 2s));
  CHECK_FALSE(proves_absence(order, complete(noon + 11s), 2s));
  CHECK_FALSE(proves_absence(order, complete(noon), 2s));

  auto partial = complete(noon + 1h);
  partial.every_view_read = false;  // an empty page that is not the whole proves nothing
  CHECK_FALSE(proves_absence(order, partial, 2s));

  auto there = complete(noon + 1h);
  there.found.push_back(seen(VenueStatus::cancelled));
  CHECK_FALSE(proves_absence(order, there, 2s));
  there.found = {seen(VenueStatus::unknown)};
  CHECK_FALSE(proves_absence(order, there, 2s));
}

// ---- Open questions ---------------------------------------------------------------------------

TEST_CASE("what is claimed or placed is asked at any age") {
  CHECK(is_open_question(in_state(OrderState::claimed), noon + 24h * 365));
  CHECK(is_open_question(in_state(OrderState::placed), noon + 24h * 365));
}

TEST_CASE("what was refused or lapsed is asked for an hour after its request ran out") {
  for (const auto state : {OrderState::refused, OrderState::lapsed}) {
    CHECK(is_open_question(in_state(state), noon));
    CHECK(is_open_question(in_state(state), noon + 10s + 1h - 1s));
    CHECK_FALSE(is_open_question(in_state(state), noon + 10s + 1h + 1s));
  }
}

TEST_CASE("what is closed is asked until its trades add up to its fill") {
  auto order = in_state(OrderState::closed);
  CHECK_FALSE(is_open_question(order, noon));  // nothing was filled
  order.filled = qty("0.01");
  CHECK(is_open_question(order, noon + 24h));
  order.fees_known = true;
  CHECK_FALSE(is_open_question(order, noon + 24h));
}

// ---- Any life ---------------------------------------------------------------------------------

TEST_CASE("through any sequence of events an order moves by the table and never loses a fill") {
  Dice dice{81};
  constexpr std::array statuses{VenueStatus::open,    VenueStatus::filled,   VenueStatus::cancelled,
                                VenueStatus::expired, VenueStatus::rejected, VenueStatus::unknown};
  constexpr std::array landed{OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused,
                              OrderState::lapsed};
  for (int life = 0; life < 2'000; ++life) {
    auto order = claimed();
    int filled = 0;  // in steps of 0.0001; the venue's own count only grows
    for (int i = 0; i < 12; ++i) {
      const auto now = noon + std::chrono::seconds{i + 1};
      filled = std::min(200, filled + dice.between(0, 1) * dice.between(0, 60));
      auto event = OrderEvent::absent;
      Applied applied{.order = order, .step = Step::stale};
      switch (dice.below(5)) {
        case 0:
          event = OrderEvent::accepted;
          applied = apply(order, Accepted{"V1", {}}, now);
          break;
        case 1:
          event = OrderEvent::refused;
          applied = apply(order, Refused{"1", "no"}, now);
          break;
        case 2:
          event = OrderEvent::unsent;
          applied = apply(order, Unsent{Unsent::Why::throttled, ""}, now);
          break;
        case 3:
          applied = apply_absent(order, now);
          break;
        default: {
          const auto status = dice.one_of(statuses);
          const auto sum = Decimal::multiply(dec("0.0001"), filled, Rounding::down);
          auto sighting = seen(status, sum.text(), now);
          applied = apply(order, sighting, now);
          if (status == VenueStatus::unknown) {
            REQUIRE(applied.order.state == order.state);
            order = applied.order;
            continue;
          }
          event = status == VenueStatus::open ? OrderEvent::seen_open : OrderEvent::seen_closed;
        }
      }
      CAPTURE(text(order.state), text(event), i);
      const auto step = next_step(order.state, event);
      REQUIRE(applied.step == step);
      if (step == Step::alarm || step == Step::stale || step == Step::not_asked)
        REQUIRE(applied.order.state == order.state);
      else
        REQUIRE(applied.order.state == landed.at(static_cast<std::size_t>(step)));
      REQUIRE(applied.order.filled >= order.filled);
      REQUIRE(applied.fill_grew == (applied.order.filled > order.filled));
      if (order.acknowledged) REQUIRE(applied.order.acknowledged);
      order = applied.order;
    }
  }
}

}  // namespace tradeguard
