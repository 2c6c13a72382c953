// The guards an entry passes: the cooldown rule, and the judgement that is the same for every
// store.
#include "tradeguard/guards.hpp"

#include <algorithm>
#include <array>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

const AccountKey account{"paper", "main"};
const auto noon = at("2025-01-01T12:00:00Z");

Signal buy(std::string_view name = "ETH_USDT", Instant time = noon - 10s) {
  Signal signal{.symbol = symbol(name), .side = Side::buy, .time = time};
  signal.notional = money("50");
  return signal;
}

EntryRequest request(const Signal& signal, std::string_view notional = "50") {
  Order order{.symbol = signal.symbol};
  order.leg = Leg::entry;
  order.signal_key = signal_key(signal);
  order.side = signal.side;
  order.type = OrderType::market;
  order.quantity = qty("0.0149");
  order.stamp = noon;
  order.valid_until = noon + 10s;
  order.client_id = client_order_id(account, order.signal_key, Leg::entry, 1);
  order.trade = order.client_id;
  return {.signal = signal, .order = order, .notional = money(notional)};
}

// A signal was carried out before; this is what a store knows of it.
Duplicate first_of(const Signal& signal) {
  return {.first = client_order_id(account, signal_key(signal), Leg::entry, 1),
          .existing_order_id = "V1",
          .claimed_at = noon - 1h};
}

void remember(AdmissionFacts& facts, const Signal& signal) {
  facts.known.emplace(signal_key(signal), first_of(signal));
  facts.known_digests.emplace(signal_key(signal), signal_digest(signal));
}

// What was decided, in a word that a failing test can show: "pass", "duplicate", or the reason.
std::string word(const Verdict& verdict) {
  if (std::holds_alternative<Admitted>(verdict.outcome)) return "pass";
  if (std::holds_alternative<Duplicate>(verdict.outcome)) return "duplicate";
  return std::get<Denied>(verdict.outcome).reason.str();
}
std::vector<std::string> words(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> all;
  for (const auto& verdict : verdicts) all.push_back(word(verdict));
  return all;
}
bool denied(const Verdict& verdict) { return std::holds_alternative<Denied>(verdict.outcome); }
bool cooling(const Verdict& verdict) { return std::holds_alternative<Cooling>(verdict.cooldown); }

struct Batch {
  EntryPolicy policy;
  AdmissionFacts facts;
  std::vector<EntryRequest> requests;

  Batch& asks(const EntryRequest& entry) {
    requests.push_back(entry);
    return *this;
  }
  Batch& asks(const Signal& signal) { return asks(request(signal)); }
  std::vector<Verdict> judged(Instant now = noon) const { return judge(requests, policy, facts, account, now); }
  Verdict only(Instant now = noon) const {
    const auto verdicts = judged(now);
    REQUIRE(verdicts.size() == 1);
    return verdicts.front();
  }
};

using Words = std::vector<std::string>;

}  // namespace

// ---- The cooldown rule ------------------------------------------------------------------------

TEST_CASE("a base without a history does not cool") {
  CHECK(judge_cooldown({}, {}, noon) == CooldownVerdict{Passed{}});
}

TEST_CASE("a base cools for the cooldown after an entry, to the microsecond") {
  const BaseHistory history{.entry = noon};
  const auto during = judge_cooldown(history, {}, noon + 300s - Micros{1});
  REQUIRE(std::holds_alternative<Cooling>(during));
  CHECK(std::get<Cooling>(during).until == noon + 300s);
  CHECK_FALSE(std::get<Cooling>(during).because.empty());
  CHECK(judge_cooldown(history, {}, noon + 300s) == CooldownVerdict{Passed{}});
}

TEST_CASE("a base cools from a moment that is still to come") {
  // An entry in doubt counts from the last moment at which it may still have been executed.
  const BaseHistory history{.entry = noon + 10s};
  const auto verdict = judge_cooldown(history, {}, noon);
  REQUIRE(std::holds_alternative<Cooling>(verdict));
  CHECK(std::get<Cooling>(verdict).until == noon + 310s);
}

TEST_CASE("a base cools after a stop-out too, and the longest wins") {
  const CooldownPolicy policy{.cooldown = 300s, .after_stop = 600s};
  const BaseHistory history{.entry = noon, .stop_out = noon + 60s};
  const auto until = [&](Instant now) {
    const auto verdict = judge_cooldown(history, policy, now);
    const auto* cooling = std::get_if<Cooling>(&verdict);
    return cooling ? std::optional{cooling->until} : std::nullopt;
  };
  CHECK(until(noon + 61s) == noon + 660s);
  CHECK(until(noon + 659s) == noon + 660s);
  CHECK_FALSE(until(noon + 660s));

  const BaseHistory old_stop{.entry = noon, .stop_out = noon - 590s};
  const auto verdict = judge_cooldown(old_stop, policy, noon + 1s);
  REQUIRE(std::holds_alternative<Cooling>(verdict));
  CHECK(std::get<Cooling>(verdict).until == noon + 300s);
}

TEST_CASE("a cooldown of nothing blocks nothing") {
  const CooldownPolicy off{.cooldown = 0s, .after_stop = 0s};
  CHECK(judge_cooldown({.entry = noon, .stop_out = noon}, off, noon) == CooldownVerdict{Passed{}});
}

TEST_CASE("a verdict is Cooling exactly while the longest of the cooldowns runs") {
  Dice dice{101};
  const auto span = [&](int most) { return std::chrono::seconds{dice.between(0, most)}; };
  for (int i = 0; i < 10'000; ++i) {
    const CooldownPolicy policy{.cooldown = span(600), .after_stop = span(600)};
    BaseHistory history;
    auto until = Instant::min();
    // Far in the future is a clock that was wrong: the span counts from now, and is neither longer nor shorter.
    const auto from = [](Instant at) { return at > noon + 60s ? noon : at; };
    if (!dice.once_in(3)) {
      history.entry = noon + span(900) - 600s;
      until = std::max(until, from(*history.entry) + policy.cooldown);
    }
    if (!dice.once_in(3)) {
      history.stop_out = noon + span(900) - 600s;
      until = std::max(until, from(*history.stop_out) + policy.after_stop);
    }
    const auto verdict = judge_cooldown(history, policy, noon);
    CAPTURE(until, policy.cooldown, policy.after_stop);
    REQUIRE(std::holds_alternative<Cooling>(verdict) == (until > noon));
    if (until > noon) REQUIRE(std::get<Cooling>(verdict).until == until);
  }
}

// ---- A bot that uses the cooldown alone -------------------------------------------------------

namespace {

class Rows final : public EntryHistory {
 public:
  bool readable = true;
  Result<std::map<std::string, BaseHistory>> latest(const std::set<std::string>& bases) override {
    if (!readable) return failed(Fault::unreachable, "the store does not answer");
    std::map<std::string, BaseHistory> found;
    for (const auto& base : bases)
      if (const auto row = rows_.find(base); row != rows_.end()) found.insert(*row);
    return found;
  }
  Result<void> remember(const Symbol& entry, Instant when) override {
    rows_[entry.base()].entry = when;
    return {};
  }

 private:
  std::map<std::string, BaseHistory> rows_;
};

}  // namespace

TEST_CASE("the cooldown guard reads a history over all pairs of a base") {
  Rows rows;
  REQUIRE(rows.remember(symbol("ETH_USDT"), noon));
  HistoryCooldownGuard guard{rows, {}};
  const std::vector asked{symbol("ETH_USD"), symbol("BTC_USDT"), symbol("ETH_USDT")};
  const auto verdicts = guard.check(asked, noon + 299s);
  REQUIRE(verdicts);
  REQUIRE(verdicts->size() == 3);
  CHECK(std::holds_alternative<Cooling>(verdicts->at(0)));
  CHECK(std::holds_alternative<Passed>(verdicts->at(1)));
  CHECK(std::holds_alternative<Cooling>(verdicts->at(2)));
  const auto later = guard.check(asked, noon + 300s);
  REQUIRE(later);
  CHECK(std::holds_alternative<Passed>(later->at(0)));
}

TEST_CASE("a history that cannot be read is an error and not a pass") {
  Rows rows;
  rows.readable = false;
  HistoryCooldownGuard guard{rows, {}};
  CHECK_FALSE(guard.check(std::vector{symbol("ETH_USDT")}, noon));
}

// ---- The judgement ----------------------------------------------------------------------------

TEST_CASE("an entry nothing speaks against passes, with its final id") {
  const auto verdict = Batch{}.asks(buy()).only();
  REQUIRE(word(verdict) == "pass");
  const auto& order = std::get<Admitted>(verdict.outcome).order;
  CHECK(order.attempt == 1);
  CHECK(order.client_id == client_order_id(account, signal_key(buy()), Leg::entry, 1));
  CHECK(order.trade == order.client_id);
  CHECK(order.signal_key == signal_key(buy()));
  CHECK(order.quantity == qty("0.0149"));
  CHECK(order.stamp == noon);
  CHECK_FALSE(cooling(verdict));
  CHECK_FALSE(verdict.key_was_known);
}

TEST_CASE("there is one verdict for each entry, in their order") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("BTC_USDT")).asks(buy("SOL_USDT"));
  batch.facts.frozen["BTC"] = "in_doubt";
  CHECK(words(batch.judged()) == Words{"pass", "frozen", "pass"});
  CHECK(Batch{}.judged().empty());
}

// ---- Repeats ----------------------------------------------------------------------------------

TEST_CASE("a key that was claimed before is a repeat, at any age") {
  for (const auto age : {Micros{10s}, Micros{24h}, Micros{24h * 400}}) {
    const auto signal = buy("ETH_USDT", noon - age);
    Batch batch;
    remember(batch.facts, signal);
    const auto verdict = batch.asks(signal).only();
    CAPTURE(age, word(verdict));
    REQUIRE(word(verdict) == "duplicate");
    CHECK(verdict.key_was_known);
    const auto& duplicate = std::get<Duplicate>(verdict.outcome);
    CHECK(duplicate.first == first_of(signal).first);
    CHECK(duplicate.existing_order_id == "V1");
    CHECK(duplicate.claimed_at == noon - 1h);
    CHECK_FALSE(duplicate.differs);
  }
}

TEST_CASE("a repeat with other content says that it differs") {
  auto signal = buy();
  Batch batch;
  remember(batch.facts, signal);
  signal.notional = money("500");
  const auto verdict = batch.asks(signal).only();
  REQUIRE(word(verdict) == "duplicate");
  CHECK(std::get<Duplicate>(verdict.outcome).differs);
}

TEST_CASE("both guards speak: a repeat is a repeat even while its base cools") {
  Batch batch;
  remember(batch.facts, buy());
  batch.facts.history["ETH"].entry = noon - 10s;
  const auto verdict = batch.asks(buy()).only();
  CHECK(word(verdict) == "duplicate");
  CHECK(verdict.key_was_known);
  REQUIRE(cooling(verdict));
  CHECK(std::get<Cooling>(verdict.cooldown).until == noon + 290s);
}

TEST_CASE("a repeat is a repeat whatever else speaks against entries") {
  Batch batch;
  remember(batch.facts, buy());
  auto entry = request(buy());
  entry.objection = Denied{Denial::no_rules};
  batch.asks(entry);
  batch.facts.halted = "operator";
  batch.facts.breaker = "protection_failing";
  batch.facts.frozen["ETH"] = "drift";
  batch.facts.entries_after = noon + 1h;
  batch.policy.no_entries = Denial::clock_offset;
  CHECK(word(batch.only()) == "duplicate");
}

TEST_CASE("the same key twice in one batch: the first is the order, the second its repeat") {
  Batch batch;
  auto again = buy();
  again.time += 3s;  // the same minute
  batch.asks(buy()).asks(again);
  const auto verdicts = batch.judged();
  REQUIRE(words(verdicts) == Words{"pass", "duplicate"});
  const auto& duplicate = std::get<Duplicate>(verdicts[1].outcome);
  CHECK(duplicate.first == std::get<Admitted>(verdicts[0].outcome).order.client_id);
  CHECK_FALSE(duplicate.differs);
  CHECK(verdicts[1].key_was_known);
  CHECK_FALSE(verdicts[0].key_was_known);
  CHECK_FALSE(cooling(verdicts[0]));
  CHECK(cooling(verdicts[1]));  // the first one cools its base
}

TEST_CASE("the same key twice in one batch with other content differs") {
  Batch batch;
  auto again = buy();
  again.notional = money("51");
  batch.asks(buy()).asks(again);
  const auto verdicts = batch.judged();
  REQUIRE(words(verdicts) == Words{"pass", "duplicate"});
  CHECK(std::get<Duplicate>(verdicts[1].outcome).differs);
}

TEST_CASE("what was denied leaves its key free, in the same batch too") {
  Batch batch;
  auto objected = request(buy());
  objected.objection = Denied{Denial::no_rules};
  batch.asks(objected).asks(buy());
  const auto verdicts = batch.judged();
  CHECK(words(verdicts) == Words{"no_rules", "pass"});
  CHECK_FALSE(verdicts[1].key_was_known);
}

TEST_CASE("a key that was freed gets the next attempt, and with it another id") {
  Batch batch;
  batch.facts.freed[signal_key(buy())] = 2;
  const auto verdict = batch.asks(buy()).only();
  REQUIRE(word(verdict) == "pass");
  const auto& order = std::get<Admitted>(verdict.outcome).order;
  CHECK(order.attempt == 3);
  CHECK(order.client_id == client_order_id(account, signal_key(buy()), Leg::entry, 3));
  CHECK(order.trade == order.client_id);
  CHECK_FALSE(verdict.key_was_known);
}

// ---- Cooldown ---------------------------------------------------------------------------------

TEST_CASE("a base cools over its pairs") {
  Batch batch;
  batch.facts.history["ETH"].entry = noon - 299s;
  batch.asks(buy("ETH_USD")).asks(buy("BTC_USDT"));
  const auto verdicts = batch.judged();
  CHECK(words(verdicts) == Words{"cooldown", "pass"});
  CHECK(std::get<Denied>(verdicts[0].outcome).until == noon + 1s);
  CHECK(cooling(verdicts[0]));
  CHECK_FALSE(cooling(verdicts[1]));
  CHECK(words(batch.judged(noon + 1s)) == Words{"pass", "pass"});
}

TEST_CASE("of two entries in one base only the first passes, whatever they are quoted in") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("ETH_USD")).asks(buy("BTC_USDT"));
  CHECK(words(batch.judged()) == Words{"pass", "cooldown", "pass"});
}

TEST_CASE("an entry that passed cools for as long as it may still be executed, and then on") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("ETH_USD"));  // the first runs out at noon + 10 s
  const auto verdicts = batch.judged();
  REQUIRE(cooling(verdicts[1]));
  CHECK(std::get<Cooling>(verdicts[1].cooldown).until == noon + 310s);
}

TEST_CASE("an entry that was denied cools nothing") {
  Batch batch;
  batch.policy.max_order_notional = money("100");
  batch.asks(request(buy("ETH_USDT"), "100.01")).asks(buy("ETH_USD"));
  CHECK(words(batch.judged()) == Words{"max_order_notional", "pass"});
}

TEST_CASE("the cooldown speaks even where something else denies") {
  Batch batch;
  batch.facts.history["ETH"].entry = noon - 10s;
  batch.facts.halted = "operator";
  const auto verdict = batch.asks(buy()).only();
  CHECK(denied(verdict));
  CHECK(cooling(verdict));
}

// ---- Age --------------------------------------------------------------------------------------

TEST_CASE("a new key older than its time is stale, a repeat never is") {
  CHECK(word(Batch{}.asks(buy("ETH_USDT", noon - 300s)).only()) == "pass");
  CHECK(word(Batch{}.asks(buy("ETH_USDT", noon - 300s - Micros{1})).only()) == "stale");
}

TEST_CASE("a new key from the future is denied") {
  CHECK(word(Batch{}.asks(buy("ETH_USDT", noon + 5s)).only()) == "pass");
  CHECK(denied(Batch{}.asks(buy("ETH_USDT", noon + 5s + Micros{1})).only()));
}

TEST_CASE("after the store was restored or moved, only newer signals are entered") {
  Batch batch;
  batch.facts.entries_after = noon - 10s;
  batch.asks(buy("ETH_USDT", noon - 10s)).asks(buy("BTC_USDT", noon - 10s + Micros{1}));
  const auto verdicts = batch.judged();
  CHECK(denied(verdicts[0]));
  CHECK(word(verdicts[1]) == "pass");
}

// ---- Halts and freezes ------------------------------------------------------------------------

TEST_CASE("a halt, a breaker and a reason of this run deny every entry") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("BTC_USDT"));
  SECTION("halted") {
    batch.facts.halted = "maintenance";
    CHECK(words(batch.judged()) == Words{"halted", "halted"});
  }
  SECTION("the breaker") {
    batch.facts.breaker = "protection_failing";
    CHECK(words(batch.judged()) == Words{"protection_failing", "protection_failing"});
  }
  SECTION("what this run read") {
    batch.policy.no_entries = Denial::clock_unreadable;
    CHECK(words(batch.judged()) == Words{"clock_unreadable", "clock_unreadable"});
  }
}

TEST_CASE("a frozen base denies entries in all its pairs and in no other base") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("ETH_USD")).asks(buy("BTC_USDT"));
  SECTION("frozen by what the store knows") {
    batch.facts.frozen["ETH"] = "in_doubt";
    const auto verdicts = batch.judged();
    CHECK(words(verdicts) == Words{"frozen", "frozen", "pass"});
    CHECK(std::get<Denied>(verdicts[0].outcome).detail.find("in_doubt") != std::string::npos);
  }
  SECTION("frozen by what this run read") {
    batch.policy.frozen_bases.insert("ETH");
    CHECK(words(batch.judged()) == Words{"frozen", "frozen", "pass"});
  }
}

TEST_CASE("an objection that was found before the claim is the reason") {
  auto entry = request(buy());
  entry.objection = Denied{Denial::slippage};
  CHECK(word(Batch{}.asks(entry).only()) == "slippage");
}

// ---- Caps -------------------------------------------------------------------------------------

TEST_CASE("the largest order is a cap on each, and zero is none") {
  Batch batch;
  batch.asks(request(buy("ETH_USDT"), "100")).asks(request(buy("BTC_USDT"), "100.00000001"));
  CHECK(words(batch.judged()) == Words{"pass", "pass"});
  batch.policy.max_order_notional = money("100");
  CHECK(words(batch.judged()) == Words{"pass", "max_order_notional"});
}

TEST_CASE("open positions are capped in order, those of this batch included") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("BTC_USDT")).asks(buy("SOL_USDT"));
  batch.policy.max_open_positions = 3;
  batch.facts.open_positions = 1;
  CHECK(words(batch.judged()) == Words{"pass", "pass", "max_open_positions"});
  batch.policy.max_open_positions = 0;
  batch.facts.open_positions = 1'000;
  CHECK(words(batch.judged()) == Words{"pass", "pass", "pass"});
}

TEST_CASE("entries a day are capped in order, those of this batch included") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("BTC_USDT")).asks(buy("SOL_USDT"));
  batch.facts.entries_today = 4;
  CHECK(words(batch.judged()) == Words{"pass", "pass", "pass"});
  batch.policy.max_entries_per_day = 5;
  CHECK(words(batch.judged()) == Words{"pass", "max_entries_per_day", "max_entries_per_day"});
}

TEST_CASE("what is denied uses up no cap") {
  Batch batch;
  batch.asks(buy("ETH_USDT")).asks(buy("BTC_USDT")).asks(buy("SOL_USDT"));
  batch.facts.frozen["ETH"] = "drift";
  batch.policy.max_open_positions = 1;
  CHECK(words(batch.judged()) == Words{"frozen", "pass", "max_open_positions"});
}

TEST_CASE("free money is used up in order, with a hundredth to spare") {
  Batch batch;
  batch.asks(request(buy("ETH_USDT"), "50")).asks(request(buy("BTC_USDT"), "50"));
  const auto denials = [&](std::string_view free) {
    batch.policy.free_quote["USDT"] = money(free);
    const auto verdicts = batch.judged();
    return std::vector{denied(verdicts[0]), denied(verdicts[1])};
  };
  CHECK(denials("101") == std::vector{false, false});
  CHECK(denials("100") == std::vector{false, true});
  CHECK(denials("50.5") == std::vector{false, true});
  CHECK(denials("50.49") == std::vector{true, true});
  CHECK(denials("0") == std::vector{true, true});
}

TEST_CASE("what was denied uses up no money, and a smaller entry behind it may pass") {
  Batch batch;
  batch.asks(request(buy("ETH_USDT"), "80")).asks(request(buy("BTC_USDT"), "50"));
  batch.policy.free_quote["USDT"] = money("60");
  const auto verdicts = batch.judged();
  CHECK(denied(verdicts[0]));
  CHECK(word(verdicts[1]) == "pass");
}

TEST_CASE("each currency has its own money, and one that was not read is not checked") {
  Batch batch;
  batch.asks(request(buy("ETH_USDT"), "50")).asks(request(buy("BTC_EUR"), "50"));
  batch.policy.free_quote["USDT"] = money("0");
  const auto verdicts = batch.judged();
  CHECK(denied(verdicts[0]));
  CHECK(word(verdicts[1]) == "pass");
}

// ---- Any batch --------------------------------------------------------------------------------

TEST_CASE("whatever a batch looks like, every rule holds for all that passes, in order") {
  Dice dice{102};
  constexpr std::array symbols{"ETH_USDT", "ETH_USD", "BTC_USDT", "BTC_USD", "SOL_USDT", "SOL_USD"};
  int passed = 0;
  int repeated = 0;
  for (int i = 0; i < 5'000; ++i) {
    Batch batch;
    batch.policy.max_open_positions = dice.between(0, 4);
    batch.policy.max_entries_per_day = dice.between(0, 4);
    batch.policy.max_order_notional = Money{dice.between(0, 2) * 60};
    if (dice.once_in(2)) batch.policy.free_quote["USDT"] = Money{dice.between(0, 200)};
    batch.facts.open_positions = dice.between(0, 3);
    batch.facts.entries_today = dice.between(0, 3);
    for (const auto* base : {"ETH", "BTC", "SOL"}) {
      if (dice.once_in(4)) batch.facts.history[base].entry = noon - std::chrono::seconds{dice.between(0, 600)};
      if (dice.once_in(8)) batch.facts.frozen[base] = "drift";
    }
    for (int n = dice.between(1, 6); n > 0; --n) {
      const auto signal = buy(dice.one_of(symbols), noon - std::chrono::minutes{dice.between(0, 6)});
      if (dice.once_in(6)) remember(batch.facts, signal);
      batch.asks(request(signal, dice.once_in(2) ? "50" : "100"));
    }
    const auto verdicts = batch.judged();
    CAPTURE(words(verdicts), i);
    REQUIRE(verdicts.size() == batch.requests.size());

    std::set<SignalKey> keys;
    std::set<std::string> bases;
    Money spent;
    int count = 0;
    for (std::size_t k = 0; k < verdicts.size(); ++k) {
      const auto& entry = batch.requests[k];
      const auto key = signal_key(entry.signal);
      const auto base = entry.signal.symbol.base();
      const bool known = batch.facts.known.count(key) != 0 || keys.count(key) != 0;
      REQUIRE(verdicts[k].key_was_known == known);
      REQUIRE((word(verdicts[k]) == "duplicate") == known);
      if (known) ++repeated;
      if (const auto* no = std::get_if<Denied>(&verdicts[k].outcome); no && is_final(no->reason)) keys.insert(key);
      if (word(verdicts[k]) != "pass") continue;
      ++passed;
      ++count;
      REQUIRE_FALSE(cooling(verdicts[k]));
      REQUIRE(keys.insert(key).second);
      REQUIRE(bases.insert(base).second);
      REQUIRE(batch.facts.frozen.count(base) == 0);
      const auto entered = batch.facts.history[base].entry;
      if (entered) REQUIRE(noon - *entered >= 300s);
      REQUIRE(noon - entry.signal.time <= 300s);
      if (batch.policy.max_open_positions > 0)
        REQUIRE(batch.facts.open_positions + count <= batch.policy.max_open_positions);
      if (batch.policy.max_entries_per_day > 0)
        REQUIRE(batch.facts.entries_today + count <= batch.policy.max_entries_per_day);
      if (batch.policy.max_order_notional.is_positive()) REQUIRE(entry.notional <= batch.policy.max_order_notional);
      if (entry.signal.symbol.quote() == "USDT" && batch.policy.free_quote.count("USDT") != 0) {
        spent += entry.notional;
        REQUIRE(spent <= batch.policy.free_quote["USDT"]);
      }
    }

    // What comes later in a batch changes nothing for what came before.
    auto shorter = batch;
    shorter.requests.pop_back();
    auto expected = words(verdicts);
    expected.pop_back();
    REQUIRE(words(shorter.judged()) == expected);
  }
  CHECK(passed > 1'000);
  CHECK(repeated > 1'000);
}

}  // namespace tradeguard
