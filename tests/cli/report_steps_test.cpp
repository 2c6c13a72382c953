// Steps 1 to 6 of section G of the original report, and its "Expected Log Flow", as tests by name.
#include <catch2/catch.hpp>

#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

const Environment debug{{"DEBUG_TRADING", "1"}};

std::string existing_kind() { return GENERATE(from_range(store_kinds())); }

}  // namespace

TEST_CASE("the expected log flow of one BUY is a subsequence of a dry run's log") {
  const Trading bot{existing_kind()};
  const std::string now = time_text();
  const Ran ran = bot.cycle(buy("ETH_USDT", now, "3350.5"), {}, debug);
  CHECK(ran.code == 0);
  std::vector<std::string> lines;
  for (const std::string& line : ran.lines()) lines.push_back(normalised(line));
  INFO(ran.err);
  CHECK(is_subsequence(
      {"RUN_START run_id=RUN pid=PID host=HOST cycle=1",
       "[DEBUG_TRADING] RUN_START run_id=RUN pid=PID host=HOST cycle=1",
       "[DEBUG_TRADING] GUARD cooldown_passed symbol=ETH_USDT",
       "[DEBUG_TRADING] GUARD idempotency_passed signal_key=ETH_USDT:BUY:TIME",
       "ORDER_PLACED side=BUY symbol=ETH_USDT order_id=100001",
       "TG_SENT type=ORDER_CREATED symbol=ETH_USDT order_id=100001 side=BUY",
       "ORDER_FILLED side=BUY symbol=ETH_USDT order_id=100001",
       "SLTP_PLACED symbol=ETH_USDT order_id=100001 sl_order_id=100002 tp_order_id=100003",
       "TG_SENT type=SLTP_CREATED symbol=ETH_USDT order_id=100001",
       "[DEBUG_TRADING] RUN_END run_id=RUN pid=PID host=HOST cycle=1", "RUN_END run_id=RUN pid=PID host=HOST cycle=1"},
      lines));
  // The key is the signal's own minute, and the plain RUN_END is the last line of all.
  CHECK(lines_with(ran.lines(), "GUARD idempotency_passed signal_key=" + key_of("ETH_USDT", "BUY", now)).size() == 2);
  CHECK(ran.lines().back().starts_with("RUN_END "));
}

TEST_CASE("report step 1, local dry run: start, guards, order, messages, protection, end") {
  const Trading bot{existing_kind()};
  const Ran ran = bot.cycle(buy("ETH_USDT", time_text()), {}, debug);
  CHECK(ran.code == 0);
  const auto plain = [&](std::string_view beginning) {
    const auto lines = ran.lines();
    return std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.starts_with(beginning); });
  };
  CHECK(plain("RUN_START ") == 1);
  CHECK(plain("RUN_END ") == 1);
  CHECK(plain("GUARD cooldown_passed ") == 1);
  CHECK(plain("GUARD idempotency_passed ") == 1);
  CHECK(plain("ORDER_PLACED ") == 1);
  CHECK(plain("ORDER_FILLED ") == 1);
  CHECK(plain("SLTP_PLACED ") == 1);
  CHECK(plain("TG_SENT type=ORDER_CREATED ") == 1);
  CHECK(plain("TG_SENT type=SLTP_CREATED ") == 1);
  // The dry run's notifier prints.
  CHECK(ran.out.find("ORDER CREATED ETH_USDT BUY") != std::string::npos);
}

TEST_CASE("report step 2, repeat run: the same signal is not a second order") {
  const Trading bot{existing_kind()};
  const std::string now = time_text();
  const std::string signal = buy("ETH_USDT", now);
  CHECK(lines_with(bot.cycle(signal).lines(), "ORDER_PLACED").size() == 1);
  const Ran again = bot.cycle(signal);
  CHECK(again.code == 0);
  CHECK(lines_with(again.lines(), "ORDER_PLACED").empty());
  CHECK(lines_with(again.lines(), "GUARD idempotency_blocked signal_key=" + key_of("ETH_USDT", "BUY", now) +
                                      " existing_order_id=100001")
            .size() == 1);
  CHECK(lines_with(again.lines(),
                   "SLTP_SKIPPED_ALREADY_EXISTS symbol=ETH_USDT order_id=100001 "
                   "existing_orders=[100002,100003]")
            .size() == 1);
  // Once per trade, not once per run.
  CHECK(lines_with(bot.cycle("").lines(), "SLTP_SKIPPED_ALREADY_EXISTS").empty());
}

TEST_CASE("report step 3, cooldown: another order for the same base currency is blocked") {
  const Trading bot{existing_kind()};
  CHECK(lines_with(bot.cycle(buy("ETH_USDT", time_text(-70))).lines(), "ORDER_PLACED").size() == 1);
  for (const char* symbol : {"ETH_USDT", "ETH_USD"}) {
    const Ran next = bot.cycle(buy(symbol, time_text()));
    CHECK(next.code == 0);
    CHECK(lines_with(next.lines(), "ORDER_PLACED").empty());
    const auto blocked = lines_with(next.lines(), std::string{"GUARD cooldown_blocked symbol="} + symbol);
    REQUIRE(blocked.size() == 1);
    const long seconds = std::stol(blocked[0].substr(blocked[0].find("seconds_remaining=") + 18));
    CHECK(seconds >= 1);
    CHECK(seconds <= 300);
    // Both guards always speak.
    CHECK(lines_with(next.lines(), "GUARD idempotency_passed").size() == 1);
  }
}

TEST_CASE("report step 3, after the cooldown: what it denied once is not bought later") {
  const Trading bot{existing_kind()};
  bot.cycle(buy("ETH_USDT", time_text(-70)));
  const std::string now = time_text();
  const std::string denied = buy("ETH_USDT", now);
  CHECK(lines_with(bot.cycle(denied).lines(), "GUARD cooldown_blocked symbol=ETH_USDT").size() == 1);
  // The cooldown is over: the one that is configured now.
  const Ran later = bot.cycle(denied, {"--cooldown.seconds", "0"});
  CHECK(later.code == 0);
  CHECK(lines_with(later.lines(), "ORDER_PLACED").empty());
  CHECK(lines_with(later.lines(), "GUARD cooldown_passed symbol=ETH_USDT").size() == 1);
  CHECK(lines_with(later.lines(), "GUARD idempotency_blocked signal_key=" + key_of("ETH_USDT", "BUY", now) +
                                      " existing_order_id=- decided=cooldown")
            .size() == 1);
}

TEST_CASE("report step 4, duplicate runner: one RUN_START, one RUN_LOCKED") {
  const Trading bot{existing_kind()};
  HeldSignals held{bot.place()};
  Started first = bot.start_cycle(held.path());
  held.wait_for_reader();
  const Ran second = bot.cycle(buy("ETH_USDT", time_text()), {}, debug);
  CHECK(second.code == 75);
  REQUIRE(second.lines().size() == 2);
  CHECK(second.lines()[0] == "RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #2");
  CHECK(normalised(second.lines()[1]).starts_with("[DEBUG_TRADING] RUN_LOCKED run_id=RUN pid=PID host=HOST cycle=2"));
  CHECK(second.out.empty());
  held.close();
  const Ran ended = first.finish();
  CHECK(ended.code == 0);
  CHECK(lines_with(ended.lines(), "RUN_START").size() == 1);
}

TEST_CASE(
    "report step 5, messages: a TG_SENT for every order event, and the grep of the report finds "
    "it") {
  const Trading bot{existing_kind()};
  bot.cycle(buy("ETH_USDT", time_text()), {"--run.log_file", "backend.log"});
  const Ran found = run_program({"grep", "-i", "TG_SENT\\|TG_FAILED", "backend.log"}, bot.folder().path());
  CHECK(found.code == 0);
  CHECK(found.out.find("TG_SENT type=ORDER_CREATED symbol=ETH_USDT order_id=100001 side=BUY") != std::string::npos);
  CHECK(found.out.find("TG_SENT type=ORDER_FILLED symbol=ETH_USDT order_id=100001 side=BUY") != std::string::npos);
  CHECK(found.out.find("TG_SENT type=SLTP_CREATED symbol=ETH_USDT order_id=100001") != std::string::npos);
  CHECK(found.out.find("TG_FAILED") == std::string::npos);
}

TEST_CASE(
    "report step 5, messages: one that fails is a TG_FAILED with error and stack, and is sent by a "
    "later run") {
  const Trading bot{existing_kind(), "[notify]\nkind = file\nfile = messages/told\n"};
  const Environment live_messages{{"DRY_RUN", "0"}};
  const Ran failed = bot.cycle(buy("ETH_USDT", time_text()), {}, live_messages);
  const auto lines =
      lines_with(failed.lines(), "TG_FAILED type=ORDER_CREATED symbol=ETH_USDT order_id=100001 side=BUY");
  INFO(failed.err);
  REQUIRE_FALSE(lines.empty());
  CHECK(lines[0].find(" error=") != std::string::npos);
  CHECK(lines[0].find(" stack=") != std::string::npos);
  CHECK(lines_with(failed.lines(), "SLTP_PLACED").size() == 1);
  std::filesystem::create_directory(bot.folder().file("messages"));
  bot.sql("UPDATE notices SET next_try = 0");
  const Ran later = bot.cycle("", {}, live_messages);
  INFO(later.err);
  CHECK(lines_with(later.lines(), "TG_SENT type=ORDER_CREATED symbol=ETH_USDT order_id=100001 side=BUY").size() == 1);
  CHECK(bot.folder().read("messages/told").find("ORDER CREATED ETH_USDT BUY") != std::string::npos);
}

TEST_CASE("report step 6, protection: SLTP_PLACED after every BUY, and the grep of the report finds it") {
  const Trading bot{existing_kind()};
  const std::string now = time_text();
  bot.cycle(buy("ETH_USDT", now) + buy("BTC_USDT", now, "97250"), {"--run.log_file", "backend.log"});
  const Ran found = run_program({"grep", "-i", "SLTP_PLACED\\|SLTP_SKIPPED", "backend.log"}, bot.folder().path());
  CHECK(found.out.find("SLTP_PLACED symbol=ETH_USDT order_id=") != std::string::npos);
  CHECK(found.out.find("SLTP_PLACED symbol=BTC_USDT order_id=") != std::string::npos);
  CHECK(found.out.find("sl_order_id=-") == std::string::npos);
}

TEST_CASE("the report's grep for duplicate runners and for the guards finds its lines") {
  const Trading bot{existing_kind()};
  const std::string signal = buy("ETH_USDT", time_text());
  bot.cycle(signal, {"--run.log_file", "backend.log"});
  bot.cycle(signal, {"--run.log_file", "backend.log"});
  const auto grep = [&](const char* pattern) {
    return run_program({"grep", "-i", "-c", pattern, "backend.log"}, bot.folder().path()).out;
  };
  CHECK(grep("RUN_LOCKED\\|RUN_START") == "2\n");
  CHECK(grep("GUARD cooldown_blocked\\|GUARD cooldown_passed") == "2\n");
  CHECK(grep("GUARD idempotency_blocked\\|GUARD idempotency_passed") == "2\n");
}
