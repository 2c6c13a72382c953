// Stops and targets each for itself, and being without a stop as a state that is timed.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// The owner, or the exchange, ends what rests of a market.
void end_resting_orders(World& world, std::string_view name) {
  PaperVenue venue{world.clock, world.book, world.paper};
  std::vector<CancelRequest> requests;
  for (const PaperOrder& order : world.open_orders(name))
    requests.push_back({order.client_id, std::to_string(order.number), order.symbol, Leg::stop});
  REQUIRE_FALSE(requests.empty());
  venue.cancel(requests);
  REQUIRE(world.open_orders(name).empty());
}

// Spoken at one price and filled at another, as slippage within its limit allows.
Signal spoken(World& world, std::string_view seen, std::string_view filled_at, const char* stop, const char* target) {
  world.settings.check_slippage = true;
  world.set_price("ETH_USDT", seen);
  Signal signal = world.buy("ETH_USDT", filled_at);
  if (stop != nullptr) signal.stop_loss_price = price(stop);
  if (target != nullptr) signal.take_profit_price = price(target);
  return signal;
}

class NoPairs final : public ForwardingVenue {
 public:
  explicit NoPairs(World::Wrapped& ports) : ForwardingVenue{*ports.placer, *ports.protector} {}
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    std::vector<LegOutcome> outcomes;
    for (const LegRequest& request : requests) {
      const Refused no{"140001", "pairs are disabled"};
      if (request.target)
        outcomes.push_back({no, PlaceOutcome{no}});
      else
        outcomes.push_back(ForwardingVenue::protect(std::span{&request, 1}).front());
    }
    return outcomes;
  }
};

Quantity sold(World& world, std::string_view name) {
  Quantity sum;
  for (const PaperOrder& order : world.venue_orders(name))
    if (order.side == Side::sell) sum += order.filled;
  return sum;
}

}  // namespace

TEST_CASE("a fill beyond the target leaves the stop, and the profit is taken at the target") {
  World world;
  world.run({spoken(world, "100", "100.8", "97", "100.5")});
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("tp_order_id=-"));
  REQUIRE(world.open_orders("ETH_USDT").size() == 1);
  CHECK(world.open_orders("ETH_USDT").front().trigger == price("97"));

  world.clock.advance(60s);
  world.set_price("ETH_USDT", "100.6");
  CHECK(world.run().exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a fill below the stop is breached, and the policy says what becomes of it") {
  World world;
  world.run({spoken(world, "100", "99.3", "99.5", nullptr)});
  world.set_price("ETH_USDT", "80");
  world.clock.advance(60s);
  world.run();
  CHECK(sold(world, "ETH_USDT").is_positive());
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  World other;
  other.settings.plan.flatten_on_breach = false;
  other.run({spoken(other, "100", "99.3", "99.5", nullptr)});
  other.set_price("ETH_USDT", "80");
  other.clock.advance(60s);
  CHECK(other.run().verdict == RunVerdict::critical_stands);
  CHECK(other.was_told(NoticeType::unprotected));
  CHECK_FALSE(sold(other, "ETH_USDT").is_positive());
}

TEST_CASE("a pair that was refused once leaves a stop, and the cycle takes the profit in its place") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 1});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.open_orders("ETH_USDT").size() == 1);
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3690");
  CHECK(world.run().exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("where no pair is taken for a while, a position whose stops all failed gets a stop alone") {
  World world;
  const InstrumentRules rules = built_in_rules(symbol("ETH_USDT"), price("3350.5"), world.paper.fee_rate, noon);
  world.paper.rules.emplace(rules.symbol, rules);
  // Whatever kept the first three from resting is over; that the exchange takes no pairs is not.
  world.faults.on(VenueVerb::protect, Mishap::throttled, {.from = 1, .times = 0});
  CHECK(world.run({world.buy("ETH_USDT", "3350.5")}).verdict == RunVerdict::critical_stands);
  REQUIRE(world.open_orders("ETH_USDT").empty());
  world.faults.clear();
  NoPairs* venue = nullptr;
  std::optional<NoPairs> kept;
  world.wrap = [&](World::Wrapped& ports) {
    venue = &kept.emplace(ports);
    ports.placer = venue;
    ports.protector = venue;
  };
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  REQUIRE(world.open_orders("ETH_USDT").size() == 1);
}

TEST_CASE("a stop that ended without us is replaced, told, and its spell is timed from the last sight of it") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  end_resting_orders(world, "ETH_USDT");
  world.clock.advance(60s);
  const RunReport report = world.run();
  CHECK(world.said("SLTP_LOST symbol=ETH_USDT"));
  CHECK(world.was_told(NoticeType::sltp_lost));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  REQUIRE(report.unprotected.size() == 1);
  CHECK(report.unprotected.front() >= 60s);
}

// The story of simulation seed 130818. That the answer took so long is not the exchange's word on when it ended.
TEST_CASE("a stop whose end is read by a slow answer is timed from the last sight of it too") {
  struct Slow final : ForwardingVenue {
    Slow(World::Wrapped& ports, World& world) : ForwardingVenue{*ports.placer, *ports.protector}, world_{world} {}
    std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
      world_.clock.advance(5s);
      auto answers = ForwardingVenue::find(queries);
      for (auto& answer : answers)
        for (Sighting& sighting : answer->found) sighting.ended_at.reset();
      return answers;
    }
    World& world_;
  };
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  end_resting_orders(world, "ETH_USDT");
  world.clock.advance(60s);
  std::optional<Slow> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue.emplace(ports, world);
    ports.placer = &*venue;
    ports.protector = &*venue;
  };
  const RunReport report = world.run();
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  REQUIRE(report.unprotected.size() == 1);
  CHECK(report.unprotected.front() >= 60s);
}

TEST_CASE("one of two stops that ended without us is timed from the last sight of it, though the other rests") {
  World world;
  world.paper.oco = false;
  world.paper.parts[Leg::entry] = 2;  // a fill that grows gets a second stop
  world.paper.part_every = 300ms;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  REQUIRE(world.open_orders("ETH_USDT").size() == 2);
  const PaperOrder first = world.open_orders("ETH_USDT").front();
  PaperVenue venue{world.clock, world.book, world.paper};
  const CancelRequest end{first.client_id, std::to_string(first.number), first.symbol, Leg::stop};
  venue.cancel(std::array{end});
  world.clock.advance(60s);
  const RunReport report = world.run();
  CHECK(world.said("SLTP_LOST symbol=ETH_USDT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  REQUIRE(report.unprotected.size() == 1);
  CHECK(report.unprotected.front() >= 60s);
}

TEST_CASE("a lost stop that cannot be replaced is sold by the second run, and its seconds are counted") {
  World world;
  world.settings.plan.flatten_unprotected = true;
  world.settings.plan.flatten_after = 3s;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  end_resting_orders(world, "ETH_USDT");
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  world.clock.advance(60s);
  world.run();
  world.clock.advance(60s);
  world.run();
  CHECK(sold(world, "ETH_USDT").is_positive());
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.times_said("UNPROTECTED symbol=ETH_USDT order_id=100001 seconds=0") > 0);
}

TEST_CASE("a rule that the exchange changed is read anew when a stop is refused") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  end_resting_orders(world, "ETH_USDT");
  InstrumentRules rules = built_in_rules(symbol("ETH_USDT"), price("3350.5"), decimal("0.001"), world.clock.now());
  rules.tick = price("0.1");
  world.paper.rules.insert_or_assign(rules.symbol, rules);
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("RULES_CHANGED symbol=ETH_USDT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("an entry of which too much could never be sold is denied before it is sent") {
  World world;
  Signal signal = world.buy("BTC_USDT", "100000");
  signal.notional = Money{decimal("15")};
  world.run({signal});
  CHECK(world.said("strands: "));
  CHECK(world.entries_of("BTC_USDT") == 0);
}

TEST_CASE("what stays behind of a trade stands in its closing line and message") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run({world.sell("ETH_USDT")});
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
  const auto closing = std::find_if(world.last_log.begin(), world.last_log.end(),
                                    [](const auto& line) { return line.find("TRADE_CLOSED") != std::string::npos; });
  REQUIRE(closing != world.last_log.end());
  CHECK_THAT(*closing, Catch::Contains(" left=0.00000"));
}

TEST_CASE("the rest of a target that is being filled stays, though it is too little for a new order") {
  World world;
  world.paper.parts[Leg::target] = 2;
  Signal small = world.buy("ETH_USDT", "3350.5");
  small.notional = Money{decimal("9.9")};
  world.settings.stranding.most_percent = Decimal{100};
  world.run({small});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3460");
  world.run();
  world.clock.advance(60s);
  world.run();
  world.clock.advance(600s);
  world.run();
  world.clock.advance(60s);
  world.run();
  // Sold to the last step: nothing of it was abandoned.
  Quantity bought;
  for (const PaperOrder& order : world.venue_orders("ETH_USDT"))
    if (order.side == Side::buy) bought += order.filled - order.fee_base;
  CHECK((bought - sold(world, "ETH_USDT")).value < decimal("0.00002"));
}

namespace {

// A venue that takes stops and never fires them: the market is far below, and they rest.
class NeverFires final : public ForwardingVenue {
 public:
  NeverFires(World::Wrapped& ports, Price market) : ForwardingVenue{*ports.placer, *ports.protector}, market_{market} {}
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    auto quotes = ForwardingVenue::quotes(symbols);
    if (quotes)
      for (auto& [symbol, quote] : *quotes) quote.last = market_;
    return quotes;
  }
  Market market(const std::set<Symbol>& symbols) override { return {quotes(symbols), balances()}; }

 private:
  Price market_;
};

}  // namespace

TEST_CASE("a stop that rests with the market below it for more than seconds is taken back and sold") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  std::optional<NeverFires> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue.emplace(ports, price("2700"));  // the stop is at 3249.985
    ports.protector = &*venue;
  };
  world.run();
  CHECK(world.said("STOP_NOT_FIRING symbol=ETH_USDT order_id=100002 trigger=3249.985 market=2700"));
  CHECK(world.was_told(NoticeType::stop_not_firing));
  CHECK(sold(world, "ETH_USDT").is_positive());
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a leg at attempt 9,997 stops neither its own trade nor any other") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  end_resting_orders(world, "ETH_USDT");
  end_resting_orders(world, "BTC_USDT");
  {
    const auto session = world.store->open(world.account);
    const auto book = session->journal().open_book(world.clock.now());
    REQUIRE(book.has_value());
    Change worn;
    for (const Trade& trade : book->trades)
      if (trade.entry().symbol == symbol("ETH_USDT")) {
        Order leg = trade.legs.front();
        leg.attempt = 9'997;
        leg.client_id = client_order_id(world.account, trade.id(), leg.leg, leg.attempt);
        leg.pair.clear();
        leg.state = OrderState::refused;
        leg.version = 0;
        worn.append.push_back(leg);
      }
    REQUIRE(session->journal().write(std::array{worn}).has_value());
  }
  for (int minute = 0; minute < 4; ++minute) {
    world.clock.advance(60s);
    CHECK(world.run().verdict == RunVerdict::ok);
    CHECK(world.what_is_wrong("ETH_USDT") == "");
    CHECK(world.what_is_wrong("BTC_USDT") == "");
    if (minute < 3) end_resting_orders(world, "ETH_USDT");
  }
}
