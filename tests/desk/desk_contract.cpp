// What a desk promises, on every store.
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "stores.hpp"
#include "story.hpp"
#include "tradeguard/memory_notifier.hpp"

namespace tradeguard::desk_tests {
namespace {

using namespace contract;
using Sharing = Desk::Sharing;

#define DESK_TEST(sentence) TEMPLATE_TEST_CASE(sentence, "[desk]", InMemory, OnSqlite, OnPostgres)

const AccountKey bots{"kraken", "bot7"};

Desk::Settings settings(Sharing sharing = Sharing::exclusive) {
  Desk::Settings some;
  some.policy.cooldown = {.cooldown = 300s, .after_stop = 300s};
  some.sharing = sharing;
  some.patience = 5s;
  return some;
}

Wish wish(std::string_view symbol, Instant said) {
  return {.symbol = std::string{symbol}, .said = said, .quantity = quantity("0.5"), .price = price("100")};
}

std::unique_ptr<Desk> opened(OpenStore store, Clock& clock, const Desk::Settings& some = settings()) {
  return value_of(Desk::open(std::move(store), bots, some, clock));
}

// A bot a second after it opened its desk: what was said before that is not entered.
template <class Kind>
struct AtWork {
  explicit AtWork(const Desk::Settings& some = settings()) : desk{opened(store.opener(), clock, some)} {
    clock.advance(1s);
  }
  Kind store;
  ManualClock clock{noon};
  std::unique_ptr<Desk> desk;
};

Ticket ticket_of(const ClaimAnswer& answer) {
  if (const auto* no = std::get_if<NotClaimed>(&answer)) FAIL("not claimed: " << no->text);
  return std::get<Ticket>(answer);
}
NotClaimed refusal_of(const ClaimAnswer& answer) {
  REQUIRE(std::holds_alternative<NotClaimed>(answer));
  return std::get<NotClaimed>(answer);
}
NotClaimed::Why why(const ClaimAnswer& answer) { return refusal_of(answer).why; }

template <class Outcome>
void settle(Desk& desk, const Ticket& ticket, Outcome outcome) {
  must(desk.settle(ticket.id, PlaceOutcome{std::move(outcome)}));
}

LookUp nobody_knows() {
  return [](const Order&) { return CannotSay{"not asked"}; };
}
LookUp says(LookedUp answer) {
  return [answer = std::move(answer)](const Order&) { return answer; };
}

DESK_TEST("a signal is claimed once, in whatever spelling, and by whatever process") {
  TestType store;
  ManualClock clock{noon};
  {
    const auto desk = opened(store.opener(), clock);
    clock.advance(1s);
    const Ticket first = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
    CHECK(first.symbol.text() == "BTC_USDT");
    CHECK(first.quantity == quantity("0.5"));
    CHECK(first.valid_until == clock.now() + 10s);
    const NotClaimed again = refusal_of(desk->claim(wish("btc-usdt", clock.now())));
    CHECK(again.why == NotClaimed::Why::duplicate);
    CHECK(again.order == first.id);
  }
  const auto after_a_restart = opened(store.opener(), clock);
  CHECK(why(after_a_restart->claim(wish("BTC/USDT", clock.now()))) == NotClaimed::Why::duplicate);
}

DESK_TEST("what cannot be read is told, and nothing is asked") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  CHECK(why(desk->claim(wish("nonsense", clock.now()))) == NotClaimed::Why::wrong);
  Wish nothing = wish("BTCUSDT", clock.now());
  nothing.quantity = {};
  CHECK(why(desk->claim(nothing)) == NotClaimed::Why::wrong);
  Wish odd = wish("BTCUSDT", clock.now());
  odd.id = "two words";
  CHECK(why(desk->claim(odd)) == NotClaimed::Why::wrong);
  CHECK(value_of(desk->open_trades()).empty());
}

DESK_TEST("a base cools after an entry, and a stop cools it anew") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  must(desk->filled(ticket.id, {.filled = quantity("0.5"), .value = money("50"), .final = true, .venue_id = "v1"}));
  clock.advance(60s);
  const NotClaimed cooling = refusal_of(desk->claim(wish("BTCUSDC", clock.now())));
  CHECK(cooling.why == NotClaimed::Why::cooling);
  CHECK(cooling.denial == Denial::cooldown);
  REQUIRE(cooling.until);
  clock.advance(300s);
  must(desk->closed(ticket.id, {ClosedBy::stop, "v2", quantity("0.5"), money("45")}));
  clock.advance(60s);
  CHECK(why(desk->claim(wish("BTCUSDT", clock.now()))) == NotClaimed::Why::cooling);
  clock.advance(300s);
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
}

DESK_TEST("caps hold, and an order of unknown cost does not pass one") {
  Desk::Settings some = settings();
  some.policy.max_order_notional = money("60");
  some.policy.max_open_positions = 1;
  AtWork<TestType> bot{some};
  auto& [store, clock, desk] = bot;
  Wish large = wish("ETHUSDT", clock.now());
  large.quantity = quantity("0.61");
  CHECK(refusal_of(desk->claim(large)).denial == Denial::max_order_notional);
  large.symbol = "XRPUSDT";
  large.notional = money("1");  // less than it comes to
  CHECK(refusal_of(desk->claim(large)).denial == Denial::max_order_notional);
  Wish blind = wish("SOLUSDT", clock.now());
  blind.price.reset();
  CHECK(why(desk->claim(blind)) == NotClaimed::Why::wrong);
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  CHECK(refusal_of(desk->claim(wish("LTCUSDT", clock.now()))).denial == Denial::max_open_positions);
}

DESK_TEST("unsent frees the signal, a refusal keeps it, by id and from another process") {
  TestType store;
  ManualClock clock{noon};
  const Instant said = noon + 1s;
  auto desk = opened(store.opener(), clock);
  clock.advance(1s);
  const Ticket unsent = ticket_of(desk->claim(wish("BTCUSDT", said)));
  const Ticket refused = ticket_of(desk->claim(wish("ETHUSDT", said)));
  desk.reset();
  const auto later = opened(store.opener(), clock);
  settle(*later, unsent, Unsent{Unsent::Why::not_connected, "refused by the peer"});
  settle(*later, refused, Refused{"1013", "LOT_SIZE"});
  const Ticket second = ticket_of(later->claim(wish("BTCUSDT", said)));
  CHECK(second.id != unsent.id);
  CHECK(why(later->claim(wish("ETHUSDT", said))) == NotClaimed::Why::duplicate);
  CHECK(!later->settle("tg1-e1-nobody", Unsent{Unsent::Why::clock, ""}));
}

DESK_TEST("a lost answer closes the base, and an answer without a record does not") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket lost = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  const Ticket taken = ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
  settle(*desk, lost, InDoubt{"no answer within 2 s"});
  settle(*desk, taken, Accepted{"4711", std::nullopt});
  clock.advance(400s);
  CHECK(refusal_of(desk->claim(wish("BTCUSDT", clock.now()))).denial == Denial::frozen);
  ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
}

DESK_TEST("a claim whose answer was lost comes back to its claimer") {
  TestType store;
  ManualClock clock{noon};
  std::deque<Way> ways;
  const auto desk = opened(over(store.opener(),
                                [&] {
                                  if (ways.empty()) return Way::fine;
                                  const Way way = ways.front();
                                  ways.pop_front();
                                  return way;
                                }),
                           clock, settings(Sharing::shared));
  const auto another = opened(store.opener(), clock, settings(Sharing::shared));
  clock.advance(1s);
  const Instant said = clock.now();
  SECTION("at once, while its patience lasts") {
    ways = {Way::answer_lost, Way::away, Way::away};
    const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", said)));
    CHECK(value_of(desk->open_trades()).size() == 1);
    CHECK(value_of(desk->open_trades()).front().id() == ticket.id);
  }
  SECTION("later, by the word it was given, once, and to nobody else") {
    ways.assign(1000, Way::away);
    ways.front() = Way::answer_lost;
    const NotClaimed away = refusal_of(desk->claim(wish("BTCUSDT", said)));
    CHECK(away.why == NotClaimed::Why::unreachable);
    REQUIRE(!away.again.empty());
    ways.clear();
    CHECK(why(another->claim(wish("BTCUSDT", said))) == NotClaimed::Why::duplicate);
    CHECK(why(desk->claim(wish("BTCUSDT", said))) == NotClaimed::Why::duplicate);
    Wish again = wish("BTCUSDT", said);
    again.again = away.again;
    const Ticket ticket = ticket_of(desk->claim(again));
    CHECK(value_of(desk->open_trades()).front().id() == ticket.id);
    CHECK(why(desk->claim(again)) == NotClaimed::Why::duplicate);
  }
  SECTION("too late to be sent: then the signal is free again") {
    ways.assign(1000, Way::away);
    ways.front() = Way::answer_lost;
    const NotClaimed away = refusal_of(desk->claim(wish("BTCUSDT", said)));
    ways.clear();
    clock.advance(20s);
    Wish again = wish("BTCUSDT", said);
    again.again = away.again;
    const NotClaimed late = refusal_of(desk->claim(again));
    CHECK(late.why == NotClaimed::Why::unreachable);
    CHECK(late.again.empty());
    CHECK(value_of(desk->open_trades()).empty());
    ticket_of(desk->claim(wish("BTCUSDT", said)));
  }
  SECTION("not when it never got there: then it is claimed") {
    ways.assign(1000, Way::away);
    const NotClaimed away = refusal_of(desk->claim(wish("BTCUSDT", said)));
    ways.clear();
    Wish again = wish("BTCUSDT", said);
    again.again = away.again;
    ticket_of(desk->claim(again));
  }
}

DESK_TEST("a position is bought and sold in parts, and said twice is counted once") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  settle(*desk, ticket, Accepted{"v1", std::nullopt});
  must(desk->filled(ticket.id, {.filled = quantity("0.2"), .value = money("20")}));
  CHECK(!desk->closed(ticket.id, {ClosedBy::stop, "s0", quantity("0.3"), money("30")}));
  const Fill all{.filled = quantity("0.5"), .value = money("50"), .fee_base = quantity("0.001"), .final = true};
  must(desk->filled(ticket.id, all));
  must(desk->filled(ticket.id, all));
  // Totals never shrink, whatever a late answer says.
  must(desk->filled(ticket.id, {.filled = quantity("0.1"), .value = money("10")}));
  Trade trade = value_of(desk->open_trades()).front();
  CHECK(trade.entry().filled == quantity("0.5"));
  CHECK(trade.entry().state == OrderState::closed);
  CHECK(trade.entry().fee_base == quantity("0.001"));
  must(desk->closed(ticket.id, {ClosedBy::target, "s1", quantity("0.3"), money("33")}));
  must(desk->closed(ticket.id, {ClosedBy::target, "s1", quantity("0.3"), money("33")}));
  CHECK(value_of(desk->open_trades()).front().legs.size() == 1);
  CHECK(!desk->closed(ticket.id, {ClosedBy::stop, "s2", quantity("0.3"), money("27")}));  // more than is left
  must(desk->closed(ticket.id, {ClosedBy::stop, "s2", quantity("0.199"), money("18")}));
  CHECK(value_of(desk->open_trades()).empty());
}

DESK_TEST("a position is over when the bot says so, and an entry that bought nothing is over by itself") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket nothing = ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
  must(desk->filled(nothing.id, {.filled = {}, .value = {}, .final = true}));
  CHECK(value_of(desk->open_trades()).empty());
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  CHECK(!desk->closed(ticket.id, {.by = ClosedBy::signal, .order = {}, .quantity = {}, .value = {}, .all = true}));
  must(desk->filled(ticket.id, {.filled = quantity("0.5"), .value = money("50"), .final = true}));
  must(desk->closed(ticket.id, {ClosedBy::signal, "s1", quantity("0.4999"), money("49"), true}));
  CHECK(value_of(desk->open_trades()).empty());
}

DESK_TEST("tend asks what has no answer, and writes down what it hears") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket found = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  const Ticket absent = ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
  std::vector<ClientOrderId> asked;
  const LookUp look_up = [&](const Order& order) -> LookedUp {
    asked.push_back(order.client_id);
    if (order.client_id == absent.id) return NotThere{};
    return AtVenue{AtVenue::State::filled, {.filled = quantity("0.5"), .value = money("50"), .venue_id = "v1"}};
  };
  const Tended early = value_of(desk->tend(look_up));
  CHECK(asked.size() == 2);
  CHECK(early.answered == 1);
  CHECK(early.lapsed == 0);  // its request may still be on its way
  CHECK(early.in_doubt == 1);
  clock.advance(21s);
  const Tended later = value_of(desk->tend(look_up));
  CHECK(later.asked == 1);
  CHECK(later.lapsed == 1);
  CHECK(later.in_doubt == 0);
  const auto open = value_of(desk->open_trades());
  REQUIRE(open.size() == 1);
  CHECK(open.front().id() == found.id);
  CHECK(open.front().entry().venue_id == "v1");
}

DESK_TEST("that an acknowledged order is not shown proves nothing") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  settle(*desk, ticket, Accepted{"v1", std::nullopt});
  clock.advance(60s);
  CHECK(value_of(desk->tend(says(NotThere{}))).lapsed == 0);
  CHECK(value_of(desk->open_trades()).size() == 1);
}

DESK_TEST("a doubt that lasts is told once, stands as a CRITICAL, and is cleared when it ends") {
  TestType store;
  ManualClock clock{noon};
  MemoryNotifier notifier;
  Desk::Settings some = settings();
  some.notifier = &notifier;
  const auto desk = opened(store.opener(), clock, some);
  clock.advance(1s);
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  clock.advance(60s);
  CHECK(value_of(desk->tend(nobody_knows())).alarms == 0);
  clock.advance(130s);
  const Tended told = value_of(desk->tend(nobody_knows()));
  CHECK(told.alarms == 1);
  CHECK(told.told == 1);
  CHECK(notifier.told().back().type == NoticeType::in_doubt_too_long);
  CHECK(value_of(desk->tend(nobody_knows())).told == 0);
  clock.advance(301s);
  CHECK(value_of(desk->tend(nobody_knows())).told == 1);  // and reminded of
  const Tended ended =
      value_of(desk->tend(says(AtVenue{AtVenue::State::filled, {.filled = quantity("0.5"), .value = money("50")}})));
  CHECK(ended.alarms == 0);
  CHECK(notifier.told().back().type == NoticeType::cleared);
  CHECK(value_of(desk->open_trades()).front().id() == ticket.id);
}

DESK_TEST("a tend is on record as a run is, so whoever watches the store sees that somebody is there") {
  TestType store;
  ManualClock clock{noon};
  const auto desk = opened(store.opener(), clock);
  clock.advance(60s);
  value_of(desk->tend(nobody_knows()));
  const auto account = value_of(store.opener()())->open(bots);
  const AccountState state = value_of(account->journal().open_book(clock.now())).account;
  CHECK(state.last_completed_at == clock.now());
  CHECK(state.previous_run_ended);
}

DESK_TEST("nothing is locked while the bot looks up") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  value_of(desk->tend([&](const Order& order) -> LookedUp {
    ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
    must(desk->settle(order.client_id, Accepted{"v1", std::nullopt}));
    return CannotSay{"busy with other things"};
  }));
  CHECK(value_of(desk->open_trades()).size() == 2);
}

DESK_TEST("one exclusive desk an account, several shared ones") {
  TestType store;
  ManualClock clock{noon};
  auto desk = opened(store.opener(), clock);
  const auto second = Desk::open(store.opener(), bots, settings(), clock);
  REQUIRE(!second);
  CHECK(second.error().fault == Fault::fenced);
  clock.advance(1s);
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  desk.reset();
  const auto one = opened(store.opener(), clock, settings(Sharing::shared));
  const auto two = opened(store.opener(), clock, settings(Sharing::shared));
  ticket_of(one->claim(wish("ETHUSDT", clock.now())));
  CHECK(why(two->claim(wish("ETHUSDT", clock.now()))) == NotClaimed::Why::duplicate);
}

DESK_TEST("a halt from outside holds at the next claim, with the desk's lock held") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const auto operators = value_of(store.opener()())->open(bots);
  must(operators->journal().set_halt("looks wrong", clock.now()));
  const NotClaimed halted = refusal_of(desk->claim(wish("BTCUSDT", clock.now())));
  CHECK(halted.denial == Denial::halted);
  CHECK(halted.text.find("looks wrong") != std::string::npos);
  must(operators->journal().set_halt(std::nullopt, clock.now()));
  ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
}

DESK_TEST("a SELL is claimed once, no guard keeps it back, and it opens no position") {
  Desk::Settings some = settings();
  some.policy.max_open_positions = 2;
  AtWork<TestType> bot{some};
  auto& [store, clock, desk] = bot;
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  Wish sell = wish("BTCUSDT", clock.now());
  sell.side = Side::sell;
  const Ticket ticket = ticket_of(desk->claim(sell));
  CHECK(ticket.side == Side::sell);
  CHECK(why(desk->claim(sell)) == NotClaimed::Why::duplicate);
  const auto operators = value_of(store.opener()())->open(bots);
  must(operators->journal().set_halt("looks wrong", clock.now()));
  sell.symbol = "SOLUSDT";
  ticket_of(desk->claim(sell));
  must(operators->journal().set_halt(std::nullopt, clock.now()));
  ticket_of(desk->claim(wish("ETHUSDT", clock.now())));  // the second position, not the third
}

DESK_TEST("who holds the stop elsewhere is on record, and so is the id that the exchange was given") {
  Desk::Settings some = settings();
  some.policy.client_id_form = ClientIdForm::hex32;
  AtWork<TestType> bot{some};
  auto& [store, clock, desk] = bot;
  Wish held = wish("BTCUSDT", clock.now());
  held.protected_elsewhere = true;
  const Ticket ticket = ticket_of(desk->claim(held));
  CHECK(ticket.wire_id == wire_id(ticket.id, ClientIdForm::hex32));
  const Trade trade = value_of(desk->open_trades()).front();
  CHECK(trade.record.protected_elsewhere);
  CHECK(trade.entry().wire_id == ticket.wire_id);
  const auto account = value_of(store.opener()())->open(bots);
  CHECK(value_of(account->journal().keys_about(ticket.wire_id, 5)).size() == 1);
}

DESK_TEST("what was said before the desk knew its store is not entered") {
  TestType store;
  ManualClock clock{noon};
  const auto desk = opened(store.opener(), clock);
  CHECK(refusal_of(desk->claim(wish("BTCUSDT", noon - 1s))).denial == Denial::before_epoch);
}

DESK_TEST("a clock that is set back loses no fill") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const Ticket ticket = ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
  must(desk->filled(ticket.id, {.filled = quantity("0.1"), .value = money("10")}));
  clock.set(noon - 30s);
  must(desk->filled(ticket.id, {.filled = quantity("0.5"), .value = money("50"), .final = true}));
  CHECK(value_of(desk->open_trades()).front().entry().filled == quantity("0.5"));
}

DESK_TEST("eight threads claim what they like, and each signal is entered once") {
  Desk::Settings some = settings();
  some.patience = 120s;
  AtWork<TestType> bot{some};
  auto& [store, clock, desk] = bot;
  std::mutex mutex;
  std::map<std::string, int> entered;
  std::set<std::string> others;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Wish mine = wish("C" + std::to_string(i) + "USDT", noon + 1s);
        const ClaimAnswer answer = desk->claim(mine);
        const std::lock_guard lock{mutex};
        if (std::holds_alternative<Ticket>(answer))
          entered[mine.symbol] += 1;
        else
          others.insert(std::string{text(std::get<NotClaimed>(answer).why)});
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(entered.size() == 10);  // max_open_positions
  for (const auto& [symbol, times] : entered) CHECK(times == 1);
  CHECK(others == std::set<std::string>{"denied", "duplicate"});
}

DESK_TEST("after a fork every call of the child says so, and the parent's desk goes on") {
  AtWork<TestType> bot;
  auto& [store, clock, desk] = bot;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto said = desk->claim(wish("BTCUSDT", clock.now()));
    const auto* no = std::get_if<NotClaimed>(&said);
    const bool all = no != nullptr && no->why == NotClaimed::Why::forked && !desk->open_trades() &&
                     !desk->tend(nobody_knows()) && !desk->settle("tg1-x", InDoubt{""});
    ::_exit(all ? 42 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 42);
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
}

TEST_CASE("a desk that lost its lock says whose it is, and works again when it is free") {
  InMemory store;
  ManualClock clock{noon};
  Desk::Settings some = settings();
  some.patience = 100ms;
  const auto desk = opened(store.opener(), clock, some);
  clock.advance(1s);
  store.store.lose_lease(bots);
  auto another = opened(store.opener(), clock, some);
  CHECK(why(desk->claim(wish("BTCUSDT", clock.now()))) == NotClaimed::Why::held_elsewhere);
  another.reset();
  ticket_of(desk->claim(wish("BTCUSDT", clock.now())));
}

TEST_CASE("a store that was restored does not enter what was said before") {
  InMemory store;
  ManualClock clock{noon};
  auto desk = opened(store.opener(), clock);
  clock.advance(60s);
  const Instant said = clock.now();
  desk.reset();
  clock.advance(10s);
  store.restored();
  desk = opened(store.opener(), clock);
  CHECK(refusal_of(desk->claim(wish("BTCUSDT", said))).denial == Denial::before_epoch);
  clock.advance(1s);
  ticket_of(desk->claim(wish("ETHUSDT", clock.now())));
}

TEST_CASE("a name that is none opens no desk") {
  InMemory store;
  ManualClock clock{noon};
  CHECK(Desk::open(store.opener(), {"Kraken", "bot7"}, settings(), clock).error().fault == Fault::configuration);
  CHECK(Desk::open(store.opener(), {"kraken", ""}, settings(), clock).error().fault == Fault::configuration);
}

}  // namespace
}  // namespace tradeguard::desk_tests
