#include "visit.hpp"

#include <algorithm>

namespace tradeguard {
namespace {

constexpr int nobody_knows = 100;                             // the price of a market of which no price is known
constexpr Price finest_tick{Decimal::from_units(1'000'000)};  // 10^-12, of markets without rules of their own

bool is_stop(const PaperOrder& order) {
  return order.type == OrderType::stop_market || order.type == OrderType::stop_limit;
}
bool waits_for_trigger(const PaperOrder& order) { return is_stop(order) && !order.fired; }
bool rests_at_limit(const PaperOrder& order) {
  return order.type == OrderType::limit || (order.type == OrderType::stop_limit && order.fired);
}
bool deals_at_any_price(const PaperOrder& order) {
  return order.type == OrderType::market || (order.type == OrderType::stop_market && order.fired);
}

struct Due {
  Money value;
  Quantity fee_base;
  Money fee_quote;
};
// Rounded to the exchange's favour; with real ticks, steps and rates nothing is ever rounded.
Due due_for(Side side, FeeIn fee_in, Quantity quantity, Price price, Decimal rate) {
  const bool buys = side == Side::buy;
  Due due{cost(price, quantity, buys ? Rounding::up : Rounding::down), {}, {}};
  if (fee_in == FeeIn::other) return due;
  if (buys && fee_in == FeeIn::base) {
    due.fee_base = Quantity{Decimal::multiply(quantity.value, rate, Rounding::up)};
  } else {
    due.fee_quote = Money{Decimal::multiply(due.value.value, rate, Rounding::up)};
  }
  return due;
}

Fate fate_of(std::optional<Mishap> mishap) {
  if (mishap == Mishap::rejected_later || mishap == Mishap::refused_with_id) return Fate::rejected;
  if (mishap == Mishap::cancelled_with_zero) return Fate::cancelled;
  if (mishap == Mishap::part_then_cancelled) return Fate::part_cancelled;
  if (mishap == Mishap::stored_as_limit) return Fate::inert;
  return Fate::none;
}

}  // namespace

// ---- What falls due --------------------------------------------------------------------------

void Visit::catch_up() {
  if (state_.open.empty()) return;
  const std::vector<std::int64_t> open(state_.open.begin(), state_.open.end());
  std::set<Symbol> markets;
  for (const auto number : open) {
    const auto& order = state_.orders.at(number);
    if (order.open() && order.pending_until && *order.pending_until <= now_) {
      // What rested before it comes first.
      const auto then = *order.pending_until;
      judge(order.symbol, then);
      begin(number, then);
    }
    if (order.open() && order.looked_at()) markets.insert(order.symbol);
  }
  for (const auto& symbol : markets) judge(symbol, now_);

  if (settings_.part_every <= Micros{0}) return;
  for (const auto number : open) {
    auto& order = state_.orders.at(number);
    while (order.open() && order.looked_at() && deals_at_any_price(order) && order.next_part_at <= now_ &&
           order.fate == Fate::none) {
      next_part(order, order.market_price, order.next_part_at);
    }
  }
}

// Bars that are over are judged whole, the running one by its open alone: its rest is the future.
void Visit::judge(const Symbol& symbol, Instant until) {
  auto& market = state_.markets[symbol];
  if (settings_.prices != nullptr) {
    for (const auto& bar : settings_.prices->bars(symbol, market.judged_until, until)) {
      if (bar.ends > until) break;
      deal_at(symbol, bar.open, bar.begins);
      deal_within(symbol, bar);
      market.judged_until = bar.ends;
    }
  }
  if (const auto price = market_price(symbol, until)) deal_at(symbol, *price, until);
}

// One trade at one price. A stop it reaches deals there, be it far beyond the trigger: a gap.
void Visit::deal_at(const Symbol& symbol, Price price, Instant at) {
  const auto numbers = dealing(symbol, at);
  for (const auto number : numbers) {
    auto& order = state_.orders.at(number);
    if (order.open() && waits_for_trigger(order) && price <= *order.trigger) fire(order, price, at);
  }
  for (const auto number : numbers) {
    auto& order = state_.orders.at(number);
    // It rested before the price came, so it deals at its own limit and not at the better price.
    if (order.open() && rests_at_limit(order) && price >= *order.price) {
      next_part(order, *order.price, at);
    }
  }
}

// Between open and close the path is unknown: of stop and target inside one bar the stop is taken
// to come first. An order made while the bar ran is judged by all of it: the same caution.
void Visit::deal_within(const Symbol& symbol, const PriceBar& bar) {
  const auto numbers = dealing(symbol, bar.ends);
  for (const auto number : numbers) {
    auto& order = state_.orders.at(number);
    const auto at = std::max(bar.begins, order.changed_at);
    if (order.open() && waits_for_trigger(order) && bar.low <= *order.trigger) {
      fire(order, *order.trigger, at);
    }
  }
  for (const auto number : numbers) {
    auto& order = state_.orders.at(number);
    const auto at = std::max(bar.begins, order.changed_at);
    if (order.open() && rests_at_limit(order) && bar.high >= *order.price) {
      next_part(order, *order.price, at);
    }
  }
}

// A copy: what is done to one of them may take others out.
std::vector<std::int64_t> Visit::open_in(const Symbol& symbol) const {
  const auto found = state_.open_in.find(symbol);
  if (found == state_.open_in.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::int64_t> Visit::dealing(const Symbol& symbol, Instant until) const {
  std::vector<std::int64_t> numbers;
  for (const auto number : open_in(symbol)) {
    const auto& order = state_.orders.at(number);
    if (order.looked_at() && order.changed_at <= until && order.fate == Fate::none) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

void Visit::fire(PaperOrder& order, Price price, Instant at) {
  order.fired = true;
  order.market_price = price;
  if (settings_.fired_gets_number) order.fired_number = state_.next_number++;
  order.changed_at = at;
  touch(order);
  tell_pair(order, Quantity{});
  // A stop-limit below whose limit the price has fallen rests, fired, and protects nothing.
  if (order.type == OrderType::stop_market || price >= *order.price) next_part(order, price, at);
}

void Visit::next_part(PaperOrder& order, Price price, Instant at) {
  if (at < order.next_part_at) return;
  const bool first_in_visit = dealt_.insert(order.number).second;
  if (!first_in_visit && settings_.part_every == Micros{0}) return;
  auto part = order.left();
  if (order.parts > 1) {
    const auto step = enforced_rules(order.symbol).step;
    const auto even = Decimal::divide(part.value, Decimal{order.parts}, Rounding::down);
    part = std::min(part, std::max(floor_to_step(Quantity{even}, step), step));
    --order.parts;
  }
  order.next_part_at = at + settings_.part_every;
  fill(order, part, price, at);
}

void Visit::fill(PaperOrder& order, Quantity quantity, Price price, Instant at) {
  const auto rate = enforced_rules(order.symbol).highest_fee_rate;
  const auto due = due_for(order.side, order.fee_in, quantity, price, rate);
  order.filled += quantity;
  order.filled_value += due.value;
  order.fee_base += due.fee_base;
  order.fee_quote += due.fee_quote;
  order.changed_at = at;
  if (order.side == Side::buy) {
    credit(order.symbol.base(), (quantity - due.fee_base).value);
    credit(order.symbol.quote(), -(due.value + due.fee_quote).value);
  } else {
    credit(order.symbol.base(), -quantity.value);
    credit(order.symbol.quote(), (due.value - due.fee_quote).value);
  }
  state_.markets[order.symbol].last = price;
  changes_.fills.push_back(
      {order.number, order.symbol, order.side, price, quantity, due.value, due.fee_base, due.fee_quote, at});
  touch(order);
  if (order.left().is_zero()) {
    const bool whole = order.filled == order.quantity;
    end(order, whole ? VenueStatus::filled : VenueStatus::cancelled,
        whole ? "" : "the rest was dealt by the other leg of its pair");
  }
  tell_pair(order, quantity);
}

// One cancels the other: a fired stop and a filled target always, a partly filled one by setting.
void Visit::tell_pair(const PaperOrder& order, Quantity dealt) {
  if (order.list == 0) return;
  const bool ends_other = is_stop(order) || !order.open() || settings_.oco_part_cancels_stop;
  for (const auto number : open_in(order.symbol)) {
    auto& other = state_.orders.at(number);
    if (other.list != order.list || other.number == order.number) continue;
    other.given_up += dealt;
    touch(other);
    if (ends_other || other.left().is_zero()) {
      end(other, VenueStatus::cancelled, "cancelled by the other leg of its pair");
    }
  }
}

void Visit::end(PaperOrder& order, VenueStatus status, const std::string& reason) {
  order.status = status;
  order.reason = reason;
  order.pending_until.reset();
  state_.place(order);
  touch(order);
}

void Visit::touch(const PaperOrder& order) {
  changes_.orders.insert(order.number);
  changes_.markets.insert(order.symbol);
}

void Visit::credit(const std::string& currency, Decimal amount) {
  state_.balances[currency] += amount;
  changes_.balances.insert(currency);
}

// ---- Taking orders ---------------------------------------------------------------------------

Taken Visit::take(const Order& order, std::optional<Mishap> mishap) {
  if (settings_.duplicate_ids_refused) {
    if (const auto number = resting(order.client_id)) return Resting{*number};
  }
  auto record = record_of(order, mishap);
  if (auto refused = malformed(record)) return *refused;
  const bool looked_at_now = !settings_.asynchronous && record.fate != Fate::rejected;
  if (looked_at_now) {
    if (auto refused = objection(record, now_)) return *refused;
  }
  const auto number = admit(std::move(record));
  if (looked_at_now) begin(number, now_);
  return number;
}

Visit::PairTaken Visit::take_pair(const Order& stop, const Order& target, std::optional<Mishap> stop_mishap,
                                  std::optional<Mishap> target_mishap) {
  const auto both = [](const Taken& taken) { return PairTaken{taken, taken}; };
  if (settings_.duplicate_ids_refused) {
    if (const auto number = resting(stop.client_id)) return both(Resting{*number});
    if (const auto number = resting(target.client_id)) return both(Resting{*number});
  }
  auto stop_record = record_of(stop, stop_mishap);
  auto target_record = record_of(target, target_mishap);
  for (const auto* record : {&stop_record, &target_record}) {
    if (auto refused = malformed(*record)) return both(*refused);
  }
  if (!settings_.asynchronous) {
    for (const auto* record : {&stop_record, &target_record}) {
      if (auto refused = objection(*record, now_)) return both(*refused);
    }
  }
  // Numbers are given first, so that each leg knows the list before either deals.
  const auto list = state_.next_number;
  stop_record.list = target_record.list = list;
  const bool stop_now = !settings_.asynchronous && stop_record.fate != Fate::rejected;
  const bool target_now = !settings_.asynchronous && target_record.fate != Fate::rejected;
  const auto stop_number = admit(std::move(stop_record));
  const auto target_number = admit(std::move(target_record));
  if (stop_now) begin(stop_number, now_);
  if (target_now && state_.orders.at(target_number).open()) begin(target_number, now_);
  return {stop_number, target_number};
}

PaperOrder Visit::record_of(const Order& order, std::optional<Mishap> mishap) {
  PaperOrder record{.symbol = order.symbol,
                    .client_id = order.client_id,
                    .side = order.side,
                    .type = order.type,
                    .quantity = order.quantity,
                    .fee_in = settings_.fee_in,
                    .fate = fate_of(mishap),
                    .created_at = now_,
                    .changed_at = now_};
  if (order.type == OrderType::limit || order.type == OrderType::stop_limit) record.price = order.price;
  if (is_stop(record)) record.trigger = order.trigger;
  if (const auto parts = settings_.parts.find(order.leg); parts != settings_.parts.end()) {
    record.parts = std::max(1, parts->second);
  }
  if (record.fate == Fate::part_cancelled) record.parts = std::max(2, record.parts);
  if (record.fate == Fate::inert && order.trigger) {
    record.type = OrderType::limit;
    record.price = *order.trigger + *order.trigger;
    record.trigger.reset();
  }
  if (mishap == Mishap::fee_in_base) record.fee_in = FeeIn::base;
  if (mishap == Mishap::fee_in_other) record.fee_in = FeeIn::other;

  if (order.type == OrderType::market) {
    const auto price = order.side == Side::buy ? entry_price(order) : market_price(order.symbol, now_);
    if (!price) invented_.insert(order.symbol);
    record.market_price = price.value_or(Price{nobody_knows});
  }
  return record;
}

// What the signal saw, the feed, the fixed price, the last trade.
std::optional<Price> Visit::entry_price(const Order& order) const {
  if (order.price) return order.price;
  if (auto price = feed_price(order.symbol, now_)) return price;
  const auto fixed = settings_.fixed_prices.find(order.symbol);
  if (fixed != settings_.fixed_prices.end()) return fixed->second;
  return market_price(order.symbol, now_);
}

std::optional<Price> Visit::feed_price(const Symbol& symbol, Instant at) const {
  if (settings_.prices == nullptr) return std::nullopt;
  const auto bar = settings_.prices->latest(symbol, at);
  return bar ? std::optional{known_price(*bar, at)} : std::nullopt;
}

std::optional<Price> Visit::market_price(const Symbol& symbol, Instant at) const {
  if (auto price = feed_price(symbol, at)) return price;
  const auto market = state_.markets.find(symbol);
  if (market != state_.markets.end() && market->second.last) return market->second.last;
  const auto fixed = settings_.fixed_prices.find(symbol);
  if (fixed != settings_.fixed_prices.end()) return fixed->second;
  return std::nullopt;
}

InstrumentRules Visit::enforced_rules(const Symbol& symbol) const {
  const auto own = settings_.rules.find(symbol);
  if (own != settings_.rules.end()) return own->second;
  auto rules = built_in_rules(symbol, std::nullopt, settings_.fee_rate, now_);
  rules.tick = finest_tick;
  return rules;
}

// Wrong whatever the market does: found at once by every venue.
std::optional<Refused> Visit::malformed(const PaperOrder& order) const {
  const auto rules = enforced_rules(order.symbol);
  if (!rules.tradable) return Refused{"not_tradable", order.symbol.text() + " is not traded"};
  const bool conditional = order.type != OrderType::market;
  if (conditional && order.side == Side::buy) {
    return Refused{"unsupported_type", "buying is at the market only"};
  }
  if (order.type == OrderType::stop_market && !settings_.stop_market) {
    return Refused{"unsupported_type", "this venue has no stop-market orders"};
  }
  const bool needs_price = order.type == OrderType::limit || order.type == OrderType::stop_limit;
  if ((needs_price && !order.price) || (is_stop(order) && !order.trigger)) {
    return Refused{"malformed", "a price is missing"};
  }
  if (order.quantity < rules.min_quantity || !order.quantity.is_positive()) {
    return Refused{"min_quantity", order.quantity.text() + " is below " + rules.min_quantity.text()};
  }
  if (rules.max_quantity.is_positive() && order.quantity > rules.max_quantity) {
    return Refused{"max_quantity", order.quantity.text() + " is above " + rules.max_quantity.text()};
  }
  if (!order.quantity.value.is_multiple_of(rules.step.value)) {
    return Refused{"step", order.quantity.text() + " is no multiple of " + rules.step.text()};
  }
  for (const auto& price : {order.price, order.trigger}) {
    if (price && (!price->is_positive() || !price->value.is_multiple_of(rules.tick.value))) {
      return Refused{"tick", price->text() + " is no multiple of " + rules.tick.text()};
    }
  }
  const auto at = order.price ? *order.price : order.trigger ? *order.trigger : order.market_price;
  const auto notional = cost(at, order.quantity, Rounding::down);
  if (const auto market = market_price(order.symbol, now_); market && order.side == Side::sell) {
    const auto part = [&](const Decimal& of) { return Price{Decimal::multiply(market->value, of, Rounding::down)}; };
    for (const auto& price : {order.price, order.trigger})
      if (price && ((rules.lowest_sell.is_positive() && *price < part(rules.lowest_sell)) ||
                    (rules.highest_sell.is_positive() && *price > part(rules.highest_sell))))
        return Refused{"price_band", price->text() + " is too far from the price"};
  }
  if (notional < rules.min_notional) {
    return Refused{"min_notional", notional.text() + " is below " + rules.min_notional.text()};
  }
  if (is_stop(order) && rules.max_open_stops > 0) {
    const auto resting = open_in(order.symbol);
    const auto stops =
        std::count_if(resting.begin(), resting.end(), [&](auto number) { return is_stop(state_.orders.at(number)); });
    if (stops >= rules.max_open_stops) return Refused{"max_open_stops", "too many stops rest"};
  }
  return std::nullopt;
}

// Wrong as things stand: balance and market. Asynchronous venues find it after they have answered.
std::optional<Refused> Visit::objection(const PaperOrder& order, Instant at) const {
  const auto base = order.symbol.base();
  const auto quote = order.symbol.quote();
  if (order.side == Side::buy) {
    const auto rate = enforced_rules(order.symbol).highest_fee_rate;
    const auto due = due_for(order.side, order.fee_in, order.quantity, order.market_price, rate);
    const auto needed = (due.value + due.fee_quote).value;
    const auto free = total(quote, true) - locked(quote, &order);
    if (needed > free) {
      return Refused{"insufficient_balance", needed.text() + " " + quote + " needed, " + free.text() + " free"};
    }
    return std::nullopt;
  }
  const auto free = total(base, false) - locked(base, &order);
  if (order.quantity.value > free) {
    return Refused{"insufficient_balance", order.quantity.text() + " " + base + " needed, " + free.text() + " free"};
  }
  if (is_stop(order)) {
    const auto price = market_price(order.symbol, at);
    if (price && *order.trigger >= *price) {
      return Refused{"would_trigger", "the market is at " + price->text() + " already"};
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> Visit::resting(const ClientOrderId& client_id) const {
  const auto [first, last] = state_.by_client_id.equal_range(client_id);
  for (auto it = first; it != last; ++it) {
    if (state_.orders.at(it->second).open()) return it->second;
  }
  return std::nullopt;
}

std::int64_t Visit::admit(PaperOrder order) {
  order.number = state_.next_number++;
  if (settings_.asynchronous || order.fate == Fate::rejected) {
    order.pending_until = now_ + (settings_.asynchronous ? settings_.visible_after : Micros{0});
  }
  // What ended before it was made does not concern the order.
  auto& market = state_.markets[order.symbol];
  market.judged_until = std::max(market.judged_until, now_);
  touch(order);
  return state_.put(std::move(order)).number;
}

// The exchange looks at the order for the first time.
void Visit::begin(std::int64_t number, Instant at) {
  auto& order = state_.orders.at(number);
  order.changed_at = at;
  const bool fated = order.fate == Fate::rejected;
  const bool alone = order.list == 0 || order.list == number;
  if (!fated && !alone) {
    const auto& stop = state_.orders.at(order.list);
    if (stop.status == VenueStatus::rejected && stop.fate != Fate::rejected) {
      return end(order, VenueStatus::rejected, stop.reason);
    }
  }
  const auto refused = fated ? Refused{"rejected", "rejected by the matching engine"} : objection(order, at);
  if (refused) {
    return end(order, VenueStatus::rejected, refused->code + ": " + refused->message);
  }
  order.pending_until.reset();
  begun_.insert(number);
  open_accounts(order.symbol);
  touch(order);
  if (order.fate == Fate::cancelled) {
    return end(order, VenueStatus::cancelled, "cancelled by the exchange");
  }
  if (order.fate == Fate::inert) return;
  const auto price = market_price(order.symbol, at);
  if (order.type == OrderType::market) {
    if (order.side == Side::sell) order.market_price = price.value_or(order.market_price);
    return next_part(order, order.market_price, at);
  }
  if (order.type == OrderType::limit && price && *price >= *order.price) {
    next_part(order, *price, at);
  }
}

// A balance the book does not have yet begins with the first order of its market.
void Visit::open_accounts(const Symbol& symbol) {
  for (const bool is_quote : {false, true}) {
    const auto currency = is_quote ? symbol.quote() : symbol.base();
    if (state_.balances.count(currency) != 0) continue;
    state_.balances[currency] = total(currency, is_quote);
    changes_.balances.insert(currency);
  }
}

// ---- Looking and cancelling ------------------------------------------------------------------

std::vector<std::int64_t> Visit::numbers_of(const ClientOrderId& client_id,
                                            std::optional<std::int64_t> venue_number) const {
  std::vector<std::int64_t> numbers;
  const auto [first, last] = state_.by_client_id.equal_range(client_id);
  for (auto it = first; it != last; ++it) numbers.push_back(it->second);
  if (numbers.empty() && venue_number && state_.orders.count(*venue_number) != 0) {
    numbers.push_back(*venue_number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void Visit::go_on(std::int64_t number) {
  auto& order = state_.orders.at(number);
  if (!order.open() || !order.looked_at() || begun_.count(number) != 0) return;
  if (order.fate == Fate::part_cancelled) {
    return end(order, VenueStatus::cancelled, "cancelled by the exchange");
  }
  if (order.fate == Fate::none && settings_.part_every == Micros{0} && deals_at_any_price(order)) {
    next_part(order, order.market_price, now_);
  }
}

void Visit::cancel(std::int64_t number, const std::string& reason) {
  auto& order = state_.orders.at(number);
  order.changed_at = now_;
  end(order, VenueStatus::cancelled, reason);
  if (order.list == 0 || !settings_.oco_cancelled_whole) return;
  for (const auto other : open_in(order.symbol)) {
    if (state_.orders.at(other).list == order.list) {
      end(state_.orders.at(other), VenueStatus::cancelled, reason);
    }
  }
}

void Visit::fill_at_market(std::int64_t number) {
  auto& order = state_.orders.at(number);
  const auto known = market_price(order.symbol, now_);
  const auto price = order.price ? *order.price : known.value_or(order.market_price);
  fill(order, order.left(), price, now_);
}

Decimal Visit::total(const std::string& currency, bool is_quote) const {
  if (const auto held = state_.balances.find(currency); held != state_.balances.end()) {
    return held->second;
  }
  if (const auto given = settings_.balances.find(currency); given != settings_.balances.end()) {
    return given->second;
  }
  return is_quote ? settings_.quote_balance : Decimal{};
}

std::set<std::string> Visit::currencies() const {
  std::set<std::string> names;
  for (const auto& [currency, total] : state_.balances) names.insert(currency);
  return names;
}

// The legs of a pair lock the coins they share once: as much as the one of them that may deal most.
Decimal Visit::locked(const std::string& currency, const PaperOrder* besides) const {
  Decimal sum;
  const auto locking = state_.locking.find(currency);
  if (locking == state_.locking.end()) return sum;
  std::map<std::int64_t, Quantity> pairs;
  for (const auto number : locking->second) {
    const auto& order = state_.orders.at(number);
    if (!order.looked_at()) continue;
    const bool own =
        besides != nullptr && (order.number == besides->number || (order.list != 0 && order.list == besides->list));
    if (own) continue;
    if (order.side == Side::buy && order.symbol.quote() == currency) {
      const auto rate = enforced_rules(order.symbol).highest_fee_rate;
      const auto due = due_for(order.side, order.fee_in, order.left(), order.market_price, rate);
      sum += (due.value + due.fee_quote).value;
    }
    if (order.side == Side::buy || order.symbol.base() != currency) continue;
    if (order.list == 0) {
      sum += order.left().value;
    } else {
      pairs[order.list] = std::max(pairs[order.list], order.left());
    }
  }
  for (const auto& [list, quantity] : pairs) sum += quantity.value;
  return sum;
}

}  // namespace tradeguard
