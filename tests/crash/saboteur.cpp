#include "saboteur.hpp"

#include "../cycle/forwarding.hpp"

namespace tradeguard::crash_test {

namespace {

using cycle_test::ForwardingJournal;
using cycle_test::ForwardingVenue;

// How the world says that it did not answer.
template <class T>
auto no_answer() {
  return [] { return Result<T>{failed(Fault::unreachable, "sabotaged")}; };
}

class Lock final : public RunLock {
 public:
  Lock(RunLock& inner, Saboteur& s) : inner_{inner}, s_{s} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override {
    return s_.step(
        "acquire", [&] { return inner_.try_acquire(account); }, no_answer<std::variant<RunLease, HeldElsewhere>>());
  }

 private:
  RunLock& inner_;
  Saboteur& s_;
};

class Guard final : public IdempotencyGuard {
 public:
  Guard(IdempotencyGuard& inner, Saboteur& s) : inner_{inner}, s_{s} {}
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override {
    return s_.step(
        "claim", [&] { return inner_.claim(entries, policy, now); }, no_answer<std::vector<Judged>>());
  }
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override {
    return inner_.settle(id, outcome, now);
  }

 private:
  IdempotencyGuard& inner_;
  Saboteur& s_;
};

class Journal final : public ForwardingJournal {
 public:
  Journal(OrderJournal& inner, Saboteur& s) : ForwardingJournal{inner}, s_{s} {}
  Result<OpenBook> open_book(Instant now) override {
    return s_.step(
        "open_book", [&] { return ForwardingJournal::open_book(now); }, no_answer<OpenBook>());
  }
  Result<std::vector<Written>> write(std::span<const Change> items) override {
    return s_.step(
        "write", [&] { return ForwardingJournal::write(items); }, no_answer<std::vector<Written>>());
  }
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override {
    return s_.step(
        "claim_exits", [&] { return ForwardingJournal::claim_exits(claims, max_age, max_future, now); },
        no_answer<std::vector<ExitVerdict>>());
  }
  Result<Outlook> outlook(std::span<const Signal> signals) override {
    return s_.step(
        "outlook", [&] { return ForwardingJournal::outlook(signals); }, no_answer<Outlook>());
  }
  Result<void> remember_rules(std::span<const InstrumentRules> rules) override {
    return s_.step(
        "remember_rules", [&] { return ForwardingJournal::remember_rules(rules); }, no_answer<void>());
  }
  Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) override {
    return s_.step(
        "due_notices", [&] { return ForwardingJournal::due_notices(now, at_most); }, no_answer<std::vector<Notice>>());
  }
  Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) override {
    return s_.step(
        "record_deliveries", [&] { return ForwardingJournal::record_deliveries(records, now); }, no_answer<void>());
  }
  Result<void> begin_run(const std::string& run_id, const std::string& hash, Instant now) override {
    return s_.step(
        "begin_run", [&] { return ForwardingJournal::begin_run(run_id, hash, now); }, no_answer<void>());
  }
  Result<void> finish_run(const std::string& result, Instant now) override {
    return s_.step(
        "finish_run", [&] { return ForwardingJournal::finish_run(result, now); }, no_answer<void>());
  }
  Result<void> accept_epoch(const std::string& id, Instant after) override {
    return s_.step(
        "accept_epoch", [&] { return ForwardingJournal::accept_epoch(id, after); }, no_answer<void>());
  }
  Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) override {
    return s_.step(
        "set_breaker", [&] { return ForwardingJournal::set_breaker(reason, now); }, no_answer<void>());
  }

 private:
  Saboteur& s_;
};

class BadVenue final : public ForwardingVenue {
 public:
  BadVenue(OrderPlacer& placer, SltpPlacer& protector, Saboteur& s) : ForwardingVenue{placer, protector}, s_{s} {}
  Result<Instant> venue_time() override {
    return s_.step(
        "venue_time", [&] { return ForwardingVenue::venue_time(); }, no_answer<Instant>());
  }
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
    return s_.step(
        "find", [&] { return ForwardingVenue::find(queries); },
        [&] { return std::vector<Result<Lookup>>(queries.size(), failed(Fault::unreachable, "sabotaged")); });
  }
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    return s_.step(
        "cancel", [&] { return ForwardingVenue::cancel(requests); },
        [&] { return std::vector<CancelOutcome>(requests.size(), InDoubt{"sabotaged"}); });
  }
  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    return s_.step(
        "place", [&] { return ForwardingVenue::place(tickets); },
        [&] { return std::vector<PlaceOutcome>(tickets.size(), InDoubt{"sabotaged"}); });
  }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    return s_.step(
        "rules", [&] { return ForwardingVenue::rules(symbols); }, no_answer<std::map<Symbol, InstrumentRules>>());
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override {
    return s_.step(
        "own_orders", [&] { return ForwardingVenue::own_orders(since); }, no_answer<std::vector<Sighting>>());
  }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    return s_.step(
        "protect", [&] { return ForwardingVenue::protect(requests); },
        [&] {
          return std::vector<LegOutcome>(requests.size(),
                                         LegOutcome{InDoubt{"sabotaged"}, PlaceOutcome{InDoubt{"sabotaged"}}});
        });
  }
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override {
    return s_.step(
        "flatten", [&] { return ForwardingVenue::flatten(exits); },
        [&] { return std::vector<PlaceOutcome>(exits.size(), InDoubt{"sabotaged"}); });
  }
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    return s_.step(
        "quotes", [&] { return ForwardingVenue::quotes(symbols); }, no_answer<std::map<Symbol, Quote>>());
  }
  Result<std::map<std::string, Balance>> balances() override {
    return s_.step(
        "balances", [&] { return ForwardingVenue::balances(); }, no_answer<std::map<std::string, Balance>>());
  }

 private:
  Saboteur& s_;
};

class BadNotifier final : public Notifier {
 public:
  BadNotifier(Notifier& inner, Saboteur& s) : inner_{inner}, s_{s} {}
  Delivery deliver(const Notice& notice, Micros budget) noexcept override {
    // A notifier never throws, so a crash in it is a crash behind it: the step of the next port.
    if (s_.mode == Mode::crash_before || s_.mode == Mode::crash_after) return inner_.deliver(notice, budget);
    return s_.step(
        "deliver", [&] { return inner_.deliver(notice, budget); },
        [] {
          return Delivery{TryLater{10s, "sabotaged"}};
        });
  }
  bool immediate() const override { return inner_.immediate(); }

 private:
  Notifier& inner_;
  Saboteur& s_;
};

}  // namespace

std::string text(Mode mode) {
  switch (mode) {
    case Mode::none:
      return "none";
    case Mode::fail_before:
      return "fail_before";
    case Mode::fail_after:
      return "fail_after";
    case Mode::crash_before:
      return "crash_before";
    case Mode::crash_after:
      return "crash_after";
  }
  return "";
}

struct Sabotaged::Parts {
  Parts(cycle_test::World::Wrapped& p, Saboteur& s)
      : lock{*p.lock, s},
        guard{*p.guard, s},
        journal{*p.journal, s},
        venue{*p.placer, *p.protector, s},
        notifier{*p.notifier, s} {}
  Lock lock;
  Guard guard;
  Journal journal;
  BadVenue venue;
  BadNotifier notifier;
};

Sabotaged::Sabotaged(cycle_test::World::Wrapped& ports, Saboteur& saboteur)
    : parts_{std::make_unique<Parts>(ports, saboteur)} {
  ports.lock = &parts_->lock;
  ports.guard = &parts_->guard;
  ports.journal = &parts_->journal;
  ports.placer = &parts_->venue;
  ports.protector = &parts_->venue;
  ports.notifier = &parts_->notifier;
}

Sabotaged::~Sabotaged() = default;

}  // namespace tradeguard::crash_test
