#include "witness.hpp"

#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <tuple>

namespace tradeguard::processes {

namespace {

std::string orders(const std::string& condition, const std::string& symbol, const std::string& account) {
  return " FROM paper_orders WHERE " + condition + " AND account = '" + account + "'" +
         (symbol.empty() ? "" : " AND symbol = '" + symbol + "'");
}

const std::string open_stops = "side = 'SELL' AND status = 'open' AND type = 'stop_market'";

}  // namespace

double number(const Trading& bot, const std::string& statement) {
  const std::string answer = bot.sql(statement);
  INFO(statement);
  REQUIRE_FALSE(answer.empty());
  return std::stod(answer);
}

int entries(const Trading& bot, const std::string& symbol, const std::string& account) {
  return static_cast<int>(number(bot, "SELECT count(*)" + orders("side = 'BUY'", symbol, account)));
}

void check_entered_once_and_protected(const Trading& bot, const std::string& symbol, const std::string& account) {
  INFO(symbol << " of " << account);
  CHECK(entries(bot, symbol, account) == 1);
  CHECK(number(bot, "SELECT count(*)" + orders(open_stops, symbol, account)) == 1);
  const double received = number(bot, "SELECT coalesce(sum(CAST(filled AS NUMERIC) - CAST(fee_base AS NUMERIC)), -1)" +
                                          orders("side = 'BUY'", symbol, account));
  const double covered =
      number(bot, "SELECT coalesce(sum(CAST(quantity AS NUMERIC)), 0)" + orders(open_stops, symbol, account));
  constexpr double step = 0.00001;
  CHECK(covered == Approx(received).margin(step));
}

std::vector<std::string> everything_in(const Trading& bot) {
  std::istringstream rows{
      bot.url().starts_with("sqlite:")
          ? bot.sql(".dump --data-only")
          : bot.sql("SELECT table_name, query_to_xml('SELECT * FROM tradeguard.' || table_name, true, true, '') "
                    "FROM information_schema.tables WHERE table_schema = 'tradeguard' ORDER BY table_name")};
  std::vector<std::string> lines;
  for (std::string line; std::getline(rows, line);) lines.push_back(line);
  REQUIRE_FALSE(lines.empty());
  return lines;
}

void check_nothing_written_since(const std::vector<std::string>& before, const Trading& bot) {
  const std::vector<std::string> now = everything_in(bot);
  std::string written;
  for (const auto& [sign, some, others] : {std::tuple{"- ", before, now}, std::tuple{"+ ", now, before}})
    for (const std::string& line : some)
      if (std::ranges::count(some, line) != std::ranges::count(others, line)) written += sign + line + "\n";
  CHECK(written == "");
}

void check_cut_off(const Ran& ran) {
  INFO(ran.err);
  CHECK((ran.code == 69 || ran.code == 70));
  for (const char* done : {"ORDER_PLACED", "ORDER_IN_DOUBT", "SLTP_PLACED"})
    CHECK(lines_with(ran.lines(), done).empty());
  REQUIRE_FALSE(ran.lines().empty());
  CHECK(ran.lines().back().starts_with("RUN_END "));
}

void wait_until(const std::string& what, const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!holds()) {
    INFO("waited for: " << what);
    REQUIRE(std::chrono::steady_clock::now() < end);
    ::poll(nullptr, 0, 5);
  }
}

Ran cycle_behind_the_dead(const Trading& bot, const std::string& signals) {
  Ran ran{};
  wait_until("a lock whose holder is dead", [&] {
    ran = bot.cycle(signals);
    return ran.code != 75;
  });
  return ran;
}

bool has_open(const Started& process, const std::string& path) {
  std::error_code gone;
  const std::string folder = "/proc/" + std::to_string(process.pid()) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator{folder, gone})
    if (std::filesystem::read_symlink(entry.path(), gone) == path) return true;
  return false;
}

HeldRun::HeldRun(const Trading& bot, const std::vector<std::string>& more)
    : signals_{bot.place()}, run_{bot.start_cycle(signals_.path(), more)} {
  run_.wait_for("RUN_START ");
  wait_until("the run to come to its signals", [this] { return has_open(run_, signals_.path()); });
}

void HeldRun::pause() {
  run_.send(SIGSTOP);
  paused_ = true;
}

Ran HeldRun::finish() {
  signals_.close();
  if (paused_) run_.send(SIGCONT);
  return run_.finish();
}

}  // namespace tradeguard::processes
