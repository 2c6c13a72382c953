// The venue at the end of a socket: the life of a trade at the fake exchange, over TLS.
#include "fake_venue_client.hpp"
#include "orders.hpp"
#include "tradeguard/cryptocom_venue.hpp"
#include "tradeguard/https_transport.hpp"

namespace tradeguard {
namespace {

struct Exchange {
  explicit Exchange(const std::vector<std::string>& controls = {}) : fake{controls} {}

  fake::FakeVenueProcess fake;
  SystemClock clock;
  std::vector<std::string> lines;
  Log log{[this](Level, Instant, std::string_view line) { lines.emplace_back(line); }, clock};
  HttpsTransport transport{{.base = parse_base_url(fake.cryptocom_url()).value(), .ca_file = fake.ca_file()}, clock};
  CryptocomVenue venue{transport,
                       Secret{std::string{fake::FakeVenueProcess::api_key}},
                       Secret{std::string{fake::FakeVenueProcess::api_secret}},
                       {.highest_fee_rate = dec("0.005"), .paced = false},
                       clock,
                       log};

  // Valid as long as the venue's traits say.
  Order fresh(Order order) {
    order.stamp = venue.venue_time().value();
    order.valid_until = order.stamp + venue.traits().validity_window;
    return order;
  }
};

void begin(Exchange& exchange) {
  exchange.fake.set_price("ETH_USDT", Decimal{3000});
  exchange.fake.set_balance("USDT", Decimal{10'000});
  exchange.fake.set_balance("ETH", Decimal{});
}

void live_through_a_trade(Exchange& exchange) {
  begin(exchange);
  CryptocomVenue& venue = exchange.venue;
  const auto rules = venue.rules({eth()});
  REQUIRE(rules);
  CHECK(rules->at(eth()).tradable);

  const auto bought = exchange.fresh(entry("entry", "1", {}));
  const auto answer = place(venue, bought);
  INFO(describe(answer));
  REQUIRE(is<Accepted>(answer));
  const auto filled = sight(venue, bought);
  CHECK(filled.status == VenueStatus::filled);
  CHECK(filled.filled == qty("1"));
  CHECK(filled.filled_value == money("3000"));
  CHECK(filled.fee_base == Quantity{});  // paid in USDT, as it was asked for
  CHECK(filled.venue_id == std::get<Accepted>(answer).venue_id);

  const auto stop = exchange.fresh(stop_market("stop", "0.9", "2910", {}));
  const auto limit = exchange.fresh(target("target", "0.9", "3090", {}));
  const auto pair = protect(venue, stop, limit);
  INFO(describe(pair.stop));
  REQUIRE(is<Accepted>(pair.stop));
  CHECK(sighted_as_planned(stop, sight(venue, stop)));
  CHECK(sighted_as_planned(limit, sight(venue, limit)));
  CHECK(balance(venue, "ETH").free == dec("0.1"));

  exchange.fake.set_price("ETH_USDT", Decimal{2900});
  const auto sold = sight(venue, stop);
  CHECK(sold.status == VenueStatus::filled);
  CHECK(sold.type == OrderType::stop_market);
  CHECK(sold.trigger == price("2910"));
  CHECK(sold.filled == qty("0.9"));
  CHECK(sold.filled_value == money("2610"));
  CHECK_FALSE(sold.fired_id.empty());
  CHECK_FALSE(sold.fired);
  CHECK(sight(venue, limit).status == VenueStatus::cancelled);

  const auto exit = exchange.fresh(exit_of("exit", "0.1", {}));
  CHECK(is<Accepted>(flatten(venue, exit)));
  CHECK(sight(venue, exit).filled_value == money("290"));
  CHECK(exchange.lines.empty());
  CHECK(exchange.fake.conserved());
}

TEST_CASE("a trade is bought, protected and stopped out at the exchange") {
  Exchange exchange;
  live_through_a_trade(exchange);
}

TEST_CASE("the same trade reads the same where numbers are text and fired triggers stand in both books") {
  Exchange exchange{{"/settings?scalars=text&list_id=text&fired_in_lists=1&triggers_shown=ACTIVE"}};
  live_through_a_trade(exchange);
}

TEST_CASE("an answer that is lost is doubt, and one look says whether there is an order") {
  Exchange exchange;
  begin(exchange);
  exchange.fake.fault("private/create-order", {{"drop", "after"}});
  const auto taken = exchange.fresh(entry("taken", "0.1", {}));
  CHECK(is<InDoubt>(place(exchange.venue, taken)));
  CHECK(sight(exchange.venue, taken).filled == qty("0.1"));

  exchange.fake.fault("private/create-order", {{"drop", "before"}});
  const auto never = exchange.fresh(entry("never", "0.1", {}));
  CHECK(is<InDoubt>(place(exchange.venue, never)));
  const auto nothing = find(exchange.venue, never);
  REQUIRE(nothing);
  CHECK(nothing->found.empty());
  CHECK(nothing->every_view_read);
  CHECK(exchange.fake.orders("tg1-never").empty());

  exchange.fake.fault("private/create-order", {{"code", "306"}, {"with_id", "1"}});
  const auto rejected = exchange.fresh(entry("rejected", "0.1", {}));
  CHECK(is<InDoubt>(place(exchange.venue, rejected)));
  CHECK(sight(exchange.venue, rejected).status == VenueStatus::rejected);
}

TEST_CASE("a stop is cancelled in its book, and then it is gone") {
  Exchange exchange;
  begin(exchange);
  exchange.fake.set_balance("ETH", Decimal{1});
  const auto stop = exchange.fresh(stop_market("stop", "0.9", "2910", {}));
  REQUIRE(is<Accepted>(protect(exchange.venue, stop)));
  CHECK(is<CancelAcknowledged>(cancel(exchange.venue, stop)));
  CHECK(sight(exchange.venue, stop).status == VenueStatus::cancelled);
  CHECK(is<CancelGone>(cancel(exchange.venue, stop)));
  const auto own = exchange.venue.own_orders(exchange.clock.now() - 1h);
  REQUIRE(own);
  CHECK(own->size() == 1);
}

TEST_CASE("a clock three seconds off is told to the second") {
  Exchange exchange;
  exchange.fake.set_clock_offset(3s);
  const auto time = exchange.venue.venue_time();
  REQUIRE(time);
  const Micros ahead = *time - exchange.clock.now();
  CHECK(ahead > 2s);
  CHECK(ahead < 4s);
}

}  // namespace
}  // namespace tradeguard
