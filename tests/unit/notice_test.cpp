// What is told to a person, and its stored form.
#include "tradeguard/notice.hpp"

#include <algorithm>
#include <set>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

Notice created() {
  Notice notice{.event_id = "tg1-e1-abc:created", .type = NoticeType::order_created};
  notice.symbol = "ETH_USDT";
  notice.order_id = "12345";
  notice.side = Side::buy;
  notice.facts = {{"quantity", "0.0149"}, {"price", "3350.5"}};
  return notice;
}

Notice with_facts(std::vector<std::pair<std::string, std::string>> facts) {
  auto notice = created();
  notice.facts = std::move(facts);
  return notice;
}

}  // namespace

TEST_CASE("a notice of a type that nobody here knows is told by the word that stands in the store") {
  Notice notice{.event_id = "event", .type = NoticeType::unknown};
  notice.unknown_type = "TIDE_TURNED";
  CHECK(plain_text(notice).starts_with("TIDE TURNED"));
  CHECK_FALSE(parse_notice_type("TIDE_TURNED").has_value());
  CHECK_FALSE(parse_notice_type("").has_value());
}

TEST_CASE("the types are a closed list, each with a word of its own") {
  const auto rows = notice_rows();
  CHECK(rows.size() == 42);
  CHECK(rows.front().type == NoticeType::order_created);
  CHECK(rows.back().type == NoticeType::account_changed);
  std::set<std::string_view> words;
  for (const NoticeRow& row : rows) {
    CAPTURE(row.word);
    CHECK(&row == &row_of(row.type));
    CHECK(words.insert(row.word).second);
    CHECK(text(row.type) == row.word);
    CHECK(parse_notice_type(row.word) == row.type);
    CHECK(row.word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos);
    CHECK_FALSE(row.told_when.empty());
    // What takes no entries is a CRITICAL, or nobody would know why nothing is bought.
    CHECK((row.freezes == Freezes::nothing || row.severity == Severity::critical));
  }
  CHECK(words.count("ORDER_CREATED") == 1);
  CHECK(words.count("SLTP_CREATED") == 1);
  CHECK(words.count("LIVE_POSITIONS_UNATTENDED") == 1);
  CHECK_FALSE(parse_notice_type(""));
  CHECK_FALSE(parse_notice_type("order_created"));
}

TEST_CASE("severities are written and read by the same words") {
  for (const auto severity : {Severity::info, Severity::warning, Severity::critical})
    CHECK(parse_severity(text(severity)) == severity);
  CHECK(text(Severity::critical) == "CRITICAL");
  CHECK_FALSE(parse_severity("critical"));
  CHECK_FALSE(parse_severity(""));
}

TEST_CASE("a notice reads as a title, its facts and its event") {
  CHECK(plain_text(created()) ==
        "ORDER CREATED ETH_USDT BUY\n"
        "quantity: 0.0149\n"
        "price: 3350.5\n"
        "event: tg1-e1-abc:created");
}

TEST_CASE("a notice of no order has a title all the same") {
  Notice notice{.event_id = "run:7:stuck", .type = NoticeType::run_stuck};
  notice.severity = Severity::critical;
  CHECK(plain_text(notice) ==
        "CRITICAL RUN STUCK\n"
        "to do: look at the process that holds the lock, and end it if it hangs\n"
        "event: run:7:stuck");
}

TEST_CASE("a notice says where it happened and what to do next, with the names to type") {
  auto notice = created();
  notice.type = NoticeType::unprotected;
  notice.severity = Severity::critical;
  notice.trade = "tg1-e1-abc";
  notice.where = "binance/main, live, host bot-1";
  const std::string text = plain_text(notice);
  INFO(text);
  CHECK(text.starts_with("CRITICAL UNPROTECTED ETH_USDT BUY\nwhere: binance/main, live, host bot-1\n"));
  CHECK(text.find("\nto do: ") != std::string::npos);
  CHECK(text.find("`tradeguard flatten ETH_USDT`") != std::string::npos);
  CHECK(text.find("`tradeguard release tg1-e1-abc`") != std::string::npos);
  CHECK(text.ends_with("\nevent: tg1-e1-abc:created"));
}

TEST_CASE("every CRITICAL has a next step, and a reminder has that of what it reminds of") {
  for (const auto type :
       {NoticeType::unprotected, NoticeType::unverified, NoticeType::in_doubt_too_long, NoticeType::drift,
        NoticeType::orphan, NoticeType::oversold, NoticeType::twin, NoticeType::impossible, NoticeType::breaker,
        NoticeType::run_stuck, NoticeType::live_positions_unattended, NoticeType::store_lost}) {
    INFO(text(type));
    Notice notice{.event_id = "e", .type = type};
    CHECK_FALSE(next_step(notice).empty());
    notice.facts = {{"what to do", "as it says"}};
    CHECK(next_step(notice).empty());
  }
  Notice reminder{.event_id = "e", .type = NoticeType::reminder};
  reminder.facts = {{"still", "BREAKER"}};
  CHECK(next_step(reminder).find("`tradeguard resume`") != std::string::npos);
}

TEST_CASE("a digest of one kind is called by it") {
  Notice digest{.event_id = "e", .type = NoticeType::digest};
  digest.severity = Severity::critical;
  digest.facts = {{"all", "ORPHAN"}, {"notice", "x"}};
  const std::string text = plain_text(digest);
  CHECK(text.starts_with("CRITICAL ORPHAN\nnotice: x\nto do: "));
  digest.facts = {{"all", "REMINDER UNPROTECTED"}, {"notice", "x"}};
  CHECK(plain_text(digest).starts_with("CRITICAL REMINDER UNPROTECTED\nnotice: x\nto do: look at the exchange"));
}

TEST_CASE("how bad it is stands in the first line") {
  auto notice = created();
  notice.type = NoticeType::unprotected;
  notice.side.reset();
  notice.severity = Severity::critical;
  CHECK(plain_text(notice).substr(0, plain_text(notice).find('\n')) == "CRITICAL UNPROTECTED ETH_USDT");
  notice.severity = Severity::warning;
  CHECK(plain_text(notice).substr(0, plain_text(notice).find('\n')) == "WARNING UNPROTECTED ETH_USDT");
}

TEST_CASE("foreign text cannot add a line to a notice") {
  CHECK(plain_text(with_facts({{"reason", "bad\nevent: forged"}})) ==
        "ORDER CREATED ETH_USDT BUY\nreason: bad\\nevent: forged\nevent: tg1-e1-abc:created");
  Dice dice{61};
  for (int i = 0; i < 3'000; ++i) {
    const auto notice = with_facts({{dice.bytes(5), dice.bytes(20)}, {"b", dice.bytes(20)}});
    const auto text = plain_text(notice);
    CAPTURE(text);
    REQUIRE(std::count(text.begin(), text.end(), '\n') == 3);
    REQUIRE(text.find_first_of("\x1b\x7f\r\t\xff") == std::string::npos);
  }
}

TEST_CASE("facts are stored as fields") {
  CHECK(stored_facts(created()) == "quantity=0.0149 price=3350.5");
  CHECK(stored_facts(with_facts({})).empty());
  CHECK(stored_facts(with_facts({{"reason", "not \"enough\" money"}, {"code", ""}})) ==
        "reason=\"not \\\"enough\\\" money\" code=\"\"");
}

TEST_CASE("facts are read back exactly, whatever is in them") {
  Dice dice{62};
  for (int i = 0; i < 5'000; ++i) {
    std::vector<std::pair<std::string, std::string>> facts;
    for (int n = dice.between(0, 5); n > 0; --n) facts.emplace_back(dice.bytes(6), dice.bytes(12));
    const auto stored = stored_facts(with_facts(facts));
    CAPTURE(stored);
    REQUIRE(parse_facts(stored) == facts);
    // It goes into a column of text, so it has no control characters.
    REQUIRE(std::none_of(stored.begin(), stored.end(), [](char c) { return c >= 0 && c < ' '; }));
    REQUIRE(stored.find_first_of("\x7f\xff") == std::string::npos);
  }
}

TEST_CASE("facts that were damaged are still told") {
  const auto stored = GENERATE(as<std::string>{}, "quantity", "quantity=", "=1", "a=1 b", "a=1  b=2", "a=\"open",
                               "a=1 ", "a=\"\\q\"", "a=1b=2 =", "a 1", "a\"b\"");
  CAPTURE(stored);
  CHECK(parse_facts(stored) == std::vector<std::pair<std::string, std::string>>{{"unreadable", stored}});
}

TEST_CASE("a digest is read line by line, and its notices are there for whoever writes messages of his own") {
  Notice fill{.event_id = "ORDER_FILLED:a", .type = NoticeType::order_filled};
  fill.symbol = "ETH_USDT";
  fill.facts = {{"filled", "0.5"}, {"said", "two\nlines"}};
  Notice digest{.event_id = "DIGEST:a:1", .type = NoticeType::digest};
  digest.notices = {fill};
  digest.facts = {{"notice", plain_text(fill)}};
  const std::string text = plain_text(digest);
  CHECK(text.find(plain_text(fill)) != std::string::npos);
  CHECK(text.ends_with("\n\nevent: DIGEST:a:1"));
  // What a venue says still cannot forge a line.
  CHECK(text.find("two\nlines") == std::string::npos);
}

}  // namespace tradeguard
