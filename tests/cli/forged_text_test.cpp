// What an exchange said, or somebody wrote into the store, is shown as text of theirs: it begins no
// line, moves no cursor, and leaves JSON what it is.
#include <algorithm>
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "stores.hpp"
#include "tradeguard/foreign_text.hpp"

using namespace tradeguard::cli::test;

namespace {

const std::string foreign = "lost\nok      lock           held by nobody\x1b[2J\x1b[H \u202E";

bool one_may_look_at(const std::string& text) {
  return std::ranges::none_of(
             text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == '\x7f'; }) &&
         text.find("\u202E") == std::string::npos;
}

bool any_line_begins(const Ran& ran, const std::string& text) {
  return ("\n" + ran.out).find("\n" + text) != std::string::npos;
}

std::string any_store() { return GENERATE(from_range(store_kinds())); }

}  // namespace

TEST_CASE("foreign text forges no line of doctor, status, why and trades, and breaks no JSON") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text()));
  bot.sql(
      "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, order_id, "
      "raised_at, told) VALUES ('paper', 'main', 'ORPHAN', 'tg1-e1-lost', 'ETH', 0, '" +
      foreign + "', 'ETH_USDT', '" + foreign + "', 1735732800000000, 1)");
  REQUIRE(bot.sql("SELECT count(*) FROM exchange_orders") != "0");
  bot.sql("UPDATE exchange_orders SET venue_id = '" + foreign + "', reason = '" + foreign + "'");
  bot.command({"halt", "--reason", foreign});
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"doctor"}, {"status"}, {"why", "ETH_USDT"}, {"trades"}}) {
    const Ran ran = bot.command(command);
    INFO(command.front() << "\n" << ran.out << ran.err);
    CHECK_FALSE(ran.out.empty());
    CHECK(one_may_look_at(ran.out));
    CHECK(one_may_look_at(ran.err));
    CHECK_FALSE(any_line_begins(ran, "ok      lock           held by nobody"));

    std::vector<std::string> as_json = command;
    as_json.emplace_back("--json");
    const Ran json = bot.command(as_json);
    INFO(json.out);
    CHECK(one_may_look_at(json.out));
    CHECK(json_of(json).IsObject());
  }
}

TEST_CASE("text that is no UTF-8 is shown, and JSON stays JSON") {
  CHECK(tradeguard::printable("a\xff\nb") == "a\\xFF\\nb");
  CHECK(tradeguard::printable_lines("a\xff\r\nb\n") == "a\\xFF\\x0D\nb\n");
  CHECK(tradeguard::printable_lines("").empty());
  CHECK(tradeguard::replaced("a\xff\n\u202E\u00e9") == "a\uFFFD\n\uFFFD\uFFFD\uFFFD\u00e9");
}
