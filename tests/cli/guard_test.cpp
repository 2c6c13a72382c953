// A bot in any language behind `guard`, `claim` and `settle`: its order code runs once for a signal.
#include <catch2/catch.hpp>
#include <fstream>

#include "json_read.hpp"
#include "processes.hpp"
#include "stores.hpp"
#include "wiring.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using namespace tradeguard::cli::test;

namespace {

// The other tests are dry runs; of orders that somebody else sends there is none.
Ran really(const Trading& place, std::vector<std::string> arguments) {
  return place.command(std::move(arguments), {{"DRY_RUN", "0"}});
}

std::string any_store() { return GENERATE(from_range(store_kinds())); }

std::vector<std::string> words(const std::string& verb, const std::string& symbol, const std::string& id,
                               const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{verb,   "--account", "kraken/bot7", "--symbol", symbol,    "--side", "BUY",
                               "--id", id,          "--quantity",  "0.5",      "--price", "100"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
// The order code: a shell that may use what it was given.
Ran guarded(const Trading& place, const std::string& symbol, const std::string& id, const std::string& script,
            const std::vector<std::string>& more = {}) {
  auto all = words("guard", symbol, id, more);
  for (const char* word : {"--", "/bin/sh", "-c"}) all.emplace_back(word);
  all.push_back(script);
  return really(place, all);
}
std::string send(const Trading& place) { return "echo $GUARD_CLIENT_ID >>" + place.folder().file("sent") + "; "; }
std::size_t sent(const Trading& place) {
  const std::string all = place.folder().read("sent");
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
}
rapidjson::Document trades(const Trading& place) {
  return json_of(really(place, {"status", "--account", "kraken/bot7", "--json"}));
}

}  // namespace

TEST_CASE("order code runs once for a signal, with the id to send under, and what it says is on record") {
  const Trading place{any_store()};
  const Ran first = guarded(place, "BTCUSDT", "a1",
                            send(place) +
                                "echo \"$GUARD_SYMBOL $GUARD_SIDE $GUARD_QUANTITY\"; "
                                "echo '{\"outcome\":\"accepted\",\"order_id\":\"71\",\"filled\":\"0.5\","
                                "\"value\":\"50\",\"final\":true}' >&3");
  INFO(first.out << first.err);
  CHECK(first.code == 0);
  CHECK(first.out.find("BTC_USDT BUY 0.5\n") != std::string::npos);
  CHECK(first.out.find("accepted 71, tg1-e1-") != std::string::npos);
  const Ran again = guarded(place, "BTCUSDT", "a1", send(place));
  CHECK(again.code == 10);
  CHECK(sent(place) == 1);
  const auto status = trades(place);
  REQUIRE(status["trades"].Size() == 1);
  CHECK(place.folder().read("sent").find("tg1-e1-") == 0);
}

TEST_CASE("refused is 65, unsent is 75 and frees the signal, everything else is doubt and 76") {
  const Trading place{any_store()};
  CHECK(guarded(place, "BTCUSDT", "a1", "exit 65").code == 65);
  CHECK(guarded(place, "BTCUSDT", "a1", send(place)).code == 10);
  CHECK(guarded(place, "ETHUSDT", "a1", "echo unsent >&3; exit 3").code == 75);
  CHECK(guarded(place, "ETHUSDT", "a1", send(place)).code == 0);
  CHECK(sent(place) == 1);
  const auto [name, script] = GENERATE(table<std::string, std::string>({
      {"exit 1", "exit 1"},
      {"a bare 75", "exit 75"},
      {"killed", "kill -9 $$"},
      {"something is left running", "sleep 1000 & exit 0"},
      {"it hangs", "sleep 1000"},
      {"unsent, and something is left running", "sleep 1000 & echo unsent >&3"},
      {"an outcome that is none", "echo '{\"outcome\":\"maybe\"}' >&3"},
      {"two outcomes", "echo '{\"outcome\":\"accepted\"}{\"outcome\":\"refused\"}' >&3"},
      {"rubbish without end", "yes | head -c 1000000 >&3"},
  }));
  INFO(name);
  const Ran doubt = guarded(place, "SOLUSDT", "a1", script, {"--timeout", name == "it hangs" ? "100ms" : "60s"});
  INFO(doubt.out << doubt.err);
  CHECK(doubt.code == 76);
  CHECK(doubt.err.find("tradeguard settle tg1-e1-") != std::string::npos);
  // Never again before somebody says what became of it, and nothing else of its base either.
  CHECK(guarded(place, "SOLUSDT", "a1", send(place)).code == 76);
  const Ran other = guarded(place, "SOLUSDC", "a2", send(place));
  CHECK((other.code == 11 || other.code == 12));
  CHECK(sent(place) == 1);
  const std::string id = said(trades(place)["trades"][1]["trade"]);
  CHECK(really(place, {"settle", id, "--as", "unsent", "--account", "kraken/bot7"}).code == 0);
  CHECK(guarded(place, "SOLUSDT", "a1", send(place)).code == 0);
  CHECK(sent(place) == 2);
}

TEST_CASE("a command that cannot be started has sent nothing") {
  const Trading place{any_store()};
  auto all = words("guard", "BTCUSDT", "a1");
  all.insert(all.end(), {"--", "/nowhere/order.sh"});
  const Ran ran = really(place, all);
  CHECK(ran.code == 75);
  CHECK(guarded(place, "BTCUSDT", "a1", send(place)).code == 0);
}

TEST_CASE("in a dry run no order code runs") {
  const Trading place{"sqlite"};
  auto all = words("guard", "BTCUSDT", "a1");
  all.insert(all.end(), {"--", "/bin/sh", "-c", send(place)});
  const Ran ran = place.command(all, {{"DRY_RUN", "1"}});
  CHECK(ran.code == 78);
  CHECK(ran.err.find("COMMAND was not run") != std::string::npos);
  CHECK(sent(place) == 0);
}

TEST_CASE("cooling is 12, halted is 11, and a SELL passes both") {
  const Trading place{any_store()};
  CHECK(guarded(place, "BTCUSDT", "a1", send(place)).code == 0);
  CHECK(guarded(place, "BTCUSDT", "a2", send(place)).code == 12);
  CHECK(really(place, {"halt", "--account", "kraken/bot7", "--reason", "looks wrong"}).code == 0);
  const Ran halted = guarded(place, "ETHUSDT", "a1", send(place));
  CHECK(halted.code == 11);
  CHECK(halted.out.find("looks wrong") != std::string::npos);
  const Ran sold = really(place, {"guard", "--account", "kraken/bot7", "--symbol", "BTCUSDT", "--side", "SELL", "--id",
                                  "x1", "--quantity", "0.5", "--", "/bin/true"});
  CHECK(sold.code == 0);
}

TEST_CASE("claim and settle are for a bot that sends by itself: filled, closed, and the stop cools its base") {
  const Trading place{any_store()};
  const auto claimed = json_of(really(place, words("claim", "BTCUSDT", "a1", {"--json", "--client-id", "hex32"})));
  CHECK(said(claimed["outcome"]) == "claimed");
  CHECK(said(claimed["client_id"]).size() == 32);
  const std::string id = said(claimed["id"]);
  const auto settle = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"settle", id, "--account", "kraken/bot7"});
    return really(place, more);
  };
  CHECK(settle({"--as", "accepted", "--order", "71", "--quantity", "0.5", "--value", "50"}).code == 0);
  CHECK(settle({"--as", "closed", "--by", "stop", "--order", "72", "--quantity", "0.2", "--value", "18"}).code == 0);
  CHECK(settle({"--as", "closed", "--by", "stop", "--order", "72", "--quantity", "0.2", "--value", "18"}).code == 0);
  CHECK(trades(place)["trades"].Size() == 1);
  CHECK(settle({"--as", "closed", "--by", "stop", "--order", "73", "--quantity", "0.3", "--value", "27"}).code == 0);
  CHECK(trades(place)["trades"].Size() == 0);
  CHECK(settle({"--as", "closed"}).code == 64);  // it is not open any more
  CHECK(really(place, words("claim", "BTCUSDC", "a2")).code == 12);
}

TEST_CASE("what contradicts what is known is refused, and changes nothing") {
  const Trading place{any_store()};
  const Ran odd =
      guarded(place, "BTCUSDT", "a1", "echo '{\"outcome\":\"accepted\",\"filled\":\"-1\",\"value\":\"50\"}' >&3");
  CHECK(odd.code == 0);
  CHECK(odd.err.find("nothing is known to be filled") != std::string::npos);
  const auto settle = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"settle", "BTC_USDT:BUY:id=a1", "--account", "kraken/bot7"});
    return really(place, more).code;
  };
  CHECK(settle({"--as", "refused"}) == 64);
  CHECK(settle({"--as", "unsent"}) == 64);
  CHECK(settle({"--as", "closed", "--order", "9", "--quantity", "0.5", "--value", "40"}) == 64);   // of what?
  CHECK(settle({"--as", "accepted", "--order", "8", "--quantity", "7", "--value", "700"}) == 64);  // more than ordered
  CHECK(settle({"--as", "accepted", "--order", "8", "--quantity", "0.5", "--value", "50"}) == 0);
  CHECK(settle({"--as", "closed", "--order", "9", "--quantity", "0.6", "--value", "60"}) == 64);
  CHECK(settle({"--as", "closed", "--order", "9", "--quantity", "0.5", "--value", "60"}) == 0);
  CHECK(trades(place)["trades"].Size() == 0);
}

TEST_CASE("what is wrong with the words is said, and nothing is claimed") {
  const Trading place{"sqlite"};
  const auto code = [&](std::vector<std::string> all) { return really(place, std::move(all)).code; };
  CHECK(code({"guard", "--symbol", "BTCUSDT", "--side", "BUY", "--id", "a", "--quantity", "1"}) == 64);  // no COMMAND
  CHECK(code(words("claim", "nonsense", "a")) == 64);
  CHECK(code(words("claim", "BTCUSDT", "two words")) == 64);
  CHECK(code(words("claim", "BTCUSDT", "a", {"--price", "cheap"})) == 64);
  CHECK(code(words("claim", "BTCUSDT", "a", {"--client-id", "long"})) == 64);
  CHECK(code({"claim", "--symbol", "BTCUSDT", "--side", "BUY", "--quantity", "1"}) == 64);
  CHECK(code({"settle", "tg1-e1-nobody", "--as", "unsent"}) == 64);
  CHECK(trades(place)["trades"].Size() == 0);
}

TEST_CASE("twenty processes on one signal: its order code runs once") {
  const Trading place{any_store()};
  std::vector<std::unique_ptr<support::Fork>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(std::make_unique<support::Fork>([&](support::Fork::Parent& parent) {
      parent.say(std::to_string(guarded(place, "BTCUSDT", "a1", send(place)).code));
    }));
  int placed = 0;
  for (const auto& one : all) {
    const std::string code = one->hear();
    placed += code == "0" ? 1 : 0;
    CHECK((code == "0" || code == "10" || code == "76"));
  }
  CHECK(placed == 1);
  CHECK(sent(place) == 1);
}
