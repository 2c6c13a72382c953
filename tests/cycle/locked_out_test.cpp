// A run that does not get in: what it says, what it leaves alone, and how it ends.
#include <catch2/catch.hpp>

#include <set>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// Another process that has the lock, began a run, and does not go on.
struct Holder {
  explicit Holder(World& world) : session{world.store->open(world.account)} {
    auto acquired = session->lock().try_acquire(world.account);
    REQUIRE(acquired.has_value());
    REQUIRE(std::holds_alternative<RunLease>(*acquired));
    lease.emplace(std::move(std::get<RunLease>(*acquired)));
    session->pen.fence = lease->fence();
    REQUIRE(session->journal().begin_run("another run", "cafe", world.clock.now()).has_value());
  }
  std::unique_ptr<contract::Session> session;
  std::optional<RunLease> lease;
};

class BrokenLock final : public RunLock {
 public:
  explicit BrokenLock(Fault fault) : fault_{fault} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey&) override {
    return failed(fault_, "no such server");
  }

 private:
  Fault fault_;
};

// A store that goes away at one step of a run's beginning.
class FailingJournal final : public ForwardingJournal {
 public:
  FailingJournal(OrderJournal& inner, std::string step) : ForwardingJournal{inner}, step_{std::move(step)} {}
  Result<OpenBook> open_book(Instant now) override {
    if (step_ == "open_book") return failed(Fault::unreachable, "the store went away");
    return ForwardingJournal::open_book(now);
  }
  Result<void> begin_run(const std::string& id, const std::string& hash, Instant now) override {
    if (step_ == "begin_run") return failed(Fault::unreachable, "the store went away");
    return ForwardingJournal::begin_run(id, hash, now);
  }
  Result<Outlook> outlook(std::span<const Signal> signals) override {
    if (step_ == "outlook") return failed(Fault::unreachable, "the store went away");
    return ForwardingJournal::outlook(signals);
  }
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override {
    if (step_ == "claim_exits") return failed(Fault::unreachable, "the store went away");
    return ForwardingJournal::claim_exits(claims, max_age, max_future, now);
  }

 private:
  std::string step_;
};

class UnreadableSignals final : public SignalSource {
 public:
  Result<SignalBatch> read() override { return failed(Fault::data, "signals.jsonl: no such file"); }
};

}  // namespace

TEST_CASE("a run that finds the lock held skips its cycle by its number, and asks nobody anything") {
  World world;
  const Holder holder{world};
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});

  CHECK(report.verdict == RunVerdict::locked);
  CHECK(exit_code(report.verdict) == 75);
  CHECK(world.said("RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #2"));
  CHECK(world.last_log.size() == 1);
  CHECK(world.entries_of("ETH_USDT") == 0);
  CHECK(world.told.told().empty());
}

TEST_CASE("a holder that is stuck is told once in 15 minutes, and by every run it locks out") {
  World world;
  const Holder holder{world};
  world.clock.advance(world.settings.stuck_after);
  CHECK(world.run().verdict == RunVerdict::locked);  // not a moment too early

  world.clock.advance(1s);
  const RunReport stuck = world.run();
  CHECK(stuck.verdict == RunVerdict::stuck);
  CHECK(exit_code(stuck.verdict) == 1);
  CHECK(world.said("RUN_STUCK cycle=1 seconds=181 last_completed=never"));
  CHECK(world.times_told(NoticeType::run_stuck) == 1);

  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::stuck);
  CHECK(world.said("RUN_STUCK cycle=1 seconds=241"));
  CHECK(world.times_told(NoticeType::run_stuck) == 1);

  world.clock.advance(14min);
  CHECK(world.run().verdict == RunVerdict::stuck);
  CHECK(world.times_told(NoticeType::run_stuck) == 2);
}

TEST_CASE("a holder behind a cycle that was completed just now is busy, not stuck") {
  World world;
  world.run();
  const Holder holder{world};
  world.clock.advance(world.settings.stuck_after);
  CHECK(world.run().verdict == RunVerdict::locked);
  world.clock.advance(1s);
  CHECK(world.run().verdict == RunVerdict::stuck);
  CHECK(world.said("last_completed=2025-01-01T12:00:00"));
}

TEST_CASE("a lock that cannot be asked ends the run with the reason, and nothing is sent") {
  World world;
  const Fault fault = GENERATE(Fault::unreachable, Fault::configuration, Fault::data);
  BrokenLock lock{fault};
  world.wrap = [&](World::Wrapped& ports) { ports.lock = &lock; };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});

  CHECK(exit_code(report.verdict) == (fault == Fault::unreachable ? 69 : fault == Fault::configuration ? 78 : 70));
  CHECK(report.error == "no such server");
  CHECK(world.said("RUN_FAILED reason=\"no such server\" stack=\"taking the run lock\""));
  CHECK(world.entries_of("ETH_USDT") == 0);
}

TEST_CASE("a store that goes away before a claim leaves the signal to a later run") {
  const std::string step = GENERATE("open_book", "begin_run", "outlook");
  INFO(step);
  World world;
  std::unique_ptr<FailingJournal> journal;
  world.wrap = [&](World::Wrapped& ports) {
    journal = std::make_unique<FailingJournal>(*ports.journal, step);
    ports.journal = journal.get();
  };
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  const RunReport report = world.run({signal});
  CHECK(report.verdict == RunVerdict::unreachable);
  CHECK(exit_code(report.verdict) == 69);
  CHECK(world.entries_of("ETH_USDT") == 0);
  CHECK((world.said("RUN_FAILED") || world.said("STORE_LOST")));

  world.wrap = nullptr;
  world.clock.advance(60s);
  CHECK(world.run({signal}).entries == 1);
}

TEST_CASE("a store that goes away before an exit is claimed leaves the position as it is, and says so") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  std::unique_ptr<FailingJournal> journal;
  world.wrap = [&](World::Wrapped& ports) {
    journal = std::make_unique<FailingJournal>(*ports.journal, "claim_exits");
    ports.journal = journal.get();
  };
  const Signal exit = world.sell("ETH_USDT");
  const RunReport report = world.run({exit});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(report.exits == 0);
  CHECK(world.said("STORE_LOST"));
  CHECK(world.was_told(NoticeType::store_lost));
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.wrap = nullptr;
  world.clock.advance(30s);
  CHECK(world.run({exit}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("signals that cannot be read are said, and what is open is protected all the same") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");
  world.faults.clear();
  world.clock.advance(60s);

  UnreadableSignals signals;
  world.wrap = [&](World::Wrapped& ports) { ports.signals = &signals; };
  const RunReport report = world.run();
  CHECK(report.verdict == RunVerdict::some_rejected);
  CHECK(exit_code(report.verdict) == 65);
  CHECK(world.said("SIGNALS_UNREADABLE error=\"signals.jsonl: no such file\""));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("every verdict of a run has the exit code the documents promise") {
  CHECK(exit_code(RunVerdict::ok) == 0);
  CHECK(exit_code(RunVerdict::critical_stands) == 1);
  CHECK(exit_code(RunVerdict::stuck) == 1);
  CHECK(exit_code(RunVerdict::some_rejected) == 65);
  CHECK(exit_code(RunVerdict::unreachable) == 69);
  CHECK(exit_code(RunVerdict::internal_error) == 70);
  CHECK(exit_code(RunVerdict::locked) == 75);
  CHECK(exit_code(RunVerdict::configuration) == 78);
}
