// The venue of example 06: an exchange with one market in this process, and the adapter in front of
// it. Contract test: tests/docs/own_venue_contract.cpp
#pragma once

#include <algorithm>

#include "tradeguard/clock.hpp"
#include "tradeguard/venue.hpp"

namespace own_venue {

using namespace tradeguard;

// ---- The other side: what would be behind HTTP
// ---------------------------------------------------

// One market, one account. It knows orders and money, and nothing of tradeguard's outcomes.
class Exchange {
 public:
  Exchange(Clock& clock, InstrumentRules market, Price price, Decimal money)
      : rules{std::move(market)}, last{price}, clock_{clock} {
    coins_[base()] = Decimal{};
    coins_[quote()] = money;
  }

  const InstrumentRules rules;
  Price last;
  Micros ahead{0};  // its clock less ours
  std::vector<Sighting> orders;

  Instant now() const { return clock_.now() + ahead; }

  // Empty: accepted, and the record is orders.back(). Else an error code, and there is no order.
  std::string submit(const Order& order) {
    if (order.stamp > now() + 1s) return "TIMESTAMP_AHEAD";
    if (find(order.client_id) != nullptr) return "DUPLICATE_CLIENT_ID";
    if (order.symbol != rules.symbol) return "NO_SUCH_MARKET";
    if (!order.quantity.value.is_multiple_of(rules.step.value)) return "STEP_SIZE";
    if (order.quantity < rules.min_quantity || order.quantity > rules.max_quantity)
      return "QUANTITY";
    const Price price = order.trigger.value_or(last);
    if (!price.value.is_multiple_of(rules.tick.value)) return "TICK_SIZE";
    if (cost(price, order.quantity, Rounding::down) < rules.min_notional) return "MIN_NOTIONAL";
    if (order.trigger && last <= *order.trigger) return "STOP_WOULD_TRIGGER";
    const Decimal needed = order.side == Side::buy ? cost(last, order.quantity, Rounding::up).value
                                                   : order.quantity.value;
    if (balance(order.side == Side::buy ? quote() : base()).free < needed) return "BALANCE";

    orders.push_back({.client_id = order.client_id,
                      .venue_id = std::to_string(++last_id_),
                      .symbol = order.symbol,
                      .side = order.side,
                      .type = order.type,
                      .status = VenueStatus::open,
                      .quantity = order.quantity,
                      .filled = Quantity{},
                      .filled_value = Money{},
                      .fee_base = Quantity{},
                      .trigger = order.trigger,
                      .exchange_time = now()});
    if (!order.trigger) deal(orders.back());
    return "";
  }

  bool cancel(const std::string& client_id) {
    Sighting* order = find(client_id);
    if (order == nullptr || order->status != VenueStatus::open) return false;
    order->status = VenueStatus::cancelled;
    return true;
  }

  void trade_at(Price price) {
    last = price;
    for (Sighting& order : orders)
      if (order.status == VenueStatus::open && order.trigger && last <= *order.trigger) deal(order);
  }

  Sighting* find(const std::string& client_id) {
    const auto found = std::ranges::find(orders, client_id, &Sighting::client_id);
    return found == orders.end() ? nullptr : &*found;
  }

  // What rests in a stop is locked.
  Balance balance(const std::string& currency) const {
    const Decimal total = coins_.at(currency);
    Decimal locked;
    for (const Sighting& order : orders)
      if (order.status == VenueStatus::open && currency == base()) locked += order.quantity.value;
    return {total - locked, total};
  }
  std::string base() const { return rules.symbol.base(); }
  std::string quote() const { return rules.symbol.quote(); }

 private:
  // A purchase pays its fee in coins, a sale in money.
  void deal(Sighting& order) {
    const Money value = cost(last, order.quantity, Rounding::half_even);
    const Decimal rate = rules.highest_fee_rate;
    order.status = VenueStatus::filled;
    order.filled = order.quantity;
    order.filled_value = value;
    if (order.side == Side::buy) {
      order.fee_base = Quantity{Decimal::multiply(order.quantity.value, rate, Rounding::up)};
      coins_[base()] += order.quantity.value - order.fee_base->value;
      coins_[quote()] -= value.value;
    } else {
      coins_[base()] -= order.quantity.value;
      coins_[quote()] += value.value - Decimal::multiply(value.value, rate, Rounding::up);
    }
  }

  Clock& clock_;
  std::map<std::string, Decimal> coins_;
  int last_id_ = 5000;
};

// ---- Our side: the adapter
// ------------------------------------------------------------------------

// Says what its venue can do, sends each request at most once, and gives every answer its word. It
// remembers nothing: whatever a later run has to know is at the exchange or in the store.
class OwnVenue final : public OrderPlacer, public SltpPlacer {
 public:
  explicit OwnVenue(Exchange& exchange) : exchange_{exchange} {}

  const VenueTraits& traits() const override {
    static const VenueTraits traits{.oco = false,
                                    .stop_market = true,
                                    .duplicate_ids_refused = true,
                                    .answers_are_sightings = true,
                                    .network = false};
    return traits;
  }
  Result<Instant> venue_time() override { return exchange_.now(); }

  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    std::vector<PlaceOutcome> outcomes;
    for (const EntryTicket& ticket : tickets) outcomes.push_back(send(ticket.order()));
    return outcomes;
  }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    std::vector<LegOutcome> outcomes;
    for (const LegRequest& request : requests) {
      outcomes.push_back({send(request.stop), std::nullopt});
      // A target beside a stop would sell the same coins twice: no OCO, no target.
      if (request.target) outcomes.back().target = Refused{"NO_OCO", "this venue has no pairs"};
    }
    return outcomes;
  }
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override {
    std::vector<PlaceOutcome> outcomes;
    for (const Order& exit : exits) outcomes.push_back(send(exit));
    return outcomes;
  }

  // Emptiness is proof only because every view there is was read whole, and it says when.
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
    std::vector<Result<Lookup>> lookups;
    for (const OrderQuery& query : queries) {
      Lookup lookup{{}, true, exchange_.now()};
      if (const Sighting* order = exchange_.find(query.client_id))
        lookup.found.push_back(seen(*order));
      lookups.emplace_back(std::move(lookup));
    }
    return lookups;
  }
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    std::vector<CancelOutcome> outcomes;
    for (const CancelRequest& request : requests) {
      if (exchange_.cancel(request.client_id))
        outcomes.emplace_back(CancelAcknowledged{});
      else
        outcomes.emplace_back(CancelGone{});
    }
    return outcomes;
  }

  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    std::map<Symbol, InstrumentRules> known;
    if (symbols.contains(exchange_.rules.symbol))
      known.emplace(exchange_.rules.symbol, exchange_.rules);
    return known;
  }
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    std::map<Symbol, Quote> known;
    if (symbols.contains(exchange_.rules.symbol))
      known.emplace(exchange_.rules.symbol, Quote{exchange_.last, exchange_.now()});
    return known;
  }
  Result<std::map<std::string, Balance>> balances() override {
    return std::map<std::string, Balance>{
        {exchange_.base(), exchange_.balance(exchange_.base())},
        {exchange_.quote(), exchange_.balance(exchange_.quote())}};
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override {
    std::vector<Sighting> own;
    for (const Sighting& order : exchange_.orders)
      if (order.client_id.starts_with(client_id_prefix) &&
          (order.status == VenueStatus::open || order.exchange_time >= since))
        own.push_back(seen(order));
    return own;
  }
  Result<std::string> account_id() override { return std::string{}; }

 private:
  PlaceOutcome send(const Order& order) {
    // What would arrive after its time is not sent: nobody re-stamps a claim.
    if (exchange_.now() > order.valid_until - 2s)
      return Unsent{Unsent::Why::too_late, "valid until " + iso_micros(order.valid_until)};
    const std::string code = exchange_.submit(order);
    if (code.empty())
      return Accepted{exchange_.orders.back().venue_id, seen(exchange_.orders.back())};
    if (code == "TIMESTAMP_AHEAD") return Unsent{Unsent::Why::clock, code};
    // An order exists under this id, so "refused", which says that none does, would be wrong.
    if (code == "DUPLICATE_CLIENT_ID") return InDoubt{code};
    return Refused{code, code};
  }
  Sighting seen(Sighting record) const {
    record.at = exchange_.now();
    return record;
  }

  Exchange& exchange_;
};

}  // namespace own_venue
