// What several rows of several views say together of one order.
#include "records.hpp"
#include "orders.hpp"
#include "tradeguard/order_state.hpp"
#include "wire_answers.hpp"

namespace tradeguard::cryptocom {
namespace {

const Instant now = at("2026-01-01T00:01:00Z");

Row row_of(const std::string& json) {
  const auto page = read_orders(listed("m", json));
  REQUIRE(page.it->rows.size() == 1);
  return page.it->rows.front();
}
Fill fill_of(const std::string& json) { return read_trades(listed("m", json)).it->rows.at(0); }

OrderQuery asking(const char* client_id, Leg leg, const char* venue_id = "", const char* fired_id = "") {
  return {client_id, venue_id, fired_id, eth(), leg, true, now - 1h};
}
const OrderQuery entry_query = asking("tg1-entry", Leg::entry, "5755600460443882762");
const OrderQuery stop_query = asking("tg1-stop", Leg::stop);
const OrderQuery target_query = asking("tg1-target", Leg::target);

Sighting only(const OrderQuery& query, const Records& records) {
  const auto sightings = sightings_of(query, records, now);
  REQUIRE(sightings.size() == 1);
  return sightings.front();
}

// A stop that fired became this order; the venue may or may not give it the stop's client id.
const char* const executed_id = "5755600460443882999";
const std::string fired_stop =
    with(with(resting_stop, "exchange_order_id", "\"5755600460443882999\""), "status", "\"ACTIVE\"");
std::string executed(const char* status, const char* filled, const char* value, const char* client_id = "null") {
  std::string row = with(filled_entry, "order_id", "\"" + std::string{executed_id} + "\"");
  row = with(with(row, "client_oid", client_id), "side", "\"SELL\"");
  row = with(with(row, "quantity", "\"0.9\""), "status", "\"" + std::string{status} + "\"");
  return with(with(row, "cumulative_quantity", filled), "cumulative_value", value);
}

TEST_CASE("an entry is sighted as the venue has it") {
  const auto sighting = only(entry_query, {{row_of(filled_entry)}, {}, {}, {}});
  CHECK(sighting.client_id == "tg1-entry");
  CHECK(sighting.venue_id == "5755600460443882762");
  CHECK(sighting.symbol == eth());
  CHECK(sighting.side == Side::buy);
  CHECK(sighting.type == OrderType::market);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.filled == qty("1"));
  CHECK(sighting.filled_value == money("3000"));
  CHECK(sighting.exchange_time == at("2026-01-01T00:00:00.123456Z"));
  CHECK(sighting.at == now);
  CHECK_FALSE(sighting.fired);
}

TEST_CASE("a resting pair is sighted as planned") {
  const Records records{{}, {row_of(resting_stop), row_of(resting_target)}, {}, {}};
  const auto stop = stop_market("stop", "0.9", "2910", now);
  CHECK(sighted_as_planned(stop, only(stop_query, records)));
  auto limit = target("target", "0.9", "3090", now);
  CHECK(sighted_as_planned(limit, only(target_query, records)));
  CHECK_FALSE(only(target_query, records).fired);
}

TEST_CASE("a stop stored as something else does not pass for the stop that was planned") {
  const auto stop = stop_market("stop", "0.9", "2910", now);
  for (const char* type : {"LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "STOP_LIMIT", "MARKET", "NEW_KIND"}) {
    INFO(type);
    const auto row = with(resting_stop, "order_type", "\"" + std::string{type} + "\"");
    const auto sighting = only(stop_query, {{}, {row_of(row)}, {}, {}});
    CHECK(sighting.status == VenueStatus::open);
    CHECK_FALSE(sighted_as_planned(stop, sighting));
  }
  for (const auto& [name, value] : {std::pair{"ref_price", "\"2909.99\""},
                                    {"ref_price", "\"0\""},
                                    {"quantity", "\"0.8\""},
                                    {"side", "\"BUY\""},
                                    {"instrument_name", "\"BTC_USDT\""},
                                    {"status", "\"UNHEARD\""}}) {
    INFO(name << " " << value);
    const auto row = with(resting_stop, name, value);
    CHECK_FALSE(sighted_as_planned(stop, only(stop_query, {{}, {row_of(row)}, {}, {}})));
  }
}

TEST_CASE("a row whose market, side or quantity cannot be read is neither open nor closed") {
  for (const char* name : {"instrument_name", "side", "quantity"}) {
    INFO(name);
    const auto sighting = only(entry_query, {{row_of(without(filled_entry, name))}, {}, {}, {}});
    CHECK(sighting.status == VenueStatus::unknown);
    CHECK(sighting.symbol == eth());
  }
}

TEST_CASE("one order in several views is one order, and what is over stays over") {
  const auto open = with(with(filled_entry, "status", "\"ACTIVE\""), "cumulative_quantity", "\"0.4\"");
  const auto pending = with(with(filled_entry, "status", "\"PENDING\""), "cumulative_quantity", "\"0\"");
  for (const auto& rows : std::vector<std::vector<Row>>{{row_of(open), row_of(filled_entry), row_of(pending)},
                                                        {row_of(filled_entry), row_of(pending), row_of(open)}}) {
    const auto sighting = only(entry_query, {rows, {}, {}, {}});
    CHECK(sighting.status == VenueStatus::filled);
    CHECK(sighting.filled == qty("1"));
  }
  CHECK(only(entry_query, {{row_of(pending), row_of(open)}, {}, {}, {}}).filled == qty("0.4"));
}

TEST_CASE("two orders under one client id are two sightings") {
  const auto twin = with(filled_entry, "order_id", "\"5755600460443882799\"");
  const auto in_other_book = with(resting_stop, "client_oid", "\"tg1-entry\"");
  CHECK(sightings_of(entry_query, {{row_of(filled_entry), row_of(twin)}, {}, {}, {}}, now).size() == 2);
  CHECK(sightings_of(entry_query, {{row_of(filled_entry)}, {row_of(in_other_book)}, {}, {}}, now).size() == 2);
  const auto twin_stop = with(resting_stop, "order_id", "6498090546073120199");
  CHECK(sightings_of(stop_query, {{}, {row_of(resting_stop), row_of(twin_stop)}, {}, {}}, now).size() == 2);
}

TEST_CASE("one order_id is one order, though both books list it") {
  // As the other book shows a trigger: no trigger price, and a type of its own.
  const auto elsewhere = with(without(resting_stop, "ref_price"), "order_type", "\"MARKET\"");
  const Records both{{row_of(elsewhere)}, {row_of(resting_stop)}, {}, {}};
  const auto resting = only(stop_query, both);
  CHECK_FALSE(resting.fired);
  CHECK(resting.fired_id.empty());
  CHECK(resting.type == OrderType::stop_market);
  CHECK(sighted_as_planned(stop_market("stop", "0.9", "2910", now), resting));
  // What is over in one of them is over.
  auto ended = both;
  ended.regular.front() = row_of(with(elsewhere, "status", "\"CANCELED\""));
  CHECK(only(stop_query, ended).status == VenueStatus::cancelled);
  // An entry is no twin of itself.
  CHECK(only(entry_query, {{row_of(filled_entry)}, {row_of(filled_entry)}, {}, {}}).filled == qty("1"));
}

TEST_CASE("what a row leaves out contradicts no plan, and is asked for before anything is cancelled") {
  const Order stop = stop_market("stop", "0.9", "2910", now);
  for (const auto& row : {without(resting_stop, "ref_price"), with(resting_stop, "ref_price", "null")}) {
    const Records listed{{}, {row_of(row)}, {}, {}};
    CHECK(legs_to_read(stop_query, listed) == std::vector<std::string>{row_of(row).order_id});
    CHECK(sighted_as_planned(stop, only(stop_query, listed)));
    // Its own record says that it is another trigger.
    auto read = listed;
    read.advanced.push_back(row_of(with(resting_stop, "ref_price", "\"2000\"")));
    CHECK(legs_to_read(stop_query, read).empty());
    CHECK(only(stop_query, read).status == VenueStatus::open);
    CHECK_FALSE(sighted_as_planned(stop, only(stop_query, read)));
  }
  // Without its type or its quantity it is neither as planned nor to be cancelled.
  for (const char* name : {"order_type", "quantity"}) {
    const Records listed{{}, {row_of(without(resting_stop, name))}, {}, {}};
    CHECK(only(stop_query, listed).status == VenueStatus::unknown);
    CHECK(legs_to_read(stop_query, listed).size() == 1);
  }
  CHECK(legs_to_read(stop_query, {{}, {row_of(resting_stop)}, {}, {}}).empty());
}

TEST_CASE("trades complete what an order's own record leaves out") {
  const auto trade = [](const char* id, const char* quantity, const char* price) {
    return fill_of(with(with(with(trade_in_base, "trade_id", std::string{"\""} + id + "\""), "traded_quantity",
                             std::string{"\""} + quantity + "\""),
                        "traded_price", std::string{"\""} + price + "\""));
  };
  const Row valueless = row_of(without(without(filled_entry, "cumulative_value"), "avg_price"));
  Records records{{valueless}, {}, {}, {}};
  CHECK(trades_to_read(entry_query, records));
  CHECK_FALSE(only(entry_query, records).filled_value);
  records.trades = {trade("1", "0.4", "3000"), trade("2", "0.6", "3010")};
  CHECK(only(entry_query, records).filled_value == money("3006"));
  CHECK_FALSE(trades_to_read(entry_query, records));
  // An average is a value.
  const auto average = with(without(filled_entry, "cumulative_value"), "avg_price", "\"3000\"");
  CHECK(only(entry_query, {{row_of(average)}, {}, {}, {}}).filled_value == money("3000"));

  // Filled, and how much is not said: what the trades tell counts, and it is over when they are all.
  records.regular = {row_of(without(filled_entry, "cumulative_quantity"))};
  CHECK(trades_to_read(entry_query, {records.regular, {}, {}, {}}));
  auto sighting = only(entry_query, records);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.filled == qty("1"));
  CHECK(sighting.filled_value == money("3006"));
  records.trades.pop_back();
  sighting = only(entry_query, records);
  CHECK(sighting.status == VenueStatus::open);
  CHECK(sighting.filled == qty("0.4"));
  CHECK(sighting.filled_value == money("1200"));
  // The quantity that was asked for is known here too.
  auto asked = entry_query;
  asked.quantity = qty("0.4");
  records.regular = {row_of(without(without(filled_entry, "cumulative_quantity"), "quantity"))};
  sighting = only(asked, records);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.filled == qty("0.4"));
}

TEST_CASE("an order of somebody else is not found") {
  CHECK(sightings_of(asking("tg1-other", Leg::entry), {{row_of(filled_entry)}, {row_of(resting_stop)}, {}, {}}, now)
            .empty());
}

TEST_CASE("closed with a part filled keeps the part, and filled without a quantity is not known") {
  const auto part = with(with(with(filled_entry, "status", "\"CANCELED\""), "cumulative_quantity", "\"0.5\""),
                         "cumulative_value", "\"1500\"");
  const auto sighting = only(entry_query, {{row_of(part)}, {}, {}, {}});
  CHECK(sighting.status == VenueStatus::cancelled);
  CHECK(sighting.filled == qty("0.5"));
  CHECK(sighting.filled_value == money("1500"));
  for (const char* quantity : {"null", "\"0\""}) {
    const auto unsaid = only(entry_query, {{row_of(with(filled_entry, "cumulative_quantity", quantity))}, {}, {}, {}});
    CHECK(unsaid.status == VenueStatus::filled);
    CHECK_FALSE(unsaid.filled);
    CHECK_FALSE(unsaid.filled_value);
  }
  const auto valueless = without(with(filled_entry, "cumulative_value", "\"0\""), "avg_price");
  const auto no_price = only(entry_query, {{row_of(valueless)}, {}, {}, {}});
  CHECK(no_price.filled == qty("1"));
  CHECK_FALSE(no_price.filled_value);
}

TEST_CASE("a rejected order always has a reason") {
  const auto row = with(with(with(filled_entry, "status", "\"REJECTED\""), "cumulative_quantity", "\"0\""),
                        "cumulative_value", "\"0\"");
  const auto sighting = only(entry_query, {{row_of(row)}, {}, {}, {}});
  CHECK(sighting.status == VenueStatus::rejected);
  CHECK(sighting.filled == Quantity{});
  CHECK(sighting.filled_value == Money{});
  CHECK(sighting.reason == "REJECTED");
}

// ---- Triggers that fired
// -------------------------------------------------------------------------

TEST_CASE("what a fired stop became has to be read") {
  CHECK(executed_to_read(stop_query, {{}, {row_of(resting_stop)}, {}, {}}).empty());
  CHECK(executed_to_read(stop_query, {{}, {row_of(fired_stop)}, {}, {}}) == std::vector<std::string>{executed_id});
  CHECK(executed_to_read(stop_query, {{row_of(executed("FILLED", "0.9", "2619"))}, {row_of(fired_stop)}, {}, {}})
            .empty());
  // A row that tells the whole fill leaves nothing to be read.
  const auto told = with(with(with(fired_stop, "status", "\"FILLED\""), "cumulative_quantity", "\"0.9\""),
                         "cumulative_value", "\"2619\"");
  CHECK(executed_to_read(stop_query, {{}, {row_of(told)}, {}, {}}).empty());
}

TEST_CASE("a stop that fired and sold is one order with two ids, and its fill counts once") {
  const auto also_told = with(with(with(fired_stop, "status", "\"FILLED\""), "cumulative_quantity", "\"0.9\""),
                              "cumulative_value", "\"2619\"");
  for (const auto& trigger : {fired_stop, also_told})
    for (const char* client_id : {"null", "\"tg1-stop\""}) {
      const auto sighting =
          only(stop_query, {{row_of(executed("FILLED", "0.9", "2619", client_id))}, {row_of(trigger)}, {}, {}});
      CHECK(sighting.venue_id == "6498090546073120101");
      CHECK(sighting.fired_id == executed_id);
      CHECK(sighting.status == VenueStatus::filled);
      CHECK(sighting.type == OrderType::stop_market);
      CHECK(sighting.trigger == price("2910"));
      CHECK(sighting.quantity == qty("0.9"));
      CHECK(sighting.filled == qty("0.9"));
      CHECK(sighting.filled_value == money("2619"));
      CHECK_FALSE(sighting.fired);
    }
}

TEST_CASE("a stop that fired into an order that rests is fired and open, with its fills") {
  const auto sighting = only(stop_query, {{row_of(executed("ACTIVE", "0.2", "582"))}, {row_of(fired_stop)}, {}, {}});
  CHECK(sighting.status == VenueStatus::open);
  CHECK(sighting.fired);
  CHECK(sighting.filled == qty("0.2"));
  CHECK(sighting.filled_value == money("582"));
}

TEST_CASE("a stop whose executed order was cancelled or rejected is closed with what it sold") {
  const auto cancelled = only(stop_query, {{row_of(executed("CANCELED", "0.2", "582"))}, {row_of(fired_stop)}, {}, {}});
  CHECK(cancelled.status == VenueStatus::cancelled);
  CHECK(cancelled.filled == qty("0.2"));
  const auto rejected = only(stop_query, {{row_of(executed("REJECTED", "0", "0"))}, {row_of(fired_stop)}, {}, {}});
  CHECK(rejected.status == VenueStatus::rejected);
  CHECK(rejected.filled == Quantity{});
  CHECK_FALSE(rejected.reason.empty());
}

TEST_CASE("while what a fired stop became is unread, its fills are not known") {
  const auto open = only(stop_query, {{}, {row_of(fired_stop)}, {}, {}});
  CHECK(open.status == VenueStatus::open);
  CHECK(open.fired);
  CHECK_FALSE(open.filled);
  const auto closed = only(stop_query, {{}, {row_of(with(fired_stop, "status", "\"CANCELED\""))}, {}, {}});
  CHECK_FALSE(closed.filled);
  // The regular book says that it has no such order: then the trigger's row is all there is.
  const auto not_there = only(stop_query, {{}, {row_of(fired_stop)}, {}, {executed_id}});
  CHECK(not_there.fired);
  CHECK(not_there.filled == Quantity{});
}

TEST_CASE("a trigger read too early to name its order is still one order with it") {
  const auto sighting =
      only(stop_query, {{row_of(executed("FILLED", "0.9", "2619", "\"tg1-stop\""))}, {row_of(resting_stop)}, {}, {}});
  CHECK(sighting.venue_id == "6498090546073120101");
  CHECK(sighting.fired_id == executed_id);
  CHECK(sighting.status == VenueStatus::filled);
  CHECK(sighting.filled == qty("0.9"));
}

TEST_CASE("of a trigger nobody shows any more the executed order is the sighting") {
  const auto query = asking("tg1-stop", Leg::stop, "6498090546073120101", executed_id);
  const auto resting = only(query, {{row_of(executed("ACTIVE", "0.2", "582"))}, {}, {}, {}});
  CHECK(resting.venue_id == "6498090546073120101");
  CHECK(resting.fired_id == executed_id);
  CHECK(resting.fired);
  const auto sold = only(query, {{row_of(executed("FILLED", "0.9", "2619"))}, {}, {}, {}});
  CHECK(sold.status == VenueStatus::filled);
  CHECK_FALSE(sold.fired);
}

TEST_CASE("a resting target is not fired, and its fills are those of the order it rests as") {
  auto rests_as = with(executed("ACTIVE", "0.3", "927"), "order_id", "\"5755600460443882790\"");
  rests_as = with(rests_as, "order_type", "\"LIMIT\"");
  const auto sighting = only(target_query, {{row_of(rests_as)}, {row_of(resting_target)}, {}, {}});
  CHECK(sighting.status == VenueStatus::open);
  CHECK_FALSE(sighting.fired);
  CHECK(sighting.filled == qty("0.3"));
  CHECK(sighted_as_planned(target("target", "0.9", "3090", now), sighting));
}

// ---- Fees
// ----------------------------------------------------------------------------------------

TEST_CASE("fees are what the trades say when they add up to the fill") {
  const auto second = with(with(trade_in_base, "traded_quantity", "\"0.6\""), "trade_id", "\"2\"");
  Records records{{row_of(filled_entry)}, {}, {fill_of(trade_in_base), fill_of(second)}, {}};
  CHECK(only(entry_query, records).fee_base == qty("0.0008"));
  // The same trade on two pages is one trade.
  records.trades.push_back(fill_of(second));
  CHECK(only(entry_query, records).fee_base == qty("0.0008"));
  // Taken in another coin it is not taken from the base.
  for (Fill& fill : records.trades) fill.fee_currency = "CRO";
  CHECK(only(entry_query, records).fee_base == Quantity{});
}

TEST_CASE("trades that do not add up, or cannot be read, say nothing") {
  const auto in_base = with(with(filled_entry, "fee_instrument_name", "\"ETH\""), "cumulative_fee", "\"-0.002\"");
  Records records{{row_of(in_base)}, {}, {fill_of(trade_in_base)}, {}};
  CHECK(only(entry_query, records).fee_base == qty("0.002"));
  const auto rest = with(with(trade_in_base, "traded_quantity", "\"0.6\""), "trade_id", "\"2\"");
  records.trades.push_back(fill_of(without(rest, "fees")));
  CHECK(only(entry_query, records).fee_base == qty("0.002"));
}

TEST_CASE("without trades the order's own row tells of base and quote, and of no third coin") {
  const auto fee = [](const char* currency, const char* amount) {
    const auto row = with(with(filled_entry, "fee_instrument_name", currency), "cumulative_fee", amount);
    return only(entry_query, {{row_of(row)}, {}, {}, {}}).fee_base;
  };
  CHECK(fee("\"USDT\"", "\"3\"") == Quantity{});
  CHECK(fee("\"ETH\"", "\"0.001\"") == qty("0.001"));
  CHECK(fee("\"ETH\"", "\"-0.001\"") == qty("0.001"));
  CHECK_FALSE(fee("\"ETH\"", "null"));
  CHECK_FALSE(fee("\"ETH\"", "\"2\""));
  CHECK_FALSE(fee("\"CRO\"", "\"3\""));
  CHECK_FALSE(fee("null", "\"3\""));
}

TEST_CASE("a sighting closes an order only when its end is known") {
  // The states of core are fed by these sightings: filled without a quantity stays a question.
  auto order = entry("entry", "1", now - 1min);
  order.acknowledged = true;
  const auto unsaid = only(entry_query, {{row_of(with(filled_entry, "cumulative_quantity", "null"))}, {}, {}, {}});
  CHECK(apply(order, unsaid, now).order.state == OrderState::placed);
  const auto said = only(entry_query, {{row_of(filled_entry)}, {}, {}, {}});
  CHECK(apply(order, said, now).order.state == OrderState::closed);
}

}  // namespace
}  // namespace tradeguard::cryptocom
