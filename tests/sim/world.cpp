#include "world.hpp"

#include <algorithm>
#include <stdexcept>

#include "../cycle/forwarding.hpp"
#include "sentences.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/order_state.hpp"
#include "witness.hpp"

namespace tradeguard::sim {

namespace {

constexpr Micros store_latency = 1ms;
constexpr Micros venue_latency = 40ms;
constexpr Micros patience = 2s;

class SimClock final : public Clock {
 public:
  explicit SimClock(World& world) : world_{world} {}
  Instant now() override {
    // Whoever looks on and on without waiting or asking anything turns in a circle.
    if (++world_.looks_at_the_clock > 100'000) {
      world_.exchange.broken.push_back("a run that never ends");
      throw Killed{};
    }
    return world_.now() + world_.skew;
  }
  Micros monotonic() override { return world_.now().time_since_epoch(); }
  void wait(Micros span) override { world_.advance(span); }

 private:
  World& world_;
};

template <class T>
auto no_answer() {
  return [] { return Result<T>{failed(Fault::unreachable, "the store did not answer")}; };
}

// ---- the store's ports -------------------------------------------------------------------------------

class SimHold final : public RunLease::Hold {
 public:
  SimHold(RunLease inner, Process& process) : inner_{std::move(inner)}, process_{process} {}
  ~SimHold() override {
    for (auto& [account, holder] : process_.world.holders)
      if (holder.process == &process_) holder.process = nullptr;
  }
  SimHold(const SimHold&) = delete;
  SimHold& operator=(const SimHold&) = delete;
  Result<bool> still_held() override {
    return process_.step(
        Port::still_held, store_latency, [&](auto) { return inner_.still_held(); }, no_answer<bool>());
  }

 private:
  RunLease inner_;
  Process& process_;
};

class SimLock final : public RunLock {
 public:
  SimLock(RunLock& inner, Process& process) : inner_{inner}, process_{process} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override {
    using Answer = Result<std::variant<RunLease, HeldElsewhere>>;
    return process_.step(
        Port::acquire, store_latency,
        [&](auto) -> Answer {
          auto acquired = inner_.try_acquire(account);
          if (!acquired || std::holds_alternative<HeldElsewhere>(*acquired)) return acquired;
          RunLease lease = std::move(std::get<RunLease>(*acquired));
          const Fence fence = lease.fence();
          const std::int64_t cycle = lease.cycle();
          World& world = process_.world;
          World::Holder& holder = world.holders[account];
          if (holder.process != nullptr) world.exchange.broken.push_back("P1: two runs hold the lock");
          if (fence <= holder.newest) world.exchange.broken.push_back("P1: the fence does not grow");
          holder = {&process_, fence};
          process_.fence = fence;
          return RunLease{fence, cycle, std::make_unique<SimHold>(std::move(lease), process_)};
        },
        no_answer<std::variant<RunLease, HeldElsewhere>>());
  }

 private:
  RunLock& inner_;
  Process& process_;
};

class SimGuard final : public IdempotencyGuard {
 public:
  SimGuard(IdempotencyGuard& inner, Process& process) : inner_{inner}, process_{process} {}
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override {
    return process_.step(
        Port::claim, store_latency,
        [&](auto) {
          auto judged = inner_.claim(entries, policy, now);
          for (std::size_t i = 0; judged && i < judged->size(); ++i)
            if (const auto* ticket = std::get_if<EntryTicket>(&(*judged)[i].outcome)) {
              process_.wrote("a claim");
              process_.world.witness(process_.dry_run).claimed(entries[i], *ticket, policy, process_.trade_unread);
              if (!process_.dry_run) process_.world.sentences->claimed(entries[i].signal, ticket->order(), policy);
            }
          return judged;
        },
        no_answer<std::vector<Judged>>());
  }
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override {
    return inner_.settle(id, outcome, now);
  }

 private:
  IdempotencyGuard& inner_;
  Process& process_;
};

class SimJournal final : public cycle_test::ForwardingJournal {
 public:
  SimJournal(OrderJournal& inner, Process& process) : ForwardingJournal{inner}, process_{process} {}
  Result<OpenBook> open_book(Instant now) override {
    return process_.step(
        Port::open_book, store_latency, [&](auto) { return ForwardingJournal::open_book(now); }, no_answer<OpenBook>());
  }
  Result<std::vector<Written>> write(std::span<const Change> items) override {
    return process_.step(
        Port::write, store_latency,
        [&](auto) {
          auto written = ForwardingJournal::write(items);
          if (written) process_.world.witness(process_.dry_run).written(items, *written);
          if (written && !process_.dry_run) process_.world.sentences->written(items, *written);
          if (written) process_.wrote("rows");
          return written;
        },
        no_answer<std::vector<Written>>());
  }
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override {
    return process_.step(
        Port::claim_exits, store_latency,
        [&](auto) {
          auto verdicts = ForwardingJournal::claim_exits(claims, max_age, max_future, now);
          if (verdicts) process_.world.witness(process_.dry_run).wished(*verdicts);
          if (verdicts && !process_.dry_run) process_.world.sentences->heard(claims, *verdicts);
          return verdicts;
        },
        no_answer<std::vector<ExitVerdict>>());
  }
  Result<Outlook> outlook(std::span<const Signal> signals) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::outlook(signals); },
        no_answer<Outlook>());
  }
  Result<void> remember_rules(std::span<const InstrumentRules> rules) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::remember_rules(rules); },
        no_answer<void>());
  }
  Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) override {
    return process_.step(
        Port::outbox, store_latency, [&](auto) { return ForwardingJournal::due_notices(now, at_most); },
        no_answer<std::vector<Notice>>());
  }
  Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) override {
    return process_.step(
        Port::outbox, store_latency, [&](auto) { return ForwardingJournal::record_deliveries(records, now); },
        no_answer<void>());
  }
  Result<void> begin_run(const std::string& id, const std::string& hash, Instant now) override {
    return process_.step(
        Port::frame, store_latency, [&](auto) { return ForwardingJournal::begin_run(id, hash, now); },
        no_answer<void>());
  }
  Result<void> finish_run(const std::string& result, Instant now) override {
    return process_.step(
        Port::frame, store_latency, [&](auto) { return ForwardingJournal::finish_run(result, now); },
        no_answer<void>());
  }
  Result<void> note_stuck_told(Instant now) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::note_stuck_told(now); },
        no_answer<void>());
  }
  Result<void> accept_epoch(const std::string& id, Instant after) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::accept_epoch(id, after); },
        no_answer<void>());
  }
  Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::set_breaker(reason, now); },
        no_answer<void>());
  }
  Result<std::optional<Order>> order(const ClientOrderId& id) override {
    return process_.step(
        Port::store_other, store_latency, [&](auto) { return ForwardingJournal::order(id); },
        no_answer<std::optional<Order>>());
  }

 private:
  Process& process_;
};

// ---- the way to the exchange and back ------------------------------------------------------------------

bool means(const Happening* h, Kind kind) { return h != nullptr && h->kind == kind; }

class SimVenue final : public OrderPlacer, public SltpPlacer {
 public:
  SimVenue(SimExchange& exchange, Process& process) : exchange_{exchange}, process_{process} {}

  const VenueTraits& traits() const override { return exchange_.traits(); }

  Result<Instant> venue_time() override {
    return read<Instant>(Port::venue_other, [&](Micros) { return exchange_.now(); });
  }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    return read<std::map<Symbol, InstrumentRules>>(Port::venue_other, [&](Micros) {
      std::map<Symbol, InstrumentRules> all;
      for (const Symbol& symbol : symbols)
        if (listed(symbol)) all.emplace(symbol, exchange_.rules(symbol));
      return all;
    });
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override {
    return read<std::vector<Sighting>>(Port::venue_other, [&](Micros) {
      std::vector<Sighting> own;
      for (const auto& paper : exchange_.papers())
        if (paper.created >= since && !paper.owners && paper.visible_from <= exchange_.now())
          own.push_back(exchange_.sighting_of(paper, {exchange_.now(), since, false}));
      return own;
    });
  }
  Result<std::string> account_id() override {
    return read<std::string>(Port::venue_other, [](Micros) { return std::string{"sim-account"}; });
  }
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    return read<std::map<Symbol, Quote>>(Port::market, [&](Micros lag) {
      std::map<Symbol, Quote> all;
      for (const Symbol& symbol : symbols)
        if (listed(symbol)) all.emplace(symbol, Quote{exchange_.price_ago(symbol, lag), exchange_.now()});
      return all;
    });
  }
  Result<std::map<std::string, Balance>> balances() override {
    return read<std::map<std::string, Balance>>(Port::market, [&](Micros) { return exchange_.balances(); });
  }

  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
    const Instant began = exchange_.now();
    const auto nothing = [&] {
      return std::vector<Result<Lookup>>(queries.size(), failed(Fault::unreachable, "no answer"));
    };
    return process_.step(
        Port::find, venue_latency,
        [&](const Happening* h) -> std::vector<Result<Lookup>> {
          maybe_throw(h);
          if (unanswered() || means(h, Kind::unread)) {
            process_.trade_unread =
                std::any_of(queries.begin(), queries.end(), [&](const OrderQuery& q) { return of_open_trade(q); });
            process_.world.advance(patience);
            return nothing();
          }
          if (means(h, Kind::incomplete) && h->who == 3) process_.one_view_down = true;
          std::vector<Result<Lookup>> answers;
          for (std::size_t i = 0; i < queries.size(); ++i)
            answers.push_back(look_up(queries[i], began, this_one(h, i, queries.size()) ? h : nullptr));
          process_.trade_unread = false;
          for (std::size_t i = 0; i < queries.size(); ++i)
            process_.trade_unread = process_.trade_unread || (!answers[i] && of_open_trade(queries[i]));
          if (means(h, Kind::slow)) process_.world.advance(Micros{h->amount * 1000});
          return answers;
        },
        nothing);
  }

  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    const auto doubt = [&] { return std::vector<CancelOutcome>(requests.size(), InDoubt{"no answer"}); };
    return process_.step(
        Port::cancel, venue_latency,
        [&](const Happening* h) -> std::vector<CancelOutcome> {
          maybe_throw(h);
          if (unanswered()) {
            process_.world.advance(patience);
            return doubt();
          }
          std::vector<CancelOutcome> outcomes;
          for (std::size_t i = 0; i < requests.size(); ++i) {
            midway(h, i);
            if (!process_.dry_run) process_.world.sentences->asked_to_cancel(requests[i].client_id);
            if (this_one(h, i, requests.size()))
              outcomes.push_back(cancel_with(requests[i], *h));
            else
              outcomes.push_back(exchange_.cancel(requests[i]));
          }
          return outcomes;
        },
        doubt);
  }

  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    std::vector<Order> orders;
    for (const EntryTicket& ticket : tickets) orders.push_back(ticket.order());
    return send(Port::place, orders);
  }
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override {
    return send(Port::flatten, {exits.begin(), exits.end()});
  }

  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    const auto doubt = [&] {
      std::vector<LegOutcome> outcomes;
      for (const LegRequest& request : requests) outcomes.push_back(both(request, InDoubt{"no answer"}));
      return outcomes;
    };
    return process_.step(
        Port::protect, venue_latency,
        [&](const Happening* h) {
          maybe_throw(h);
          std::vector<LegOutcome> outcomes;
          for (std::size_t i = 0; i < requests.size(); ++i) {
            midway(h, i);
            outcomes.push_back(leg(requests[i], this_one(h, i, requests.size()) ? h : nullptr));
          }
          return outcomes;
        },
        doubt);
  }

 private:
  bool listed(const Symbol& symbol) const {
    const auto& all = exchange_.symbols();
    return std::find(all.begin(), all.end(), symbol) != all.end();
  }
  bool closed() const { return exchange_.closed_until && exchange_.now() < *exchange_.closed_until; }
  bool banned() const { return exchange_.banned_until && exchange_.now() < *exchange_.banned_until; }
  bool unanswered() const { return closed() || banned(); }
  static bool this_one(const Happening* h, std::size_t i, std::size_t of) {
    return h != nullptr && (h->who == 3 || static_cast<std::size_t>(h->who) % of == i);
  }
  void maybe_throw(const Happening* h) {
    if (means(h, Kind::adapter_throws)) throw std::runtime_error{"the adapter has a bug"};
  }
  // The process dies in the middle of a burst.
  void midway(const Happening* h, std::size_t i) {
    if (means(h, Kind::kill_midway) && static_cast<int>(i) == h->who % 2) throw Killed{};
  }

  template <class T, class Read>
  Result<T> read(Port port, Read&& read) {
    const auto nothing = [] { return Result<T>{failed(Fault::unreachable, "no answer")}; };
    return process_.step(
        port, venue_latency,
        [&](const Happening* h) -> Result<T> {
          if (unanswered() || means(h, Kind::unread)) return nothing();
          if (means(h, Kind::slow)) process_.world.advance(Micros{h->amount * 1000});
          return read(means(h, Kind::stale) ? Micros{h->amount * 1000} : Micros{0});
        },
        nothing);
  }

  bool of_open_trade(const OrderQuery& query) {
    const Witness& witness = process_.world.witness(process_.dry_run);
    const auto row = witness.rows().find(query.client_id);
    if (row == witness.rows().end()) return false;
    const TradeRecord* trade = witness.record(row->second.trade);
    // What is judged is the barrier before the first claim: the batches behind it go on.
    return trade != nullptr && !trade->settled && process_.calls[Port::claim] == 0;
  }

  Result<Lookup> look_up(const OrderQuery& query, Instant began, const Happening* h) {
    if (means(h, Kind::unread_one)) return failed(Fault::unreachable, "no answer for this one");
    Lookup lookup{{}, true, began};
    if (means(h, Kind::incomplete) || process_.one_view_down) {
      lookup.every_view_read = false;
      return lookup;
    }
    const Micros lag = means(h, Kind::stale) ? Micros{h->amount * 1000} : Micros{0};
    const Look look{exchange_.now() - lag, query.since, query.want_fees && !means(h, Kind::without_fees)};
    for (const auto* paper : exchange_.matching(query, look)) {
      Sighting sighting = exchange_.sighting_of(*paper, look);
      sighting.at = began;
      if (means(h, Kind::not_understood)) sighting.status = VenueStatus::unknown;
      if (means(h, Kind::without_value) && paper->now.filled.is_positive()) {
        sighting.filled_value.reset();
        if (h->amount == 1) sighting.filled.reset();
      }
      lookup.found.push_back(std::move(sighting));
    }
    return lookup;
  }

  CancelOutcome cancel_with(const CancelRequest& request, const Happening& h) {
    if (h.kind == Kind::throttled) return Unsent{Unsent::Why::throttled, "too many requests"};
    if (h.kind == Kind::not_connected) return Unsent{Unsent::Why::not_connected, "no connection"};
    if (h.kind == Kind::refused) return CancelGone{};  // as venues say it of what they still work on
    if (h.kind != Kind::lost && h.kind != Kind::late && h.kind != Kind::answer_lost) return exchange_.cancel(request);
    if (h.kind == Kind::answer_lost) static_cast<void>(exchange_.cancel(request));
    if (h.kind == Kind::late)
      exchange_.on_its_way(exchange_.now() + Micros{h.amount * 1000},
                           [exchange = &exchange_, request] { static_cast<void>(exchange->cancel(request)); });
    process_.world.advance(patience);
    return InDoubt{"no answer"};
  }

  std::vector<PlaceOutcome> send(Port port, const std::vector<Order>& orders) {
    const auto doubt = [&] { return std::vector<PlaceOutcome>(orders.size(), InDoubt{"no answer"}); };
    return process_.step(
        port, venue_latency,
        [&](const Happening* h) {
          maybe_throw(h);
          std::vector<PlaceOutcome> outcomes(orders.size(), InDoubt{""});
          for (std::size_t n = 0; n < orders.size(); ++n) {
            const std::size_t i = means(h, Kind::reordered) ? orders.size() - 1 - n : n;
            midway(h, n);
            outcomes[i] = one(orders[i], this_one(h, i, orders.size()) ? h : nullptr);
            sent(orders[i], outcomes[i]);
          }
          return outcomes;
        },
        doubt);
  }

  void sent(const Order& order, const PlaceOutcome& outcome) {
    process_.world.witness(process_.dry_run).sent(order, outcome);
    if (!process_.dry_run) process_.world.sentences->sent(order, outcome);
  }

  // Before anything leaves: what the adapter itself finds.
  std::optional<Unsent> kept_back(const Order& order, const Happening* h) {
    if (exchange_.now() > order.valid_until - 2s) return Unsent{Unsent::Why::too_late, "its time is over"};
    if (banned() || means(h, Kind::throttled)) return Unsent{Unsent::Why::throttled, "too many requests"};
    if (means(h, Kind::not_connected)) return Unsent{Unsent::Why::not_connected, "no connection"};
    return std::nullopt;
  }

  static Mishap mishap_of(const Happening* h) {
    Mishap mishap;
    if (h == nullptr) return mishap;
    mishap.rejected_later = h->kind == Kind::rejected_later;
    mishap.stored_wrong = h->kind == Kind::stored_wrong;
    if (h->kind == Kind::in_parts) mishap.in_parts = Micros{h->amount * 1000};
    if (h->kind == Kind::expires || h->kind == Kind::gone_soon) mishap.expires = Micros{h->amount * 1000};
    mishap.gone_soon = h->kind == Kind::gone_soon;
    mishap.sleeps = h->kind == Kind::sleeps;
    if (h->kind == Kind::slipped) mishap.slips = static_cast<int>(h->amount);
    return mishap;
  }

  PlaceOutcome one(const Order& order, const Happening* h) {
    if (auto unsent = kept_back(order, h)) return *unsent;
    if (closed() || means(h, Kind::lost)) {
      process_.world.advance(patience);
      return InDoubt{closed() ? "503" : "no answer"};
    }
    if (means(h, Kind::late)) {
      exchange_.on_its_way(exchange_.now() + Micros{h->amount * 1000},
                           [exchange = &exchange_, order] { static_cast<void>(exchange->take(order, {})); });
      process_.world.advance(patience);
      return InDoubt{"no answer"};
    }
    if (means(h, Kind::refused)) return Refused{"308", "refused by a fault"};
    auto taken = exchange_.take(order, mishap_of(h));
    if (means(h, Kind::twin) && order.leg == Leg::entry) {
      static_cast<void>(exchange_.take(order, {}));
      process_.world.witness(process_.dry_run).twin_made();
      // Whoever has the record in hand does not look again, and need not: its request was one.
      if (traits().answers_are_sightings) return InDoubt{"no answer"};
    }
    if (means(h, Kind::slow)) process_.world.advance(Micros{h->amount * 1000});
    if (means(h, Kind::answer_lost)) {
      process_.world.advance(patience);
      return InDoubt{"no answer"};
    }
    return std::move(taken.outcome);
  }

  static LegOutcome both(const LegRequest& request, const PlaceOutcome& outcome) {
    LegOutcome legs{outcome, std::nullopt};
    if (request.target) legs.target = outcome;
    return legs;
  }

  LegOutcome leg(const LegRequest& request, const Happening* h) {
    LegOutcome outcome = request.target ? pair(request, h) : LegOutcome{one(request.stop, h), std::nullopt};
    sent(request.stop, outcome.stop);
    if (request.target) sent(*request.target, *outcome.target);
    return outcome;
  }

  LegOutcome pair(const LegRequest& request, const Happening* h) {
    if (auto unsent = kept_back(request.stop, h)) return both(request, *unsent);
    if (closed() || means(h, Kind::lost)) {
      process_.world.advance(patience);
      return both(request, InDoubt{"no answer"});
    }
    if (means(h, Kind::late)) {
      exchange_.on_its_way(exchange_.now() + Micros{h->amount * 1000},
                           [exchange = &exchange_, stop = request.stop, target = *request.target] {
                             static_cast<void>(exchange->take_pair(stop, target, {}));
                           });
      process_.world.advance(patience);
      return both(request, InDoubt{"no answer"});
    }
    if (means(h, Kind::refused)) return both(request, Refused{"140001", "disabled"});
    auto [stop, target] = exchange_.take_pair(request.stop, *request.target, mishap_of(h));
    if (means(h, Kind::slow)) process_.world.advance(Micros{h->amount * 1000});
    if (means(h, Kind::answer_lost)) {
      process_.world.advance(patience);
      return both(request, InDoubt{"no answer"});
    }
    return {std::move(stop.outcome), std::move(target.outcome)};
  }

  SimExchange& exchange_;
  Process& process_;
};

class SimNotifier final : public Notifier {
 public:
  explicit SimNotifier(Process& process) : process_{process} {}
  bool immediate() const override { return process_.dry_run || process_.world.story.quiet_notifier; }
  Delivery deliver(const Notice& notice, Micros) noexcept override {
    World& world = process_.world;
    if (!immediate()) world.advance(150ms);
    const Happening* h = process_.arrive(Port::deliver);
    if (h != nullptr) world.counted["fault " + std::string{text(h->kind)}] += 1;
    if (means(h, Kind::kill_before)) {
      process_.dying = true;
      return TryLater{10s, "dying"};
    }
    if (means(h, Kind::slow_notifier)) world.advance(Micros{h->amount * 1000});
    if (means(h, Kind::try_later) || (world.notifier_down_until && world.now() < *world.notifier_down_until))
      return TryLater{30s, "429"};
    if (means(h, Kind::undeliverable)) {
      world.witness(process_.dry_run).undeliverable(notice);
      return Undeliverable{"chat not found"};
    }
    world.witness(process_.dry_run).delivered(notice);
    if (means(h, Kind::kill_after)) process_.dying = true;
    if (means(h, Kind::told_but_no_answer)) return TryLater{5s, "no answer"};
    return Delivered{};
  }

 private:
  Process& process_;
};

}  // namespace

// ---- one process -----------------------------------------------------------------------------------------

const Happening* Process::arrive(Port port) {
  const int here = ++calls[port];
  ++all_calls;
  if (world.calm) return nullptr;
  const auto& all = world.story.happenings;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Happening& h = all[i];
    if (h.run != index || h.nth == 0 || used.contains(i)) continue;
    if (h.port == Port::any ? h.nth != all_calls : h.port != port || h.nth != here) continue;
    used.insert(i);
    faulty = true;
    return &h;
  }
  return nullptr;
}

void Process::wrote(const char* what) {
  const World::Holder& holder = world.holders[dry_run ? world.paper_account : world.live_account];
  if (fence < holder.newest)
    world.exchange.broken.push_back(std::string{"P1: a run that lost its lease recorded "} + what);
}

void Process::before_call(Micros latency) {
  if (dying) throw Killed{};
  // A run that goes on too long ends itself.
  if (world.now().time_since_epoch() - began > world.settings.hard_deadline + 5s) {
    world.counted["fault hard_deadline"] += 1;
    throw Killed{};
  }
  world.advance(latency);
}

template <class Do, class Fail>
auto Process::step(Port port, Micros latency, Do&& act, Fail&& failure)
    -> decltype(act(static_cast<const Happening*>(nullptr))) {
  before_call(latency);
  const bool of_the_store = port < Port::place;
  const Happening* h = arrive(port);
  if (h != nullptr) {
    world.counted["fault " + std::string{text(h->kind)}] += 1;
    world.say("fault " + text(*h));
  }
  if (store_down && of_the_store && port != Port::acquire) return failure();
  if (h == nullptr) return act(nullptr);
  const auto meet = [&](bool steal) {
    if (steal) world.lose_lock(dry_run ? world.paper_account : world.live_account);
    world.interleave(*this);
  };
  const Kind kind = h->kind;
  if (kind == Kind::kill_before) throw Killed{};
  if (kind == Kind::busy) return failure();
  if (kind == Kind::store_down) {
    store_down = true;
    return failure();
  }
  if (kind == Kind::kill_after) {
    static_cast<void>(act(nullptr));
    throw Killed{};
  }
  if (kind == Kind::answer_of_store_lost) {
    static_cast<void>(act(nullptr));
    return failure();
  }
  if (kind == Kind::interleave_after) {
    auto result = act(nullptr);
    meet(false);
    return result;
  }
  if (kind == Kind::interleave_before || kind == Kind::steal_lock) meet(kind == Kind::steal_lock);
  if (kind == Kind::lose_lock) world.lose_lock(dry_run ? world.paper_account : world.live_account);
  if (kind == Kind::operator_beside) world.operator_beside(h->who, h->amount);
  if (kind == Kind::session_lost) {
    // What was on its way goes on; the store is gone for this process, and the lock for everybody to take.
    world.lose_lock(dry_run ? world.paper_account : world.live_account);
    store_down = true;
    auto result = of_the_store ? failure() : act(nullptr);
    for (Micros left{h->amount * 1000}; left.count() > 0; left -= 60s) {
      world.interleave(*this);
      world.advance(std::min<Micros>(left, 60s));
    }
    return result;
  }
  if (kind == Kind::sigterm) stop = true;
  if (kind == Kind::clock_step) world.step_clock(*h);
  if (kind == Kind::pause) {
    // Cron does not wait for a process that is stopped.
    for (Micros left{h->amount * 1000}; left.count() > 0; left -= 60s) {
      world.advance(std::min<Micros>(left, 60s));
      if (left > 60s) world.interleave(*this);
    }
  }
  return act(h);
}

// ---- the story ---------------------------------------------------------------------------------------------

World::World(const Story& s, SimStore& st, bool keep_log)
    : story{s},
      exchange{s, traits_of(s.exchange)},
      paper{s,
            [&] {
              VenueTraits traits = traits_of(Exchange::answers_at_once);
              traits.network = false;
              return traits;
            }()},
      store{st},
      live_account{"sim", "s" + std::to_string(s.seed)},
      paper_account{"paper", "s" + std::to_string(s.seed)},
      other_account{"sim", "other" + std::to_string(s.seed)},
      keep_log_{keep_log} {
  live_witness = std::make_unique<Witness>(*this, exchange);
  paper_witness = std::make_unique<Witness>(*this, paper);
  sentences = std::make_unique<Sentences>(*this, exchange);
  exchange.on_event = [this](const std::string& event) { say("exchange: " + event); };
  paper.on_event = [this](const std::string& event) { say("paper: " + event); };
  settings.pid = "4711";
  settings.host = "sim";
  settings.version = "sim";
  settings.config_hash = "cafe";
  settings.policy.max_order_notional = Money{Decimal{100}};
  for (const Symbol& symbol : exchange.symbols()) settings.markets[symbol].notional = Money{Decimal{50}};
}

World::~World() = default;

void World::advance(Micros span) {
  if (span.count() > 0) looks_at_the_clock = 0;
  exchange.advance(exchange.now() + span);
  paper.advance(exchange.now());
}

void World::lose_lock(const AccountKey& account) {
  store.lose_lock(account);
  holders[account].process = nullptr;
}

void World::say(const std::string& event) {
  log_hash = hashed(event, log_hash);
  if (keep_log_) log.push_back(iso_micros(now()) + "   * " + event);
}

std::string World::tell() {
  for (int index = 0; index < story.minutes; ++index) {
    const Instant due = from_micros(story.starts_at) + 60s * index;
    if (now() < due) advance(due - now());
    std::vector<Signal> signals;
    bool missed = false;
    if (skew_until_ && now() >= *skew_until_) skew = Micros{0};
    for (const Happening& h : story.happenings)
      if (h.run == index && h.nth == 0) happen(h, signals, missed);
    dry_run_ = dry_until_ && now() < *dry_until_;
    given_.insert(given_.end(), signals.begin(), signals.end());
    if (story.file_grows) signals = given_;
    of_this_minute_ = signals;
    if (restored_) return after_the_restore(index);
    if (missed) continue;
    if (std::string broken = judge(run(index, signals)); !broken.empty()) return broken;
    if (beyond_the_promises) {
      counted["stories that ended early: a leg came twice"] += 1;
      return "";
    }
  }
  return until_quiet();
}

// Until somebody sets it right, some minutes later.
void World::step_clock(const Happening& h) {
  skew = Micros{h.amount * 1000};
  skew_until_ = now() + 60s * (h.who + 1);
}

void World::happen(const Happening& h, std::vector<Signal>& signals, bool& missed) {
  const auto who = static_cast<std::size_t>(h.who);
  const Kind kind = h.kind;
  const Instant until = now() + Micros{h.amount * 1000};
  bool happened = true;
  if (kind == Kind::signal) signals.push_back(signal_of(h.amount, h.who));
  if (kind == Kind::repeat_signals)
    for (std::size_t i = given_.size() > 3 ? given_.size() - 3 : 0; i < given_.size(); ++i)
      signals.push_back(given_[i]);
  if (kind == Kind::price_jump) {
    exchange.jump(who, static_cast<int>(h.amount));
    paper.jump(who, static_cast<int>(h.amount));
  }
  if (kind == Kind::halt && store.open(live_account)->journal().set_halt("operator", now() + skew)) {
    live_witness->halted(true);
    say("halted");
  }
  if (kind == Kind::resume) operator_resumes();
  if (kind == Kind::dry_run) dry_until_ = now() + 60s * h.amount - 1s;
  if (kind == Kind::settings_change) change_settings(h.amount);
  if (kind == Kind::prune)
    static_cast<void>(store.open(live_account)->journal().prune(now() + skew - 1h, now() + skew));
  if (kind == Kind::maintenance) exchange.closed_until = until;
  if (kind == Kind::ban) exchange.banned_until = until;
  if (kind == Kind::notifier_down) notifier_down_until = until;
  if (kind == Kind::clock_step) step_clock(h);
  if (kind == Kind::owner_cancels_stop) happened = exchange.owner_cancels_stop(who);
  if (kind == Kind::owner_sells) happened = exchange.owner_sells(who, 100 + static_cast<int>(h.amount) % 900);
  if (kind == Kind::owner_buys) exchange.owner_buys(who, exchange.rules(exchange.symbols()[who % 5]).step);
  if (kind == Kind::buy || kind == Kind::buy_levels || kind == Kind::buy_small || kind == Kind::sell)
    signals.push_back(plain_signal(h));
  if (kind == Kind::flatten)
    happened = operator_flattens(h.who < 5 ? std::optional{exchange.symbols()[who % 5]} : std::nullopt);
  if (kind == Kind::other_account) happened = another_account_buys(plain_signal(h));
  if (kind == Kind::resolve) happened = operator_resolves();
  if (kind == Kind::release) happened = operator_releases(exchange.symbols()[who % 5]);
  if (kind == Kind::on_unprotected) {
    settings.plan.flatten_unprotected = h.amount == 1;
    settings.plan.flatten_on_breach = h.amount != 2;
    settings.plan.flatten_after = 60s;
  }
  if (kind == Kind::stops_refused) exchange.stops_refused_until = until;
  if (kind == Kind::pairs_refused) exchange.pairs_refused_until = until;
  if (kind == Kind::tick_change) happened = exchange.change_tick(who);
  if (kind == Kind::zeros_omitted) exchange.zeros_omitted = true;
  if (kind == Kind::owner_takes_all) happened = exchange.owner_takes_all(who);
  if (kind == Kind::owner_withdraws) happened = exchange.owner_withdraws(exchange.symbols()[who % 5].quote());
  if (kind == Kind::worn_out) happened = wear_out(static_cast<int>(h.amount));
  if (kind == Kind::clock_ahead) step_clock(h);
  if (kind == Kind::unreadable_row) happened = store.damage(live_account, static_cast<int>(h.amount));
  if (kind == Kind::backup) happened = store.backup();
  if (kind == Kind::restore_backup) happened = restored_ = store.restore();
  if (kind == Kind::half_filled_target)
    happened = exchange.half_fill_a_target(who, 100 + static_cast<int>(h.amount) % 800);
  if (kind == Kind::new_epoch) {
    happened = store.restore_as("epoch " + std::to_string(to_micros(now())));
    if (happened && std::chrono::abs(skew) < 2s) live_witness->epoch_changed(now());
  }
  missed = missed || kind == Kind::missed_run;
  if (!is_fault(kind)) return;
  if (happened) counted["fault " + std::string{text(h.kind)}] += 1;
  if (happened) say("fault " + text(h));
}

Signal World::signal_of(std::int64_t number, int who) {
  Chance chance{mixed(story.seed) ^ static_cast<std::uint64_t>(number), "signal"};
  const Symbol symbol = exchange.symbols()[static_cast<std::size_t>(who) % exchange.symbols().size()];
  Signal signal{.symbol = symbol,
                .side = chance.once_in(5) ? Side::sell : Side::buy,
                .time = now() - Micros{static_cast<std::int64_t>(chance.below(45'000'000))}};
  if (chance.once_in(12)) signal.time -= 10min;  // stale
  if (chance.once_in(12)) signal.time = now() + std::chrono::seconds{chance.between(1, 120)};
  if (chance.once_in(6)) signal.id = "sig-" + std::to_string(number % 1000);
  if (signal.side == Side::sell) return signal;
  if (chance.once_in(3)) signal.notional = Money{Decimal{chance.between(2, 120)}};
  if (chance.once_in(8)) signal.quantity = Quantity{exchange.rules(symbol).step.value};
  if (!chance.once_in(4)) {
    // What the strategy saw: near, or an hour old.
    const int off = chance.once_in(6) ? chance.between(5, 9) * (chance.once_in(2) ? 1 : -1) : 0;
    signal.price =
        to_tick(moved_by_percent(exchange.price(symbol), Decimal{off}), exchange.rules(symbol).tick, Rounding::down);
  }
  if (chance.once_in(8)) signal.stop_loss_percent = Decimal{chance.between(1, 5)};
  if (chance.once_in(8)) signal.take_profit_percent = Decimal{chance.between(1, 5)};
  return signal;
}

// A market, a side, an age, and nothing to stumble over.
Signal World::plain_signal(const Happening& h) const {
  const Symbol symbol = exchange.symbols()[static_cast<std::size_t>(h.who) % exchange.symbols().size()];
  Signal signal{.symbol = symbol, .side = h.kind == Kind::sell ? Side::sell : Side::buy, .time = now()};
  if (h.kind == Kind::buy_small)
    signal.notional = Money{Decimal::from_units(Decimal::Units{h.amount} * 100'000'000'000'000'000)};
  else
    signal.time -= Micros{h.amount * 1000};
  if (h.kind != Kind::buy_levels) return signal;
  const Price tick = exchange.rules(symbol).tick;
  const Decimal half = Decimal::from_units(500'000'000'000'000'000);
  signal.stop_loss_price = to_tick(moved_by_percent(exchange.price(symbol), -half), tick, Rounding::down);
  signal.take_profit_price = to_tick(moved_by_percent(exchange.price(symbol), half), tick, Rounding::up);
  return signal;
}

void World::change_settings(std::int64_t number) {
  Chance chance{static_cast<std::uint64_t>(number), "settings"};
  const Micros cooldowns[] = {300s, 300s, 120s, 60s, 10s};
  settings.policy.cooldown.cooldown = chance.one_of(cooldowns);
  settings.policy.cooldown.after_stop = chance.one_of(cooldowns);
  settings.policy.max_open_positions = chance.between(1, 10);
  settings.policy.max_entries_per_day = chance.once_in(3) ? chance.between(1, 5) : 0;
  settings.policy.max_order_notional = Money{Decimal{chance.once_in(3) ? 40 : 100}};
  settings.plan.stop_percent = Decimal{chance.between(1, 4)};
  settings.plan.target_percent = Decimal{chance.between(1, 4)};
  settings.plan.flatten_on_breach = !chance.once_in(4);
  settings.plan.flatten_unprotected = chance.once_in(3);
  say("settings " + std::to_string(number));
}

void World::operator_resumes() {
  for (const bool dry : {false, true}) {
    const AccountKey& account = dry ? paper_account : live_account;
    const auto session = store.open(account);
    auto acquired = session->lock().try_acquire(account);
    if (!acquired || !std::holds_alternative<RunLease>(*acquired)) continue;
    session->pen.fence = std::get<RunLease>(*acquired).fence();
    holders[account].newest = *session->pen.fence;
    const Instant wall = now() + skew;
    if (session->journal().set_halt(std::nullopt, wall)) witness(dry).halted(false);
    if (!dry) sentences->resumed();
    static_cast<void>(session->journal().set_breaker(std::nullopt, wall));
    const auto book = session->journal().open_book(wall);
    if (!book) continue;
    std::vector<Change> changes(1);
    for (const Alarm& alarm : book->alarms)
      if (!alarm.freezes.empty() || alarm.kind == NoticeType::breaker)
        changes.front().alarms.push_back({AlarmEdge::What::clear, alarm});
    Notice notice{};
    notice.event_id = "RESUMED:" + std::to_string(to_micros(now()));
    notice.type = NoticeType::resumed;
    notice.created_at = wall;
    changes.front().notices.push_back(notice);
    const auto written = session->journal().write(changes);
    if (written) witness(dry).written(changes, *written);
    if (written && !dry) sentences->written(changes, *written);
  }
  say("resumed");
}

bool World::as_the_operator(const std::function<bool(OrderJournal&, const OpenBook&, Instant)>& act) {
  const auto session = store.open(live_account);
  auto acquired = session->lock().try_acquire(live_account);
  if (!acquired || !std::holds_alternative<RunLease>(*acquired)) return false;
  session->pen.fence = std::get<RunLease>(*acquired).fence();
  holders[live_account].newest = *session->pen.fence;
  const auto book = session->journal().open_book(now() + skew);
  return book && act(session->journal(), *book, now() + skew);
}

bool World::operator_flattens(std::optional<Symbol> symbol) {
  return as_the_operator([&](OrderJournal& journal, const OpenBook& book, Instant wall) {
    std::vector<Change> changes(1);
    std::vector<ClientOrderId> trades;
    for (const Trade& trade : book.trades) {
      TradeRecord record = trade.record;
      if (record.settled || record.released || (symbol && record.symbol != *symbol)) continue;
      record.exit_reason = ExitReason::operator_;
      record.exit_until = wall + 24h;
      trades.push_back(trade.id());
      changes.front().trades.push_back(std::move(record));
    }
    // What was said before is overtaken, whether anything was open or not.
    changes.front().words.push_back({symbol ? symbol->text() : "*", "operator", wall});
    const auto written = journal.write(changes);
    if (!written || written->front() != Written::yes) return false;
    live_witness->written(changes, *written);
    sentences->flattened(symbol, trades);
    say("flatten " + (symbol ? symbol->text() : "all"));
    return true;
  });
}

bool World::operator_releases(const Symbol& symbol) {
  return as_the_operator([&](OrderJournal& journal, const OpenBook& book, Instant wall) {
    for (const Trade& trade : book.trades) {
      TradeRecord record = trade.record;
      if (record.symbol != symbol || record.settled || record.released) continue;
      record.released = true;
      record.settled = true;
      std::vector<Change> changes(1);
      changes.front().trades.push_back(std::move(record));
      for (const Alarm& alarm : book.alarms) {
        const std::string& about = alarm.subject;
        const bool of_it = about == trade.id() || std::any_of(trade.legs.begin(), trade.legs.end(),
                                                              [&](const Order& leg) { return leg.client_id == about; });
        if (!of_it) continue;
        changes.front().alarms.push_back({AlarmEdge::What::clear, alarm});
        changes.front().alarms.back().alarm.cleared_at = wall;
      }
      const auto written = journal.write(changes);
      if (!written || written->front() != Written::yes) return false;
      live_witness->written(changes, *written);
      sentences->written(changes, *written);
      live_witness->released(trade.id());
      sentences->released(trade.id());
      say("released " + trade.id());
      return true;
    }
    return false;
  });
}

// A bot of its own, in the same store: it claims the same signal, and nobody runs a cycle for it.
bool World::another_account_buys(const Signal& signal) {
  const auto session = store.open(other_account);
  auto acquired = session->lock().try_acquire(other_account);
  if (!acquired || !std::holds_alternative<RunLease>(*acquired)) return false;
  session->pen.fence = std::get<RunLease>(*acquired).fence();
  Order order{.client_id = {},
              .trade = {},
              .signal_key = signal_key(signal),
              .symbol = signal.symbol,
              .side = signal.side,
              .type = OrderType::market,
              .quantity = exchange.rules(signal.symbol).step};
  order.stamp = now();
  order.valid_until = now() + 10s;
  std::vector<EntryRequest> requests;
  requests.push_back({signal, std::move(order), Money{Decimal{10}}, std::nullopt});
  const auto judged = session->guard().claim(requests, EntryPolicy{}, now());
  if (!judged) return false;
  const auto* ticket = std::get_if<EntryTicket>(&judged->front().outcome);
  if (ticket == nullptr) return false;
  const auto row = session->journal().order(ticket->order().client_id);
  if (!row || !*row) return false;
  of_the_other_.push_back(**row);
  return true;
}

std::string World::the_other_account() const {
  for (const Order& order : of_the_other_) {
    const auto now_there = store.open(other_account)->journal().order(order.client_id);
    if (!now_there || !*now_there || !(**now_there == order))
      return "account: a row of another account was changed: " + order.client_id;
    for (const SimExchange::Paper& one : exchange.papers())
      if (one.asked.client_id == order.client_id || one.asked.trade == order.client_id)
        return "account: an order of another account was sent: " + order.client_id;
  }
  return "";
}

// Somebody looks into the exchange's books and says what became of an order in doubt.
bool World::operator_resolves() {
  return as_the_operator([&](OrderJournal& journal, const OpenBook& book, Instant wall) {
    for (const Trade& trade : book.trades)
      for (const auto* rows : {&trade.entries, &trade.legs})
        for (const Order& order : *rows) {
          if (!order.in_doubt() || now() < order.valid_until + 2s) continue;
          const auto& papers = exchange.papers();
          const auto found = std::find_if(papers.begin(), papers.end(), [&](const SimExchange::Paper& one) {
            return one.asked.client_id == order.client_id;
          });
          Applied applied{order};
          if (found == papers.end()) {
            applied = apply_absent(order, wall);
          } else {
            if (found->open()) continue;
            Sighting sighting = exchange.sighting_of(*found, {now(), found->created, true});
            sighting.at = order.sighted_at ? std::max(*order.sighted_at, wall) : wall;
            applied = apply(order, sighting, wall);
          }
          if (applied.order.state == order.state) continue;
          applied.order.reason = "operator: looked it up";
          std::vector<Change> changes(1);
          if (order.leg == Leg::entry && applied.fill_grew && !trade.record.naked_since) {
            changes.front().trades.push_back(trade.record);
            changes.front().trades.back().naked_since = wall;
          }
          changes.front().advance.push_back(std::move(applied.order));
          const auto written = journal.write(changes);
          if (!written || written->front() != Written::yes) return false;
          live_witness->written(changes, *written);
          live_witness->resolved(order.client_id);
          say("resolved " + order.client_id);
          return true;
        }
    return false;
  });
}

// A trade of which a leg has been tried as often as there are numbers.
bool World::wear_out(int attempt) {
  return as_the_operator([&](OrderJournal& journal, const OpenBook& book, Instant) {
    for (const Trade& trade : book.trades) {
      const auto stop =
          std::find_if(trade.legs.begin(), trade.legs.end(), [](const Order& leg) { return leg.leg == Leg::stop; });
      if (trade.record.settled || stop == trade.legs.end()) continue;
      Order worn = *stop;
      worn.attempt = attempt;
      worn.client_id = client_order_id(live_account, trade.id(), Leg::stop, attempt);
      worn.venue_id.clear();
      worn.pair.clear();
      worn.state = OrderState::refused;
      worn.acknowledged = false;
      worn.filled = Quantity{};
      worn.filled_value = Money{};
      worn.ending = Ending::refused;
      worn.reason = "refused, long ago";
      worn.version = 0;
      std::vector<Change> changes(1);
      changes.front().append.push_back(std::move(worn));
      const auto written = journal.write(changes);
      if (!written || written->front() != Written::yes) return false;
      live_witness->written(changes, *written);
      return true;
    }
    return false;
  });
}

void World::operator_beside(int who, std::int64_t what) {
  const Symbol symbol = exchange.symbols()[static_cast<std::size_t>(who) % 5];
  if (what == 0 && store.open(live_account)->journal().set_halt("operator", now() + skew)) {
    live_witness->halted(true);
    say("halted meanwhile");
  }
  if (what == 1) operator_resumes();
  if (what == 2) static_cast<void>(operator_flattens(symbol));
  if (what == 3) static_cast<void>(operator_releases(symbol));
  if (what == 4) static_cast<void>(operator_resolves());
}

// The rows are those of an earlier minute, and the exchange's are those of now. Two runs say what becomes of it.
std::string World::after_the_restore(int index) {
  counted["stories that ended early: a restored backup"] += 1;
  for (int i = 0; i < 2; ++i) {
    Ended ended = run(20'000 + index + i, given_);
    if (std::string broken = sentences->after_the_restore(ended); !broken.empty()) return broken;
    if (!exchange.broken.empty()) return "F-23: restored, " + exchange.broken.front();
    advance(60s);
  }
  return "";
}

// Another process begins now, with the same signals, and ends before the first one goes on.
void World::interleave(Process& outer) {
  if (depth_ > 1) return;
  const bool dry = dry_run_;
  dry_run_ = outer.dry_run;
  counted["second runs"] += 1;
  const std::string broken = judge(run(outer.index + 1000, of_this_minute_));
  if (!broken.empty() && exchange.broken.empty()) exchange.broken.push_back(broken);
  dry_run_ = dry;
}

Ended World::run(int index, std::vector<Signal> signals) {
  ++depth_;
  Process process{*this, index, dry_run_};
  Ended ended{.index = index, .dry_run = dry_run_, .from = now()};
  ended.inner = depth_ > 1;
  const std::size_t requests = exchange.papers().size();
  CycleSettings mine = settings;
  mine.mode = dry_run_ ? "paper" : "live";
  mine.check_slippage = !dry_run_;
  mine.run_id = "4711_" + std::to_string(to_micros(now() + skew) / 1'000'000);
  process.began = now().time_since_epoch();
  {
    const auto session = store.open(dry_run_ ? paper_account : live_account);
    SimClock clock{*this};
    SimLock lock{session->lock(), process};
    SimGuard guard{session->guard(), process};
    SimJournal journal{session->journal(), process};
    SimVenue venue{dry_run_ ? paper : exchange, process};
    SimNotifier notifier{process};
    MemorySignals source;
    int line = 0;
    for (Signal& signal : signals) {
      signal.line = ++line;
      source.give(signal);
    }
    ended.signals = signals;
    if (!dry_run_) sentences->begins(signals);
    Log lines{[&](Level, Instant at, std::string_view text) {
                log_hash = hashed(text, log_hash);
                ended.log.emplace_back(text);
                if (keep_log_) log.push_back(iso_micros(at) + (depth_ > 1 ? " | " : " ") + std::string{text});
              },
              clock};
    Account assembled{session->pen, lock, journal, guard};
    CyclePorts ports{assembled, venue, venue, notifier, source, clock, lines, &process.stop, nullptr};
    if (!dry_run_ && !of_the_other_.empty())
      ports.live_accounts = [this] {
        std::vector<LiveAccount> others;
        if (!calm) others.push_back({other_account, static_cast<int>(of_the_other_.size()), std::nullopt});
        return others;
      };
    if (dry_run_) ports.unattended_live_trades = [this] { return live_witness->open_trades(); };
    try {
      ended.report = monitor_cycle(ports, mine);
    } catch (const Killed&) {
      ended.killed = true;
      say("killed");
    }
  }
  if (dry_run_ && exchange.papers().size() != requests && !exchange.something_on_its_way())
    exchange.broken.push_back("P8: a dry run reached the exchange");
  ended.faulty = process.faulty;
  ended.to = now();
  ++cycles;
  --depth_;
  return ended;
}

std::string World::judge(const Ended& ended) {
  const bool undisturbed = !ended.killed && !ended.faulty && !ended.inner && !ended.dry_run && skew == Micros{0} &&
                           !calm && ended.report.verdict != RunVerdict::locked &&
                           ended.report.verdict != RunVerdict::stuck && ended.report.verdict != RunVerdict::unreachable;
  const bool somebody_says = std::any_of(ended.log.begin(), ended.log.end(), [](const std::string& line) {
    return line.starts_with("LIVE_POSITIONS_UNATTENDED");
  });
  if (undisturbed && !of_the_other_.empty() && of_the_other_.front().claimed_at < ended.from - 1s && !somebody_says)
    return "F-25: trades that nobody attends to are said: none of " + other_account.account;
  for (const std::string& line : ended.log)
    for (const Order& order : of_the_other_)
      if (line.find(order.client_id) != std::string::npos) return "account: said of another account: " + line;
  beyond_the_promises = beyond_the_promises || exchange.stop_came_twice || paper.stop_came_twice;
  if (beyond_the_promises) return "";
  if (!ended.killed) counted["verdict " + std::to_string(exit_code(ended.report.verdict))] += 1;
  for (const auto* place : {&exchange, &paper})
    if (!place->broken.empty()) return place->broken.front();
  if (std::string broken = witness(ended.dry_run).after_run(ended); !broken.empty()) return broken;
  return ended.dry_run ? "" : sentences->after_run(ended);
}

// The story is over: nothing goes wrong any more, people do what they have to do, and all must come right.
std::string World::until_quiet() {
  calm = true;
  skew = Micros{0};
  dry_run_ = false;
  exchange.closed_until.reset();
  exchange.banned_until.reset();
  notifier_down_until.reset();
  exchange.stops_refused_until.reset();
  exchange.pairs_refused_until.reset();
  exchange.zeros_omitted = false;
  store.repair();
  of_this_minute_.clear();
  std::string why;
  for (int i = 0; i < 60; ++i) {
    // A drift ends when the coins are back.
    std::map<std::string, Decimal> held;
    for (const auto& [id, row] : live_witness->rows())
      if (row.leg == Leg::entry && !row.twin)
        held[row.symbol.base()] += (exchange.received(id) - exchange.sold(id)).value;
    for (const auto& [base, sum] : held) {
      const Decimal total = exchange.balances().at(base).total;
      if (sum > total) exchange.owner_gives(base, sum - total);
    }
    if (i > 0 && i % 4 == 3) operator_resumes();
    // Who does not sell below the stop waits for the price to come back.
    if (i == 8 || i == 12)
      for (std::size_t market = 0; market < exchange.symbols().size(); ++market) exchange.jump(market, 80);
    advance(i < 15 ? 60s : Micros{10min});
    Ended ended = run(10'000 + i, {});
    if (beyond_the_promises) return "";
    if (std::string broken = judge(ended); !broken.empty()) return broken;
    const bool quiet = ended.report.verdict == RunVerdict::ok && live_witness->nothing_waits();
    if (!quiet) {
      why = ended.report.verdict == RunVerdict::ok ? "notices are still waiting"
                                                   : "exit " + std::to_string(exit_code(ended.report.verdict));
      for (const auto& [kind, subject] : live_witness->alarms()) {
        why += ", " + std::string{text(kind)} + " " + subject;
        const TradeRecord* trade = live_witness->record(subject);
        const bool sold_if_breached = trade != nullptr && trade->plan && trade->plan->flatten_on_breach;
        // A stop in doubt that carries a stamp of a clock gone wrong waits until that stamp is over.
        if (i == 7 && kind == NoticeType::unprotected && sold_if_breached && !counted.contains("fault clock_step"))
          return "P4: unprotected in eight runs in which nothing went wrong: " + subject;
      }
      continue;
    }
    if (std::string broken = live_witness->at_the_end(); !broken.empty()) return broken;
    if (std::string broken = sentences->at_the_end(); !broken.empty()) return broken;
    if (std::string broken = the_other_account(); !broken.empty()) return broken;
    if (std::string lost = exchange.money_is_lost(); !lost.empty()) return "money: " + lost;
    for (const auto& [alarm, subject] : live_witness->alarms()) return "quiet: an alarm still stands: " + subject;
    counted["quiet after " + std::to_string(std::min(i + 1, 20))] += 1;
    return "";
  }
  return "quiet: it never became quiet: " + why;
}

}  // namespace tradeguard::sim
