// The way to an exchange: what is sent at all, what is blotted out of the answers, and what they say of the way.
#include <tradeguard/sender.hpp>

#include <catch2/catch.hpp>

#include "orders.hpp"

using namespace tradeguard;
using namespace tradeguard::exchange;

namespace {

const Instant noon = from_micros(1'735'732'800'000'000);  // 2025-01-01T12:00:00Z

HttpRequest request(std::string target, std::string body = "") {
  return {.method = "GET", .target = std::move(target), .headers = {}, .body = std::move(body), .limit = "orders"};
}

struct Hand final : HttpTransport {
  std::vector<HttpRequest> sent;
  HttpResponse answer{.status = 200};
  std::size_t answers = 100;

  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros) override {
    sent.insert(sent.end(), requests.begin(), requests.end());
    return std::vector<HttpResult>(std::min(requests.size(), answers), answer);
  }
};

struct Place {
  explicit Place(SenderSettings settings = {.api_key = "the-key-of-22-characters", .signature_mark = "&sig="})
      : sender{hand, settings, clock, log} {}
  HttpResult send(HttpRequest one) {
    std::vector requests{std::move(one)};
    return sender.exchange(requests).at(0);
  }

  ManualClock clock{noon};
  Hand hand;
  std::vector<std::string> lines;
  Log log{[this](Level, Instant, std::string_view line) { lines.emplace_back(line); }, clock};
  Sender sender;
};

}  // namespace

TEST_CASE("a result that the transport left out is doubt, and the bodies are wiped") {
  Place place;
  place.hand.answers = 1;
  std::vector requests{request("/a", "the-secret"), request("/b", "the-secret")};
  const auto results = place.sender.exchange(requests);
  REQUIRE(results.size() == 2);
  CHECK(results[0]);
  REQUIRE_FALSE(results[1]);
  CHECK(results[1].error().sent);
  for (const auto& sent : requests) CHECK(sent.body.empty());
}

TEST_CASE("limits are named only where the exchange has them") {
  Place paced;
  REQUIRE(paced.send(request("/a")));
  CHECK(paced.hand.sent.at(0).limit == "orders");
  Place unpaced{{.paced = false}};
  REQUIRE(unpaced.send(request("/a")));
  CHECK(unpaced.hand.sent.at(0).limit.empty());
}

TEST_CASE("key and signature are in no answer, and a key that is a word of the answers changes none of them") {
  Place place;
  place.hand.answer.body = "no the-key-of-22-characters, no 0123456789abcdefghij either";
  CHECK(place.send(request("/a?b=1&sig=0123456789abcdefghij"))->body == "no ***, no *** either");
  CHECK(place.send(request("/a", "x&sig=0123456789abcdefghij&y"))->body == "no ***, no *** either");
  Place with_a_short_key{{.api_key = "no"}};
  with_a_short_key.hand.answer.body = "no, thanks";
  CHECK(with_a_short_key.send(request("/a"))->body == "no, thanks");
}

TEST_CASE("a silence that is asked for is kept until it is over, and one of orders lets the others through") {
  Place place;
  place.sender.note(request("/order"), {.ruling = {.http = 429, .hush = {.length = 10s, .orders_only = true}}});
  CHECK_FALSE(place.sender.mute());
  Order order = entry("a", "1", noon);
  order.valid_until = noon + 1h;
  REQUIRE(place.sender.held_back(order));
  CHECK(place.sender.held_back(order)->why == Unsent::Why::throttled);

  place.sender.note(request("/order"), {.ruling = {.http = 418, .hush = {.length = 30s}}});
  REQUIRE(place.sender.mute());
  CHECK(place.sender.quiet()->until == noon + 30s);
  const auto unsent = place.send(request("/a"));
  REQUIRE_FALSE(unsent);
  CHECK_FALSE(unsent.error().sent);
  CHECK(place.hand.sent.empty());
  place.clock.advance(30s);
  CHECK_FALSE(place.sender.mute());
  CHECK_FALSE(place.sender.held_back(order));
}

TEST_CASE("an exchange that serves nobody from here is asked nothing more in this run") {
  Place place;
  place.sender.note(request("/a"), {.ruling = {.http = 451, .hush = {.not_served = "not from here"}}});
  place.clock.advance(24h);
  REQUIRE(place.sender.mute());
  CHECK(place.sender.mute()->fault == Fault::configuration);
  CHECK_FALSE(place.sender.quiet());
}

TEST_CASE("an order is held back two seconds before its time is over, by the exchange's clock") {
  Place place;
  Order order = entry("a", "1", noon);
  order.valid_until = noon + 5s;
  place.clock.advance(3s);
  CHECK_FALSE(place.sender.held_back(order));
  place.sender.learn_time(1us);
  REQUIRE(place.sender.held_back(order));
  CHECK(place.sender.held_back(order)->why == Unsent::Why::too_late);
}

TEST_CASE("the exchange's time is what was learned until it says that a request's time is off") {
  Place place;
  CHECK_FALSE(place.sender.knows_time());
  place.sender.learn_time(7s);
  CHECK(place.sender.now() == noon + 7s);
  place.sender.note(request("/a"), {.ruling = {.fate = Fate::clock}});
  CHECK_FALSE(place.sender.knows_time());
  CHECK(place.sender.now() == noon);
}

TEST_CASE("dates narrow the exchange's time down, clocks that may agree agree, and one that was set is believed") {
  Place place{{.time_from_dates = true}};
  const auto dated = [&](const char* date) {
    place.hand.answer.headers = {{"date", date}};
    place.hand.answer.sent = place.hand.answer.answered = place.clock.now();
    REQUIRE(place.send(request("/a")));
  };
  dated("Wed, 01 Jan 2025 12:00:00 GMT");
  CHECK(place.sender.now() == noon);
  dated("Wed, 01 Jan 2025 12:00:30 GMT");
  CHECK(place.sender.now() == noon + 30500ms);
  place.clock.advance(700ms);
  dated("Wed, 01 Jan 2025 12:00:31 GMT");  // 30.3 to 31.3 s ahead, and 30 to 31 before
  CHECK(place.sender.now() == place.clock.now() + 30650ms);
  dated("yesterday");
  CHECK(place.sender.now() == place.clock.now() + 30650ms);
}

TEST_CASE("each thing that was not understood is one line, with the path and without the query") {
  Place place;
  place.sender.note(request("/api/order?symbol=X&sig=1"),
                    {.ruling = {}, .oddities = {{500, "", "<html>"}, {200, "7", "?"}}});
  REQUIRE(place.lines.size() == 2);
  CHECK(place.lines[0].starts_with("VENUE_ANSWER path=/api/order http=500 code=- text="));
  CHECK(place.lines[1].starts_with("VENUE_ANSWER path=/api/order http=200 code=7 text="));
}

TEST_CASE("what is held back keeps its place among what is sent, and all of it is one burst") {
  Place place;
  const std::vector<int> items{1, 2, 3, 4};
  const auto outcomes = send_each(
      place.sender, std::span{items},
      [](int item) { return item % 2 == 0 ? std::optional<std::string>{"held"} : std::nullopt; },
      [](int item) { return request("/" + std::to_string(item)); },
      [](int item, const HttpRequest& asked, const HttpResult& result) {
        return std::to_string(item) + asked.target + (result ? " answered" : "");
      });
  CHECK(outcomes == std::vector<std::string>{"1/1 answered", "held", "3/3 answered", "held"});
  CHECK(place.hand.sent.size() == 2);
}

namespace {

// Wants to know three things, one after another, and then nothing.
struct Countdown {
  int left = 3;
  std::vector<int> burst() const { return left == 0 ? std::vector<int>{} : std::vector{left}; }
  Heard hear(int, const HttpResult&) {
    left -= 1;
    return {};
  }
};

}  // namespace

TEST_CASE("a search is conducted until it has nothing more to ask, or is cut off") {
  for (const int most : {3, 4}) {
    Place place;
    Countdown search;
    CHECK(place.sender.conduct(search, most, [](int) { return request("/a"); }));
    CHECK(place.hand.sent.size() == 3);
  }
  Place place;
  Countdown search;
  CHECK_FALSE(place.sender.conduct(search, 2, [](int) { return request("/a"); }));
  CHECK(place.hand.sent.size() == 2);
}
