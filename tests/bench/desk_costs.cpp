// What a claim and its settlement cost a linked bot, alone and with others beside it.
//
//   desk_costs FOLDER CLAIMS     FOLDER is for SQLite's file. PostgreSQL is that of scripts/with-postgres.
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

#include "figures.hpp"
#include "scratch_database.hpp"
#include "tradeguard/desk.hpp"
#include "tradeguard/postgres_store.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sqlite_store.hpp"

namespace tradeguard::bench {
namespace {

using Stopwatch = std::chrono::steady_clock;
double ms_since(Stopwatch::time_point began) {
  return std::chrono::duration<double, std::milli>(Stopwatch::now() - began).count();
}
double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

template <class T>
T must(Result<T> done) {
  if (!done) throw std::runtime_error{in_words(done.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*done);
}

std::unique_ptr<Desk> opened(const OpenStore& store, Clock& clock, Desk::Sharing sharing) {
  Desk::Settings settings;
  settings.policy.max_open_positions = 0;
  settings.policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  settings.sharing = sharing;
  settings.patience = 60s;
  return must(Desk::open(store, {"kraken", "bench"}, settings, clock));
}

std::atomic<int> next_symbol{0};
struct Times {
  std::vector<double> claim;
  std::vector<double> both;
};
void trade(Desk& desk, Clock& clock, int claims, Times& times) {
  for (int i = 0; i < claims; ++i) {
    const std::string symbol = "S" + std::to_string(++next_symbol) + "USDT";
    const auto began = Stopwatch::now();
    const ClaimAnswer answer = desk.claim(
        {.symbol = symbol, .said = clock.now(), .quantity = Quantity{Decimal{1}}, .price = Price{Decimal{9}}});
    times.claim.push_back(ms_since(began));
    const auto* ticket = std::get_if<Ticket>(&answer);
    if (ticket == nullptr) throw std::runtime_error{std::get<NotClaimed>(answer).text};
    must(desk.settle(ticket->id, Refused{"1", "measured"}));
    times.both.push_back(ms_since(began));
  }
}

void print(const std::string& name, double value, double most) {
  std::printf("  %-52s %9.2f ms", name.c_str(), value);
  if (most > 0) std::printf("   limit %g  %s", most, judged(value, most));
  std::printf("\n");
}

// Threads over one desk, or each with a desk, hence a session, of its own.
Times crowd(const OpenStore& store, Clock& clock, int threads, int claims, bool one_desk) {
  std::vector<std::unique_ptr<Desk>> desks;
  for (int i = 0; i < (one_desk ? 1 : threads); ++i) desks.push_back(opened(store, clock, Desk::Sharing::shared));
  std::vector<Times> each(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < each.size(); ++i)
    running.emplace_back([&, i] { trade(*desks[one_desk ? 0 : i], clock, claims, each[i]); });
  for (std::thread& thread : running) thread.join();
  Times all;
  for (const Times& times : each) {
    all.claim.insert(all.claim.end(), times.claim.begin(), times.claim.end());
    all.both.insert(all.both.end(), times.both.begin(), times.both.end());
  }
  return all;
}

long resident_kib() {
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;)
    if (word == "VmRSS:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

void measure(const std::string& name, const OpenStore& store, int claims, bool has_limits) {
  SystemClock clock;
  const long before = resident_kib();
  {
    const auto desk = opened(store, clock, Desk::Sharing::exclusive);
    Times warm;
    trade(*desk, clock, 5, warm);
    Times alone;
    trade(*desk, clock, claims, alone);
    print(name + ": claim and settle, median", percentile(alone.both, 0.5), has_limits ? 10 : 0);
    print(name + ": claim and settle, p99", percentile(alone.both, 0.99), has_limits ? 30 : 0);
    std::printf("  %-52s %9ld KiB%s\n", (name + ": memory of a desk that has worked").c_str(), resident_kib() - before,
                has_limits ? (resident_kib() - before <= 2048 ? "  limit 2048  ok" : "  limit 2048  OVER") : "");
  }
  const Times shared = crowd(store, clock, 8, claims / 4, true);
  print(name + ": 8 threads at one desk, a claim's median", percentile(shared.claim, 0.5), 0);
  print(name + ": 8 threads at one desk, slowest claim", percentile(shared.claim, 1), has_limits ? 300 : 0);
  const Times apart = crowd(store, clock, 8, claims / 4, false);
  print(name + ": 8 desks of one account, a claim's median", percentile(apart.claim, 0.5), 0);
  print(name + ": 8 desks of one account, slowest claim", percentile(apart.claim, 1), has_limits ? 300 : 0);
}

int run(const std::string& folder, int claims) {
  const std::string file = folder + "/desk.db";
  must(init_schema(*must(SqliteSession::open(file, {.mode = SqliteOptions::Mode::create}))));
  measure("SQLite", at_sqlite(file), claims, true);
  const support::ScratchDatabase database;
  must(init_schema(*must(PostgresSession::open(database.url(), {.mode = PostgresOptions::Mode::create}))));
  measure("PostgreSQL", at_postgres(database.url()), claims, false);
  return 0;
}

}  // namespace
}  // namespace tradeguard::bench

int main(int count, char** words) {
  try {
    if (count != 3) throw std::invalid_argument{"desk_costs FOLDER CLAIMS"};
    return tradeguard::bench::run(words[1], std::stoi(words[2]));
  } catch (const std::exception& error) {
    std::cerr << "desk_costs: " << error.what() << '\n';
    return 1;
  }
}
