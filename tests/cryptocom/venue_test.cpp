// The venue over a transport that a test moves by hand: what no server can be made to do, and what
// the venue itself decides between building and reading.
#include <functional>

#include "orders.hpp"
#include "tradeguard/cryptocom_venue.hpp"
#include "wire_answers.hpp"

namespace tradeguard {
namespace {

// Answers by hand. What it was sent stays to be looked at.
class Hand final : public HttpTransport {
 public:
  explicit Hand(Clock& clock) : clock_{clock} {}
  std::function<HttpResult(const HttpRequest&)> answer;
  std::vector<HttpRequest> sent;
  std::vector<std::size_t> bursts;
  Micros patience{0};
  Micros venue_ahead{0};
  bool with_date = true;

  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros span) override {
    patience = span;
    bursts.push_back(requests.size());
    std::vector<HttpResult> results;
    for (const HttpRequest& request : requests) {
      sent.push_back(request);
      results.push_back(answer(request));
      if (!results.back()) continue;
      results.back()->sent = clock_.now();
      results.back()->answered = clock_.now();
      if (with_date) results.back()->headers.emplace_back("date", date(clock_.now() + venue_ahead));
    }
    return results;
  }

 private:
  static std::string date(Instant now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[40];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return text;
  }
  Clock& clock_;
};

struct Place {
  ManualClock clock{at("2026-01-01T00:00:00.5Z")};
  Hand hand{clock};
  std::vector<std::string> lines;
  Log log{[this](Level, Instant, std::string_view line) { lines.emplace_back(line); }, clock};
  CryptocomVenue venue;

  explicit Place(bool paced = true)
      : venue{hand,
              Secret{std::string{"the-api-key-of-22-chars"}},
              Secret{std::string{"the-secret"}},
              {.min_notional = Money{5},
               .market_min_notional = {{symbol("BTC_USDT"), Money{7}}},
               .highest_fee_rate = dec("0.005"),
               .paced = paced},
              clock,
              log} {
    hand.answer = [](const HttpRequest&) { return http(200, R"({"code":0,"result":{}})"); };
  }
  Order entry(const char* name) {
    auto order = tradeguard::entry(name, "0.5", clock.now());
    order.valid_until = order.stamp + 60s;
    return order;
  }
};

std::string client_id_in(const HttpRequest& request) {
  const auto from = request.body.find("\"client_oid\":\"") + 14;
  return request.body.substr(from, request.body.find('"', from) - from);
}
HttpResult accept(const HttpRequest& request) {
  return http(200, R"({"id":-1,"code":0,"result":{"order_id":"123","client_oid":")" + client_id_in(request) + R"("}})");
}

TEST_CASE("entries are sent in one burst, and answers stand in their order") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) -> HttpResult {
    if (client_id_in(request) == "tg1-a") return lost(false);
    if (client_id_in(request) == "tg1-b") return lost(true);
    if (client_id_in(request) == "tg1-c")
      return coded(400, "306").map([](HttpResponse r) {
        r.body.replace(r.body.find("\"id\":1"), 6, "\"id\":-1");
        return r;
      });
    return accept(request);
  };
  const auto outcomes =
      place.venue.place(TestTickets::of({place.entry("a"), place.entry("b"), place.entry("c"), place.entry("d")}));
  REQUIRE(outcomes.size() == 4);
  CHECK(get<Unsent>(outcomes[0]).why == Unsent::Why::not_connected);
  CHECK(is<InDoubt>(outcomes[1]));
  CHECK(get<Refused>(outcomes[2]).code == "306");
  CHECK(get<Accepted>(outcomes[3]).venue_id == "123");
  CHECK(place.hand.bursts == std::vector<std::size_t>{4});
  CHECK(place.hand.patience == 2s);
}

TEST_CASE("a request carries the stamp of its claim, however late it is sent") {
  Place place;
  const auto order = place.entry("a");
  place.clock.advance(30s);
  place.venue.place(TestTickets::of({order}));
  CHECK(place.hand.sent.at(0).body.find("\"nonce\":1767225600500") != std::string::npos);
}

TEST_CASE("what the gateway stops is unsent, and then nothing is sent until it is over") {
  const auto [status, head, seconds] = GENERATE(table<int, std::string, int>(
      {{403, "", 120}, {403, "600", 600}, {418, "7200", 7200}, {418, "", 120}, {429, "30", 30}}));
  Place place;
  place.hand.answer = [status = status, head = head](const HttpRequest&) {
    HttpResult stopped = http(status, "<html>go away</html>");
    if (!head.empty()) stopped->headers.emplace_back("retry-after", head);
    return stopped;
  };
  const Instant began = place.clock.now();
  const auto first = place.venue.place(TestTickets::of({place.entry("a")})).at(0);
  CHECK(get<Unsent>(first).why == Unsent::Why::throttled);
  REQUIRE(place.venue.quiet());
  CHECK(place.venue.quiet()->until == began + std::chrono::seconds{seconds});
  CHECK(place.venue.quiet()->status == std::to_string(status));

  place.hand.answer = accept;
  place.hand.sent.clear();
  const auto held = place.venue.place(TestTickets::of({place.entry("b")})).at(0);
  CHECK(get<Unsent>(held).why == Unsent::Why::throttled);
  CHECK_THAT(get<Unsent>(held).message, Catch::Contains("HTTP " + std::to_string(status)));
  CHECK_FALSE(place.venue.balances());
  CHECK_FALSE(place.venue.rules({symbol("ETH_USDT")}));
  const std::vector<CancelRequest> cancels{{"tg1-s", "1", symbol("ETH_USDT"), Leg::stop}};
  CHECK(std::holds_alternative<Unsent>(place.venue.cancel(cancels).at(0)));
  CHECK(place.hand.sent.empty());
  place.clock.advance(std::chrono::seconds{seconds});
  CHECK(is<Accepted>(place.venue.place(TestTickets::of({place.entry("c")})).at(0)));
}

TEST_CASE("a 429 that names no pause is the business of the pace, and silences nothing") {
  Place place;
  place.hand.answer = [](const HttpRequest&) { return http(429, R"({"code":42901})"); };
  CHECK(is<Unsent>(place.venue.place(TestTickets::of({place.entry("a")})).at(0)));
  CHECK_FALSE(place.venue.quiet());
}

TEST_CASE("an API error under a 403 is the API's word and no firewall's") {
  Place place;
  place.hand.answer = [](const HttpRequest&) { return coded(403, "40103"); };
  const auto balances = place.venue.balances();
  REQUIRE_FALSE(balances);
  CHECK(balances.error().fault == Fault::configuration);
  CHECK_FALSE(place.venue.quiet());
}

TEST_CASE("a country that is not served is a matter of configuration, asked about once a run") {
  Place place;
  place.hand.answer = [](const HttpRequest&) { return http(451, "<html>legal reasons</html>"); };
  const auto rules = place.venue.rules({symbol("ETH_USDT")});
  REQUIRE_FALSE(rules);
  CHECK(rules.error().fault == Fault::configuration);
  CHECK_THAT(rules.error().what, Catch::Contains("not served from this country or address"));
  const std::size_t asked = place.hand.sent.size();
  CHECK(is<Unsent>(place.venue.place(TestTickets::of({place.entry("a")})).at(0)));
  CHECK(place.hand.sent.size() == asked);
  CHECK_FALSE(place.venue.quiet());
}

TEST_CASE("the silence of an earlier run is kept") {
  Place place;
  place.venue.keep_quiet({place.clock.now() + 1h, "418"});
  CHECK(is<Unsent>(place.venue.place(TestTickets::of({place.entry("a")})).at(0)));
  CHECK_FALSE(place.venue.venue_time());
  CHECK(place.hand.sent.empty());
}

TEST_CASE("what would arrive after its time is not sent, by the venue's clock") {
  Place place;
  const auto early = place.entry("early");
  const auto late = place.entry("late");
  place.hand.answer = accept;
  place.clock.advance(58s);
  CHECK(is<Accepted>(tradeguard::place(place.venue, early)));
  place.clock.advance(1us);
  const auto outcome = tradeguard::place(place.venue, late);
  CHECK(get<Unsent>(outcome).why == Unsent::Why::too_late);

  auto stop = stop_market("stop", "0.5", "2910", place.clock.now() - 9s);
  auto limit = target("target", "0.5", "3090", place.clock.now());
  const auto legs = protect(place.venue, stop, limit);
  CHECK(get<Unsent>(legs.stop).why == Unsent::Why::too_late);
  CHECK(get<Unsent>(*legs.target).why == Unsent::Why::too_late);
  CHECK(is<Unsent>(flatten(place.venue, exit_of("exit", "0.5", place.clock.now() - 9s))));
  CHECK(place.hand.sent.size() == 1);

  // The venue's clock is 30 s ahead: it will be later there than here.
  place.hand.venue_ahead = 30s;
  place.hand.answer = [](const HttpRequest&) { return listed("m", ""); };
  place.clock.advance(1h);
  static_cast<void>(place.venue.quotes({eth()}));
  auto by_its_clock = place.entry("ahead");
  by_its_clock.valid_until = by_its_clock.stamp + 31s;
  CHECK(is<Unsent>(tradeguard::place(place.venue, by_its_clock)));
}

TEST_CASE("a lone stop and a pair go to the advanced book, and an exit to the regular one") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) -> HttpResult {
    if (request.target == "/private/advanced/create-oco")
      return http(200, R"({"code":0,"result":{"list_id":6498090546073120100}})");
    return accept(request);
  };
  const auto now = place.clock.now();
  const auto stop = stop_market("stop", "0.9", "2910", now);
  CHECK(get<Accepted>(protect(place.venue, stop)).venue_id == "123");
  const auto pair = protect(place.venue, stop, target("target", "0.9", "3090", now));
  CHECK(get<Accepted>(pair.stop).venue_id.empty());
  CHECK(get<Accepted>(*pair.target).venue_id.empty());
  CHECK(is<Accepted>(flatten(place.venue, exit_of("exit", "0.9", now))));
  REQUIRE(place.hand.sent.size() == 3);
  CHECK(place.hand.sent[0].target == "/private/advanced/create-order");
  CHECK(place.hand.sent[1].target == "/private/advanced/create-oco");
  CHECK(place.hand.sent[2].target == "/private/create-order");
}

TEST_CASE("every request names a limit that is declared, and none where nothing is paced") {
  std::set<std::string> declared;
  for (const RateLimit& limit : cryptocom_limits()) declared.insert(limit.name);
  for (const bool paced : {true, false}) {
    Place place{paced};
    const auto now = place.clock.now();
    place.venue.place(TestTickets::of({place.entry("a")}));
    protect(place.venue, stop_market("stop", "0.9", "2910", now));
    protect(place.venue, stop_market("stop", "0.9", "2910", now), target("t", "0.9", "3090", now));
    cancel(place.venue, place.entry("a"));
    cancel(place.venue, stop_market("stop", "0.9", "2910", now));
    place.hand.answer = [](const HttpRequest&) { return listed("m", ""); };
    static_cast<void>(find(place.venue, place.entry("a")));
    static_cast<void>(find(place.venue, stop_market("stop", "0.9", "2910", now)));
    static_cast<void>(place.venue.rules({eth()}));
    place.venue.market({eth()});
    static_cast<void>(place.venue.own_orders(now));
    CHECK(place.hand.sent.size() > 20);
    for (const HttpRequest& request : place.hand.sent) {
      INFO(request.target << " " << request.limit);
      CHECK(declared.contains(request.limit) == paced);
      CHECK(request.limit.empty() == !paced);
    }
    CHECK(place.venue.traits().entries_at_a_time == (paced ? 15 : 1000));
  }
}

TEST_CASE("no two requests carry the same id and nonce") {
  Place place;
  place.hand.answer = [](const HttpRequest&) { return listed("m", ""); };
  for (int i = 0; i < 5; ++i) {
    static_cast<void>(find(place.venue, place.entry("a")));
    place.venue.place(TestTickets::of({place.entry("a"), place.entry("b")}));
  }
  std::set<std::string> serials;
  for (const HttpRequest& request : place.hand.sent) {
    const auto nonce = request.body.find("\"nonce\":");
    serials.insert(request.body.substr(0, request.body.find(',')) + request.body.substr(nonce, 21));
  }
  CHECK(serials.size() == place.hand.sent.size());
}

TEST_CASE("an order is cancelled in its own book by the venue's id where it is known") {
  Place place;
  const auto now = place.clock.now();
  auto stop = stop_market("stop", "0.9", "2910", now);
  CHECK(is<CancelAcknowledged>(cancel(place.venue, stop)));
  stop.venue_id = "6498090546073120101";
  CHECK(is<CancelAcknowledged>(cancel(place.venue, stop)));
  CHECK(is<CancelAcknowledged>(cancel(place.venue, exit_of("exit", "0.9", now))));
  REQUIRE(place.hand.sent.size() == 3);
  CHECK(place.hand.sent[0].target == "/private/advanced/cancel-order");
  CHECK(place.hand.sent[0].body.find(R"("params":{"client_oid":"tg1-stop"})") != std::string::npos);
  CHECK(place.hand.sent[1].body.find(R"("params":{"order_id":"6498090546073120101"})") != std::string::npos);
  CHECK(place.hand.sent[2].target == "/private/cancel-order");
}

TEST_CASE("a fired stop that rests is cancelled where it rests, too") {
  Place place;
  const auto fired = with(with(resting_stop, "exchange_order_id", "\"99\""), "order_type", "\"STOP_LIMIT\"");
  const auto rests = with(with(filled_entry, "order_id", "\"99\""), "status", "\"ACTIVE\"");
  place.hand.answer = [&](const HttpRequest& request) -> HttpResult {
    if (request.target == "/private/advanced/get-open-orders") return listed("m", fired);
    if (request.target == "/private/get-order-detail") return answered("m", rests);
    if (request.target == "/private/advanced/cancel-order") return coded(400, "316");
    return coded(200, "0");
  };
  const auto stop = stop_limit("stop", "0.9", "2910", "2880.9", place.clock.now());
  REQUIRE(sight(place.venue, stop).fired);
  place.hand.sent.clear();
  CHECK(is<CancelAcknowledged>(cancel(place.venue, stop)));
  REQUIRE(place.hand.sent.size() == 2);
  CHECK(place.hand.sent[1].target == "/private/cancel-order");
  CHECK(place.hand.sent[1].body.find(R"("params":{"order_id":"99"})") != std::string::npos);
}

TEST_CASE("the venue's time comes from the Date of its answers, and is asked for once") {
  Place place;
  place.hand.venue_ahead = 3s;
  CHECK(place.venue.venue_time() == place.clock.now() + 3s);
  REQUIRE(place.hand.sent.size() == 1);
  CHECK(place.hand.sent[0].target.starts_with("/public/get-tickers?instrument_name="));
  CHECK(place.venue.venue_time() == place.clock.now() + 3s);
  CHECK(place.hand.sent.size() == 1);
}

TEST_CASE("each answer narrows the venue's time down, and a clock that was set begins anew") {
  Place place;
  place.hand.venue_ahead = 250ms;
  // Half past the second the Date leaves half a second either way.
  CHECK(place.venue.venue_time() == place.clock.now());
  for (int i = 0; i < 10; ++i) {
    place.clock.advance(1100ms);
    static_cast<void>(place.venue.quotes({eth()}));
  }
  const Micros off = *place.venue.venue_time() - place.clock.now() - 250ms;
  CHECK(off < 100ms);
  CHECK(off > -100ms);
  place.hand.venue_ahead = 1h;
  static_cast<void>(place.venue.quotes({eth()}));
  CHECK(*place.venue.venue_time() - place.clock.now() > 59min);
}

TEST_CASE("without a Date, or an answer, the venue's time is not known") {
  Place place;
  place.hand.with_date = false;
  CHECK_FALSE(place.venue.venue_time());
  place.hand.answer = [](const HttpRequest&) { return lost(false); };
  CHECK_FALSE(place.venue.venue_time());
}

TEST_CASE("trades are not waited for when their turn is not there yet") {
  Place place;
  auto order = place.entry("entry");
  order.venue_id = "5755600460443882762";
  place.hand.answer = [](const HttpRequest& request) -> HttpResult {
    return request.target == "/private/get-trades" ? listed("m", "") : answered("m", filled_entry);
  };
  static_cast<void>(find(place.venue, order));
  CHECK(place.hand.bursts.back() == 2);
  static_cast<void>(find(place.venue, order));
  CHECK(place.hand.bursts.back() == 1);
  place.clock.advance(1s);
  static_cast<void>(find(place.venue, order));
  CHECK(place.hand.bursts.back() == 2);
  CHECK(place.venue.seen_account() == "52e7c00f-1324-5a6z-bfgt-de445bde21a5");
  CHECK(place.venue.account_id() == "52e7c00f-1324-5a6z-bfgt-de445bde21a5");
}

namespace {

// The three tables that rules are made of.
HttpResult tables(const HttpRequest& request, const std::string& base_config) {
  if (request.target == "/public/get-risk-parameters")
    return answered("m", R"({"base_currency_config":[)" + base_config + "]}");
  if (request.target == "/public/get-tickers")
    return listed("m", R"({"i":"BTC_USDT","a":"50000"},{"i":"CRO_USD","a":"0.1"},{"i":"ETH_BTC","a":"0.06"})");
  const auto market = [](const std::string& name, const char* tradable = "true") {
    return R"({"symbol":")" + name + R"(","inst_type":"CCY_PAIR","price_tick_size":"0.01",)" +
           R"("qty_tick_size":"0.0001","tradable":)" + tradable + "}";
  };
  return listed("m", market("ETH_USDT") + "," + market("BTC_USDT", "false") + "," + market("ETH_USD") + "," +
                         market("ETH_BTC") + "," + market("ETH_CRO") + "," + market("ETH_EUR"));
}

}  // namespace

TEST_CASE("rules are the venue's steps, and the larger of its minimum and the configured one") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) {
    return tables(request, R"({"instrument_name":"ETH","min_order_notional_usd":"1.0"},
                              {"instrument_name":"BTC","min_order_notional_usd":"20.0"})");
  };
  const auto rules = place.venue.rules({eth(), symbol("BTC_USDT"), symbol("NO_USDT")});
  REQUIRE(rules);
  REQUIRE(rules->size() == 2);
  CHECK(place.hand.bursts == std::vector<std::size_t>{2});
  const auto& eth_rules = rules->at(eth());
  CHECK(eth_rules.tick == price("0.01"));
  CHECK(eth_rules.step == qty("0.0001"));
  CHECK(eth_rules.min_quantity == qty("0.0001"));
  CHECK(eth_rules.min_notional == money("5"));
  CHECK(eth_rules.highest_fee_rate == dec("0.005"));
  CHECK(eth_rules.max_open_stops == 200);
  CHECK(eth_rules.tradable);
  CHECK(eth_rules.read_at == place.clock.now());
  // Configured for this market are 7; twenty dollars are a little more than twenty of these.
  CHECK(rules->at(symbol("BTC_USDT")).min_notional == money("20.2"));
  CHECK_FALSE(rules->at(symbol("BTC_USDT")).tradable);
  place.hand.answer = [](const HttpRequest&) { return http(502, "<html>"); };
  CHECK_FALSE(place.venue.rules({eth()}));
}

TEST_CASE("a minimum in dollars becomes one of the quote currency, at today's price and a tenth more") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) {
    return tables(request, R"({"instrument_name":"ETH","min_order_notional_usd":"10.0"})");
  };
  const auto rules = place.venue.rules({symbol("ETH_USD"), symbol("ETH_BTC"), symbol("ETH_CRO"), symbol("ETH_EUR")});
  REQUIRE(rules);
  CHECK(place.hand.bursts == std::vector<std::size_t>{3});
  CHECK(rules->at(symbol("ETH_USD")).min_notional == money("10"));
  CHECK(rules->at(symbol("ETH_BTC")).min_notional == money("0.00022"));
  CHECK(rules->at(symbol("ETH_CRO")).min_notional == money("110"));
  CHECK(rules->at(symbol("ETH_EUR")).min_notional == money("5"));  // no market tells its worth
}

TEST_CASE("the largest order is the venue's, or what it takes in a day, in the quote currency") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) {
    return tables(request, R"({"instrument_name":"ETH","min_order_notional_usd":"1.0",
      "max_order_notional_usd":"1000.0"},{"instrument_name":"BTC","max_order_notional_usd":"1000.0",
      "daily_notional_limit":"200.0"})");
  };
  const auto rules =
      place.venue.rules({eth(), symbol("ETH_USD"), symbol("ETH_BTC"), symbol("BTC_USDT"), symbol("ETH_EUR")});
  REQUIRE(rules);
  CHECK(rules->at(symbol("ETH_USD")).max_notional == money("1000"));
  CHECK(rules->at(eth()).max_notional == money("990"));
  CHECK(rules->at(symbol("ETH_BTC")).max_notional == money("0.018"));
  CHECK(rules->at(symbol("BTC_USDT")).max_notional == money("198"));
  CHECK(rules->at(symbol("ETH_EUR")).max_notional == money("0"));
}

TEST_CASE("without the venue's limits the configured minimum holds, in dollars too") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) {
    if (request.target == "/public/get-risk-parameters") return http(404, "<html>");
    return tables(request, "");
  };
  const auto rules = place.venue.rules({eth(), symbol("ETH_BTC"), symbol("BTC_USDT")});
  REQUIRE(rules);
  CHECK(rules->at(eth()).min_notional == money("5"));
  CHECK(rules->at(symbol("ETH_BTC")).min_notional == money("0.00011"));
  CHECK(rules->at(symbol("BTC_USDT")).min_notional == money("7"));
}

TEST_CASE("a market quoted in coins has no rules while nobody says what the coin is worth") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) {
    if (request.target == "/public/get-tickers") return http(502, "<html>");
    return tables(request, "");
  };
  CHECK_FALSE(place.venue.rules({symbol("ETH_BTC")}));
  CHECK(place.venue.rules({eth()}));
}

TEST_CASE("the market is one burst, few prices one by one and many at once") {
  Place place;
  place.hand.answer = [](const HttpRequest& request) -> HttpResult {
    if (request.target == "/private/user-balance")
      return listed("m", R"({"position_balances":[{"instrument_name":"ETH","quantity":"1","reserved_qty":"0.4"}]})");
    if (request.target.ends_with("BAD_USDT")) return coded(400, "40004");
    return listed("m", R"({"i":"ETH_USDT","a":"3000"},{"i":"XYZ_USDT","a":"1"})");
  };
  const auto market = place.venue.market({eth(), symbol("BAD_USDT")});
  CHECK(place.hand.bursts == std::vector<std::size_t>{3});
  REQUIRE(market.quotes);
  REQUIRE(market.quotes->size() == 1);
  CHECK(market.quotes->at(eth()).last == price("3000"));
  CHECK(market.quotes->at(eth()).at == place.clock.now());
  REQUIRE(market.balances);
  CHECK(market.balances->at("ETH").free == dec("0.6"));

  CHECK(place.venue.traits().absent_balance == AbsentBalance::zero);
  CHECK_FALSE(market.balances->contains("USDT"));  // none, for the list was read whole
  place.hand.answer = [](const HttpRequest& request) -> HttpResult {
    if (request.target == "/private/user-balance")
      return listed("m", R"({"position_balances":[{"instrument_name":"ETH","quantity":"?"},
                             {"instrument_name":"DOT","quantity":"1","reserved_qty":"0"}]})");
    return listed("m", R"({"i":"ETH_USDT","a":"3000"},{"i":"XYZ_USDT","a":"1"})");
  };
  CHECK_FALSE(place.venue.market({eth()}).balances);  // not none: it is there and cannot be read

  const auto many = place.venue.quotes({eth(), symbol("A_USDT"), symbol("B_USDT"), symbol("C_USDT")});
  CHECK(place.hand.bursts.back() == 1);
  CHECK(place.hand.sent.back().target == "/public/get-tickers");
  REQUIRE(many);
  CHECK(many->size() == 1);

  place.hand.answer = [](const HttpRequest&) { return lost(true); };
  const auto dark = place.venue.market({eth()});
  CHECK_FALSE(dark.quotes);
  CHECK_FALSE(dark.balances);
  CHECK_FALSE(place.venue.quotes({eth()}));
  CHECK_FALSE(place.venue.balances());
}

TEST_CASE(
    "what was not understood is one line, and neither key nor signature is in it or in any "
    "outcome") {
  Place place;
  std::string echoed;
  place.hand.answer = [&](const HttpRequest& request) -> HttpResult {
    echoed = request.body;
    std::string quoted;
    for (const char c : request.body) quoted += c == '"' ? std::string{"\\\""} : std::string{c};
    return http(500, R"({"code":50001,"message":")" + quoted + R"(","original":")" + quoted + "\"}");
  };
  const auto outcome = tradeguard::place(place.venue, place.entry("a"));
  REQUIRE(is<InDoubt>(outcome));
  REQUIRE(place.lines.size() == 1);
  CHECK(place.lines[0].starts_with("VENUE_ANSWER path=/private/create-order http=500 code=50001 text="));
  place.hand.answer = [&](const HttpRequest& request) -> HttpResult { return http(502, request.body); };
  const auto raw = tradeguard::place(place.venue, place.entry("b"));
  const auto from = echoed.find("\"sig\":\"") + 7;
  const std::string signature = echoed.substr(from, 64);
  REQUIRE(echoed.find("the-api-key-of-22-chars") != std::string::npos);
  std::string told = describe(outcome) + describe(raw);
  for (const std::string& line : place.lines) told += line;
  CHECK(told.find("the-api-key-of-22-chars") == std::string::npos);
  CHECK(told.find(signature.substr(0, 16)) == std::string::npos);
  CHECK(told.find("the-secret") == std::string::npos);
}

TEST_CASE("a key that is a word of the answers changes none of them") {
  ManualClock clock{at("2026-01-01T00:00:00.5Z")};
  Hand hand{clock};
  Log log{[](Level, Instant, std::string_view) {}, clock};
  CryptocomVenue venue{hand, Secret{std::string{"symbol"}}, Secret{std::string{"s"}}, {}, clock, log};
  hand.answer = [](const HttpRequest& request) { return tables(request, ""); };
  const auto rules = venue.rules({eth()});
  REQUIRE(rules);
  CHECK(rules->contains(eth()));
}

TEST_CASE("an answer that is as expected is not told") {
  Place place;
  place.hand.answer = [](const HttpRequest&) { return coded(400, "306"); };
  place.hand.answer = accept;
  tradeguard::place(place.venue, place.entry("a"));
  place.hand.answer = [](const HttpRequest&) { return coded(400, "316"); };
  cancel(place.venue, place.entry("a"));
  CHECK(place.lines.empty());
}

}  // namespace
}  // namespace tradeguard
