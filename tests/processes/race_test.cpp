// Twelve starts at once on one store, fifty times: what one bot bought twice is bought once.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>

#include "racer.hpp"

namespace tradeguard::processes {
namespace {

constexpr int starts = 12;
constexpr int rounds = 50;
// Nothing but the lock and the signal's key stands between the second run and a second order.
const std::string no_cap_no_cooldown = "[limits]\nmax_open_positions = 0\n[cooldown]\nseconds = 0s\n";

// A race is about who comes first, and not about disks: SQLite's files lie in memory where there is
// room.
class FilesInMemory {
 public:
  FilesInMemory() {
    constexpr const char* in_memory = "/dev/shm";
    if (const char* set = std::getenv("TMPDIR")) before_ = set;
    if (::access(in_memory, W_OK) == 0) ::setenv("TMPDIR", in_memory, 1);
  }
  ~FilesInMemory() { before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"); }
  FilesInMemory(const FilesInMemory&) = delete;
  FilesInMemory& operator=(const FilesInMemory&) = delete;

 private:
  std::optional<std::string> before_;
};

// ---- the binary, and its lock ------------------------------------------------------------------

void start_together(const std::string& kind) {
  const FilesInMemory fast;
  const Trading bot{kind, no_cap_no_cooldown};
  for (int round = 0; round < rounds; ++round) {
    bot.folder().write("signals.jsonl", signal_for("R" + std::to_string(round) + "_USDT"));
    std::vector<Started> runs;
    for (int i = 0; i < starts; ++i) runs.push_back(bot.start_cycle("signals.jsonl"));
    std::size_t entered = 0;
    for (Started& run : runs) {
      const Ran ran = run.finish();
      INFO("round " << round << ", exit code " << ran.code << "\n" << ran.err);
      if (ran.code == 75) {
        CHECK(ran.lines().size() == 1);
        CHECK(ran.err.starts_with("RUN_LOCKED: "));
        continue;
      }
      CHECK(ran.code == 0);
      const auto placed = lines_with(ran.lines(), "ORDER_PLACED ").size();
      CHECK(placed + lines_with(ran.lines(), "GUARD idempotency_blocked ").size() == 1);
      entered += placed;
    }
    CHECK(entered == 1);
  }
  // The book of the exchange has the last word.
  CHECK(bot.sql("SELECT count(*), count(DISTINCT symbol) FROM paper_orders WHERE side = 'BUY'") == "50|50\n");
  CHECK(bot.sql("SELECT count(*), count(DISTINCT symbol) FROM paper_orders WHERE type = 'stop_market' "
                "AND status = 'open'") == "50|50\n");
}

TEST_CASE("twelve starts at once on SQLite, fifty times: one run enters, the others are locked out or find it done") {
  start_together("sqlite");
}

TEST_CASE(
    "twelve starts at once on PostgreSQL, fifty times: one run enters, the others are locked out or find it done") {
  start_together("postgres");
}

// ---- the cycle without its lock ----------------------------------------------------------------

// One entry an account, whoever makes it; one stop under it, whoever places it.
void race_unlocked(const std::string& kind, const std::vector<std::string>& options,
                   const std::function<std::vector<std::string>(int round)>& signals) {
  const FilesInMemory fast;
  const Trading bot{kind};
  StartingLine line{bot, starts, options};
  for (int round = 0; round < rounds; ++round) {
    const std::string account = "r" + std::to_string(round);
    const auto results = line.race(account, signals(round));
    std::string told;
    for (const std::string& result : results) told += result + "; ";
    INFO("round " << round << ": exit code and entries of each: " << told);
    CHECK(std::ranges::count_if(results, [](const auto& result) { return result.ends_with(" 1"); }) == 1);
    // Who looks while another one's stop is on its way says CRITICAL, and is right: exit code 1.
    if (std::ranges::any_of(results, [](const auto& result) { return result[0] != '0' && result[0] != '1'; }))
      FAIL_CHECK(line.complaints());
  }
  CHECK(bot.sql("SELECT count(*), count(DISTINCT account) FROM paper_orders WHERE side = 'BUY'") == "50|50\n");
  CHECK(bot.sql("SELECT count(*), count(DISTINCT account) FROM paper_orders WHERE type = 'stop_market' "
                "AND status = 'open'") == "50|50\n");
  // Whatever they said of each other, nothing is left for the next run to be worried about.
  for (const char* account : {"r0", "r49"}) CHECK(bot.cycle("", {"--venue.account", account}).code == 0);
}

std::vector<std::string> the_same_signal(int) { return {signal_for("ETH_USDT")}; }

std::vector<std::string> one_base_in_many_pairs(int) {
  std::vector<std::string> signals;
  for (const char* quote : {"USDT", "USD", "EUR", "USDC", "BTC", "GBP", "JPY", "CHF", "TRY", "BRL", "DAI", "FDUSD"})
    signals.push_back(signal_for(std::string{"ETH_"} + quote));
  return signals;
}

std::vector<std::string> two_bases(int) { return {signal_for("ETH_USDT"), signal_for("BTC_USDT")}; }

TEST_CASE("no run lock, one signal: one entry, on SQLite") {
  race_unlocked("sqlite", {"--cooldown.seconds", "0s"}, the_same_signal);
}
TEST_CASE("no run lock, one signal: one entry, on PostgreSQL") {
  race_unlocked("postgres", {"--cooldown.seconds", "0s"}, the_same_signal);
}

TEST_CASE("no run lock, one base currency in twelve pairs: one entry inside the cooldown, on SQLite") {
  race_unlocked("sqlite", {}, one_base_in_many_pairs);
}
TEST_CASE("no run lock, one base currency in twelve pairs: one entry inside the cooldown, on PostgreSQL") {
  race_unlocked("postgres", {}, one_base_in_many_pairs);
}

TEST_CASE("no run lock, two bases and room for one position: the cap holds, on SQLite") {
  race_unlocked("sqlite", {"--limits.max_open_positions", "1"}, two_bases);
}
TEST_CASE("no run lock, two bases and room for one position: the cap holds, on PostgreSQL") {
  race_unlocked("postgres", {"--limits.max_open_positions", "1"}, two_bases);
}

}  // namespace
}  // namespace tradeguard::processes
