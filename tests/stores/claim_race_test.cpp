// 200 races for a claim with the run lock off: sessions of their own, in threads and in processes,
// on real stores. One claim per signal, one entry per base inside the cooldown, and no more than
// the cap.
#include <barrier>
#include <thread>

#include "contract.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

constexpr int races = 200;
constexpr std::size_t racers = 4;

struct SqliteStore {
  SqliteStore() { new_sqlite_store(file); }
  std::unique_ptr<SqlSession> open() const { return sqlite_session(file); }
  ScratchFolder folder;
  std::string file = folder.file("store.db");
};
struct PostgresStore {
  PostgresStore() { new_postgres_store(database.url()); }
  std::unique_ptr<SqlSession> open() const { return postgres_session(database.url(), {.server_clock = false}); }
  support::ScratchDatabase database;
};

#define RACE(sentence) TEMPLATE_TEST_CASE(sentence, "[race]", SqliteStore, PostgresStore)

using Claims = std::vector<Judged>;

// All racers claim at the same moment, each in a thread and a session of its own.
template <class Store>
class Track {
 public:
  explicit Track(const Store& store) {
    for (std::size_t i = 0; i < racers; ++i) {
      sessions_.push_back(store.open());
      stores_.push_back(std::make_unique<OverSession>(*sessions_.back()));
    }
  }
  // `signals_of(racer)` is what that one claims, in one batch.
  template <class SignalsOf>
  std::vector<Claims> run(SignalsOf signals_of, Instant now, const EntryPolicy& policy) {
    std::vector<Claims> results(racers);
    std::vector<std::string> complaints(racers);
    std::barrier start{racers};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < racers; ++i)
      threads.emplace_back([&, i] {
        std::vector<EntryRequest> requests;
        for (const Signal& signal : signals_of(i)) requests.push_back(request(signal, now));
        start.arrive_and_wait();
        auto judged = stores_[i]->guard().claim(requests, policy, now);
        complaints[i] = complaint_of(judged);
        if (judged) results[i] = std::move(*judged);
      });
    for (auto& thread : threads) thread.join();
    CHECK(complaints == std::vector<std::string>(racers));
    return results;
  }
  OverSession& any() { return *stores_[0]; }

 private:
  std::vector<std::unique_ptr<SqlSession>> sessions_;
  std::vector<std::unique_ptr<OverSession>> stores_;
};

int tickets(const std::vector<Claims>& results, std::size_t place) {
  int count = 0;
  for (const Claims& claims : results) count += place < claims.size() && is_ticket(claims[place]);
  return count;
}

std::string coin(const char* name, int race, std::size_t racer = 0) {
  return name + std::to_string(race) + "R" + std::to_string(racer);
}

RACE("of those who race for one signal and for one base exactly one gets each") {
  const TestType store;
  Track<TestType> track{store};
  int wrong = 0;
  for (int race = 0; race < races; ++race) {
    const std::array<const char*, racers> quotes{"_USDT", "_USD", "_EUR", "_BTC"};
    const auto results = track.run(
        [&](std::size_t racer) {
          return std::vector{buy(coin("KEY", race) + "_USDT"), buy(coin("BASE", race) + quotes[racer])};
        },
        noon, open_policy());
    wrong += tickets(results, 0) != 1 || tickets(results, 1) != 1;
    for (const Claims& claims : results) {
      // Whoever lost was told by whom, and why.
      if (!is_ticket(claims[0])) CHECK(duplicate_in(claims[0]).first.starts_with("tg1-e1-"));
      if (!is_ticket(claims[1])) CHECK(std::holds_alternative<Cooling>(claims[1].cooldown));
    }
  }
  CHECK(wrong == 0);
  CHECK(book(track.any(), noon).trades.size() == 2 * races);
}

RACE("those who race for the last places under a cap get as many as there are") {
  const TestType store;
  Track<TestType> track{store};
  int wrong = 0;
  for (int race = 0; race < races; ++race) {
    EntryPolicy policy = open_policy();
    policy.max_open_positions = 2 * (race + 1);
    const auto results = track.run(
        [&](std::size_t racer) { return std::vector{buy(coin("CAP", race, racer) + "_USDT")}; }, noon, policy);
    wrong += tickets(results, 0) != 2;
  }
  CHECK(wrong == 0);
  CHECK(book(track.any(), noon).trades.size() == 2 * races);
}

RACE("processes that race for one signal get it once") {
  const TestType store;
  std::vector<std::unique_ptr<support::Fork>> processes;
  for (std::size_t i = 0; i < racers; ++i)
    processes.push_back(std::make_unique<support::Fork>([&](support::Fork::Parent& parent) {
      const auto session = store.open();
      OverSession over{*session};
      for (int race = 0; race < races; ++race) {
        const auto judged =
            over.guard().claim(std::array{request(buy(coin("KEY", race) + "_USDT"), noon)}, open_policy(), noon);
        if (!judged) parent.say(complaint_of(judged));
        parent.say(judged && is_ticket(judged->front()) ? "1" : "0");
      }
    }));
  std::vector<int> winners(races, 0);
  for (const auto& process : processes)
    for (int& of_this_race : winners) of_this_race += std::stoi(process->hear());
  CHECK(winners == std::vector<int>(races, 1));
}

}  // namespace
}  // namespace tradeguard::stores
