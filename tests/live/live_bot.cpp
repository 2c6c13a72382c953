#include "live_bot.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

namespace tradeguard::live {

namespace {

std::string usual_ini(const Kinds& kinds, const FakeVenueProcess& venue, std::string_view more, bool live) {
  const std::string base = kinds.venue == "cryptocom" ? venue.cryptocom_url() : venue.url();
  std::string ini = std::string{"[run]\nlive = "} + (live ? "true" : "false") + "\n[venue]\nkind = " + kinds.venue +
                    "\nbase_url = " + base + "\nca_file = " + venue.ca_file() +
                    "\npace = off\n[telegram]\nchat_id = " + std::string{FakeVenueProcess::chat_id} +
                    "\nbase_url = " + venue.url() + "\nca_file = " + venue.ca_file() + "\npace = 0\n";
  ini += more;
  for (const char* symbol : {"ETH_USDT", "ETH_USD", "BTC_USDT", "SOL_USDT"})
    ini += std::string{"[market."} + symbol + "]\nnotional = 50\n";
  return ini;
}

}  // namespace

Kinds any_kind() {
  const std::string venue = GENERATE(as<std::string>{}, "cryptocom", "binance");
  const std::string store = GENERATE(as<std::string>{}, "sqlite", "postgres");
  UNSCOPED_INFO(venue << " on " << store);
  return {venue, store};
}

LiveBot::LiveBot(const Kinds& kinds, std::string_view ini, bool live)
    : kinds_{kinds},
      trading{kinds.store, usual_ini(kinds, venue, ini, live)},
      environment_{{"DRY_RUN", "0"},
                   {"TRADEGUARD_API_KEY", std::string{FakeVenueProcess::api_key}},
                   {"TRADEGUARD_API_SECRET", std::string{FakeVenueProcess::api_secret}},
                   {"TRADEGUARD_TELEGRAM_TOKEN", std::string{FakeVenueProcess::bot_token}}} {
  for (const char* exchange : {"cryptocom", "binance"})
    venue.post("/balance", {{"currency", "USD"}, {"amount", "10000"}, {"exchange", exchange}});
  if (!live) return;
  const Ran first = cycle();
  INFO(first.err);
  REQUIRE(first.code == 0);
}

std::string LiveBot::endpoint(At at) const {
  switch (at) {
    case At::entry:
      return cryptocom() ? "private/create-order" : "POST /api/v3/order";
    case At::pair:
      return cryptocom() ? "private/advanced/create-oco" : "POST /api/v3/orderList/oco";
    case At::stop:
      return cryptocom() ? "private/advanced/create-order" : "POST /api/v3/order";
    case At::look:
      return cryptocom() ? "private/get-order-detail" : "GET /api/v3/order";
    case At::balances:
      return cryptocom() ? "private/user-balance" : "GET /api/v3/account";
  }
  return "";
}

void LiveBot::set(std::string name, std::string value) {
  std::erase_if(environment_, [&](const auto& variable) { return variable.first == name; });
  environment_.emplace_back(std::move(name), std::move(value));
}

Ran LiveBot::cycle(std::string_view signals, const std::vector<std::string>& more) const {
  return trading.cycle(signals, more, environment_);
}

Started LiveBot::start_cycle(std::string_view signals) const {
  trading.folder().write("signals.jsonl", signals);
  return trading.place().start({"run", "--config", "bot.ini", "--signals", "signals.jsonl", "--log-format", "bare"},
                               environment_);
}

Ran LiveBot::command(std::vector<std::string> arguments) const {
  return trading.command(std::move(arguments), environment_);
}

// The venue is another process: waiting for it takes real time.
void LiveBot::wait_for_request(At at, std::int64_t how_many) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (requests(at) < how_many && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  INFO("waited for a request of " << endpoint(at));
  REQUIRE(requests(at) >= how_many);
}

std::int64_t LiveBot::requests(At at) { return requests(endpoint(at)); }

std::int64_t LiveBot::requests(std::string_view endpoint) {
  const std::string seen = venue.stats().at("requests").text_of(std::string{endpoint});
  return seen.empty() ? 0 : std::stoll(seen);
}

std::int64_t LiveBot::all_requests() {
  std::int64_t all = 0;
  const Json stats = venue.stats();
  for (const auto& [name, count] : stats.at("requests").members) all += std::stoll(count.scalar);
  return all;
}

std::vector<Json> LiveBot::orders() { return venue.get("/orders?exchange=" + kinds_.venue).items; }

std::vector<Json> LiveBot::entries() {
  auto all = orders();
  std::erase_if(all, [](const Json& order) { return order.text_of("side") != "buy"; });
  return all;
}

std::vector<Json> LiveBot::open_stops() {
  auto all = orders();
  std::erase_if(all, [](const Json& order) {
    return order.text_of("side") != "sell" || order.text_of("status") != "open" ||
           !order.text_of("kind").starts_with("stop");
  });
  return all;
}

std::vector<Json> LiveBot::open_targets() {
  auto all = orders();
  std::erase_if(all, [](const Json& order) {
    return order.text_of("side") != "sell" || order.text_of("status") != "open" ||
           order.text_of("kind").starts_with("stop");
  });
  return all;
}

bool LiveBot::covered() {
  std::map<std::string, Decimal> naked;
  const auto add = [](Decimal& sum, const Json& order, const char* what, bool plus) {
    const Decimal amount = *Decimal::parse(order.text_of(what));
    sum = plus ? sum + amount : sum - amount;
  };
  for (const Json& order : orders())
    add(naked[order.text_of("symbol")], order, "filled", order.text_of("side") == "buy");
  for (const Json& stop : open_stops()) add(naked[stop.text_of("symbol")], stop, "quantity", false);
  // The entry's fee may have been taken from the coins, and the stop is floored to a step.
  return std::ranges::all_of(
      naked, [](const auto& one) { return one.second <= *Decimal::parse("0.002") && !one.second.is_negative(); });
}

std::string LiveBot::store_text() const {
  if (kinds_.store == "sqlite") return trading.folder().read("bot.db") + trading.folder().read("bot.db-wal");
  const Ran dump = cli::test::run_program({"pg_dump", trading.url()}, trading.folder().path());
  INFO(dump.err);
  REQUIRE(dump.code == 0);
  return dump.out;
}

std::string buy_eth() { return buy_of("ETH_USDT", "3000"); }

// A moment ahead: what is older than the store is not entered.
std::string buy_of(std::string_view symbol, std::string_view price) {
  return cli::test::buy(symbol, cli::test::time_text(2), price);
}

bool mentions(const Ran& ran, std::string_view text) { return !cli::test::lines_with(ran.lines(), text).empty(); }

std::size_t count_of(const std::vector<std::string>& texts, std::string_view part) {
  return static_cast<std::size_t>(
      std::ranges::count_if(texts, [&](const std::string& text) { return text.find(part) != std::string::npos; }));
}

}  // namespace tradeguard::live
