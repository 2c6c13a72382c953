// Whatever is asked of the exchange in whatever order: money is neither made nor lost, no coin is
// for sale twice, the future has no say, and no kind of book, nor any number of restarts, changes
// what happens.
#include "dice.hpp"
#include "orders.hpp"
#include "paper_venues.hpp"
#include "sql_books.hpp"

namespace tradeguard::contract {
namespace {

const Instant noon = at("2025-01-01T12:00:00Z");

PaperSettings random_settings(Dice& dice) {
  auto settings = contract_settings();
  static constexpr FeeIn fees[] = {FeeIn::base, FeeIn::quote, FeeIn::other};
  settings.fee_in = dice.one_of(fees);
  settings.oco = !dice.once_in(4);
  settings.stop_market = !dice.once_in(4);
  settings.duplicate_ids_refused = !dice.once_in(4);
  settings.oco_part_cancels_stop = !dice.once_in(3);
  settings.oco_cancelled_whole = dice.once_in(3);
  settings.fired_gets_number = dice.once_in(2);
  settings.asynchronous = dice.once_in(3);
  settings.visible_after = dice.once_in(2) ? 0ms : 1500ms;
  settings.part_every = dice.once_in(2) ? 0s : 7s;
  for (const auto leg : {Leg::entry, Leg::stop, Leg::target, Leg::exit}) {
    settings.parts[leg] = dice.once_in(2) ? 1 : dice.between(2, 4);
  }
  // A rate that does not divide evenly, now and then: what is rounded must not be lost either.
  if (dice.once_in(3)) settings.rules.at(eth()).highest_fee_rate = dec("0.000777777777777777");
  return settings;
}

FaultScript random_faults(Dice& dice) {
  FaultScript script;
  static constexpr VenueVerb verbs[] = {VenueVerb::place, VenueVerb::protect, VenueVerb::flatten, VenueVerb::find,
                                        VenueVerb::cancel};
  for (int i = dice.between(0, 6); i > 0; --i) {
    auto all = mishaps();
    script.on(dice.one_of(verbs), dice.one_of(all), {.from = dice.between(1, 10), .times = dice.between(1, 3)});
  }
  return script;
}

// Bars of a minute with gaps, jumps and spikes around 3000.
std::vector<PriceBar> random_bars(Dice& dice, int minutes) {
  std::vector<PriceBar> bars;
  Decimal last{3000};
  const auto moved = [&](int cents) { return last + Decimal::divide(cents, 100, Rounding::down); };
  for (int minute = 0; minute < minutes; ++minute) {
    if (minute > 0 && dice.once_in(6)) continue;
    const int wild = dice.once_in(8) ? 30'000 : 3'000;
    const auto open = moved(dice.between(-wild, wild));
    const auto close = moved(dice.between(-wild, wild));
    auto high = std::max(open, close) + Decimal{dice.between(0, 40)};
    auto low = std::min(open, close) - Decimal{dice.between(0, 40)};
    const auto begins = noon + minute * 60s;
    bars.push_back({begins, begins + 60s, Price{open}, Price{high}, Price{low}, Price{close}});
    last = std::clamp(close, Decimal{2000}, Decimal{4000});
  }
  return bars;
}

// One long story of a caller who does everything at random, and the protocol of all the answers.
class Story {
 public:
  Story(std::uint64_t seed, BookUnderTest& book, std::vector<PriceBar> bars, bool restarts)
      : dice_{seed},
        clock_{noon},
        feed_{{{eth(), std::move(bars)}}},
        settings_{random_settings(dice_)},
        faults_{random_faults(dice_)},
        stored_{book},
        restarts_{restarts} {
    settings_.prices = &feed_;
    settings_.faults = &faults_;
    begin_process();
  }

  // Deals until the clock would pass `end`.
  void play(int steps, Instant end, const std::function<void(Story&)>& after_each = nullptr) {
    for (int i = 0; i < steps && clock_.now() <= end; ++i) {
      if (dice_.once_in(4)) clock_.advance(dice_.between(1, 90) * 1s);
      if (clock_.now() > end) return;
      step();
      if (after_each) after_each(*this);
      if (restarts_) begin_process();
    }
  }

  PaperVenue& venue() { return *venue_; }
  PaperBook& book() { return *book_; }
  const std::vector<Order>& orders() const { return orders_; }
  const std::string& protocol() const { return protocol_; }
  const PaperSettings& settings() const { return settings_; }

 private:
  void begin_process() {
    venue_.reset();
    book_.reset();
    book_ = stored_.open();
    venue_ = std::make_unique<PaperVenue>(clock_, *book_, settings_);
    // What it was asked about is all that a process knows and a book does not.
    static_cast<void>(venue_->rules({eth()}));
  }

  Quantity random_quantity() { return Quantity{Decimal::divide(dice_.between(1, 12'000), 10'000, Rounding::down)}; }
  Price random_price(int low, int high) {
    return Price{Decimal::divide(dice_.between(low * 100, high * 100), 100, Rounding::down)};
  }
  Order made(Leg leg, OrderType type, Side side) {
    auto order = order_of(std::to_string(orders_.size()), leg, type, side, random_quantity(), clock_.now());
    if (dice_.once_in(12) && !orders_.empty()) order.client_id = dice_.one_of(orders_).client_id;
    return order;
  }
  Order made_stop() {
    auto stop = made(Leg::stop, dice_.once_in(2) ? OrderType::stop_market : OrderType::stop_limit, Side::sell);
    stop.trigger = random_price(2700, 3000);
    stop.price = Price{stop.trigger->value - Decimal{dice_.between(0, 40)}};
    return stop;
  }
  void note(const std::string& line) { protocol_ += iso_micros(clock_.now()) + " " + line + "\n"; }

  void step() {
    switch (dice_.between(0, 6)) {
      case 0:
        return buy();
      case 1:
        return protect_one();
      case 2:
        return protect_two();
      case 3:
        return sell();
      case 4:
        return cancel_one();
      case 5:
        return look();
      default:
        return note("balances " + balances());
    }
  }
  void buy() {
    std::vector<Order> burst;
    for (int i = dice_.between(1, 3); i > 0; --i) {
      burst.push_back(made(Leg::entry, OrderType::market, Side::buy));
      if (dice_.once_in(2)) burst.back().price = random_price(2900, 3100);
      orders_.push_back(burst.back());
    }
    for (const auto& outcome : venue_->place(TestTickets::of(burst))) note(describe(outcome));
  }
  void protect_one() {
    const auto stop = made_stop();
    orders_.push_back(stop);
    note(describe(protect(*venue_, stop)));
  }
  void protect_two() {
    const auto stop = made_stop();
    auto limit = made(Leg::target, OrderType::limit, Side::sell);
    limit.quantity = stop.quantity;
    limit.client_id += "t";
    limit.price = random_price(2950, 3300);
    orders_.push_back(stop);
    orders_.push_back(limit);
    const auto outcome = protect(*venue_, stop, limit);
    note(describe(outcome.stop) + " | " + describe(*outcome.target));
  }
  void sell() {
    const auto exit = made(Leg::exit, OrderType::market, Side::sell);
    orders_.push_back(exit);
    note(describe(flatten(*venue_, exit)));
  }
  void cancel_one() {
    if (orders_.empty()) return;
    note("cancel " + std::to_string(cancel(*venue_, dice_.one_of(orders_)).index()));
  }
  void look() {
    if (orders_.empty()) return;
    const auto lookup = find(*venue_, dice_.one_of(orders_));
    if (!lookup) return note(lookup.error().what);
    note(lookup->every_view_read ? "found" : "not all read");
    for (const auto& sighting : lookup->found) note(told(sighting));
  }
  std::string balances() {
    const auto table = venue_->balances();
    if (!table) return table.error().what;
    std::string line;
    for (const auto& [currency, amount] : *table) {
      line += currency + " " + amount.free.text() + "/" + amount.total.text() + " ";
    }
    return line;
  }

 public:
  static std::string told(const Sighting& s) {
    const auto shown = [](const auto& maybe) { return maybe ? maybe->text() : std::string{"-"}; };
    return s.venue_id + " " + s.fired_id + " " + s.client_id + " " + std::string{text(s.side)} + " " +
           std::string{text(s.type)} + " " + std::string{text(s.status)} + " " + s.quantity.text() + " " +
           shown(s.filled) + " " + shown(s.filled_value) + " " + shown(s.fee_base) + " " + shown(s.price) + " " +
           shown(s.trigger) + (s.fired ? " fired " : " ") + s.reason;
  }

 private:
  Dice dice_;
  ManualClock clock_;
  BarPrices feed_;
  PaperSettings settings_;
  FaultScript faults_;
  BookUnderTest& stored_;
  bool restarts_;
  std::unique_ptr<PaperBook> book_;
  std::unique_ptr<PaperVenue> venue_;
  std::vector<Order> orders_;
  std::string protocol_;
};

// What stands in the book, without making anything happen.
PaperState written(Story& story) {
  REQUIRE(story.book().open({.created_since = Instant{}}));
  auto state = story.book().state();
  story.book().abandon();
  return state;
}

// To the last digit: what there is of a currency is what there was, and what every fill moved.
void check_money(Story& story) {
  const auto state = written(story);
  const auto fills = story.book().fills({}).value();
  Decimal eth_total;
  Decimal usdt_total = story.settings().balances.at("USDT");
  std::map<std::int64_t, std::pair<Quantity, Money>> by_order;
  for (const auto& fill : fills) {
    const bool buys = fill.side == Side::buy;
    eth_total += buys ? (fill.quantity - fill.fee_base).value : -fill.quantity.value;
    usdt_total += buys ? -(fill.value + fill.fee_quote).value : (fill.value - fill.fee_quote).value;
    by_order[fill.number].first += fill.quantity;
    by_order[fill.number].second += fill.value;
    REQUIRE(fill.quantity.is_positive());
  }
  if (!fills.empty()) {
    REQUIRE(state.balances.at("ETH") == eth_total);
    REQUIRE(state.balances.at("USDT") == usdt_total);
  }
  for (const auto& [number, order] : state.orders) {
    INFO(number << " " << text(order.type) << " " << text(order.status));
    REQUIRE(order.filled == by_order[number].first);
    REQUIRE(order.filled_value == by_order[number].second);
    REQUIRE(order.filled <= order.quantity);
    REQUIRE((order.status == VenueStatus::filled) == (order.filled == order.quantity));
    REQUIRE(order.open() == (state.open.count(number) == 1));
  }
}

// Nothing that rests is promised twice, and of a pair never more is sold than it was made for.
void check_coins(Story& story) {
  story.settings().faults->clear();
  const auto balances = story.venue().balances().value();
  for (const auto& [currency, amount] : balances) {
    INFO(currency);
    REQUIRE_FALSE(amount.free.is_negative());
    REQUIRE(amount.free <= amount.total);
  }
  std::map<std::int64_t, std::vector<PaperOrder>> pairs;
  const auto state = written(story);
  for (const auto& [number, order] : state.orders) {
    if (order.list != 0) pairs[order.list].push_back(order);
  }
  for (const auto& [list, legs] : pairs) {
    REQUIRE(legs.size() == 2);
    REQUIRE(legs[0].filled + legs[1].filled <= legs[0].quantity);
    const bool one_is_sold = legs[0].status == VenueStatus::filled || legs[1].status == VenueStatus::filled;
    if (one_is_sold) REQUIRE_FALSE((legs[0].open() || legs[1].open()));
  }
}

TEST_CASE("money is neither made nor lost, and no coin is sold twice") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Dice bars{seed * 7919};
    const auto book = books().front().fresh();
    Story story{seed, *book, random_bars(bars, 60), false};
    story.play(120, noon + 1h, check_money);
    check_coins(story);
  }
}

TEST_CASE("what the bars will be after now has no say in anything") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Dice dice{seed * 104729};
    const auto known = random_bars(dice, 60);
    const auto end = noon + dice.between(1, 50) * 60s + dice.between(0, 59) * 1s;
    auto other = known;
    for (auto& bar : other) {
      if (bar.ends <= end) continue;
      // The running bar has begun where it began; the rest of it, and all that follows, is
      // different.
      if (bar.begins > end) bar.open = Price{dice.between(1500, 4500)};
      bar.close = Price{dice.between(1500, 4500)};
      bar.high = std::max({bar.open, bar.close, Price{4600}});
      bar.low = Price{1000};
    }
    const auto one_book = books().front().fresh();
    const auto other_book = books().front().fresh();
    Story one{seed, *one_book, known, false};
    Story two{seed, *other_book, other, false};
    one.play(200, end);
    two.play(200, end);
    REQUIRE(one.protocol() == two.protocol());
    REQUIRE_FALSE(one.protocol().empty());
  }
}

// The memory book is never reloaded, the others at every step: whatever is not written shows.
TEST_CASE("every kind of book tells the same story, restarted at every step or never") {
  for (const auto& database : databases()) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      INFO(database.name << " seed " << seed);
      Dice dice{seed * 15485863};
      const auto bars = random_bars(dice, 60);
      const auto memory = books().front().fresh();
      SqlBook restarted{database.fresh()};
      SqlBook steady{database.fresh()};
      Story first{seed, *memory, bars, false};
      Story second{seed, restarted, bars, true};
      Story third{seed, steady, bars, false};
      for (auto* story : {&first, &second, &third}) story->play(60, noon + 1h);
      REQUIRE(first.protocol() == second.protocol());
      REQUIRE(first.protocol() == third.protocol());
      const auto fills = first.book().fills({}).value();
      CHECK(second.book().fills({}).value() == fills);
      CHECK(third.book().fills({}).value() == fills);
    }
  }
}

}  // namespace
}  // namespace tradeguard::contract
