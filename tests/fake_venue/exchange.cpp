#include "exchange.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace tradeguard::fake {

namespace {

const std::string insufficient = "INSUFFICIENT_ACC_BALANCE";

Decimal times(Decimal a, Decimal b) { return Decimal::multiply(a, b, Rounding::down); }

bool deals_at_market(Kind kind) { return kind == Kind::market || kind == Kind::stop || kind == Kind::take_profit; }

}  // namespace

bool closed(Status status) { return status != Status::pending && status != Status::open; }

bool conditional(Kind kind) {
  return kind == Kind::stop || kind == Kind::stop_limit || kind == Kind::take_profit || kind == Kind::take_profit_limit;
}

void Exchange::list(Market market, Decimal price) {
  prices_[market.symbol] = price;
  markets_[market.symbol] = std::move(market);
}

Market* Exchange::market(std::string_view symbol) {
  const auto found = markets_.find(std::string{symbol});
  return found == markets_.end() ? nullptr : &found->second;
}

void Exchange::reset() {
  live_.clear();
  by_id_.clear();
  orders_.clear();
  totals_.clear();
  deposits_.clear();
  next_id_ = first_id_;
}

void Exchange::set_balance(const std::string& currency, Decimal total) {
  deposits_[currency] += total - totals_[currency];
  totals_[currency] = total;
}

Order& Exchange::place(const Wanted& wanted, Instant now, const Fate& fate) {
  Order& order = take(wanted, now, fate);
  if (look_after == Micros{0}) look_at(order, now);
  return order;
}

std::int64_t Exchange::place_pair(const Wanted& first, const Wanted& second, Instant now, const Fate& first_fate,
                                  const Fate& second_fate) {
  if (first_fate.missing || second_fate.missing) {
    Order& alone = first_fate.missing ? take(second, now, second_fate) : take(first, now, first_fate);
    alone.list_id = next_id_++;
    alone.leg = first_fate.missing ? 2 : 1;
    if (look_after == Micros{0}) look_at(alone, now);
    return alone.list_id;
  }
  Order& one = take(first, now, first_fate);
  Order& other = take(second, now, second_fate);
  one.list_id = other.list_id = next_id_++;
  one.leg = 1;
  other.leg = 2;
  if (look_after == Micros{0}) {
    look_at(one, now);
    if (!closed(other.status)) look_at(other, now);
  }
  return one.list_id;
}

Order& Exchange::take(const Wanted& wanted, Instant now, const Fate& fate) {
  const Market& where = markets_.at(wanted.symbol);
  Order& order = orders_.emplace_back();
  static_cast<Wanted&>(order) = wanted;
  order.id = next_id_++;
  order.created = order.updated = now;
  order.due = now + look_after;
  order.fate = fate;
  order.estimate = prices_.at(wanted.symbol);
  if (order.quantity.is_zero() && order.notional.is_positive()) {
    order.quantity =
        Decimal::divide(order.notional, order.estimate, Rounding::down).to_multiple(where.step, Rounding::down);
  }
  live_.push_back(&order);
  by_id_[order.id] = &order;
  return order;
}

// The matching side takes the order off the queue.
void Exchange::look_at(Order& order, Instant now) {
  if (order.fate.reject) return close(order, Status::rejected, now, *order.fate.reject);
  // Its own lock is counted already: what is overdrawn is what it cannot pay for.
  if (holding(locked_currency(order)).free().is_negative()) return close(order, Status::rejected, now, insufficient);
  order.status = Status::open;
  order.updated = now;
  order.due = now + fill_after;
  if (conditional(order.kind)) {
    if (triggered(order)) close(order, Status::rejected, now, "INVALID_TRIGGER_PRICE");
    return;
  }
  if (fill_after == Micros{0}) deal(order, now);
}

// A market order, or a limit order as it arrives.
void Exchange::deal(Order& order, Instant now) {
  order.due = Instant::max();
  const bool reaches = order.kind == Kind::market || marketable(order);
  if (reaches && !order.fate.never_fills) {
    auto quantity = order.left();
    if (order.fate.part) {
      quantity = times(order.quantity, *order.fate.part).to_multiple(markets_.at(order.symbol).step, Rounding::down);
    }
    if (order.life == Life::fill_or_kill && quantity < order.left())
      return close(order, Status::cancelled, now, "FILL_OR_KILL");
    execute(order, quantity, prices_.at(order.symbol), false, now);
  }
  if (closed(order.status)) return;
  if (order.fate.end && order.fate.end_after_reads == 0) return close(order, *order.fate.end, now, "ENDED");
  if (order.life != Life::good_till_cancel) close(order, Status::cancelled, now, "NOT_FILLED");
}

void Exchange::execute(Order& order, Decimal quantity, Decimal price, bool maker, Instant now) {
  if (!quantity.is_positive()) return;
  const Market& where = markets_.at(order.symbol);
  const auto value = times(quantity, price);
  const auto rate = maker ? where.maker_fee : where.taker_fee;
  const auto wish = order.fate.fee_currency.empty() ? order.fee_currency : order.fate.fee_currency;
  Fill fill{next_id_++, price, quantity, {}, wish, maker, now};
  const bool buys = order.side == Side::buy;
  const auto usual = buys ? where.base : where.quote;
  if (fill.fee_currency.empty()) fill.fee_currency = usual;
  fill.fee = fill.fee_currency == where.base ? times(quantity, rate) : times(value, rate);
  // A token that is short pays no fee: the usual one does.
  if (fill.fee_currency != usual && fill.fee_currency != where.quote && holding(fill.fee_currency).free() < fill.fee) {
    fill.fee_currency = usual;
    fill.fee = buys ? times(quantity, rate) : times(value, rate);
  }
  if (where.fee_step.is_positive()) fill.fee = fill.fee.to_multiple(where.fee_step, Rounding::down);
  const auto paid = buys ? value : quantity;
  const auto fee_from_paid = buys && fill.fee_currency == where.quote ? fill.fee : Decimal{};
  if (totals_[buys ? where.quote : where.base] < paid + fee_from_paid)
    return close(order, Status::cancelled, now, insufficient);

  totals_[where.base] += buys ? quantity : -quantity;
  totals_[where.quote] += buys ? -value : value;
  totals_[fill.fee_currency] -= fill.fee;
  order.fills.push_back(fill);
  order.filled += quantity;
  order.value += value;
  order.updated = now;
  order.estimate = price;
  order.fate.part.reset();
  end_others_of(order, now);
  if (order.left().is_zero()) close(order, Status::filled, now);
}

void Exchange::end_others_of(const Order& order, Instant now) {
  if (order.list_id == 0) return;
  for (Order* other : of_list(order.list_id)) {
    if (other != &order && !closed(other->status)) close(*other, Status::cancelled, now, "OCO");
  }
}

void Exchange::close(Order& order, Status status, Instant now, const std::string& reason) {
  order.status = status;
  order.updated = now;
  order.reason = reason;
  std::erase(live_, &order);
}

bool Exchange::cancel(std::int64_t id, Instant now) {
  Order* const found = order(id);
  if (!found || closed(found->status)) return false;
  close(*found, Status::cancelled, now);
  return true;
}

bool Exchange::execute_part(std::int64_t id, Decimal part, Instant now) {
  Order* const found = order(id);
  if (!found || closed(found->status)) return false;
  if (conditional(found->kind) && !found->fired) {
    give_second_id(*found);
  }
  const auto wanted = times(found->quantity, part).to_multiple(markets_.at(found->symbol).step, Rounding::down);
  const auto price = deals_at_market(found->kind) ? prices_.at(found->symbol) : found->price;
  execute(*found, std::min(wanted, found->left()), price, found->kind == Kind::limit, now);
  return true;
}

void Exchange::trade_at(const std::string& symbol, Decimal price, Instant now) {
  advance(now);
  prices_.at(symbol) = price;
  const auto now_live = live_;
  for (Order* order : now_live) {
    // The other leg may have ended this one a moment ago.
    if (closed(order->status) || order->status == Status::pending || order->symbol != symbol) continue;
    if (conditional(order->kind) && !order->fired) {
      if (triggered(*order)) fire(*order, now);
    } else if (order->due == Instant::max()) {
      reach(*order, now);
    }
  }
}

void Exchange::fire(Order& order, Instant now) {
  give_second_id(order);
  order.updated = now;
  end_others_of(order, now);
  deal(order, now);
}

void Exchange::give_second_id(Order& order) {
  order.fired = true;
  order.fired_id = next_id_++;
  by_id_[order.fired_id] = &order;
}

// The price comes to an order that rests: at its own price, or the market's if it has none.
void Exchange::reach(Order& order, Instant now) {
  if (order.fate.never_fills) return;
  const bool at_market = deals_at_market(order.kind);
  if (!at_market && !marketable(order)) return;
  auto quantity = order.left();
  if (order.fate.part) {
    quantity = times(order.quantity, *order.fate.part).to_multiple(markets_.at(order.symbol).step, Rounding::down);
  }
  execute(order, quantity, at_market ? prices_.at(order.symbol) : order.price, !at_market, now);
}

void Exchange::advance(Instant now) {
  for (;;) {
    Order* next = nullptr;
    for (Order* order : live_) {
      const bool waits =
          order->status == Status::pending || (!conditional(order->kind) && order->due != Instant::max());
      if (waits && order->due <= now && (!next || order->due < next->due)) next = order;
    }
    if (!next) return;
    if (next->status == Status::pending) {
      look_at(*next, next->due);
    } else {
      deal(*next, next->due);
    }
  }
}

bool Exchange::affordable(const Wanted& wanted) const {
  Order order;
  static_cast<Wanted&>(order) = wanted;
  order.estimate = prices_.at(wanted.symbol);
  if (order.quantity.is_zero() && order.notional.is_positive())
    return holding(locked_currency(order)).free() >= order.notional;
  return holding(locked_currency(order)).free() >= lock_of(order);
}

bool Exchange::marketable(const Wanted& wanted) const {
  const auto now = prices_.at(wanted.symbol);
  return wanted.side == Side::buy ? now <= wanted.price : now >= wanted.price;
}

bool Exchange::triggered(const Wanted& wanted) const {
  const bool stops = wanted.kind == Kind::stop || wanted.kind == Kind::stop_limit;
  const bool waits_for_fall = stops == (wanted.side == Side::sell);
  const auto now = prices_.at(wanted.symbol);
  return waits_for_fall ? now <= wanted.trigger : now >= wanted.trigger;
}

std::map<std::string, Holding> Exchange::holdings() const {
  std::map<std::string, Holding> all;
  for (const auto& [currency, total] : totals_) all[currency].total = total;
  // A pair locks once: the leg that needs more.
  std::map<std::int64_t, std::pair<const Order*, Decimal>> pairs;
  for (const Order* order : live_) {
    const auto lock = lock_of(*order);
    if (order->list_id == 0) {
      all[locked_currency(*order)].locked += lock;
      continue;
    }
    auto& [leg, most] = pairs[order->list_id];
    if (!leg || lock > most) most = lock;
    leg = order;
  }
  for (const auto& [list, pair] : pairs) all[locked_currency(*pair.first)].locked += pair.second;
  return all;
}

Holding Exchange::holding(const std::string& currency) const {
  const auto all = holdings();
  const auto found = all.find(currency);
  return found == all.end() ? Holding{} : found->second;
}

const std::string& Exchange::locked_currency(const Order& order) const {
  const Market& where = markets_.at(order.symbol);
  return order.side == Side::buy ? where.quote : where.base;
}

Decimal Exchange::lock_of(const Order& order) const {
  if (order.side == Side::sell) return order.left();
  auto at = order.kind == Kind::market ? order.estimate : order.price;
  if (order.kind == Kind::stop || order.kind == Kind::take_profit) at = order.trigger;
  const auto value = times(order.left(), at);
  const Market& where = markets_.at(order.symbol);
  const auto fee_on_top = order.fee_currency == where.quote ? times(value, where.taker_fee) : Decimal{};
  return value + fee_on_top;
}

Order* Exchange::order(std::int64_t id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<Order*> Exchange::by_client_id(std::string_view id) {
  std::vector<Order*> found;
  for (auto& order : orders_) {
    if (order.client_id == id) found.push_back(&order);
  }
  return found;
}

std::vector<Order*> Exchange::of_list(std::int64_t list_id) {
  std::vector<Order*> found;
  for (auto& order : orders_) {
    if (list_id != 0 && order.list_id == list_id) found.push_back(&order);
  }
  return found;
}

std::optional<Order> Exchange::shown(Order& order, std::string_view view, Instant now, bool single) {
  if (now < order.created + visible_after) return std::nullopt;
  for (auto& [hidden_view, reads] : order.fate.hidden) {
    if (hidden_view != "*" && hidden_view != view) continue;
    if (reads == 0) continue;
    if (reads > 0) --reads;
    return std::nullopt;
  }
  Order copy = order;
  if (order.fate.stale > 0) {
    --order.fate.stale;
    copy.status = Status::pending;
    copy.filled = copy.value = Decimal{};
    copy.fills.clear();
    copy.updated = copy.created;
  }
  if (single && order.fate.end && order.fate.end_after_reads > 0 && !closed(order.status) &&
      --order.fate.end_after_reads == 0) {
    close(order, *order.fate.end, now, "ENDED");
  }
  return copy;
}

std::optional<std::string> Exchange::unbalanced() const {
  auto expected = deposits_;
  for (const auto& order : orders_) {
    const Market& where = markets_.at(order.symbol);
    Decimal filled;
    for (const auto& fill : order.fills) {
      const auto value = times(fill.quantity, fill.price);
      expected[where.base] += order.side == Side::buy ? fill.quantity : -fill.quantity;
      expected[where.quote] += order.side == Side::buy ? -value : value;
      expected[fill.fee_currency] -= fill.fee;
      filled += fill.quantity;
    }
    if (filled != order.filled || order.filled > order.quantity)
      return "order " + order.client_id + " filled " + order.filled.text() + " of " + order.quantity.text() +
             ", its fills are " + filled.text();
  }
  for (const auto& [currency, holding] : holdings()) {
    if (holding.total != expected[currency])
      return currency + " is " + holding.total.text() + " and not " + expected[currency].text();
    if (holding.total.is_negative()) return currency + " is overdrawn: " + holding.total.text();
  }
  return std::nullopt;
}

}  // namespace tradeguard::fake
