// doctor on this machine and in the store: each thing in one sentence, and the exit code of a run.
#include <catch2/catch.hpp>
#include <sstream>

#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

// Its lines about one thing, each with the judgement before it.
std::string lines_about(const Ran& ran, std::string_view what) {
  std::string found;
  std::istringstream in{ran.out};
  for (std::string line; std::getline(in, line);)
    if (line.size() > 8 && line.substr(8).starts_with(what)) found += line + "\n";
  return found;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string cycle_of(const Trading& bot) { return said(json_of(bot.command({"status", "--json"}))["cycle"]); }

void every_run_was(const Trading& bot, const std::string& ago) {
  bot.sql("UPDATE accounts SET started_at = started_at - " + ago + ", completed_at = completed_at - " + ago);
}

}  // namespace

TEST_CASE("doctor counts no cycle, and knows an account that never ran") {
  const Trading bot{any_store()};
  const Ran fresh = bot.command({"doctor"});
  CHECK(fresh.code == 0);
  CHECK(has(lines_about(fresh, "last run"), "none yet"));
  bot.cycle("");
  const std::string before = cycle_of(bot);
  for (int i = 0; i < 2; ++i) {
    const Ran well = bot.command({"doctor"});
    INFO(well.out);
    CHECK(well.code == 0);
    CHECK(has(lines_about(well, "lock"), "a second session is kept out"));
    CHECK(has(lines_about(well, "last run"), "completed"));
  }
  CHECK(cycle_of(bot) == before);
  CHECK(lines_beginning(bot.cycle("").lines(), "RUN_START")
            .front()
            .find(" cycle=" + std::to_string(std::stol(before) + 1) + " ") != std::string::npos);
}

TEST_CASE("doctor names a CRITICAL that stands, a halt and messages that wait, with the exit code of a run") {
  const Trading bot{any_store()};
  bot.cycle("");
  bot.sql(
      "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, order_id, raised_at, told) "
      "VALUES ('paper', 'main', 'ORPHAN', 'tg1-e1-lost', 'ETH', 0, 'no row', 'ETH_USDT', '77', 1735732800000000, 1)");
  bot.sql(
      "INSERT INTO notices (venue, account, sequence, event_id, type, severity, trade, symbol, order_id, facts, "
      "created_at, attempts, state, error) VALUES ('paper', 'main', 1, 'e', 'DUST', 'WARNING', '', '', '', '', 1, 0, "
      "'waiting', '')");
  const Ran ill = bot.command({"doctor"});
  INFO(ill.out);
  CHECK(ill.code == 1);
  const std::string alarm = lines_about(ill, "alarm");
  CHECK(alarm.starts_with("problem"));
  for (const char* word : {"ORPHAN", "ETH_USDT", "tg1-e1-lost", "no row", "2025-01-01T12:00:00"})
    CHECK(has(alarm, word));
  CHECK(has(lines_about(ill, "messages"), "1 wait"));
  CHECK(bot.cycle("").code == 1);
  bot.command({"halt", "--reason", "news"});
  CHECK(has(lines_about(bot.command({"doctor"}), "entries"), "HALTED: news"));
}

TEST_CASE("doctor finds that nobody runs any more: a warning, and a problem while trades are open") {
  const Trading bot{any_store()};
  bot.cycle("");
  every_run_was(bot, "2263000000");
  const Ran idle = bot.command({"doctor"});
  INFO(idle.out);
  CHECK(idle.code == 0);
  CHECK(lines_about(idle, "last run").starts_with("warning"));
  bot.cycle(buy("ETH_USDT", time_text()));
  every_run_was(bot, "2263000000");
  const Ran alone = bot.command({"doctor"});
  INFO(alone.out);
  CHECK(alone.code == 1);
  CHECK(has(lines_about(alone, "last run"), "no run was completed for 22"));
  CHECK(has(lines_about(alone, "last run"), "1 trades are open"));
}

TEST_CASE("doctor finds an amount that every claim would deny") {
  const Trading bot{"sqlite", "[market.ETH_USDT]\nnotional = 500\n[market.BTC_USDT]\nnotional = 100\n"};
  const Ran ill = bot.command({"doctor"});
  INFO(ill.out);
  CHECK(ill.code == 78);
  CHECK(has(lines_about(ill, "ETH_USDT"), "500 USDT is above limits.max_order_notional = 100"));
  CHECK(lines_about(ill, "BTC_USDT").empty());
  CHECK(bot.command({"doctor", "--limits.max_order_notional", "0"}).code == 0);
  const Ran small = bot.command({"doctor", "--market.ETH_USDT.notional", "4"});
  INFO(small.out);
  CHECK(small.code == 78);
  CHECK(has(lines_about(small, "ETH_USDT"), "would be denied: below_min_notional: 4 < 5"));
}

TEST_CASE("doctor asks only for secrets that somebody needs, and says of a missing one that it is missing") {
  const Place place;
  place.run({"init"});
  const Ran paper = place.run({"doctor"});
  INFO(paper.out);
  CHECK(has(paper.out, "none is needed"));
  const Ran live = place.run(
      {"doctor", "--venue.kind", "binance", "--run.live", "true", "--notify.kind", "file", "--notify.file", "told"});
  INFO(live.out);
  CHECK(live.code == 78);
  CHECK(has(live.out, "problem secret         TRADEGUARD_API_KEY is not set -> "));
  CHECK_FALSE(has(live.out, "TELEGRAM"));
  CHECK(has(lines_about(live, "notifier"), "appended to"));
  CHECK(lines_about(live, "exchange").starts_with("warning"));
  const Ran told = place.run({"doctor", "--telegram.chat_id", "42"});
  CHECK(told.code == 78);
  CHECK(has(told.out, "TRADEGUARD_TELEGRAM_TOKEN is not set"));
  CHECK_FALSE(has(told.out, "API_KEY"));
}

TEST_CASE("a database role without rights is named with the GRANT it needs") {
  const Trading bot{"postgres"};
  bot.cycle("");
  const std::string role = "poor_" + bot.url().substr(bot.url().rfind('/') + 1);
  bot.sql("CREATE ROLE " + role + " LOGIN");
  const auto slashes = bot.url().find("//") + 2;
  const auto at = bot.url().find('@');
  const std::string url =
      bot.url().substr(0, slashes) + role + "@" + bot.url().substr(at == std::string::npos ? slashes : at + 1);
  const auto as_role = [&](const std::string& command) { return bot.command({command, "--store.url", url}); };
  const Ran shut_out = as_role("doctor");
  INFO(shut_out.out << shut_out.err);
  CHECK(shut_out.code == 78);
  CHECK(has(lines_about(shut_out, "store"), role + " may not use the schema tradeguard"));
  CHECK(has(lines_about(shut_out, "store"), "GRANT USAGE ON SCHEMA tradeguard"));
  CHECK(has(as_role("status").err, "may not use the schema tradeguard"));
  bot.sql("GRANT USAGE ON SCHEMA tradeguard TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA tradeguard TO " +
          role);
  const Ran reader = as_role("doctor");
  INFO(reader.out << reader.err);
  CHECK(reader.code == 78);
  CHECK(has(lines_about(reader, "rights"), role + " may not read and write the table "));
  bot.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tradeguard TO " + role);
  CHECK(as_role("doctor").code == 0);
  bot.sql("DROP OWNED BY " + role + "; DROP ROLE " + role);
}
