// Of the venue what no server can show: which requests stand in one burst, what is not sent at all,
// and bytes that never left. Everything else is shown over TLS, by the contract of venues.
#include <tradeguard/binance_venue.hpp>

#include <functional>

#include "answers.hpp"

using namespace tradeguard;
using namespace tradeguard::binance;
using namespace tradeguard::binance_test;

namespace {

// Answers by rule and remembers what left together.
class Way final : public HttpTransport {
 public:
  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros) override {
    std::vector<HttpResult> results;
    auto& burst = bursts.emplace_back();
    for (const auto& request : requests) {
      burst.push_back(shown(request));
      results.push_back(answer_to(burst.back(), request));
    }
    return results;
  }

  // The last rule whose words the request holds.
  void on(const std::string& words, const HttpResult& result) {
    rules_.emplace_back(words, [result](const HttpRequest&) { return result; });
  }
  void on(const std::string& words, std::function<HttpResult(const HttpRequest&)> answer) {
    rules_.emplace_back(words, std::move(answer));
  }

  // Without time stamp, window and signature.
  std::vector<std::vector<std::string>> bursts;
  std::vector<std::string> all() const {
    std::vector<std::string> all;
    for (const auto& burst : bursts) all.insert(all.end(), burst.begin(), burst.end());
    return all;
  }

 private:
  static std::string shown(const HttpRequest& request) {
    auto text = request.method + " " + request.target;
    for (const char* cut : {"?recvWindow=", "&recvWindow="})
      if (const auto at_ = text.find(cut); at_ != std::string::npos) text.erase(at_);
    return text;
  }
  HttpResult answer_to(const std::string& words, const HttpRequest& request) const {
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
      if (words.find(rule->first) != std::string::npos) return rule->second(request);
    return answered(404, "");
  }
  std::vector<std::pair<std::string, std::function<HttpResult(const HttpRequest&)>>> rules_;
};

const HttpResult no_such_order = answered(400, R"({"code":-2013,"msg":"Order does not exist."})");
const HttpResult no_such_pair = answered(400, R"({"code":-2018,"msg":"Order list does not exist."})");
const HttpResult never_left = tl::unexpected{HttpFailure{false, "connection refused"}};
const HttpResult lost = tl::unexpected{HttpFailure{true, "the connection broke"}};

struct World {
  explicit World(BinanceSettings settings = {}, std::string_view pem = {})
      : venue{way,
              secret("the-key-of-22-characters"),
              secret(pem.empty() ? "the-secret" : pem),
              std::move(settings),
              clock,
              log} {
    way.on("/api/v3/time", good(R"({"serverTime":1735732800000})"));
    way.on("GET /api/v3/order?", no_such_order);
    way.on("GET /api/v3/orderList?", no_such_pair);
    way.on("GET /api/v3/openOrders", good("[]"));
    way.on("GET /api/v3/allOrders", good("[]"));
    way.on("GET /api/v3/myTrades", good("[]"));
  }
  // The time is known, and the bursts so far are forgotten.
  World& awake() {
    REQUIRE(venue.venue_time());
    way.bursts.clear();
    return *this;
  }
  std::vector<Result<Lookup>> find(const std::vector<OrderQuery>& queries) { return venue.find(queries); }

  ManualClock clock{noon};
  Way way;
  std::vector<std::string> lines;
  Log log{[this](Level, Instant, std::string_view line) { lines.emplace_back(line); }, clock};
  BinanceVenue venue;
};

OrderQuery ask(const std::string& client_id, const std::string& venue_id, Leg leg, bool want_fees = false) {
  return {client_id, venue_id, "", eth(), leg, want_fees, noon - 1min};
}
Order late(Order order) {
  order.stamp = noon - 3s - 1us;
  order.valid_until = order.stamp + 5s;
  return order;
}
Order stop() { return stop_market("stop", "0.9", "2910", noon); }
Order goal() { return target("target", "0.9", "3090", noon); }
const std::string history =
    "GET /api/v3/allOrders?symbol=ETHUSDT&startTime=1735732740000&endTime=1735732860000&limit=1000";
using Burst = std::vector<std::string>;

std::string a_full_page(Instant from) {
  std::string page = "[";
  for (std::size_t i = 0; i < page_size; ++i)
    page.append(i == 0 ? "" : ",")
        .append(
            shown_order("other-" + std::to_string(i), std::to_string(to_micros(from) + static_cast<std::int64_t>(i))));
  return page + "]";
}

}  // namespace

// ---- Sending
// -------------------------------------------------------------------------------------

TEST_CASE("bytes that never left are unsent, and bytes that may have left are in doubt") {
  World world;
  world.awake();
  world.way.on("POST", never_left);
  world.way.on("DELETE", never_left);
  CHECK(is<Unsent>(place(world.venue, entry("entry", "1", noon))));
  CHECK(is<Unsent>(flatten(world.venue, exit_of("exit", "1", noon))));
  CHECK(is<Unsent>(*protect(world.venue, stop(), goal()).target));
  CHECK(is<Unsent>(cancel(world.venue, stop())));
  world.way.on("POST", lost);
  world.way.on("DELETE", lost);
  CHECK(is<InDoubt>(place(world.venue, entry("entry", "1", noon))));
  CHECK(is<InDoubt>(flatten(world.venue, exit_of("exit", "1", noon))));
  CHECK(is<InDoubt>(protect(world.venue, stop(), goal()).stop));
  CHECK(is<InDoubt>(*protect(world.venue, stop(), goal()).target));
  CHECK(is<InDoubt>(cancel(world.venue, stop())));
}

TEST_CASE("of a burst what is too late is not sent, and answers stand in the order of the requests") {
  World world;
  world.awake();
  world.way.on("POST", good(market_answer));
  const auto outcomes = world.venue.place(TestTickets::of({late(entry("late", "1", noon)), entry("entry", "1", noon)}));
  REQUIRE(is<Unsent>(outcomes[0]));
  CHECK(std::get<Unsent>(outcomes[0]).why == Unsent::Why::too_late);
  CHECK(is<Accepted>(outcomes[1]));
  const std::vector<SltpPlacer::LegRequest> legs{{late(stop()), late(goal())}, {stop(), std::nullopt}};
  world.way.on("POST", good(stop_answer));
  const auto protected_ = world.venue.protect(legs);
  CHECK(is<Unsent>(protected_[0].stop));
  CHECK(is<Unsent>(*protected_[0].target));
  CHECK(is<Accepted>(protected_[1].stop));
  CHECK_FALSE(protected_[1].target);
  CHECK(world.way.all().size() == 2);
}

TEST_CASE("protection does not wait for a clock that cannot be read") {
  World world;
  world.way.on("/api/v3/time", lost);
  world.way.on("POST", good(pair_answer));
  CHECK(is<Accepted>(protect(world.venue, stop(), goal()).stop));
  CHECK_FALSE(world.venue.find(std::vector{ask("tg1-stop", "29", Leg::stop)}).front());
}

TEST_CASE("a banned address is quiet until the ban is over, and says so in every answer") {
  World world;
  world.awake();
  world.way.on("POST", [](const HttpRequest&) {
    auto answer = answered(418, R"({"code":-1003,"msg":"banned"})");
    answer->headers.emplace_back("retry-after", "300");
    return answer;
  });
  REQUIRE(is<Unsent>(place(world.venue, entry("entry", "1", noon))));
  world.way.on("POST", good(market_answer));
  world.way.bursts.clear();
  const auto next = place(world.venue, entry("entry", "1", noon));
  REQUIRE(is<Unsent>(next));
  CHECK(std::get<Unsent>(next).why == Unsent::Why::throttled);
  CHECK(is<Unsent>(protect(world.venue, stop())));
  CHECK(is<Unsent>(cancel(world.venue, stop())));
  CHECK_FALSE(find(world.venue, stop()));
  CHECK_FALSE(world.venue.balances());
  CHECK_FALSE(world.venue.quotes({eth()}));
  CHECK_FALSE(world.venue.rules({eth()}));
  CHECK_FALSE(world.venue.own_orders(noon));
  CHECK_FALSE(world.venue.account_id());
  CHECK_FALSE(world.venue.market({eth()}).balances);
  CHECK_FALSE(world.venue.venue_time());
  CHECK(world.way.bursts.empty());
  world.clock.advance(300s);
  CHECK(is<Accepted>(place(world.venue, entry("entry", "1", noon + 300s))));
}

TEST_CASE("a silence of an earlier run is kept, and one of this run is there for the next") {
  World world;
  world.awake();
  CHECK_FALSE(world.venue.quiet());
  world.venue.keep_quiet({noon + 30min, "418"});
  world.way.bursts.clear();
  const auto held = place(world.venue, entry("entry", "1", noon));
  REQUIRE(is<Unsent>(held));
  CHECK(std::get<Unsent>(held).why == Unsent::Why::throttled);
  CHECK_THAT(std::get<Unsent>(held).message,
             Catch::Contains("HTTP 418") && Catch::Contains("before 2025-01-01T12:30:00Z"));
  CHECK(world.way.bursts.empty());
  REQUIRE(world.venue.quiet());
  CHECK(world.venue.quiet()->until == noon + 30min);
}

TEST_CASE("an entry that the firewall stops is unsent, and what follows is not sent at all") {
  World world;
  world.awake();
  world.way.on("POST", answered(403, "<html>403 Forbidden</html>"));
  const auto stopped = place(world.venue, entry("entry", "1", noon));
  REQUIRE(is<Unsent>(stopped));
  CHECK(std::get<Unsent>(stopped).why == Unsent::Why::throttled);
  REQUIRE(world.venue.quiet());
  CHECK(world.venue.quiet()->status == "403");
  world.way.bursts.clear();
  CHECK(is<Unsent>(protect(world.venue, stop())));
  CHECK(world.way.bursts.empty());
}

TEST_CASE("from a country that is not served one question a run is asked, and nothing is remembered") {
  World world;
  world.awake();
  world.way.on("", answered(451, R"({"code":0,"msg":"Service unavailable from a restricted location."})"));
  const auto refused = world.venue.balances();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::configuration);
  CHECK_THAT(refused.error().what, Catch::Contains("not served from this country or address"));
  world.way.bursts.clear();
  world.clock.advance(1h);
  CHECK(is<Unsent>(place(world.venue, entry("entry", "1", noon + 1h))));
  CHECK_FALSE(world.venue.rules({eth()}));
  CHECK(world.way.bursts.empty());
  CHECK_FALSE(world.venue.quiet());
}

TEST_CASE("too many orders silence orders and not readings") {
  World world;
  world.awake();
  world.way.on("POST", answered(429, R"({"code":-1015,"msg":"Too many new orders."})"));
  REQUIRE(is<Unsent>(place(world.venue, entry("entry", "1", noon))));
  world.way.on("POST", good(market_answer));
  world.way.bursts.clear();
  CHECK(is<Unsent>(place(world.venue, entry("entry", "1", noon))));
  CHECK(world.way.bursts.empty());
  CHECK(find(world.venue, stop()));
  world.clock.advance(1s);
  CHECK(is<Accepted>(place(world.venue, entry("entry", "1", noon))));
}

TEST_CASE("when the venue says that the time is off it is measured again") {
  World world;
  world.awake();
  world.way.on("POST", answered(400, R"({"code":-1021,"msg":"outside"})"));
  const auto outcome = place(world.venue, entry("entry", "1", noon));
  REQUIRE(is<Unsent>(outcome));
  CHECK(std::get<Unsent>(outcome).why == Unsent::Why::clock);
  world.way.on("/api/v3/time", good(R"({"serverTime":1735732802000})"));
  world.way.bursts.clear();
  const auto lookup = find(world.venue, stop());
  REQUIRE(lookup);
  CHECK(lookup->read_began == noon + 2s);
  CHECK(world.way.bursts.front() == Burst{"GET /api/v3/time"});
}

TEST_CASE("the time measured for a reading is the time that is told, once") {
  World world;
  REQUIRE(find(world.venue, stop()));
  CHECK(world.way.bursts.front() == Burst{"GET /api/v3/time"});
  world.way.bursts.clear();
  CHECK(world.venue.venue_time() == noon);
  CHECK(world.way.bursts.empty());
  world.way.on("/api/v3/time", good(R"({"serverTime":1735732803000})"));
  CHECK(world.venue.venue_time() == noon + 3s);
  CHECK(find(world.venue, stop())->read_began == noon + 3s);
}

TEST_CASE("where a market has no pairs the stop goes alone and the target is refused") {
  World world;
  world.awake();
  world.way.on("exchangeInfo",
               good(markets(market_shown("TRADING", all_types, usual_filters, R"("ocoAllowed":false,)"))));
  world.way.on("POST /api/v3/order?", good(stop_answer));
  REQUIRE(world.venue.rules({eth()}));
  const auto legs = protect(world.venue, stop(), goal());
  CHECK(is<Accepted>(legs.stop));
  REQUIRE(legs.target);
  REQUIRE(is<Refused>(*legs.target));
  CHECK(std::get<Refused>(*legs.target).code == "oco_not_allowed");
}

TEST_CASE("a key that cannot sign sends nothing and is a matter of configuration") {
  World world{{}, "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"};
  CHECK(is<Unsent>(place(world.venue, entry("entry", "1", noon))));
  CHECK(is<Unsent>(protect(world.venue, stop(), goal()).stop));
  CHECK(is<Unsent>(cancel(world.venue, stop())));
  const auto lookup = find(world.venue, stop());
  REQUIRE_FALSE(lookup);
  CHECK(lookup.error().fault == Fault::configuration);
  for (const auto& request : world.way.all()) CHECK(request == "GET /api/v3/time");
}

// ---- Looking
// -------------------------------------------------------------------------------------

TEST_CASE("orders the venue has acknowledged are read in one burst, each by its id") {
  World world;
  world.awake();
  world.way.on("orderId=28",
               good(shown_order("tg1-entry", "28", "FILLED", "1", R"("type":"MARKET","price":"0")", "BUY")));
  world.way.on("orderId=29", good(shown_order("tg1-stop", "29")));
  world.way.on("myTrades", good(trades_answer));
  const auto lookups = world.find({ask("tg1-entry", "28", Leg::entry, true), ask("tg1-stop", "29", Leg::stop)});
  REQUIRE(lookups[0]);
  REQUIRE(lookups[0]->found.size() == 1);
  CHECK(lookups[0]->found.front().fee_base == qty("0.0004"));
  CHECK(lookups[0]->found.front().at == noon);
  REQUIRE(lookups[1]);
  CHECK(lookups[1]->found.front().venue_id == "29");
  CHECK(world.way.bursts == std::vector<Burst>{{"GET /api/v3/myTrades?symbol=ETHUSDT&orderId=28&limit=1000",
                                                "GET /api/v3/order?symbol=ETHUSDT&orderId=28",
                                                "GET /api/v3/order?symbol=ETHUSDT&orderId=29"}});
}

TEST_CASE("trades are read for what was filled without a value, or without a word of how much") {
  for (const char* filled : {"1", "0"}) {
    World world;
    world.awake();
    world.way.on("orderId=28",
                 good(shown_order("tg1-entry", "28", "FILLED", filled, R"("type":"MARKET","price":"0")", "BUY")));
    world.way.on("myTrades", good(trades_answer));
    auto query = ask("tg1-entry", "28", Leg::entry);
    query.quantity = qty("1");
    const auto lookup = world.find({query}).front();
    REQUIRE(lookup);
    REQUIRE(lookup->found.size() == 1);
    CHECK(lookup->found.front().filled == qty("1"));
    CHECK(lookup->found.front().filled_value);
    CHECK(world.way.bursts.size() == 2);
  }
}

TEST_CASE("several legs of one market are read with one request, and what is not open there by its id") {
  World world;
  world.awake();
  world.way.on("openOrders", good("[" + shown_order("tg1-stop", "29") + "]"));
  world.way.on("orderId=30", good(shown_order("tg1-target", "30", "CANCELED")));
  const auto lookups = world.find({ask("tg1-stop", "29", Leg::stop), ask("tg1-target", "30", Leg::target)});
  REQUIRE(lookups[0]);
  CHECK(lookups[0]->found.front().status == VenueStatus::open);
  REQUIRE(lookups[1]);
  CHECK(lookups[1]->found.front().status == VenueStatus::cancelled);
  CHECK(world.way.bursts ==
        std::vector<Burst>{{"GET /api/v3/openOrders?symbol=ETHUSDT"}, {"GET /api/v3/order?symbol=ETHUSDT&orderId=30"}});
}

TEST_CASE("a list of open orders that could not be read is an error for its legs") {
  World world;
  world.awake();
  world.way.on("openOrders", lost);
  const auto lookups = world.find({ask("tg1-stop", "29", Leg::stop), ask("tg1-target", "30", Leg::target)});
  CHECK_FALSE(lookups[0]);
  CHECK_FALSE(lookups[1]);
}

TEST_CASE("an order in doubt is looked for in every view at once, and the views are shared") {
  World world;
  world.awake();
  const auto lookups = world.find({ask("tg1-stop", "", Leg::stop), ask("tg1-target", "", Leg::target)});
  for (const auto& lookup : lookups) {
    REQUIRE(lookup);
    CHECK(lookup->found.empty());
    CHECK(lookup->every_view_read);
    CHECK(lookup->read_began == noon);
  }
  CHECK(world.way.bursts == std::vector<Burst>{{"GET /api/v3/order?symbol=ETHUSDT&origClientOrderId=tg1-stop",
                                                "GET /api/v3/openOrders?symbol=ETHUSDT", history,
                                                "GET /api/v3/orderList?origClientOrderId=tg1-ltop",
                                                "GET /api/v3/order?symbol=ETHUSDT&origClientOrderId=tg1-target"}});
}

TEST_CASE("with one view unread emptiness is an error, and what another view shows is found") {
  for (const std::string view : {"GET /api/v3/order?", "openOrders", "allOrders", "orderList"}) {
    INFO(view);
    World world;
    world.awake();
    world.way.on(view, answered(503, ""));
    CHECK_FALSE(world.find({ask("tg1-stop", "", Leg::stop)}).front());
    world.way.on(view == "openOrders" ? "allOrders" : "openOrders", good("[" + shown_order("tg1-stop", "29") + "]"));
    const auto lookup = world.find({ask("tg1-stop", "", Leg::stop)}).front();
    REQUIRE(lookup);
    CHECK(lookup->found.size() == 1);
    CHECK_FALSE(lookup->every_view_read);
  }
}

TEST_CASE("a view with an order nobody can tell apart proves nothing") {
  World world;
  world.awake();
  world.way.on("openOrders", good("[{}]"));
  const auto lookup = world.find({ask("tg1-entry", "", Leg::entry)}).front();
  REQUIRE(lookup);
  CHECK_FALSE(lookup->every_view_read);
}

TEST_CASE("an order that only one view shows is found, whichever it is") {
  const auto order = shown_order("tg1-target", "30");
  for (const std::string view : {"origClientOrderId=tg1-target", "openOrders", "allOrders", "orderId=5"}) {
    INFO(view);
    World world;
    world.awake();
    world.way.on(view, good(view.starts_with("o") && view.ends_with("s") ? "[" + order + "]"
                            : view == "allOrders"                        ? "[" + order + "]"
                            : view == "orderId=5"                        ? shown_order("tg1-target", "5")
                                                                         : order));
    if (view == "orderId=5") world.way.on("orderList", good(list_answer));
    const auto lookup = world.find({ask("tg1-stop", "", Leg::stop), ask("tg1-target", "", Leg::target)})[1];
    REQUIRE(lookup);
    REQUIRE(lookup->found.size() == 1);
    CHECK(lookup->found.front().client_id == "tg1-target");
    CHECK(world.way.bursts.size() <= 2);
  }
}

TEST_CASE("an acknowledged order that its id does not show is looked for everywhere") {
  World world;
  world.awake();
  world.way.on("allOrders", good("[" + shown_order("tg1-stop", "29", "FILLED", "0.9") + "]"));
  const auto lookup = world.find({ask("tg1-stop", "29", Leg::stop)}).front();
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 1);
  CHECK(lookup->found.front().status == VenueStatus::filled);
  CHECK(world.way.bursts.size() == 3);  // the third asks what it was sold for
}

TEST_CASE("of two readings of one order the one further along counts, and two orders are two") {
  World world;
  world.awake();
  world.way.on("GET /api/v3/order?", good(shown_order("tg1-stop", "29", "PARTIALLY_FILLED", "0.5")));
  world.way.on("openOrders", good("[" + shown_order("tg1-stop", "29") + "]"));
  world.way.on("allOrders", good("[" + shown_order("tg1-stop", "29", "CANCELED", "0.5") + "," +
                                 shown_order("tg1-stop", "31", "FILLED", "0.9") + "]"));
  const auto lookup = world.find({ask("tg1-stop", "", Leg::stop)}).front();
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 2);
  CHECK(lookup->found[0].venue_id == "29");
  CHECK(lookup->found[0].status == VenueStatus::cancelled);
  CHECK(lookup->found[1].venue_id == "31");
}

TEST_CASE("an order under an id that is another's is not taken for it") {
  World world;
  world.awake();
  world.way.on("orderId=29", good(shown_order("tg1-other", "29")));
  CHECK_FALSE(world.find({ask("tg1-stop", "29", Leg::stop)}).front());
}

TEST_CASE("what the venue has archived ended unfilled") {
  World world;
  world.awake();
  world.way.on("orderId=29", answered(400, R"({"code":-2026,"msg":"Order was canceled or expired."})"));
  const auto lookup = world.find({ask("tg1-stop", "29", Leg::stop)}).front();
  REQUIRE(lookup);
  REQUIRE(lookup->found.size() == 1);
  CHECK(lookup->found.front().status == VenueStatus::expired);
  CHECK(lookup->found.front().filled == qty("0"));
}

TEST_CASE(
    "fees that do not add up to the fills are not known, and an order found in doubt is asked for "
    "its own") {
  World world;
  world.awake();
  const auto filled = [](const char* quantity) {
    return good(shown_order("tg1-entry", "28", "FILLED", quantity, R"("type":"MARKET","price":"0")", "BUY"));
  };
  world.way.on("myTrades", good(trades_answer));
  world.way.on("GET /api/v3/order?", filled("1"));
  CHECK(world.find({ask("tg1-entry", "", Leg::entry, true)}).front()->found.front().fee_base == qty("0.0004"));
  CHECK(world.way.bursts.size() == 2);
  world.way.on("GET /api/v3/order?", filled("1.5"));
  CHECK_FALSE(world.find({ask("tg1-entry", "", Leg::entry, true)}).front()->found.front().fee_base);
  world.way.on("GET /api/v3/order?", filled("1"));
  world.way.on("myTrades", lost);
  const auto unread = world.find({ask("tg1-entry", "28", Leg::entry, true)}).front();
  REQUIRE(unread);
  CHECK_FALSE(unread->found.front().fee_base);
}

// ---- Pages
// ---------------------------------------------------------------------------------------

TEST_CASE("a page that is full is read again in halves, until none is") {
  World world;
  world.awake();
  // A thousand orders in the first minute of the window, of which the newest is ours.
  world.way.on("allOrders", [](const HttpRequest& request) {
    const auto number = [&](const char* name) {
      return std::stoll(request.target.substr(request.target.find(name) + std::string_view{name}.size()));
    };
    const auto span = number("endTime=") - number("startTime=");
    if (span > 60'000) return good(a_full_page(noon));
    return number("startTime=") < 1'735'732'770'000 && span > 40'000
               ? good("[" + shown_order("tg1-entry", "28", "FILLED", "0.9") + "]")
               : good("[]");
  });
  const auto lookup = world.find({ask("tg1-entry", "", Leg::entry)}).front();
  REQUIRE(lookup);
  CHECK(lookup->found.size() == 1);
  CHECK(lookup->every_view_read);
  CHECK(world.way.bursts.size() == 3);  // the third asks what it was bought for
}

TEST_CASE("a page that stays full is not a view that was read") {
  World world;
  world.awake();
  world.way.on("allOrders", good(a_full_page(noon)));
  const auto lookup = world.find({ask("tg1-entry", "", Leg::entry)}).front();
  REQUIRE(lookup);
  CHECK(lookup->found.empty());
  CHECK_FALSE(lookup->every_view_read);
  CHECK(world.way.all().size() < 70);
}

TEST_CASE("days are asked for one by one, and weeks as the newest there are") {
  World world;
  world.awake();
  auto query = ask("tg1-entry", "", Leg::entry);
  query.since = noon - 50h;
  REQUIRE(world.find({query}).front());
  const auto days = world.way.all();
  const auto from = [](Instant a, Instant b) {
    return "GET /api/v3/allOrders?symbol=ETHUSDT&startTime=" + std::to_string(to_micros(a) / 1000) +
           "&endTime=" + std::to_string(to_micros(b) / 1000) + "&limit=1000";
  };
  CHECK(std::vector<std::string>(days.begin() + 2, days.end()) ==
        std::vector<std::string>{from(noon - 50h, noon - 26h - 1ms), from(noon - 26h, noon - 2h - 1ms),
                                 from(noon - 2h, noon + 1min)});

  world.way.bursts.clear();
  query.since = noon - 24h * 30;
  CHECK(world.find({query}).front()->every_view_read);
  CHECK(world.way.all().back() == "GET /api/v3/allOrders?symbol=ETHUSDT&limit=1000");
  world.way.on("allOrders", good(a_full_page(noon)));
  CHECK_FALSE(world.find({query}).front()->every_view_read);
}

TEST_CASE("the past is never asked for less than a minute of") {
  World world;
  world.awake();
  auto query = ask("tg1-entry", "", Leg::entry);
  query.since = noon + 1h;
  REQUIRE(world.find({query}).front());
  CHECK(world.way.all().back() == history);
}

// ---- The market
// ----------------------------------------------------------------------------------

TEST_CASE("a name the venue does not know is absent and does not spoil the others") {
  World world;
  world.awake();
  const auto only_eth = [](const char* whole) {
    return [whole](const HttpRequest& request) {
      if (request.target.find("XYZUSDT") != std::string::npos)
        return answered(400, R"({"code":-1121,"msg":"Invalid symbol."})");
      return good(whole);
    };
  };
  const std::string shown = markets(market_shown("TRADING", all_types, usual_filters));
  world.way.on("exchangeInfo", only_eth(shown.c_str()));
  world.way.on("ticker/price", only_eth(R"([{"symbol":"ETHUSDT","price":"3000"}])"));
  const std::set<Symbol> both{eth(), symbol("XYZ_USDT")};
  const auto rules = world.venue.rules(both);
  REQUIRE(rules);
  CHECK(rules->size() == 1);
  CHECK(rules->contains(eth()));
  const auto quotes = world.venue.quotes(both);
  REQUIRE(quotes);
  CHECK(quotes->size() == 1);
  CHECK(quotes->at(eth()).last == price("3000"));
  CHECK(quotes->at(eth()).at == noon);
  CHECK(world.venue.rules({symbol("XYZ_USDT")})->empty());
  CHECK(world.venue.quotes({})->empty());
  world.way.on("ticker/price", lost);
  CHECK_FALSE(world.venue.quotes(both));
}

TEST_CASE("two of our names that are spelled alike there are not each other") {
  World world;
  world.awake();
  world.way.on("exchangeInfo", good(markets(market_shown("TRADING", all_types, usual_filters))));
  CHECK(world.venue.rules({symbol("ET_HUSDT")})->empty());
  const auto rules = world.venue.rules({symbol("ET_HUSDT"), eth()});
  REQUIRE(rules);
  CHECK(rules->size() == 1);
  CHECK(rules->contains(eth()));
}

TEST_CASE("the market is one burst, and a currency the venue leaves out is zero") {
  World world;
  world.awake();
  world.way.on("ticker/price", good(R"([{"symbol":"BTCUSDT","price":"95000"}])"));
  world.way.on("account", good(account_answer));
  const auto market = world.venue.market({symbol("BTC_USDT")});
  CHECK(world.way.bursts.size() == 1);
  CHECK(world.way.bursts.front().size() == 2);
  REQUIRE(market.quotes);
  CHECK(market.quotes->at(symbol("BTC_USDT")).last == price("95000"));
  REQUIRE(market.balances);
  CHECK(market.balances->at("ETH").total == dec("1"));
  CHECK(market.balances->at("BTC").total == dec("0"));
  CHECK_FALSE(market.balances->contains("SOL"));
  CHECK(world.venue.seen_account() == "354937868");
  CHECK(world.venue.account_id() == "354937868");
}

TEST_CASE("own orders are those open anywhere and those of the past in the markets named") {
  World world{{.markets = {symbol("BTC_USDT")}}};
  world.awake();
  const auto elsewhere = [](std::string order, const char* name) {
    return order.replace(order.find("ETHUSDT"), 7, name);
  };
  world.way.on("openOrders", good("[" + shown_order("tg1-stop", "29") + "," + shown_order("mine", "5") + "]"));
  world.way.on("allOrders?symbol=BTCUSDT",
               good("[" + elsewhere(shown_order("tg1-exit", "7", "FILLED", "0.9"), "BTCUSDT") + "]"));
  world.way.on("exchangeInfo?symbols=%5B%22ETHUSDT%22%5D",
               good(markets(market_shown("TRADING", all_types, usual_filters))));
  const auto own = world.venue.own_orders(noon);
  REQUIRE(own);
  REQUIRE(own->size() == 2);
  CHECK((*own)[0].client_id == "tg1-exit");
  CHECK((*own)[1].client_id == "tg1-stop");
  CHECK((*own)[1].symbol == eth());
  CHECK(world.way.bursts.size() == 2);

  // What is over and older than asked is not told.
  CHECK(world.venue.own_orders(noon + 1s)->size() == 1);
  world.way.on("allOrders", good(a_full_page(noon)));
  CHECK_FALSE(world.venue.own_orders(noon));
}

// ---- What is told
// --------------------------------------------------------------------------------

TEST_CASE("an answer that was not understood is one line, without query, key and signature") {
  World world;
  world.awake();
  world.way.on("POST", answered(400, R"({"code":-9000,"msg":"A new\nthing."})"));
  CHECK(is<InDoubt>(place(world.venue, entry("entry", "1", noon))));
  REQUIRE(world.lines.size() == 1);
  const auto line = parse_line(world.lines.front());
  REQUIRE(line);
  CHECK(line->name == "VENUE_ANSWER");
  CHECK(line->fields ==
        std::vector<std::pair<std::string, std::string>>{{"path", "/api/v3/order"},
                                                         {"http", "400"},
                                                         {"code", "-9000"},
                                                         {"text", R"({"code":-9000,"msg":"A new\nthing."})"}});
  for (const char* secret_text : {"the-key-of-22-characters", "the-secret", "signature", "ETHUSDT"})
    CHECK(world.lines.front().find(secret_text) == std::string::npos);
}

TEST_CASE("a page that shows the request back does not carry its key and signature into the log") {
  World world;
  world.awake();
  std::string signature;
  world.way.on("POST", [&](const HttpRequest& request) {
    signature = request.target.substr(request.target.find("&signature=") + 11);
    return good("<html>" + signature + " and the-key-of-22-characters, the-key-of-22-characters</html>");
  });
  CHECK(is<InDoubt>(place(world.venue, entry("entry", "1", noon))));
  REQUIRE(world.lines.size() == 1);
  CHECK(world.lines.front().find("<html>*** and ***, ***</html>") != std::string::npos);
  CHECK(signature.size() == 64);
}

TEST_CASE("a key that is a word of the answers changes none of them") {
  ManualClock clock{noon};
  Way way;
  Log log{[](Level, Instant, std::string_view) {}, clock};
  BinanceVenue venue{way, secret("orderId"), secret("s"), {}, clock, log};
  way.on("/api/v3/time", good(R"({"serverTime":1735732800000})"));
  way.on("POST", good(market_answer));
  CHECK(is<Accepted>(place(venue, entry("entry", "1", noon))));
}

TEST_CASE("what is documented is not told") {
  World world;
  world.awake();
  world.way.on("POST", answered(400, R"({"code":-2010,"msg":"Market is closed."})"));
  CHECK(is<Refused>(place(world.venue, entry("entry", "1", noon))));
  world.way.on("POST", answered(503, "<html>"));
  CHECK(is<InDoubt>(place(world.venue, entry("entry", "1", noon))));
  CHECK(world.lines.empty());
}

TEST_CASE(
    "the venue's traits are what the cycle needs to plan, and its pace leaves room for "
    "protection") {
  World world;
  const auto& traits = world.venue.traits();
  CHECK(traits.oco);
  CHECK(traits.stop_market);
  CHECK(traits.duplicate_ids_refused);
  CHECK(traits.answers_are_sightings);
  CHECK(traits.validity_window == 5s);
  CHECK(traits.absence_margin == 15s);
  CHECK(traits.network);
  // Each entry of a group and the pair that protects it fit into one window of the order limit.
  for (const auto& limit : binance_limits())
    if (limit.name == orders_limit) CHECK(traits.entries_at_a_time * 3 <= static_cast<std::size_t>(limit.weight));
  CHECK(World{{.paced = false}}.venue.traits().entries_at_a_time == 1000);
}
