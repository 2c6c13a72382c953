// What only the paper exchange promises: where its prices come from, how it deals along a path of
// bars, how it fills in parts, and that its book is opened for nothing less than a question.
#include "orders.hpp"
#include "paper_venues.hpp"

namespace tradeguard::contract {
namespace {

const Instant noon = at("2025-01-01T12:00:00Z");

// An exchange over bars of a minute, from noon on.
class Exchange {
 public:
  explicit Exchange(PaperSettings settings = contract_settings(), std::vector<PriceBar> bars = {})
      : clock{noon}, feed{{{eth(), std::move(bars)}}} {
    if (feed.all().at(eth()).empty()) {
      settings.prices = &steps;
    } else {
      settings.prices = &feed;
    }
    settings.faults = &faults;
    venue = std::make_unique<PaperVenue>(clock, book, settings);
  }

  Order buy(const char* quantity, const char* seen_price = nullptr) {
    auto order = entry("e" + std::to_string(++orders), quantity, clock.now());
    if (seen_price != nullptr) order.price = price(seen_price);
    outcome = place(*venue, order);
    return order;
  }
  std::pair<Order, Order> protect_pair(const char* quantity, const char* trigger, const char* limit) {
    const auto name = std::to_string(++orders);
    auto stop = stop_market("s" + name, quantity, trigger, clock.now());
    auto leg = target("t" + name, quantity, limit, clock.now());
    protect(*venue, stop, leg);
    return {stop, leg};
  }
  Sighting sight(const Order& order) { return tradeguard::sight(*venue, order); }

  ManualClock clock;
  StepPrices steps;
  BarPrices feed;
  FaultScript faults;
  MemoryPaperBook book;
  std::unique_ptr<PaperVenue> venue;
  PlaceOutcome outcome = InDoubt{};
  int orders = 0;
};

PriceBar bar(int minute, const char* open, const char* high, const char* low, const char* close) {
  const auto begins = noon + minute * 60s;
  return {begins, begins + 60s, price(open), price(high), price(low), price(close)};
}

// ---- Prices ------------------------------------------------------------------------------------

TEST_CASE("an entry fills at what the signal saw, else the feed, the fixed price, the last trade, 100") {
  std::vector<std::string> told;
  const auto settings = [&] {
    auto own = contract_settings();
    own.balances["USDT"] = Decimal{1'000'000};
    own.price_invented = [&](const Symbol& market) { told.push_back(market.text()); };
    return own;
  };
  const auto value = [](Exchange& exchange, const Order& order) { return exchange.sight(order).filled_value; };

  Exchange nothing{settings()};
  CHECK(value(nothing, nothing.buy("1")) == money("100"));
  CHECK(told == std::vector<std::string>{"ETH_USDT"});
  CHECK(value(nothing, nothing.buy("1")) == money("100"));
  CHECK(told.size() == 1);
  CHECK(value(nothing, nothing.buy("1", "3350.5")) == money("3350.5"));
  CHECK(value(nothing, nothing.buy("1")) == money("3350.5"));
  CHECK(told.size() == 1);

  auto fixed_too = settings();
  fixed_too.fixed_prices.emplace(eth(), price("3000"));
  Exchange fixed{fixed_too};
  CHECK(value(fixed, fixed.buy("1")) == money("3000"));
  CHECK(value(fixed, fixed.buy("1", "3100")) == money("3100"));
  CHECK(value(fixed, fixed.buy("1")) == money("3000"));

  Exchange fed{fixed_too, {bar(0, "3200", "3300", "3100", "3250")}};
  CHECK(value(fed, fed.buy("1")) == money("3200"));
  CHECK(value(fed, fed.buy("1", "3100")) == money("3100"));
  fed.clock.advance(1h);
  CHECK(value(fed, fed.buy("1")) == money("3250"));
  CHECK(told.size() == 1);
}

TEST_CASE("an exit and a quote take the market's price: the feed, the last trade, the fixed price") {
  auto settings = contract_settings();
  settings.fixed_prices.emplace(eth(), price("2000"));
  Exchange exchange{settings};
  const auto quoted = [&] { return exchange.venue->quotes({eth()})->at(eth()).last; };
  CHECK(quoted() == price("2000"));
  exchange.buy("1", "3000");
  CHECK(quoted() == price("3000"));
  const auto exit = exit_of("exit", "0.5", exchange.clock.now());
  flatten(*exchange.venue, exit);
  CHECK(exchange.sight(exit).filled_value == money("1500"));

  exchange.steps.set(eth(), price("3100"), exchange.clock.now());
  CHECK(quoted() == price("3100"));
}

// The cycle may hand the guess back as "what the signal saw"; it is a guess all the same.
TEST_CASE("a fill at a price that quotes had to guess is told, once") {
  int told = 0;
  auto settings = contract_settings();
  settings.price_invented = [&](const Symbol&) { ++told; };
  Exchange exchange{settings};
  CHECK(exchange.venue->quotes({eth()})->at(eth()).last == price("100"));
  CHECK(told == 0);
  exchange.buy("1", "100");
  exchange.buy("1", "100");
  CHECK(told == 1);

  Exchange honest{settings};
  honest.buy("1", "100");
  CHECK(told == 1);
}

TEST_CASE("a market nobody configured has rules in which any price can be protected") {
  MemoryPaperBook book;
  ManualClock clock{noon};
  PaperVenue venue{clock, book, {}};
  const auto shib = symbol("SHIB_USDT");
  const auto unknown = venue.rules({shib})->at(shib);
  CHECK(unknown.tick == price("0.0000000001"));
  CHECK(unknown.step == qty("0.00001"));
  CHECK(unknown.min_notional == money("5"));
  CHECK(unknown.highest_fee_rate == dec("0.001"));

  const std::vector<std::pair<const char*, const char*>> ticks{
      {"67000.5", "0.01"}, {"3350.5", "0.01"},  {"10", "0.01"},      {"9.99", "0.001"},
      {"1", "0.001"},      {"0.999", "0.0001"}, {"0.07", "0.00001"}, {"0.00000712", "0.000000001"}};
  for (const auto& [known, tick] : ticks) {
    INFO(known);
    const auto rules = built_in_rules(shib, price(known), dec("0.001"), noon);
    CHECK(rules.tick == price(tick));
    const auto levels = levels_for({}, price(known), rules);
    REQUIRE(levels);
    CHECK(levels->stop < price(known));
    CHECK(levels->target > price(known));
  }
}

// Yesterday the price was not known, today it is: what was planned by the finer tick is still
// taken.
TEST_CASE("a leg planned before the price was known is taken after") {
  MemoryPaperBook book;
  ManualClock clock{noon};
  PaperVenue venue{clock, book, {}};
  const auto shib = symbol("SHIB_USDT");
  const auto rules = venue.rules({shib})->at(shib);
  auto order = entry("entry", "10000000", noon);
  order.symbol = shib;
  order.price = price("0.00000712");
  REQUIRE(is<Accepted>(place(venue, order)));
  const auto levels = levels_for({}, price("0.00000712"), rules).value();
  auto stop = stop_market("stop", "9990000", "1", noon);
  stop.symbol = shib;
  stop.trigger = levels.stop;
  auto leg = target("target", "9990000", "1", noon);
  leg.symbol = shib;
  leg.price = levels.target;
  const auto outcome = protect(venue, stop, leg);
  CHECK(is<Accepted>(outcome.stop));
  CHECK(is<Accepted>(*outcome.target));
}

// ---- The path of bars --------------------------------------------------------------------------

TEST_CASE("inside a bar that spans stop and target the stop comes first and alone") {
  Exchange exchange{contract_settings(),
                    {bar(0, "3000", "3000", "3000", "3000"), bar(1, "3000", "3200", "2800", "3100")}};
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  exchange.clock.advance(2min);
  CHECK(exchange.sight(stop).status == VenueStatus::filled);
  CHECK(exchange.sight(stop).filled_value == money("2619"));
  CHECK(exchange.sight(limit).status == VenueStatus::cancelled);
  CHECK(exchange.sight(limit).filled == Quantity{});
}

TEST_CASE("a bar that opens beyond the target has reached the target first") {
  Exchange exchange{contract_settings(),
                    {bar(0, "3000", "3000", "3000", "3000"), bar(1, "3100", "3200", "2800", "2900")}};
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  exchange.clock.advance(2min);
  CHECK(exchange.sight(limit).status == VenueStatus::filled);
  CHECK(exchange.sight(limit).filled_value == money("2781"));
  CHECK(exchange.sight(stop).status == VenueStatus::cancelled);
}

TEST_CASE("a gap through the stop deals at the open, not at the stop") {
  Exchange exchange{contract_settings(),
                    {bar(0, "3000", "3000", "2950", "2950"), bar(1, "2700", "2800", "2600", "2650")}};
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  // The bar has begun: its open is known.
  exchange.clock.advance(60s);
  CHECK(exchange.sight(stop).filled_value == money("2430"));
}

TEST_CASE("a gap below a stop-limit's limit leaves it fired and resting until the price is back") {
  Exchange exchange{contract_settings(),
                    {bar(0, "3000", "3000", "2950", "2950"), bar(1, "2700", "2800", "2600", "2650"),
                     bar(2, "2650", "2900", "2650", "2890")}};
  exchange.buy("1");
  const auto stop = stop_limit("stop", "0.9", "2910", "2880", exchange.clock.now());
  REQUIRE(is<Accepted>(protect(*exchange.venue, stop)));
  exchange.clock.advance(2min);
  CHECK(exchange.sight(stop).status == VenueStatus::open);
  CHECK(exchange.sight(stop).fired);
  exchange.clock.advance(1min);
  CHECK(exchange.sight(stop).status == VenueStatus::filled);
  CHECK(exchange.sight(stop).filled_value == money("2592"));
}

TEST_CASE("what a running bar will still do is not known yet") {
  Exchange exchange{contract_settings(), {bar(0, "3000", "3500", "2500", "2600")}};
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  exchange.clock.advance(59s);
  CHECK(exchange.sight(stop).status == VenueStatus::open);
  CHECK(exchange.venue->quotes({eth()})->at(eth()).last == price("3000"));
  exchange.clock.advance(1s);
  CHECK(exchange.sight(stop).status == VenueStatus::filled);
}

TEST_CASE("bars before an order was made do not concern it") {
  Exchange exchange{contract_settings(),
                    {bar(0, "3000", "3000", "2000", "3000"), bar(1, "3000", "3010", "2990", "3000")}};
  exchange.clock.advance(60s);
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  exchange.clock.advance(10min);
  CHECK(exchange.sight(stop).status == VenueStatus::open);
}

TEST_CASE("a path nobody watched is dealt in its order") {
  std::vector<PriceBar> bars;
  bars.reserve(600);
  for (int minute = 0; minute < 600; ++minute) {
    bars.push_back(bar(minute, "3000", "3001", "2999", "3000"));
  }
  bars[300] = bar(300, "3000", "3095", "3000", "3050");
  bars[400] = bar(400, "3000", "3000", "2800", "2900");
  Exchange exchange{contract_settings(), bars};
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  exchange.clock.advance(10h);
  CHECK(exchange.sight(limit).status == VenueStatus::filled);
  CHECK(exchange.sight(stop).status == VenueStatus::cancelled);
  const auto fills = exchange.book.fills({}).value();
  REQUIRE(fills.size() == 2);
  CHECK(fills[1].at == noon + 300min);
}

// ---- Fills -------------------------------------------------------------------------------------

TEST_CASE("an entry fills in parts, one with each reading") {
  auto settings = contract_settings();
  settings.parts[Leg::entry] = 3;
  Exchange exchange{settings};
  exchange.steps.set(eth(), price("3000"), noon);
  const auto order = exchange.buy("1");
  REQUIRE(is<Accepted>(exchange.outcome));
  CHECK(std::get<Accepted>(exchange.outcome).record->filled == qty("0.3333"));
  CHECK(std::get<Accepted>(exchange.outcome).record->status == VenueStatus::open);
  // What is not filled yet is paid for already.
  const auto usdt = balance(*exchange.venue, "USDT");
  CHECK(usdt.free == dec("7000"));
  CHECK(exchange.sight(order).filled == qty("0.6666"));
  CHECK(exchange.sight(order).filled == qty("1"));
  CHECK(exchange.sight(order).status == VenueStatus::filled);
  CHECK(exchange.sight(order).filled_value == money("3000"));
}

TEST_CASE("an entry fills in parts as time passes, however seldom somebody looks") {
  auto settings = contract_settings();
  settings.parts[Leg::entry] = 4;
  settings.part_every = 10s;
  Exchange exchange{settings};
  exchange.steps.set(eth(), price("3000"), noon);
  const auto order = exchange.buy("1");
  CHECK(exchange.sight(order).filled == qty("0.25"));
  exchange.clock.advance(9s);
  CHECK(exchange.sight(order).filled == qty("0.25"));
  exchange.clock.advance(11s);
  CHECK(exchange.sight(order).filled == qty("0.75"));
  exchange.clock.advance(1h);
  CHECK(exchange.sight(order).status == VenueStatus::filled);
}

TEST_CASE("a part of a growing entry can be cancelled away") {
  auto settings = contract_settings();
  settings.parts[Leg::entry] = 2;
  Exchange exchange{settings};
  exchange.steps.set(eth(), price("3000"), noon);
  const auto order = exchange.buy("1");
  CHECK(is<CancelAcknowledged>(cancel(*exchange.venue, order)));
  CHECK(exchange.sight(order).status == VenueStatus::cancelled);
  CHECK(exchange.sight(order).filled == qty("0.5"));
  const auto usdt = balance(*exchange.venue, "USDT");
  CHECK(usdt.free == usdt.total);
}

TEST_CASE("a partly filled target ends its stop, or by setting leaves it the rest") {
  for (const bool ends : {true, false}) {
    auto settings = contract_settings();
    settings.parts[Leg::target] = 3;
    settings.oco_part_cancels_stop = ends;
    Exchange exchange{settings};
    exchange.steps.set(eth(), price("3000"), noon);
    exchange.buy("1");
    const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
    exchange.clock.advance(1s);
    exchange.steps.set(eth(), price("3090"), exchange.clock.now());
    CHECK(exchange.sight(limit).filled->is_positive());
    exchange.clock.advance(1s);
    exchange.steps.set(eth(), price("2900"), exchange.clock.now());
    const auto sold_high = *exchange.sight(limit).filled;
    const auto after = exchange.sight(stop);
    CHECK(after.status == VenueStatus::cancelled);
    const auto coins = balance(*exchange.venue, "ETH");
    if (ends) {
      CHECK(after.filled == Quantity{});
      CHECK(exchange.sight(limit).status == VenueStatus::open);
      CHECK(coins.total - coins.free == (qty("0.9") - sold_high).value);
    } else {
      CHECK(after.filled == qty("0.9") - sold_high);
      CHECK(exchange.sight(limit).status == VenueStatus::cancelled);
      CHECK(coins.total == coins.free);
    }
  }
}

TEST_CASE("a fired trigger may go on under a number of its own") {
  auto settings = contract_settings();
  settings.fired_gets_number = true;
  Exchange exchange{settings};
  exchange.steps.set(eth(), price("3000"), noon);
  exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
  CHECK(exchange.sight(stop).fired_id.empty());
  const auto venue_id = exchange.sight(stop).venue_id;
  exchange.clock.advance(1s);
  exchange.steps.set(eth(), price("2900"), exchange.clock.now());
  CHECK(exchange.sight(stop).venue_id == venue_id);
  CHECK_FALSE(exchange.sight(stop).fired_id.empty());
  CHECK(exchange.sight(stop).fired_id != venue_id);
}

TEST_CASE("fees are in base, in quote, or in neither") {
  struct Fee {
    FeeIn in;
    const char* eth;
    const char* usdt;
  };
  for (const auto& fee :
       {Fee{FeeIn::base, "0.999", "7000"}, Fee{FeeIn::quote, "1", "6997"}, Fee{FeeIn::other, "1", "7000"}}) {
    auto settings = contract_settings();
    settings.fee_in = fee.in;
    Exchange exchange{settings};
    const auto order = exchange.buy("1", "3000");
    CHECK(balance(*exchange.venue, "ETH").total == dec(fee.eth));
    CHECK(balance(*exchange.venue, "USDT").total == dec(fee.usdt));
    CHECK(exchange.sight(order).fee_base == (fee.in == FeeIn::base ? qty("0.001") : Quantity{}));
  }
}

TEST_CASE("fees read only on request are absent until they are asked for") {
  auto settings = contract_settings();
  settings.fees_on_request = true;
  Exchange exchange{settings};
  const auto order = exchange.buy("1", "3000");
  CHECK_FALSE(std::get<Accepted>(exchange.outcome).record->fee_base);
  OrderQuery query{order.client_id, "", "", eth(), Leg::entry, false, {}};
  CHECK_FALSE(exchange.venue->find(std::span{&query, 1})[0]->found[0].fee_base);
  query.want_fees = true;
  CHECK(exchange.venue->find(std::span{&query, 1})[0]->found[0].fee_base == qty("0.001"));
}

TEST_CASE("a quote currency begins with the setting's balance, a base coin with nothing") {
  PaperSettings settings;
  settings.balances["BTC"] = Decimal{2};
  MemoryPaperBook book;
  ManualClock clock{noon};
  PaperVenue venue{clock, book, settings};
  CHECK(venue.balances()->size() == 1);
  static_cast<void>(venue.rules({eth(), symbol("ADA_EUR"), symbol("ETH_BTC")}));
  const auto balances = venue.balances().value();
  CHECK(balances.at("USDT").free == Decimal{100'000});
  CHECK(balances.at("EUR").free == Decimal{100'000});
  CHECK(balances.at("BTC").free == Decimal{2});
  CHECK(balances.at("ETH").free == Decimal{});
  CHECK(balances.at("ADA").free == Decimal{});
}

TEST_CASE("the room for resting stops ends where the rules say") {
  auto settings = contract_settings();
  settings.rules.at(eth()).max_open_stops = 2;
  Exchange exchange{settings};
  exchange.buy("1", "3000");
  for (const char* name : {"a", "b"}) {
    CHECK(is<Accepted>(protect(*exchange.venue, stop_market(name, "0.1", "2910", noon))));
  }
  const auto outcome = protect(*exchange.venue, stop_market("c", "0.1", "2910", noon));
  REQUIRE(is<Refused>(outcome));
  CHECK(std::get<Refused>(outcome).code == "max_open_stops");
}

TEST_CASE("a market that is not tradable, and an order this exchange does not know, are refused") {
  auto settings = contract_settings();
  Exchange exchange{settings};
  auto limit_buy = entry("limit", "1", noon);
  limit_buy.type = OrderType::limit;
  limit_buy.price = price("2900");
  CHECK(std::get<Refused>(place(*exchange.venue, limit_buy)).code == "unsupported_type");
  auto no_trigger = stop_market("stop", "1", "1", noon);
  no_trigger.trigger.reset();
  CHECK(std::get<Refused>(protect(*exchange.venue, no_trigger)).code == "malformed");

  settings.rules.at(eth()).tradable = false;
  Exchange closed{settings};
  closed.buy("1", "3000");
  CHECK(std::get<Refused>(closed.outcome).code == "not_tradable");
}

TEST_CASE("amounts beyond all numbers are refused and spoil nobody else") {
  auto settings = contract_settings();
  settings.rules.at(eth()).max_quantity = Quantity{};
  Exchange exchange{settings};
  auto absurd = entry("absurd", "999999999999999999", noon);
  absurd.price = price("999999999999999999");
  const auto tickets = TestTickets::of({absurd, entry("fine", "1", noon)});
  const auto outcomes = exchange.venue->place(tickets);
  CHECK(is<Refused>(outcomes[0]));
  CHECK(is<Accepted>(outcomes[1]));
}

TEST_CASE("an asynchronous exchange deals when its time has come, not when somebody looks") {
  auto settings = contract_settings();
  settings.asynchronous = true;
  settings.visible_after = 2s;
  Exchange exchange{settings};
  exchange.steps.set(eth(), price("3000"), noon);
  const auto order = exchange.buy("1");
  CHECK(find(*exchange.venue, order)->found.empty());
  CHECK(find(*exchange.venue, order)->every_view_read);
  exchange.clock.advance(2s);
  CHECK(exchange.sight(order).status == VenueStatus::filled);

  const auto stop = stop_market("stop", "0.9", "2910", exchange.clock.now());
  REQUIRE(is<Accepted>(protect(*exchange.venue, stop)));
  exchange.clock.advance(10s);
  exchange.steps.set(eth(), price("2900"), exchange.clock.now());
  // It rested since two seconds after it was sent, so this price fires it.
  CHECK(exchange.sight(stop).status == VenueStatus::filled);
}

TEST_CASE("a timeout takes the patience once a burst") {
  Exchange exchange;
  exchange.faults.on(VenueVerb::place, Mishap::accepted_timeout, {.times = 3});
  const auto tickets = TestTickets::of({entry("a", "0.1", noon), entry("b", "0.1", noon), entry("c", "0.1", noon)});
  const auto outcomes = exchange.venue->place(tickets);
  for (const auto& outcome : outcomes) CHECK(is<InDoubt>(outcome));
  CHECK(exchange.clock.now() == noon + 2s);
}

TEST_CASE("cancelling one leg of a pair cancels the other only where the exchange says so") {
  for (const bool whole : {false, true}) {
    auto settings = contract_settings();
    settings.oco_cancelled_whole = whole;
    Exchange exchange{settings};
    exchange.buy("1", "3000");
    const auto [stop, limit] = exchange.protect_pair("0.9", "2910", "3090");
    CHECK(is<CancelAcknowledged>(cancel(*exchange.venue, limit)));
    CHECK((exchange.sight(stop).status == VenueStatus::cancelled) == whole);
  }
}

// ---- The book ----------------------------------------------------------------------------------

// A book that counts, and that fails on demand.
class FragileBook final : public PaperBook {
 public:
  Result<void> open(const PaperWanted& wanted) override {
    ++opened;
    if (fails_to_open) return failed(Fault::unreachable, "no database");
    return book.open(wanted);
  }
  PaperState& state() override { return book.state(); }
  Result<void> close(const PaperChanges& changes) override {
    if (fails_to_close) return failed(Fault::unreachable, "the database is gone");
    return book.close(changes);
  }
  void abandon() noexcept override {}
  Result<std::vector<PaperFill>> fills(Instant since) override { return book.fills(since); }

  MemoryPaperBook book;
  int opened = 0;
  bool fails_to_open = false;
  bool fails_to_close = false;
};

TEST_CASE("the book stays closed when nothing is asked that only it knows") {
  FragileBook book;
  ManualClock clock{noon};
  StepPrices steps;
  steps.set(eth(), price("3000"), noon);
  auto settings = contract_settings();
  settings.prices = &steps;
  PaperVenue venue{clock, book, settings};
  CHECK(venue.venue_time());
  CHECK(venue.rules({eth()}));
  CHECK(venue.quotes({eth()}));
  CHECK(venue.account_id());
  CHECK(venue.place({}).empty());
  CHECK(venue.find({}).empty());
  CHECK(book.opened == 0);
  CHECK(venue.balances());
  CHECK(book.opened == 1);
}

TEST_CASE("a book that does not open sends nothing, one that does not close leaves doubt") {
  FragileBook book;
  ManualClock clock{noon};
  StepPrices steps;
  steps.set(eth(), price("3000"), noon);
  auto settings = contract_settings();
  settings.prices = &steps;
  PaperVenue venue{clock, book, settings};
  REQUIRE(is<Accepted>(place(venue, entry("entry", "1", noon))));
  const auto stop = stop_market("stop", "0.4", "2910", noon);
  const auto limit = target("target", "0.4", "3090", noon);
  const auto exit = exit_of("exit", "0.1", noon);

  book.fails_to_open = true;
  CHECK(is<Unsent>(place(venue, entry("other", "0.1", noon))));
  CHECK(is<Unsent>(protect(venue, stop, limit).stop));
  CHECK(is<Unsent>(*protect(venue, stop, limit).target));
  CHECK(is<Unsent>(flatten(venue, exit)));
  CHECK(is<Unsent>(cancel(venue, stop)));
  CHECK_FALSE(find(venue, stop));
  CHECK_FALSE(venue.balances());
  CHECK_FALSE(venue.own_orders({}));

  book.fails_to_open = false;
  book.fails_to_close = true;
  CHECK(is<InDoubt>(place(venue, entry("third", "0.1", noon))));
  CHECK(is<Refused>(place(venue, entry("small", "0.0001", noon))));
  const auto outcome = protect(venue, stop, limit);
  CHECK(is<InDoubt>(outcome.stop));
  CHECK(is<InDoubt>(*outcome.target));
  CHECK(is<InDoubt>(cancel(venue, stop)));
  CHECK_FALSE(find(venue, stop));
}

TEST_CASE("numbers begin where they always begin and grow") {
  Exchange exchange;
  exchange.steps.set(eth(), price("3000"), noon);
  const auto first = exchange.buy("1");
  const auto [stop, limit] = exchange.protect_pair("0.5", "2910", "3090");
  CHECK(exchange.sight(first).venue_id == "100001");
  CHECK(exchange.sight(stop).venue_id == "100002");
  CHECK(exchange.sight(limit).venue_id == "100003");
}

}  // namespace
}  // namespace tradeguard::contract
