// Ports that hand everything on. A test overrides what it wants to go wrong.
#pragma once

#include "tradeguard/journal.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::cycle_test {

class ForwardingJournal : public OrderJournal {
 public:
  explicit ForwardingJournal(OrderJournal& inner) : inner_{inner} {}
  Result<OpenBook> open_book(Instant now) override { return inner_.open_book(now); }
  Result<std::vector<Written>> write(std::span<const Change> items) override { return inner_.write(items); }
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override {
    return inner_.claim_exits(claims, max_age, max_future, now);
  }
  Result<Outlook> outlook(std::span<const Signal> signals) override { return inner_.outlook(signals); }
  Result<void> remember_rules(std::span<const InstrumentRules> rules) override { return inner_.remember_rules(rules); }
  Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) override {
    return inner_.due_notices(now, at_most);
  }
  Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) override {
    return inner_.record_deliveries(records, now);
  }
  Result<void> begin_run(const std::string& id, const std::string& hash, Instant now) override {
    return inner_.begin_run(id, hash, now);
  }
  Result<void> finish_run(const std::string& result, Instant now) override { return inner_.finish_run(result, now); }
  Result<void> note_silences(std::optional<Instant> venue_until, const std::string& status,
                             std::optional<Instant> notifier_until) override {
    return inner_.note_silences(venue_until, status, notifier_until);
  }
  Result<void> note_stuck_told(Instant now) override { return inner_.note_stuck_told(now); }
  Result<void> accept_epoch(const std::string& id, Instant after) override { return inner_.accept_epoch(id, after); }
  Result<void> set_halt(const std::optional<std::string>& reason, Instant now) override {
    return inner_.set_halt(reason, now);
  }
  Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) override {
    return inner_.set_breaker(reason, now);
  }
  Result<std::vector<Decision>> decisions(const SignalKey& key) override { return inner_.decisions(key); }
  Result<std::vector<Order>> orders_of(const SignalKey& key) override { return inner_.orders_of(key); }
  Result<std::optional<Order>> order(const ClientOrderId& id) override { return inner_.order(id); }
  Result<std::optional<TradeRecord>> trade(const ClientOrderId& id) override { return inner_.trade(id); }
  Result<PastTrades> trades(const TradeQuery& query) override { return inner_.trades(query); }
  Result<std::vector<SignalKey>> keys_about(const std::string& word, std::size_t at_most) override {
    return inner_.keys_about(word, at_most);
  }
  Result<std::size_t> waiting_notices() override { return inner_.waiting_notices(); }
  Result<std::size_t> prune_piece(Instant before, Instant now, std::size_t at_most) override {
    return inner_.prune_piece(before, now, at_most);
  }

 private:
  OrderJournal& inner_;
};

class ForwardingVenue : public OrderPlacer, public SltpPlacer {
 public:
  ForwardingVenue(OrderPlacer& placer, SltpPlacer& protector) : placer_{placer}, protector_{protector} {}
  const VenueTraits& traits() const override { return placer_.traits(); }
  Result<Instant> venue_time() override { return placer_.venue_time(); }
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override { return placer_.find(queries); }
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    return placer_.cancel(requests);
  }
  std::optional<Quiet> quiet() const override { return placer_.quiet(); }
  void keep_quiet(const Quiet& quiet) override { placer_.keep_quiet(quiet); }
  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override { return placer_.place(tickets); }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    return placer_.rules(symbols);
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override { return placer_.own_orders(since); }
  Result<std::string> account_id() override { return placer_.account_id(); }
  std::string seen_account() const override { return placer_.seen_account(); }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    return protector_.protect(requests);
  }
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override { return protector_.flatten(exits); }
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    return protector_.quotes(symbols);
  }
  Result<std::map<std::string, Balance>> balances() override { return protector_.balances(); }

 private:
  OrderPlacer& placer_;
  SltpPlacer& protector_;
};

}  // namespace tradeguard::cycle_test
