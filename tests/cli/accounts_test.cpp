// Accounts by name: what a bot of another kind, or of another configuration, has in the same store can be seen and
// stopped by whoever has that store.
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "stores.hpp"
#include "wiring.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using namespace tradeguard::cli::test;

namespace {

const AccountKey linked{"kraken", "bot7"};

std::string any_store() { return GENERATE(from_range(store_kinds())); }

// A bot that links the library, and trades where this program has no adapter.
class LinkedBot {
 public:
  explicit LinkedBot(const Trading& place) {
    Settings settings;
    settings.store_url = place.url();
    if (settings.store_url.starts_with("sqlite:") && settings.store_url[7] != '/')
      settings.store_url = "sqlite:" + place.folder().path() + "/" + settings.store_url.substr(7);
    auto opened = open_store(settings, linked);
    REQUIRE(opened);
    store_ = std::move(*opened);
  }
  // The outcome of a claim in the words of a denial; "ticket" if there is none.
  std::string claim(const std::string& market) {
    const Instant now = SystemClock{}.now();
    Signal signal{.symbol = *Symbol::parse(market), .side = Side::buy, .time = now};
    Order order = entry_order(signal, now);
    const EntryRequest request{std::move(signal), std::move(order), Money{Decimal{50}}};
    const auto judged = store_->account->guard().claim({&request, 1}, EntryPolicy{}, now);
    REQUIRE(judged);
    if (const auto* denied = std::get_if<Denied>(&judged->front().outcome)) return denied->reason.str();
    REQUIRE(std::holds_alternative<EntryTicket>(judged->front().outcome));
    return "ticket";
  }

 private:
  static Order entry_order(const Signal& signal, Instant now) {
    Order order{.symbol = signal.symbol};
    order.signal_key = signal_key(signal);
    order.side = Side::buy;
    order.quantity = *Quantity::parse("0.5");
    order.price = *Price::parse("100");
    order.claimed_at = order.stamp = now;
    order.valid_until = now + 60s;
    return order;
  }
  std::unique_ptr<cli::Store> store_;
};

}  // namespace

TEST_CASE("an account of a linked bot is seen, halted and resumed by its name, though no venue is called so here") {
  const Trading place{any_store()};
  LinkedBot bot{place};
  CHECK(bot.claim("ETH_USDT") == "ticket");

  const auto status = json_of(place.command({"status", "--account", "kraken/bot7", "--json"}));
  CHECK(said(status["venue"]) == "kraken");
  CHECK(said(status["account"]) == "bot7");
  REQUIRE(status["trades"].Size() == 1);
  CHECK(place.command({"trades", "--account", "kraken/bot7"}).out.find("ETH_USDT") != std::string::npos);
  CHECK(place.command({"why", "--account", "kraken/bot7", "ETH_USDT"}).out.find("ETH_USDT:BUY:") != std::string::npos);

  const Ran halted = place.command({"halt", "--account", "kraken/bot7", "--reason", "looks wrong"});
  CHECK(halted.code == 0);
  // It says whom it halted, and how that is taken back; so does the message.
  CHECK(halted.out.find("kraken/bot7: halted: no further entry until `tradeguard resume --account kraken/bot7`") !=
        std::string::npos);
  CHECK(halted.out.find("where: kraken/bot7, live, host ") != std::string::npos);
  CHECK(bot.claim("BTC_USDT") == "halted");
  // The configured account goes on.
  CHECK(lines_with(place.cycle(buy("ETH_USDT", time_text())).lines(), "ORDER_PLACED").size() == 1);
  CHECK(said(json_of(place.command({"resume", "--account", "kraken/bot7", "--json"}))["account"]) == "kraken/bot7");
  CHECK(bot.claim("SOL_USDT") == "ticket");

  const std::string trade = status["trades"][0]["trade"].GetString();
  CHECK(place.command({"release", "--account", "kraken/bot7", trade}).code == 0);
  CHECK(json_of(place.command({"status", "--account", "kraken/bot7", "--json"}))["trades"].Size() == 1);
}

TEST_CASE("halting an account that the store does not have, while it has others, is an error that names them") {
  const Trading place{any_store()};
  LinkedBot bot{place};
  CHECK(bot.claim("ETH_USDT") == "ticket");
  // The configuration names paper/main, which has never run: whoever halts means the bot that trades.
  for (const auto& arguments : {std::vector<std::string>{"halt", "--reason", "looks wrong"},
                                std::vector<std::string>{"halt", "--account", "kraken/bot8", "--reason", "looks wrong"},
                                std::vector<std::string>{"resume"}}) {
    const Ran ran = place.command(arguments);
    CHECK(ran.code == 78);
    CHECK(ran.err.find("it has kraken/bot7: name the one you mean with --account VENUE/NAME") != std::string::npos);
  }
  CHECK(bot.claim("BTC_USDT") == "ticket");
  // Nothing was made of the wrong name.
  CHECK(place.command({"status", "--account", "kraken/bot8"}).code == 78);
  CHECK(place.command({"status"}).code == 0);
}

TEST_CASE("a store that nobody has used yet can be halted before the first run") {
  const Trading place{any_store()};
  CHECK(place.command({"halt", "--reason", "not yet"}).code == 0);
  CHECK(lines_with(place.cycle(buy("ETH_USDT", time_text())).lines(), " reason=halted").size() == 1);
}

TEST_CASE("an account is named by venue and name, and anything else is wrong usage") {
  const Trading place{"sqlite"};
  for (const char* word : {"kraken", "kraken/", "/bot7", "kraken/bot7/x", "Kraken/bot7", "kraken/bot 7", ""}) {
    INFO(word);
    const Ran ran = place.command({"status", "--account", word});
    CHECK(ran.code == 64);
    CHECK(ran.err.find("--account is a venue and a name, like binance/main") != std::string::npos);
  }
  CHECK(place.command({"run", "--signals", "-", "--account", "kraken/bot7"}).code == 64);
}
