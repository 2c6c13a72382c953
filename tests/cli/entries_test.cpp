// May I enter? status, resume and the claim say the same, and name what stands in the way.
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void standing(const Trading& bot, const std::string& kind, const std::string& subject, const std::string& freezes,
              bool breaks) {
  bot.sql(
      "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, order_id, raised_at, told) "
      "VALUES ('paper', 'main', '" +
      kind + "', '" + subject + "', '" + freezes + "', " + (breaks ? "1" : "0") +
      ", '', 'ETH_USDT', '77', 1735732800000000, 1)");
}

}  // namespace

TEST_CASE("while a position without a stop denies every entry, status and resume say so and name it") {
  const Trading bot{any_store()};
  bot.cycle("");
  standing(bot, "UNPROTECTED", "tg1-e1-naked", "", true);
  const Ran status = bot.command({"status"});
  INFO(status.out);
  CHECK(has(status.out, "entries    DENIED, protection_failing: "));
  CHECK(has(status.out, "UNPROTECTED ETH_USDT, trade tg1-e1-naked"));
  CHECK_FALSE(has(status.out, "allowed"));
  const auto json = json_of(bot.command({"status", "--json"}));
  CHECK(said(json["entries_allowed"]) == "false");
  CHECK(said(json["entry_bars"][0]["reason"]) == "protection_failing");
  const Ran resumed = bot.command({"resume"});
  INFO(resumed.out);
  CHECK(has(resumed.out, "entries are still denied: protection_failing"));
  CHECK(has(resumed.out, "trade tg1-e1-naked"));
  CHECK_FALSE(has(resumed.out, "taken again"));
  const Ran denied = bot.cycle(buy("BTC_USDT", time_text()));
  INFO(denied.err);
  const auto lines = lines_with(denied.lines(), "ENTRY_DENIED symbol=BTC_USDT");
  REQUIRE(lines.size() == 1);
  CHECK(has(lines[0], " reason=protection_failing"));
  CHECK(has(lines[0], " because=\"UNPROTECTED ETH_USDT, trade tg1-e1-naked\""));
  CHECK(has(bot.command({"why", "BTC_USDT"}).out, "trade tg1-e1-naked"));
}

TEST_CASE("a frozen base is named with what froze it, and resume SYMBOL says when something else is in the way") {
  const Trading bot{any_store()};
  bot.cycle("");
  standing(bot, "ORPHAN", "tg1-e1-lost", "ETH", false);
  const Ran status = bot.command({"status"});
  INFO(status.out);
  CHECK(has(status.out, "entries    allowed\n"));
  CHECK(has(status.out, "denied in ETH, frozen: "));
  CHECK(has(status.out, "ORPHAN ETH_USDT, trade tg1-e1-lost"));
  CHECK(said(json_of(bot.command({"status", "--json"}))["entries_allowed"]) == "true");
  CHECK(has(bot.command({"resume"}).out, "denied in ETH, frozen"));
  bot.command({"halt", "--reason", "news"});
  const Ran thawed = bot.command({"resume", "ETH_USDT"});
  INFO(thawed.out);
  CHECK(has(thawed.out, "ETH is not frozen any more, and entries are still denied: halted: news"));
  CHECK(bot.command({"resume"}).out.ends_with("entries are taken again\n"));
}

TEST_CASE("status counts the caps as a claim does") {
  const Trading bot{any_store(), "[limits]\nmax_open_positions = 1\nmax_entries_per_day = 1\n"};
  CHECK(has(bot.command({"status"}).out, "entries    allowed\n"));
  bot.cycle(buy("ETH_USDT", time_text()));
  const Ran full = bot.command({"status"});
  INFO(full.out);
  CHECK(has(full.out, "DENIED, max_open_positions: \"1 open\""));
  CHECK(has(full.out, "DENIED, max_entries_per_day: \"1 today\""));
  CHECK(lines_with(bot.cycle(buy("BTC_USDT", time_text())).lines(), " reason=max_open_positions").size() == 1);
}
