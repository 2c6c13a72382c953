// The operator's way out, on the real binary: what is said has happened, is on record, and is told.
#include <catch2/catch.hpp>

#include <csignal>

#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

std::string open_trade(const Trading& bot) {
  const auto status = json_of(bot.command({"status", "--json"}));
  REQUIRE(status["trades"].Size() == 1);
  return status["trades"][0]["trade"].GetString();
}

// A trade whose entry got no answer, of a run that was killed while it waited for one.
std::string entry_in_doubt(const Trading& bot) {
  bot.folder().write("faults", "place accepted_dropped\nfind view_truncated times=0\n");
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()));
  Started run = bot.start_cycle("signals.jsonl", {"--paper.faults", "faults"});
  run.wait_for("ORDER_IN_DOUBT");
  run.send(SIGKILL);
  run.finish();
  return open_trade(bot);
}

}  // namespace

TEST_CASE("halt: no further entry, protection goes on, resume: entries again") {
  const Trading bot{any_store()};
  const Ran halted = bot.command({"halt", "--reason", "news at ten"});
  INFO(halted.err);
  CHECK(halted.code == 0);
  CHECK(lines_with(halted.lines(), "HALTED reason=\"news at ten\"").size() == 1);
  CHECK(lines_with(halted.lines(), "TG_SENT type=HALTED symbol=- order_id=-").size() == 1);
  CHECK(halted.out.find("HALTED") != std::string::npos);
  const Ran denied = bot.cycle(buy("ETH_USDT", time_text()));
  CHECK(denied.code == 0);
  CHECK(lines_with(denied.lines(), "ORDER_PLACED").empty());
  CHECK(lines_with(denied.lines(), " reason=halted").size() == 1);
  CHECK(said(json_of(bot.command({"status", "--json"}))["halted"]) == "news at ten");

  const Ran resumed = bot.command({"resume"});
  CHECK(resumed.code == 0);
  CHECK(lines_beginning(resumed.lines(), "RESUMED symbol=-").size() == 1);
  // What was denied stays denied; the next signal is taken.
  const std::string next = buy("ETH_USDT", time_text(), "3350.5", ",\"id\":\"after-the-halt\"");
  CHECK(lines_with(bot.cycle(next).lines(), "ORDER_PLACED").size() == 1);
}

TEST_CASE("halt does not wait for the run it is meant to stop: no claim commits after it returned") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started run = bot.start_cycle(held.path());
  held.wait_for_reader();
  const Ran halted = bot.command({"halt", "--reason", "now", "--wait", "0"});
  INFO(halted.err);
  REQUIRE(halted.code == 0);
  held.write(buy("ETH_USDT", time_text()));
  held.close();
  const Ran ran = run.finish();
  INFO(ran.err);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED").empty());
  CHECK(lines_with(ran.lines(), " reason=halted").size() == 1);
  // Told by that run or by the next.
  const Ran next = bot.cycle("");
  CHECK(lines_with(ran.lines(), "TG_SENT type=HALTED").size() +
            lines_with(next.lines(), "TG_SENT type=HALTED").size() ==
        1);
}

TEST_CASE("flatten: legs are cancelled, what is held is sold, and it is told") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()) + buy("BTC_USDT", time_text()));
  const Ran sold = bot.command({"flatten", "ETH_USDT", "--reason", "enough"});
  INFO(sold.err);
  CHECK(sold.code == 0);
  CHECK(lines_with(sold.lines(), "OPERATOR_ACTION action=flatten reason=enough symbol=ETH_USDT").size() == 1);
  CHECK(lines_with(sold.lines(), "ORDER_FILLED side=SELL symbol=ETH_USDT").size() == 1);
  CHECK(lines_beginning(sold.lines(), "TRADE_CLOSED symbol=ETH_USDT").size() == 1);
  CHECK(json_of(bot.command({"status", "--json"}))["trades"].Size() == 1);
  CHECK(bot.command({"flatten", "ETH_USDT"}).out == "no trade is open in ETH_USDT\n");
  CHECK(lines_beginning(bot.command({"flatten", "--all"}).lines(), "TRADE_CLOSED symbol=BTC_USDT").size() == 1);
}

TEST_CASE("release: the trade is nobody's any more, its orders stay and are listed") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  const std::string trade = open_trade(bot);
  const Ran released = bot.command({"release", trade, "--reason", "mine"});
  INFO(released.err);
  CHECK(released.code == 0);
  CHECK(released.out.find("still at the venue: stop 100002, target 100003") != std::string::npos);
  CHECK(lines_with(released.lines(), "TG_SENT type=OPERATOR_ACTION symbol=ETH_USDT order_id=100001").size() == 1);
  CHECK(json_of(bot.command({"status", "--json"}))["trades"].Size() == 0);
  CHECK(bot.sql("SELECT released, settled FROM trades") == "1|1\n");
  const Ran next = bot.cycle(sell("ETH_USDT", time_text()));
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "ORDER_PLACED").empty());
  CHECK(bot.command({"release", trade}).code == 64);
}

TEST_CASE("release: what the exchange says of the entry afterwards does not take the trade back") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  const std::string trade = open_trade(bot);
  CHECK(bot.command({"release", trade, "--reason", "mine"}).code == 0);
  // As it is at an exchange that shows a fill before its fees: the entry is asked about for a while.
  bot.sql("UPDATE exchange_orders SET fees_known = 0 WHERE leg = 'entry'");
  CHECK(bot.cycle("").code == 0);
  CHECK(bot.sql("SELECT fees_known FROM exchange_orders WHERE leg = 'entry'") == "1\n");
  CHECK(bot.sql("SELECT released, settled FROM trades") == "1|1\n");

  // Nor does his own word about it.
  bot.sql("UPDATE exchange_orders SET fees_known = 0 WHERE leg = 'entry'");
  std::string bought = bot.sql("SELECT filled FROM exchange_orders WHERE leg = 'entry'");
  bought.pop_back();
  const Ran resolved =
      bot.command({"resolve", trade, "--as", "closed", "--filled", bought, "--price", "100", "--reason", "r"});
  INFO(resolved.err);
  CHECK(resolved.code == 0);
  CHECK(bot.sql("SELECT released, settled FROM trades") == "1|1\n");
}

TEST_CASE("resolve: the operator's word about an order in doubt goes the way of the venue's") {
  const Trading bot{any_store()};
  const std::string trade = entry_in_doubt(bot);
  CHECK(bot.command({"resolve", trade, "--as", "perhaps", "--reason", "r"}).code == 64);
  CHECK(bot.command({"resolve", trade, "--as", "closed", "--reason", "r"}).code == 64);
  CHECK(bot.command({"resolve", trade, "--as", "closed", "--filled", "99", "--reason", "r"}).code == 64);
  CHECK(bot.command({"resolve", "tg1-e1-unknown", "--as", "absent", "--reason", "r"}).code == 64);
  const Ran resolved = bot.command({"resolve", trade, "--as", "absent", "--reason", "support says so"});
  INFO(resolved.err);
  CHECK(resolved.code == 0);
  CHECK(lines_with(resolved.lines(), "OPERATOR_ACTION action=resolve reason=\"support says so\" symbol=ETH_USDT")
            .size() == 1);
  CHECK(bot.sql("SELECT state FROM exchange_orders WHERE leg = 'entry'") == "lapsed\n");
}

TEST_CASE("resolve: what was filled is protected by the next run") {
  const Trading bot{any_store()};
  const std::string trade = entry_in_doubt(bot);
  const Ran resolved =
      bot.command({"resolve", trade, "--as", "closed", "--filled", "0.2", "--reason", "seen in the app"});
  INFO(resolved.err);
  CHECK(resolved.code == 0);
  // The seconds without a stop count from the operator's word.
  CHECK(said(json_of(bot.command({"status", "--json"}))["trades"][0]["naked_since"]) != "null");
  const Ran next = bot.cycle("");
  INFO(next.err);
  CHECK(lines_with(next.lines(), "SLTP_PLACED symbol=ETH_USDT").size() == 1);
  CHECK(next.code == 0);
}

TEST_CASE("resume SYMBOL: a frozen market takes entries again, and only when something froze it") {
  const Trading bot{any_store()};
  const Ran nothing = bot.command({"resume", "ETH_USDT"});
  CHECK(nothing.code == 0);
  CHECK(nothing.out == "nothing was frozen in ETH\n");
}

TEST_CASE("resume ends the breaker: its alarm is cleared, and the next run stays well") {
  const Trading bot{any_store()};
  bot.cycle("");
  bot.sql("UPDATE accounts SET breaker = '3 trades flattened today'");
  const Ran tripped = bot.cycle(buy("ETH_USDT", time_text()));
  INFO(tripped.err);
  CHECK(tripped.code == 1);
  CHECK(lines_beginning(tripped.lines(), "BREAKER reason=").size() == 1);
  CHECK(lines_with(tripped.lines(), "ORDER_PLACED").empty());
  const Ran resumed = bot.command({"resume"});
  INFO(resumed.out << resumed.err);
  CHECK(resumed.code == 0);
  CHECK(json_of(bot.command({"status", "--json"}))["alarms"].Empty());
  const Ran well = bot.cycle(buy("BTC_USDT", time_text()));
  INFO(well.err);
  CHECK(well.code == 0);
  CHECK(lines_with(well.lines(), "ORDER_PLACED").size() == 1);
}

TEST_CASE("prune removes what is settled and old, and says how much") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  const Ran pruned = bot.command({"prune", "--keep", "24h", "--json"});
  INFO(pruned.err);
  CHECK(pruned.code == 0);
  CHECK(json_of(pruned)["rows"].IsInt64());
  CHECK(json_of(bot.command({"status", "--json"}))["trades"].Size() == 1);
}

TEST_CASE("init twice changes nothing, and says so") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  const auto again = json_of(bot.command({"init", "--json"}));
  CHECK(said(again["changed"]) == "false");
  CHECK(json_of(bot.command({"status", "--json"}))["trades"].Size() == 1);
}

TEST_CASE("flatten and resume take a market as people write it, and a base for all of its markets") {
  const Trading bot{any_store(), "[market.SOL_USDT]\nnotional = 50\n"};
  bot.cycle(buy("ETH_USDT", time_text()) + buy("BTC_USDT", time_text()) + buy("ADA_USDT", time_text()));
  CHECK(lines_beginning(bot.command({"flatten", "btc/usdt"}).lines(), "TRADE_CLOSED symbol=BTC_USDT").size() == 1);
  CHECK(lines_beginning(bot.command({"flatten", "ETHUSDT"}).lines(), "TRADE_CLOSED symbol=ETH_USDT").size() == 1);
  const Ran base = bot.command({"flatten", "ADA"});
  INFO(base.err);
  CHECK(base.code == 0);
  CHECK(lines_beginning(base.lines(), "TRADE_CLOSED symbol=ADA_USDT").size() == 1);
  CHECK(bot.command({"resume", "SOL"}).out == "nothing was frozen in SOL\n");
}

TEST_CASE("a market this account never had to do with is a typing error, and no market that was sold") {
  const Trading bot{any_store(), "[market.SOL_USDT]\nnotional = 50\n"};
  bot.cycle(buy("ETH_USDT", time_text()));
  for (const char* wrong : {"NOPE_USDT", "NOPE", "ETH_USDT_", "usdt"}) {
    INFO(wrong);
    CHECK(bot.command({"flatten", wrong}).code == 64);
    CHECK(bot.command({"resume", wrong}).code == 64);
  }
  const Ran configured = bot.command({"flatten", "SOL_USDT"});
  CHECK(configured.code == 0);
  CHECK(configured.out == "no trade is open in SOL_USDT\n");
  CHECK(json_of(bot.command({"status", "--json"}))["trades"].Size() == 1);
}

TEST_CASE("flatten --withdraw takes back what flatten wished, and the trade is kept and protected") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  bot.sql(
      "UPDATE trades SET exit_reason = 'operator', exit_until = 9000000000000000, version = version + 1 "
      "WHERE settled = 0");
  CHECK(said(json_of(bot.command({"status", "--json"}))["trades"][0]["exit_reason"]) == "operator");
  CHECK(bot.command({"flatten", "--withdraw"}).code == 64);
  CHECK(bot.command({"flatten", "BTC_USDT", "--withdraw"}).code == 64);
  const Ran back = bot.command({"flatten", "ETH", "--withdraw", "--reason", "too soon"});
  INFO(back.err);
  CHECK(back.code == 0);
  CHECK(back.out.find("1 trade of ETH will no longer be sold") != std::string::npos);
  CHECK(lines_with(back.lines(), "OPERATOR_ACTION action=withdraw reason=\"too soon\" symbol=ETH").size() == 1);
  CHECK(said(json_of(bot.command({"status", "--json"}))["trades"][0]["exit_reason"]).empty());
  const Ran next = bot.cycle("");
  INFO(next.err);
  CHECK(lines_with(next.lines(), "TRADE_CLOSED").empty());
  CHECK(bot.command({"flatten", "--all", "--withdraw"}).out.find("there is no request to sell") != std::string::npos);
}

TEST_CASE("flatten leaves the wish of a SELL what it was, so that withdrawing takes back the operator's alone") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  bot.sql(
      "UPDATE trades SET exit_reason = 'signal', exit_until = 9000000000000000, version = version + 1 "
      "WHERE settled = 0");
  CHECK(bot.command({"flatten", "--all", "--withdraw"}).out.find("there is no request to sell") != std::string::npos);
  CHECK(said(json_of(bot.command({"status", "--json"}))["trades"][0]["exit_reason"]) == "signal");
}

TEST_CASE("flatten takes back the BUYs that spoke before it, also where nothing is open yet") {
  const Trading bot{any_store(), "[market.SOL_USDT]\nnotional = 50\n"};
  const std::vector<std::string> what = GENERATE(std::vector<std::string>{"SOL_USDT"}, std::vector<std::string>{"SOL"},
                                                 std::vector<std::string>{"--all"});
  const std::string before = time_text(-30);
  std::vector<std::string> flatten{"flatten"};
  flatten.insert(flatten.end(), what.begin(), what.end());
  const Ran flattened = bot.command(flatten);
  INFO(flattened.err);
  CHECK(flattened.code == 0);
  const Ran older = bot.cycle(buy("SOL_USDT", before));
  INFO(older.err);
  CHECK(lines_with(older.lines(), "ORDER_PLACED").empty());
  CHECK(lines_with(older.lines(), "reason=superseded").size() == 1);
  const Ran newer = bot.cycle(buy("SOL_USDT", time_text(2), "3350.5", ",\"id\":\"newer\""));
  INFO(newer.err);
  CHECK(lines_with(newer.lines(), "ORDER_PLACED side=BUY symbol=SOL_USDT").size() == 1);
}
