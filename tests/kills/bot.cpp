#include "bot.hpp"

#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "processes.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::kills {

namespace {

using Fake = fake::FakeVenueProcess;

const std::string database_file = "bot.db";
const std::string template_file = "template.db";

Environment environment_of_a_bot(const Fake& venue) {
  return {{"TRADEGUARD_API_KEY", std::string{Fake::api_key}},
          {"TRADEGUARD_API_SECRET", std::string{Fake::api_secret}},
          {"TRADEGUARD_TELEGRAM_TOKEN", std::string{Fake::bot_token}},
          {"SSL_CERT_FILE", venue.ca_file()},
          {"SSL_CERT_DIR", "/nonexistent"},
          {"PATH", "/usr/bin:/bin"}};
}

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void remove_beside(const std::string& file) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(file + suffix);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

Decimal amount(const fake::Json& json, std::string_view name) {
  const auto value = Decimal::parse(json.text_of(name));
  INFO(name);
  REQUIRE(value);
  return *value;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

// Within a quarter of a second, which is several times what a run takes.
bool ends_soon(const Started& run) {
  constexpr int tries = 50;
  constexpr int pause_in_ms = 5;
  for (int i = 0; i < tries; ++i) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(run.pid()), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid == run.pid()) return true;
    ::poll(nullptr, 0, pause_in_ms);
  }
  return false;
}

}  // namespace

Bot::Bot(Fake& venue, Kind kind, Ports ports)
    : venue_{venue}, kind_{std::move(kind)}, environment_{environment_of_a_bot(venue)}, place_{environment_} {
  std::string url = "sqlite:" + database_file;
  if (kind_.store == "postgres") {
    database_ = std::make_unique<support::ScratchDatabase>();
    store_url_ = database_->url();
    url = ports.store == 0
              ? store_url_
              : support::test_server({.database = database_->name(), .user = support::store_role, .port = ports.store});
  }
  const std::string origin = "https://127.0.0.1:" + std::to_string(ports.venue == 0 ? venue.port() : ports.venue);
  const bool is_cryptocom = kind_.venue == "cryptocom";
  // No cooldown: it would hide what is bought twice. The exchange's clock may be ahead by minutes,
  // because nobody waits here until an order that is in doubt is too old to be taken.
  folder().write("bot.ini", "[store]\nurl = " + url + "\n[run]\nlive = true\ndeadline = 25s\nhard_deadline = 25s\n" +
                                "[venue]\nkind = " + kind_.venue + "\nbase_url = " + origin +
                                (is_cryptocom ? "/exchange/v1" : "") + "\nca_file = " + venue.ca_file() +
                                "\npace = off\n[cooldown]\nseconds = 0s\nafter_stop = 0s\n" +
                                "[clock]\nmax_offset = 60s\n[telegram]\nchat_id = " + std::string{Fake::chat_id} +
                                "\nbase_url = " + venue.url() + "\nca_file = " + venue.ca_file() + "\npace = 0s\n" +
                                // Where a venue lists the past by market, these are looked through.
                                "[market.ETH_USDT]\nnotional = 50\n[market.BTC_USDT]\nnotional = 50\n");
  folder().write("signals.jsonl", "");
  const Ran made = place_.run({"init", "--config", "bot.ini", "--log-format", "bare"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  const Ran quiet = cycle("");
  INFO(quiet.err);
  REQUIRE(quiet.code == 0);
  if (!database_) std::filesystem::copy_file(folder().file(database_file), folder().file(template_file));
}

void Bot::begin_anew() {
  venue_.real_clock();
  venue_.set_clock_offset(Micros{0});
  venue_.reset();
  if (!database_) {
    remove_beside(folder().file(database_file));
    std::filesystem::copy_file(folder().file(template_file), folder().file(database_file));
    return;
  }
  // A database takes a quarter of a second to make; another account is as new, and has the lock of
  // no dead run.
  account_ = "a" + std::to_string(++accounts_);
  support::PlainConnection server{store_url_};
  server.ask("SET search_path = tradeguard");
  server.ask("CREATE TEMP TABLE fresh AS SELECT * FROM accounts WHERE account = 'main'");
  server.ask("UPDATE fresh SET account = '" + account_ + "', lock_id = NULL");
  server.ask("INSERT INTO accounts SELECT * FROM fresh");
}

void Bot::move_to(const std::string& url) {
  store_url_ = url;
  moved_to_ = url;
}

std::vector<std::string> Bot::command_line(const std::string& signals, const std::vector<std::string>& more) const {
  // A run that was started before may still read it.
  if (folder().read("signals.jsonl") != signals) folder().write("signals.jsonl", signals);
  std::vector<std::string> arguments{"run",          "--config", "bot.ini",         "--signals", "signals.jsonl",
                                     "--log-format", "bare",     "--venue.account", account_};
  if (!moved_to_.empty()) arguments.insert(arguments.end(), {"--store.url", moved_to_});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Ran Bot::cycle(const std::string& signals, const std::vector<std::string>& more) const {
  return place_.run(command_line(signals, more));
}

void Bot::wait_until_unlocked() const {
  if (!database_) return;
  support::PlainConnection server{store_url_};
  constexpr int tries = 5000;
  for (int i = 0; i < tries; ++i)
    if (server.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                   "(SELECT oid FROM pg_database WHERE datname = current_database())") == "0")
      return;
  FAIL("the lock of a dead run is still held");
}

Started Bot::start(const std::string& signals, const std::vector<std::string>& more) const {
  return place_.start(command_line(signals, more));
}

Bot::Followed Bot::follow(const std::string& signals, const At& at, const std::vector<std::string>& more) const {
  Start start;
  start.command = command_line(signals, more);
  start.command.insert(start.command.begin(), TRADEGUARD_BINARY);
  start.environment = environment_;
  start.folder = folder().path();
  start.errors = folder().file(".followed" + std::to_string(++streams_) + ".err");
  Followed followed;
  followed.traced = trace(start, at);
  followed.ran = {followed.traced.code, "", content(start.errors)};
  return followed;
}

std::string Bot::sql(const std::string& statement) const {
  if (database_) {
    support::PlainConnection server{store_url_};
    server.ask("SET search_path = tradeguard");
    return server.ask(statement);
  }
  sqlite3* opened = nullptr;
  const int failed = ::sqlite3_open(folder().file(database_file).c_str(), &opened);
  const std::unique_ptr<sqlite3, decltype(&::sqlite3_close)> database{opened, &::sqlite3_close};
  REQUIRE(failed == SQLITE_OK);
  std::string cell;
  const auto take = [](void* to, int columns, char** cells, char**) {
    if (columns > 0 && cells[0] != nullptr) *static_cast<std::string*>(to) = cells[0];
    return 0;
  };
  const int refused = ::sqlite3_exec(opened, statement.c_str(), take, &cell, nullptr);
  INFO(statement << ": " << ::sqlite3_errmsg(opened));
  REQUIRE(refused == SQLITE_OK);
  return cell;
}

std::vector<std::string> Bot::listed(const std::string& column, const std::string& rest) const {
  const char* joined_by = database_ ? "string_agg(" : "group_concat(";
  return lines_of(sql("SELECT " + std::string{joined_by} + column + ", '\n') FROM " + rest));
}

std::string buy_signals(const std::vector<std::string>& symbols) {
  std::string signals;
  for (const std::string& symbol : symbols) {
    const std::string price = symbol.starts_with("BTC") ? "50000" : symbol.starts_with("SOL") ? "100" : "3000";
    signals += cli::test::buy(symbol, cli::test::time_text(3), price);
  }
  return signals;
}

bool Position::naked() const {
  // Every market of the fake exchange takes orders from 5 USDT on; a purchase is for 50.
  return held() - covered > Decimal::divide(received, Decimal{10}, Rounding::up);
}

Position position(const Bot& bot, const std::string& symbol) {
  Position sum;
  const std::string base = symbol.substr(0, symbol.find('_'));
  for (const fake::Json& order : bot.venue().orders()) {
    if (order.text_of("exchange") != bot.kind().venue || order.text_of("symbol") != symbol) continue;
    const Decimal filled = amount(order, "filled");
    if (order.text_of("side") == "buy") {
      sum.entries += 1;
      sum.received += filled;
      for (const fake::Json& fill : order.at("fills").items)
        if (fill.text_of("fee_currency") == base) sum.received -= amount(fill, "fee");
    } else {
      sum.sold += filled;
      const bool rests = order.text_of("status") == "open" || order.text_of("status") == "pending";
      if (rests && order.text_of("kind").starts_with("stop")) sum.covered += amount(order, "quantity") - filled;
    }
  }
  return sum;
}

void check_never_twice(const Bot& bot, const std::vector<std::string>& symbols) {
  for (const std::string& symbol : symbols) {
    const Position found = position(bot, symbol);
    INFO(symbol << ": bought " << found.received.text() << ", sold " << found.sold.text() << ", covered "
                << found.covered.text());
    CHECK(found.entries <= 1);
    CHECK(found.covered <= found.held());
  }
}

void check_truthful(const Bot& bot, const std::vector<std::string>& symbols, const Ran& ran) {
  INFO(ran.err);
  CHECK(ran.code >= 0);
  CHECK(ran.code != 70);
  if (ran.code != 0) return;
  for (const std::string& symbol : symbols) {
    INFO("exit code 0, and " << symbol << " is naked");
    CHECK_FALSE(position(bot, symbol).naked());
  }
}

void check_at_rest(const Bot& bot, const std::vector<std::string>& symbols) {
  check_never_twice(bot, symbols);
  const std::string of_account = " account = '" + bot.account() + "'";
  for (const std::string& symbol : symbols) {
    const Position found = position(bot, symbol);
    INFO(symbol << ": held " << found.held().text() << ", covered " << found.covered.text());
    CHECK_FALSE(found.naked());
    // Carried out, or known never to have arrived: nothing is forgotten.
    if (found.entries == 0) {
      CHECK(bot.sql("SELECT state FROM exchange_orders WHERE leg = 'entry' AND symbol = '" + symbol + "' AND" +
                    of_account) == "lapsed");
    }
  }
  using Cells = std::vector<std::string>;
  CHECK(bot.listed("client_id", "exchange_orders WHERE state = 'claimed' AND" + of_account) == Cells{});
  CHECK(bot.listed("kind", "alarms WHERE cleared_at IS NULL AND" + of_account) == Cells{});
  CHECK(bot.listed("event_id", "notices WHERE state <> 'delivered' AND" + of_account) == Cells{});
  const Cells rows = bot.listed("client_id", "exchange_orders WHERE" + of_account);
  const std::string told = joined(bot.venue().messages());
  for (const fake::Json& order : bot.venue().orders()) {
    const std::string id = order.text_of("client_id");
    INFO("an order of the exchange: " << id);
    CHECK((std::ranges::count(rows, id) == 1 || told.find("ORPHAN") != std::string::npos));
  }
}

void run_until_quiet(const Bot& bot, const std::vector<std::string>& symbols, const std::string& signals) {
  bot.wait_until_unlocked();
  Started run = bot.start(signals);
  // If it does not end it waits until an order in doubt is too old for the exchange to take.
  const bool soon = ends_soon(run);
  if (!soon) bot.venue().set_clock_offset(std::chrono::minutes{2});
  const Ran first = run.finish();
  bot.venue().set_clock_offset(std::chrono::minutes{2});
  {
    INFO("the first run afterwards: exit code " << first.code << "\n" << first.err);
    check_truthful(bot, symbols, first);
    check_never_twice(bot, symbols);
    // The exchange's clock jumped under it, so its questions were too old: 69 is what it saw.
    CHECK((first.code == 0 || first.code == 1 || (first.code == 69 && !soon)));
  }
  constexpr int most_runs = 5;
  int runs = 1;
  std::string before = first.err;
  for (bool with_signals = true;; with_signals = false) {
    // A message that failed is tried again some seconds later, which nobody waits for.
    bot.sql("UPDATE notices SET next_try = NULL WHERE state = 'waiting'");
    const Ran next = bot.cycle(with_signals ? signals : "");
    INFO("run " << runs << " afterwards: exit code " << next.code << "\n" << next.err << "before it:\n" << before);
    before += next.err;
    check_truthful(bot, symbols, next);
    check_never_twice(bot, symbols);
    if (next.code == 0 && !with_signals) break;
    REQUIRE(++runs <= most_runs);
  }
  INFO("at rest after " << runs << " runs; the first one said:\n" << first.err);
  check_at_rest(bot, symbols);
}

}  // namespace tradeguard::kills
