// Which views are read for a question, in how many bursts, and what the emptiness of all of them proves.
#include "search.hpp"

#include "answers.hpp"

using namespace tradeguard;
using namespace tradeguard::binance;
using namespace tradeguard::binance_test;

namespace {

using Bursts = std::vector<std::vector<std::string>>;

OrderQuery asking(const char* client_id, Leg leg, const char* venue_id = "", bool want_fees = false) {
  return {client_id, venue_id, {}, eth(), leg, want_fees, noon - 1h};
}

// The request without time stamp and signature; of a window only how long it is.
std::string shown(const Ask& ask) {
  std::string target = build(ask, signer(), noon).target;
  target.erase(std::min({target.find("&recvWindow="), target.find("?recvWindow="), target.find("&startTime="),
                         target.find("&limit="), target.size()}));
  if (ask.window) target += " " + duration_text(ask.window->to - ask.window->from);
  return target.substr(std::string_view{"/api/v3/"}.size());
}

const HttpResult no_such_order = answered(400, R"({"code":-2013,"msg":"Order does not exist."})");
const HttpResult no_such_pair = answered(400, R"({"code":-2018,"msg":"Order list does not exist."})");
const HttpResult broken = answered(502, "");

// What the venue answers, by how a request begins; everything else is empty.
struct World {
  std::map<std::string, HttpResult> answers;
  Bursts bursts;

  HttpResult answer(const Ask& ask) const {
    for (const auto& [begins, answer] : answers)
      if (shown(ask).starts_with(begins)) return answer;
    switch (ask.view) {
      case Ask::View::by_venue_id:
      case Ask::View::by_client_id:
        return no_such_order;
      case Ask::View::pair:
        return no_such_pair;
      case Ask::View::open_orders:
      case Ask::View::history:
      case Ask::View::trades:
        return good("[]");
      case Ask::View::market_names:
        return good(markets(""));
    }
    return {};
  }
  void run(Search& search, int most = 6) {
    for (int i = 0; i < most; ++i) {
      const auto asks = search.burst();
      if (asks.empty()) return;
      bursts.emplace_back();
      for (const Ask& ask : asks) {
        bursts.back().push_back(shown(ask));
        search.hear(ask, answer(ask));
      }
    }
    search.cut_off();
  }
  Result<Lookup> look(const OrderQuery& query) {
    Search search{std::span{&query, 1}, noon};
    run(search);
    return search.lookups().at(0);
  }
};

const std::vector<std::string> every_view_of_the_stop{"order?symbol=ETHUSDT&origClientOrderId=tg1-stop",
                                                      "openOrders?symbol=ETHUSDT", "allOrders?symbol=ETHUSDT 3660s",
                                                      "orderList?origClientOrderId=tg1-ltop"};

std::string full_page() {
  std::string rows;
  for (std::size_t i = 0; i < page_size; ++i)
    rows += (i == 0 ? "" : ",") + shown_order("somebody-else", std::to_string(1000 + i));
  return "[" + rows + "]";
}

}  // namespace

TEST_CASE("what was acknowledged costs one burst, one request each") {
  World world;
  world.answers["order?symbol=ETHUSDT&orderId=28"] = good(shown_order("tg1-exit", "28"));
  world.answers["order?symbol=ETHUSDT&orderId=29"] = good(shown_order("tg1-stop", "29"));
  const std::vector queries{asking("tg1-exit", Leg::exit, "28"), asking("tg1-stop", Leg::stop, "29")};
  Search search{queries, noon};
  world.run(search);
  CHECK(world.bursts == Bursts{{"order?symbol=ETHUSDT&orderId=28", "order?symbol=ETHUSDT&orderId=29"}});
  REQUIRE(search.lookups().at(0));
  CHECK(search.lookups()[0]->found.at(0).client_id == "tg1-exit");
  CHECK(search.lookups()[1]->found.at(0).client_id == "tg1-stop");
  CHECK_FALSE(search.lookups()[0]->every_view_read);
  CHECK(search.lookups()[0]->read_began == noon);
}

TEST_CASE("the legs of a market are read in one list, and those that do not rest by their ids") {
  World world;
  world.answers["openOrders"] = good("[" + shown_order("tg1-stop", "29") + "]");
  world.answers["order?symbol=ETHUSDT&orderId=30"] = good(shown_order("tg1-target", "30", "FILLED", "0.90000000"));
  const std::vector queries{asking("tg1-stop", Leg::stop, "29"), asking("tg1-target", Leg::target, "30")};
  Search search{queries, noon};
  world.run(search);
  REQUIRE(world.bursts.size() >= 2);
  CHECK(world.bursts[0] == std::vector<std::string>{"openOrders?symbol=ETHUSDT"});
  CHECK(world.bursts[1] == std::vector<std::string>{"order?symbol=ETHUSDT&orderId=30"});
  CHECK(search.lookups().at(0)->found.size() == 1);
  CHECK(search.lookups().at(1)->found.at(0).status == VenueStatus::filled);
}

TEST_CASE("what was never acknowledged is looked for in every view, in one burst, and its absence is proven") {
  World world;
  const auto lookup = world.look(asking("tg1-stop", Leg::stop));
  REQUIRE(lookup);
  CHECK(lookup->found.empty());
  CHECK(lookup->every_view_read);
  CHECK(world.bursts == Bursts{every_view_of_the_stop});
}

TEST_CASE("one view that fails proves nothing, whichever it is, and an order that another one shows is found") {
  for (const std::string& view : every_view_of_the_stop) {
    INFO(view);
    World world;
    world.answers[view.substr(0, view.find(' '))] = broken;
    CHECK_FALSE(world.look(asking("tg1-stop", Leg::stop)));
    for (const char* other : {"openOrders", "allOrders"}) {
      if (view.starts_with(other)) continue;
      World showing = world;
      showing.answers[other] = good("[" + shown_order("tg1-stop", "29") + "]");
      const auto found = showing.look(asking("tg1-stop", Leg::stop));
      REQUIRE(found);
      CHECK(found->found.at(0).venue_id == "29");
      CHECK_FALSE(found->every_view_read);
    }
  }
}

TEST_CASE("a row that cannot be told apart may be the order, so that nothing is proven") {
  for (const char* view : {"openOrders", "allOrders"}) {
    World world;
    world.answers[view] = good(R"([{"orderId":29}])");
    const auto lookup = world.look(asking("tg1-stop", Leg::stop));
    REQUIRE(lookup);
    CHECK_FALSE(lookup->every_view_read);
  }
}

TEST_CASE("an acknowledged order that is not shown by its id is looked for everywhere") {
  World world;
  const auto lookup = world.look(asking("tg1-stop", Leg::stop, "29"));
  REQUIRE(lookup);
  CHECK(lookup->every_view_read);
  CHECK(world.bursts == Bursts{{"order?symbol=ETHUSDT&orderId=29"}, every_view_of_the_stop});
}

TEST_CASE("another order under this one's id is no reading of it") {
  World world;
  world.answers["order?symbol=ETHUSDT&orderId=29"] = good(shown_order("tg1-other", "29"));
  const auto lookup = world.look(asking("tg1-stop", Leg::stop, "29"));
  REQUIRE_FALSE(lookup);
  CHECK(lookup.error().what == "another order was shown under this one's id");
}

TEST_CASE("a pair shows the ids of its legs, and each is read by its own") {
  World world;
  world.answers["orderList"] = good(list_answer);
  world.answers["order?symbol=ETHUSDT&orderId=4"] = good(shown_order("tg1-stop", "4"));
  world.answers["order?symbol=ETHUSDT&orderId=5"] = good(shown_order("tg1-target", "5"));
  const std::vector queries{asking("tg1-stop", Leg::stop), asking("tg1-target", Leg::target)};
  Search search{queries, noon};
  world.run(search);
  REQUIRE(world.bursts.size() == 2);
  CHECK(world.bursts[1] ==
        std::vector<std::string>{"order?symbol=ETHUSDT&orderId=4", "order?symbol=ETHUSDT&orderId=5"});
  CHECK(search.lookups().at(0)->found.at(0).venue_id == "4");
  CHECK(search.lookups().at(1)->found.at(0).venue_id == "5");
}

TEST_CASE("a full page is halved until it is not full, and one that cannot be halved proves nothing") {
  World world;
  world.answers["allOrders?symbol=ETHUSDT 3660s"] = good(full_page());
  auto lookup = world.look(asking("tg1-exit", Leg::exit));
  REQUIRE(lookup);
  CHECK(lookup->every_view_read);
  REQUIRE(world.bursts.size() == 2);
  CHECK(world.bursts[1].size() == 2);

  World endless;
  endless.answers["allOrders"] = good(full_page());
  lookup = endless.look(asking("tg1-exit", Leg::exit));
  REQUIRE(lookup);
  CHECK_FALSE(lookup->every_view_read);

  // Over more than a week only the newest thousand are shown.
  World long_ago;
  long_ago.answers["allOrders"] = good(full_page());
  auto query = asking("tg1-exit", Leg::exit);
  query.since = noon - 24h * 8;
  lookup = long_ago.look(query);
  REQUIRE(lookup);
  CHECK_FALSE(lookup->every_view_read);
  CHECK(long_ago.bursts.size() == 1);
}

TEST_CASE("fees are read beside the order, once, and complete what its record leaves out") {
  World world;
  const std::string market = R"("type":"MARKET","price":"0.00000000","stopPrice":"0.00000000")";
  const std::string row = shown_order("tg1-entry", "28", "FILLED", "1.00000000", market, "BUY");
  world.answers["order?symbol=ETHUSDT&orderId=28"] = good(row);
  world.answers["myTrades"] = good(trades_answer);
  const auto lookup = world.look(asking("tg1-entry", Leg::entry, "28", true));
  REQUIRE(lookup);
  CHECK(world.bursts == Bursts{{"myTrades?symbol=ETHUSDT&orderId=28", "order?symbol=ETHUSDT&orderId=28"}});
  CHECK(lookup->found.at(0).fee_base == Quantity{*Decimal::parse("0.0004")});
  CHECK(lookup->found[0].filled_value == Money{Decimal{3000}});
}

TEST_CASE("own orders in markets nobody named are read back once the venue has said what their names are made of") {
  World world;
  const std::string elsewhere = R"({"symbol":"ABCDEF","orderId":7,"clientOrderId":"tg1-stop","side":"SELL",)"
                                R"("type":"LIMIT_MAKER","status":"NEW","origQty":"1","executedQty":"0"})";
  world.answers["openOrders"] = good("[" + elsewhere + "]");
  world.answers["exchangeInfo"] =
      good(markets(R"({"symbol":"ABCDEF","status":"TRADING","baseAsset":"ABC","quoteAsset":"DEF","filters":[]})"));
  Search search = Search::of_own({eth()}, noon - 1h, noon);
  world.run(search);
  CHECK(world.bursts ==
        Bursts{{"openOrders", "allOrders?symbol=ETHUSDT 3660s"}, {"exchangeInfo?symbols=%5B%22ABCDEF%22%5D"}});
  const auto own = search.own();
  REQUIRE(own);
  REQUIRE(own->size() == 1);
  CHECK((*own)[0].symbol.text() == "ABC_DEF");

  for (const char* view : {"openOrders", "allOrders", "exchangeInfo"}) {
    INFO(view);
    World failing = world;
    failing.answers[view] = broken;
    Search unread = Search::of_own({eth()}, noon - 1h, noon);
    failing.run(unread);
    CHECK_FALSE(unread.own());
  }
}

TEST_CASE("a search that is cut off proves nothing") {
  World world;
  const auto query = asking("tg1-stop", Leg::stop, "29");
  Search search{std::span{&query, 1}, noon};
  world.run(search, 1);
  REQUIRE(search.lookups().at(0));
  CHECK_FALSE(search.lookups()[0]->every_view_read);
  Search own = Search::of_own({eth()}, noon - 1h, noon);
  own.cut_off();
  CHECK_FALSE(own.own());
}
