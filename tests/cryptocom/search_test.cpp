// Which views are read for a question, in how many bursts, and what the emptiness of all of them
// proves.
#include "search.hpp"
#include "orders.hpp"
#include "wire_answers.hpp"

namespace tradeguard::cryptocom {
namespace {

const Instant now = at("2026-01-01T00:01:00Z");

OrderQuery asking(const char* client_id, Leg leg, const char* venue_id = "", const char* fired_id = "",
                  bool want_fees = false) {
  return {client_id, venue_id, fired_id, eth(), leg, want_fees, now - 1h};
}
const OrderQuery doubtful_entry = asking("tg1-entry", Leg::entry);
const OrderQuery placed_entry = asking("tg1-entry", Leg::entry, "5755600460443882762");

// What the venue answers, by the name of the view; everything else is empty.
struct World {
  std::map<std::string, HttpResult> answers;
  std::vector<std::vector<std::string>> bursts;

  HttpResult answer(const Ask& ask) const {
    if (const auto known = answers.find(name_of(ask)); known != answers.end()) return known->second;
    if (ask.view == Ask::View::detail) return coded(404, "40401");
    return listed("private/" + name_of(ask), "");
  }
  void run(Search& search) {
    for (int i = 0; i < 20; ++i) {
      const auto asks = search.burst();
      if (asks.empty()) return;
      bursts.emplace_back();
      for (const Ask& ask : asks) {
        bursts.back().push_back(name_of(ask));
        search.hear(ask, answer(ask));
      }
    }
    FAIL("the search does not end");
  }
  Result<Lookup> look(const OrderQuery& query, bool fees_now = true) {
    Search search{std::span{&query, 1}, now, fees_now};
    run(search);
    return search.lookups().at(0);
  }
};

const std::vector<std::string> every_view_of_the_entry{"private/advanced/get-open-orders",
                                                       "private/advanced/get-order-detail client tg1-entry",
                                                       "private/advanced/get-order-history",
                                                       "private/get-open-orders",
                                                       "private/get-order-detail client tg1-entry",
                                                       "private/get-order-history",
                                                       "private/get-trades"};

std::string many(std::size_t rows, std::int64_t newest_ms) {
  std::string list;
  for (std::size_t i = 0; i < rows; ++i)
    list += (i == 0 ? "" : ",") + std::string{R"({"order_id":")"} + std::to_string(newest_ms) + std::to_string(i) +
            R"(","status":"FILLED","create_time":)" + std::to_string(newest_ms - static_cast<std::int64_t>(i)) + "}";
  return list;
}

TEST_CASE("acknowledged entries cost one burst, one request each") {
  World world;
  world.answers["private/get-order-detail 5755600460443882762"] = answered("m", filled_entry);
  const auto second = with(with(filled_entry, "order_id", "\"77\""), "client_oid", "\"tg1-two\"");
  world.answers["private/get-order-detail 77"] = answered("m", second);
  const std::vector queries{placed_entry, asking("tg1-two", Leg::exit, "77")};
  Search search{queries, now, true};
  world.run(search);
  CHECK(world.bursts == std::vector<std::vector<std::string>>{
                            {"private/get-order-detail 5755600460443882762", "private/get-order-detail 77"}});
  CHECK(search.lookups().at(0)->found.at(0).client_id == "tg1-entry");
  CHECK(search.lookups().at(1)->found.at(0).client_id == "tg1-two");
  CHECK_FALSE(search.lookups().at(0)->every_view_read);
  CHECK(search.lookups().at(0)->read_began == now);
  CHECK(search.account_id() == "52e7c00f-1324-5a6z-bfgt-de445bde21a5");
}

TEST_CASE("wanted fees are read beside, once for all, and only when nobody has to wait for it") {
  World world;
  world.answers["private/get-order-detail 5755600460443882762"] = answered("m", filled_entry);
  const auto query = asking("tg1-entry", Leg::entry, "5755600460443882762", "", true);
  REQUIRE(world.look(query));
  CHECK(world.bursts ==
        std::vector<std::vector<std::string>>{{"private/get-order-detail 5755600460443882762", "private/get-trades"}});
  world.bursts.clear();
  REQUIRE(world.look(query, false));
  CHECK(world.bursts.size() == 1);
  CHECK(world.bursts[0].size() == 1);
}

TEST_CASE("a full page of trades is not turned for the sake of fees") {
  World world;
  world.answers["private/get-order-detail 5755600460443882762"] = answered("m", filled_entry);
  world.answers["private/get-trades"] = listed("m", many(100, 1767225600000));
  REQUIRE(world.look(asking("tg1-entry", Leg::entry, "5755600460443882762", "", true)));
  CHECK(world.bursts.size() == 1);
}

TEST_CASE("the legs of all trades are read in one list") {
  World world;
  const auto rests_as = with(with(filled_entry, "order_id", "\"5755600460443882790\""), "status", "\"ACTIVE\"");
  world.answers["private/advanced/get-open-orders"] = listed("m", resting_stop + "," + resting_target);
  world.answers["private/get-order-detail 5755600460443882790"] = answered("m", rests_as);
  const std::vector queries{asking("tg1-stop", Leg::stop),
                            asking("tg1-target", Leg::target, "6498090546073120102", "5755600460443882790")};
  Search search{queries, now, true};
  world.run(search);
  CHECK(world.bursts == std::vector<std::vector<std::string>>{
                            {"private/advanced/get-open-orders", "private/get-order-detail 5755600460443882790"}});
  CHECK(search.lookups().at(0)->found.size() == 1);
  CHECK(search.lookups().at(1)->found.size() == 1);
}

TEST_CASE("a leg that does not rest any more is read by its id, and what it became behind it") {
  World world;
  const auto fired = with(with(resting_stop, "exchange_order_id", "\"99\""), "status", "\"FILLED\"");
  const auto sold = with(with(with(filled_entry, "order_id", "\"99\""), "side", "\"SELL\""), "quantity", "\"0.9\"");
  world.answers["private/advanced/get-order-detail 6498090546073120101"] = answered("m", fired);
  world.answers["private/get-order-detail 99"] =
      answered("m", with(with(sold, "cumulative_quantity", "\"0.9\""), "cumulative_value", "\"2619\""));
  const auto lookup = world.look(asking("tg1-stop", Leg::stop, "6498090546073120101"));
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 1);
  CHECK(lookup->found[0].filled == qty("0.9"));
  CHECK(lookup->found[0].filled_value == money("2619"));
  CHECK(lookup->found[0].fired_id == "99");
  CHECK(world.bursts == std::vector<std::vector<std::string>>{{"private/advanced/get-open-orders"},
                                                              {"private/advanced/get-order-detail 6498090546073120101"},
                                                              {"private/get-order-detail 99"}});
}

TEST_CASE("a doubtful entry is looked for in every view at once") {
  World world;
  const auto lookup = world.look(doubtful_entry);
  REQUIRE(lookup);
  CHECK(lookup->found.empty());
  CHECK(lookup->every_view_read);
  CHECK(lookup->read_began == now);
  CHECK(world.bursts == std::vector<std::vector<std::string>>{every_view_of_the_entry});
}

TEST_CASE("a doubtful leg is proven absent in two bursts") {
  World world;
  const auto lookup = world.look(asking("tg1-stop", Leg::stop));
  REQUIRE(lookup);
  CHECK(lookup->every_view_read);
  CHECK(world.bursts.size() == 2);
}

TEST_CASE("an acknowledged order that is not where it has to be is looked for everywhere") {
  World world;
  const auto lookup = world.look(placed_entry);
  REQUIRE(lookup);
  CHECK(lookup->every_view_read);
  REQUIRE(world.bursts.size() == 2);
  CHECK(world.bursts[1] == every_view_of_the_entry);
}

TEST_CASE("a doubtful entry is found whichever view shows it") {
  for (const std::string& view : every_view_of_the_entry) {
    INFO(view);
    if (view == "private/get-trades") continue;
    World world;
    const bool single = view.find("detail") != std::string::npos;
    world.answers[view] = single ? answered("m", filled_entry) : listed("m", filled_entry);
    const auto lookup = world.look(doubtful_entry);
    REQUIRE(lookup);
    REQUIRE(lookup->found.size() == 1);
    CHECK(lookup->found[0].venue_id == "5755600460443882762");
    CHECK(lookup->found[0].filled == qty("1"));
  }
}

TEST_CASE("every word for an order that is not there means the same") {
  for (const char* code : {"40401", "212", "316"}) {
    INFO(code);
    World world;
    for (const char* view : {"private/get-order-detail", "private/advanced/get-order-detail"})
      for (const char* name : {" client tg1-stop", " 6498090546073120101"})
        world.answers[view + std::string{name}] = coded(400, code);
    for (const char* id : {"", "6498090546073120101"}) {
      const auto lookup = world.look(asking("tg1-stop", Leg::stop, id));
      REQUIRE(lookup);
      CHECK(lookup->found.empty());
      CHECK(lookup->every_view_read);
    }
    // Of a list it is no answer.
    world.answers["private/get-open-orders"] = coded(400, code);
    CHECK_FALSE(world.look(asking("tg1-stop", Leg::stop)));
  }
}

TEST_CASE("a resting leg of which the list leaves out the trigger is read by its id") {
  World world;
  world.answers["private/advanced/get-open-orders"] = listed("m", without(resting_stop, "ref_price"));
  world.answers["private/advanced/get-order-detail 6498090546073120101"] = answered("m", resting_stop);
  const auto lookup = world.look(asking("tg1-stop", Leg::stop));
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 1);
  CHECK(lookup->found.front().trigger == price("2910"));
  CHECK(world.bursts ==
        std::vector<std::vector<std::string>>{{"private/advanced/get-open-orders"},
                                              {"private/advanced/get-order-detail 6498090546073120101"}});
}

TEST_CASE("trades are read for a fill of which the record says no value or no quantity") {
  for (const char* name : {"cumulative_value", "cumulative_quantity"}) {
    INFO(name);
    World world;
    world.answers["private/get-order-detail 5755600460443882762"] =
        answered("m", without(without(filled_entry, name), "avg_price"));
    world.answers["private/get-trades"] = listed("m", with(trade_in_base, "traded_quantity", "\"1\""));
    const auto lookup = world.look(placed_entry, false);
    REQUIRE(lookup);
    REQUIRE(lookup->found.size() == 1);
    CHECK(lookup->found.front().status == VenueStatus::filled);
    CHECK(lookup->found.front().filled == qty("1"));
    CHECK(lookup->found.front().filled_value == money("3000"));
    CHECK(world.bursts.size() == 2);
  }
}

TEST_CASE("an order only its trades know of is not absent") {
  World world;
  world.answers["private/get-trades"] = listed("m", trade_in_base);
  const auto lookup = world.look(doubtful_entry);
  REQUIRE(lookup);
  CHECK(lookup->found.empty());
  CHECK_FALSE(lookup->every_view_read);
}

TEST_CASE(
    "any view that cannot be read is an error where nothing was found, and no proof where "
    "something was") {
  for (const std::string& view : every_view_of_the_entry)
    for (const auto& broken : {lost(true), lost(false), coded(500, "50001"), coded(429, "42901"), coded(401, "40101"),
                               http(502, "<html>"), http(200, "{"), http(200, "")}) {
      INFO(view);
      World world;
      world.answers[view] = broken;
      const auto nothing = world.look(doubtful_entry);
      REQUIRE_FALSE(nothing);
      CHECK(nothing.error().fault == Fault::unreachable);
      CHECK(nothing.error().what.find(view.substr(0, view.find(' '))) != std::string::npos);
      const std::string other =
          view == "private/get-open-orders" ? "private/get-order-history" : "private/get-open-orders";
      world.answers[other] = listed("m", filled_entry);
      const auto found = world.look(doubtful_entry);
      REQUIRE(found);
      CHECK(found->found.size() == 1);
      CHECK_FALSE(found->every_view_read);
    }
}

TEST_CASE("a view that does not answer is not made to by asking the others") {
  World world;
  world.answers["private/get-order-detail 5755600460443882762"] = lost(true);
  CHECK_FALSE(world.look(placed_entry));
  CHECK(world.bursts.size() == 1);
}

TEST_CASE("a row nobody can read makes emptiness worthless") {
  World world;
  world.answers["private/get-order-history"] = listed("m", "{}");
  const auto lookup = world.look(doubtful_entry);
  REQUIRE(lookup);
  CHECK_FALSE(lookup->every_view_read);
}

TEST_CASE("a full page is turned until one is not full") {
  World world;
  const OrderQuery query = doubtful_entry;
  Search search{std::span{&query, 1}, now, true};
  std::vector<Window> windows;
  for (int burst = 0; burst < 10; ++burst) {
    const auto asks = search.burst();
    if (asks.empty()) break;
    for (const Ask& ask : asks) {
      if (name_of(ask) != "private/get-order-history") {
        search.hear(ask, world.answer(ask));
        continue;
      }
      windows.push_back(ask.window);
      const auto newest = (ask.window.until - 1) / 1'000'000;
      search.hear(ask, listed("m", many(windows.size() < 3 ? 100 : 99, newest)));
    }
  }
  REQUIRE(windows.size() == 3);
  CHECK(windows[0].from == to_micros(now - 1h) * 1000);
  CHECK(windows[0].until > to_micros(now) * 1000);
  CHECK(windows[1].from == windows[0].from);
  CHECK(windows[1].until < windows[0].until);
  CHECK(windows[2].until < windows[1].until);
  CHECK(search.lookups().at(0)->every_view_read);
}

TEST_CASE("pages without an end, or that lead nowhere, prove nothing") {
  for (const bool same_moment : {false, true}) {
    World world;
    const OrderQuery query = doubtful_entry;
    Search search{std::span{&query, 1}, now, true};
    int pages = 0;
    for (int burst = 0; burst < 30; ++burst) {
      const auto asks = search.burst();
      if (asks.empty()) break;
      for (const Ask& ask : asks) {
        if (name_of(ask) != "private/advanced/get-order-history") {
          search.hear(ask, world.answer(ask));
          continue;
        }
        ++pages;
        const auto newest = same_moment ? std::int64_t{1} : (ask.window.until - 1) / 1'000'000;
        search.hear(ask, listed("m", many(100, newest)));
      }
    }
    CHECK(search.burst().empty());
    CHECK(pages >= 1);
    CHECK(pages <= 5);
    const auto lookup = search.lookups().at(0);
    REQUIRE(lookup);
    CHECK(lookup->found.empty());
    CHECK_FALSE(lookup->every_view_read);
  }
}

TEST_CASE("views are shared by all questions of a call") {
  World world;
  std::vector<OrderQuery> queries;
  for (int i = 0; i < 10; ++i) queries.push_back(asking(("tg1-" + std::to_string(i)).c_str(), Leg::entry));
  Search search{queries, now, true};
  world.run(search);
  REQUIRE(world.bursts.size() == 1);
  CHECK(world.bursts[0].size() == 5 + 2 * 10);
  for (const auto& lookup : search.lookups()) CHECK(lookup->every_view_read);
}

TEST_CASE("the own orders are those with our ids that are open or young enough") {
  World world;
  const auto old = with(with(with(filled_entry, "client_oid", "\"tg1-old\""), "create_time", "1767200000000"),
                        "create_time_ns", "null");
  const auto others = with(filled_entry, "client_oid", "\"mine\"");
  world.answers["private/get-order-history"] =
      listed("m", with(filled_entry, "order_id", "\"1\"") + "," + with(old, "order_id", "\"2\"") + "," +
                      with(others, "order_id", "\"3\""));
  world.answers["private/advanced/get-open-orders"] = listed("m", resting_stop);
  Search search = Search::of_own(now - 1h, now);
  world.run(search);
  const auto own = search.own();
  REQUIRE(own);
  std::vector<std::string> ids;
  for (const Sighting& sighting : *own) ids.push_back(sighting.client_id);
  CHECK(ids == std::vector<std::string>{"tg1-entry", "tg1-stop"});
  CHECK(world.bursts.size() == 1);
}

TEST_CASE("own orders of which a part cannot be read are an error") {
  for (const char* view : {"private/get-order-history", "private/get-open-orders", "private/advanced/get-order-history",
                           "private/advanced/get-open-orders"})
    for (const auto& broken :
         {lost(true), http(200, ""), listed("m", "{}"), listed("m", without(filled_entry, "instrument_name"))}) {
      INFO(view);
      World world;
      world.answers[view] = broken;
      Search search = Search::of_own(now - 1h, now);
      world.run(search);
      CHECK_FALSE(search.own());
    }
}

}  // namespace
}  // namespace tradeguard::cryptocom
