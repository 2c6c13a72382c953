// The log: an interface with a grammar. Foreign text cannot forge a line, a secret never appears,
// and a line is never longer than one write.
#include "tradeguard/log.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

struct Written {
  Level level;
  std::string line;
};

struct Captured {
  ManualClock clock{at("2025-01-01T12:00:00.123456Z")};
  std::vector<Written> lines;
  Log log;

  explicit Captured(bool twins = false)
      : log{[this](Level level, Instant, std::string_view line) {
              lines.push_back({level, std::string{line}});
            },
            clock, twins} {}
  std::string last() const { return lines.empty() ? "nothing" : lines.back().line; }
};

std::string percent_encoded(std::string_view text, bool capitals) {
  const std::string_view digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15U]);
  }
  return out;
}

std::string in_json(std::string_view text, bool slashes) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\' || (slashes && c == '/')) out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

}  // namespace

// ---- Lines ------------------------------------------------------------------------------------

TEST_CASE("lines look exactly as the contract has them") {
  CHECK(Line(Level::info, "RUN_START")
            .add("run_id", "4711_1735732800")
            .add("pid", 4711)
            .add("host", "trader")
            .add("cycle", 1)
            .plain() == "RUN_START run_id=4711_1735732800 pid=4711 host=trader cycle=1");
  CHECK(Line(Level::warn, "RUN_LOCKED:")
            .words("Signal monitor lock held by another process. Skipping cycle #5")
            .plain() == "RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #5");
  CHECK(Line(Level::info, "GUARD idempotency_passed").add("signal_key", "ETH_USDT:BUY:2025-01-01T12:00:00").plain() ==
        "GUARD idempotency_passed signal_key=ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(Line(Level::warn, "SLTP_SKIPPED_ALREADY_EXISTS")
            .add("symbol", "ETH_USDT")
            .add("order_id", "1")
            .add("existing_orders", "[2,3]")
            .plain() == "SLTP_SKIPPED_ALREADY_EXISTS symbol=ETH_USDT order_id=1 existing_orders=[2,3]");
  CHECK(Line(Level::info, "TG_SENT").add("symbol", "-").add("order_id", "-").plain() == "TG_SENT symbol=- order_id=-");
}

TEST_CASE("a twin is the line with a prefix and more fields behind") {
  const auto line = Line(Level::info, "ORDER_PLACED")
                        .add("side", "BUY")
                        .debug("client_id", "tg1-e1-x")
                        .debug("attempt", 1)
                        .add("symbol", "ETH_USDT");
  CHECK(line.plain() == "ORDER_PLACED side=BUY symbol=ETH_USDT");
  CHECK(line.twin() == "[DEBUG_TRADING] ORDER_PLACED side=BUY symbol=ETH_USDT client_id=tg1-e1-x attempt=1");
}

TEST_CASE("a value is quoted when it could be taken for something else") {
  CHECK(escape_value("ETH_USDT:BUY:2025-01-01T12:00:00") == "ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(escape_value("[1,2]") == "[1,2]");
  CHECK(escape_value("-") == "-");
  CHECK(escape_value("it's") == "it's");
  CHECK(escape_value("") == "\"\"");
  CHECK(escape_value("two words") == "\"two words\"");
  CHECK(escape_value("a=b") == "\"a=b\"");
  CHECK(escape_value("say \"no\"") == "\"say \\\"no\\\"\"");
  CHECK(escape_value("a\\b") == "\"a\\\\b\"");
  CHECK(escape_value("a\nb\tc") == "\"a\\nb\\tc\"");
  CHECK(escape_value("\r") == "\"\\x0D\"");
  CHECK(escape_value(std::string_view{"\0", 1}) == "\"\\x00\"");
  CHECK(escape_value("\x1b[31m") == "\"\\x1B[31m\"");
  CHECK(escape_value("\x7f") == "\"\\x7F\"");
}

TEST_CASE("letters of all languages stay as they are") {
  CHECK(escape_value("\xc2\xb5") == "\xc2\xb5");                  // the micro sign
  CHECK(escape_value("\xc3\xa4") == "\xc3\xa4");                  // a with two dots
  CHECK(escape_value("\xe0\xb8\x81") == "\xe0\xb8\x81");          // a thai letter
  CHECK(escape_value("\xe2\x82\xac") == "\xe2\x82\xac");          // the euro
  CHECK(escape_value("\xe6\xbc\xa2") == "\xe6\xbc\xa2");          // a han character
  CHECK(escape_value("\xf0\x9f\x9a\x80") == "\xf0\x9f\x9a\x80");  // a rocket
}

TEST_CASE("what only pretends to be a letter or a blank is escaped") {
  CHECK(escape_value("\xe2\x80\xa8") == "\"\\xE2\\x80\\xA8\"");  // U+2028, a line separator
  CHECK(escape_value("\xe2\x80\xa9") == "\"\\xE2\\x80\\xA9\"");
  CHECK(escape_value("\xc2\x85") == "\"\\xC2\\x85\"");                    // U+0085, next line
  CHECK(escape_value("\xc2\x9b") == "\"\\xC2\\x9B\"");                    // U+009B, a terminal's escape
  CHECK(escape_value("\xc2\xa0") == "\"\\xC2\\xA0\"");                    // no-break space
  CHECK(escape_value("\xe2\x80\xae") == "\"\\xE2\\x80\\xAE\"");           // right to left from here
  CHECK(escape_value("\xe2\x80\x8b") == "\"\\xE2\\x80\\x8B\"");           // zero width
  CHECK(escape_value("\xef\xbb\xbf") == "\"\\xEF\\xBB\\xBF\"");           // byte order mark
  CHECK(escape_value("\xf3\xa0\x81\x81") == "\"\\xF3\\xA0\\x81\\x81\"");  // an invisible tag
}

TEST_CASE("bytes that are no UTF-8 are escaped one by one") {
  CHECK(escape_value("\xff") == "\"\\xFF\"");
  CHECK(escape_value("a\xc3") == "\"a\\xC3\"");                  // cut off
  CHECK(escape_value("\xc3\x28") == "\"\\xC3(\"");               // no continuation
  CHECK(escape_value("\xc0\xaf") == "\"\\xC0\\xAF\"");           // overlong
  CHECK(escape_value("\xe0\x80\xaf") == "\"\\xE0\\x80\\xAF\"");  // overlong
  CHECK(escape_value("\xed\xa0\x80") == "\"\\xED\\xA0\\x80\"");  // a surrogate
  CHECK(escape_value("\xed\xbf\xbf") == "\"\\xED\\xBF\\xBF\"");  // the last one
  CHECK(escape_value("\xf5\x80\x80\x80") == "\"\\xF5\\x80\\x80\\x80\"");
  CHECK(escape_value("\x80") == "\"\\x80\"");
}

// ---- Reading lines back -----------------------------------------------------------------------

TEST_CASE("a line is read back by the grammar") {
  const auto line = parse_line(
      "[DEBUG_TRADING] GUARD cooldown_blocked symbol=ETH_USDT "
      "seconds_remaining=300 because=\"a \\\"b\\\"\" empty=\"\"");
  REQUIRE(line);
  CHECK(line->name == "[DEBUG_TRADING] GUARD cooldown_blocked");
  CHECK(line->fields ==
        std::vector<std::pair<std::string, std::string>>{
            {"symbol", "ETH_USDT"}, {"seconds_remaining", "300"}, {"because", "a \"b\""}, {"empty", ""}});
  const auto locked = parse_line("RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #5");
  REQUIRE(locked);
  CHECK(locked->name == "RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #5");
  CHECK(locked->fields.empty());
}

TEST_CASE("what no line may look like is not read") {
  const auto text =
      GENERATE(as<std::string>{}, "", " ", " NAME", "NAME ", "NAME  a=1", "a=1", "NAME a=", "NAME =1", "NAME a=1 word",
               "NAME a=1  b=2", "NAME a=1 ", "NAME a=\"open", "NAME a=\"x\"y", "NAME a=\"x\"y=1", "NAME a=1,b=2 c",
               "NAME a=\"\\q\"", "NAME a=\"\\x1\"", "NAME a=\"\\xZZ\"", "NAME a=b=c", "NAME a=x\"y\"", "NAME a=x\\y",
               "NAME a=1\nFORGED b=2", "NAME\tb=2", "NAME a=\x1b", "NAME a=\"\n\"", "NAME k y=1 z", "N\"AME a=1",
               "\"NAME a=1", "NAME \\x a=1", "NAME A=1", "NAME a-b=1", "NAME a=\xff");
  CAPTURE(text);
  CHECK_FALSE(parse_line(text));
}

TEST_CASE("whatever is put into a line comes out of it, and is one line of printable text") {
  Dice dice{71};
  for (int i = 0; i < 10'000; ++i) {
    const auto first = dice.bytes(20);
    const auto second = dice.bytes(20);
    const auto line = Line(Level::info, "NAME two").add("a", first).add("b", 7).add("c", second);
    const auto plain = line.plain();
    CAPTURE(plain);
    REQUIRE(plain.find_first_of("\n\r\t\x1b\x7f\xff") == std::string::npos);
    const auto parsed = parse_line(plain);
    REQUIRE(parsed);
    REQUIRE(parsed->name == "NAME two");
    REQUIRE(parsed->fields ==
            std::vector<std::pair<std::string, std::string>>{{"a", first}, {"b", "7"}, {"c", second}});
  }
}

TEST_CASE("different values never look the same") {
  Dice dice{72};
  for (int i = 0; i < 10'000; ++i) {
    const auto a = dice.bytes(3);
    const auto b = dice.bytes(3);
    CAPTURE(escape_value(a), escape_value(b));
    REQUIRE((a == b) == (escape_value(a) == escape_value(b)));
    // Escaped twice is still not the same as escaped once, unless nothing was to be escaped.
    REQUIRE((escape_value(escape_value(a)) == escape_value(a)) == (escape_value(a) == a));
  }
}

// ---- Writing ----------------------------------------------------------------------------------

TEST_CASE("a line is written with its level and the time of the clock") {
  ManualClock clock{at("2025-01-01T12:00:00.123456Z")};
  std::string written;
  Log log{[&](Level level, Instant when, std::string_view line) { written += formatted(level, when, line, false); },
          clock};
  log.write(Line(Level::info, "RUN_START").add("cycle", 1));
  clock.advance(1s);
  log.write(Line(Level::critical, "UNPROTECTED"));
  CHECK(written ==
        "2025-01-01T12:00:00.123456Z INFO RUN_START cycle=1\n"
        "2025-01-01T12:00:01.123456Z CRITICAL UNPROTECTED\n");
  CHECK(formatted(Level::warn, clock.now(), "A b=1", true) == "A b=1\n");
}

TEST_CASE("levels have words") {
  CHECK(text(Level::debug) == "DEBUG");
  CHECK(text(Level::info) == "INFO");
  CHECK(text(Level::warn) == "WARN");
  CHECK(text(Level::error) == "ERROR");
  CHECK(text(Level::critical) == "CRITICAL");
}

TEST_CASE("the twin follows its line, but RUN_END is the last line of all") {
  Captured out{true};
  out.log.write(Line(Level::warn, "A").debug("x", 1));
  out.log.write_twin_first(Line(Level::info, "RUN_END"));
  REQUIRE(out.lines.size() == 4);
  CHECK(out.lines[0].line == "A");
  CHECK(out.lines[1].line == "[DEBUG_TRADING] A x=1");
  CHECK(out.lines[2].line == "[DEBUG_TRADING] RUN_END");
  CHECK(out.lines[3].line == "RUN_END");
  CHECK(out.lines[0].level == Level::warn);
  CHECK(out.lines[1].level == Level::debug);
  CHECK(out.lines[3].level == Level::info);
}

TEST_CASE("a line may have a twin of other words") {
  const auto line =
      Line(Level::warn, "RUN_LOCKED:").words("Signal monitor lock held by another process. Skipping cycle #5");
  const auto twin = Line(Level::warn, "RUN_LOCKED").add("run_id", "1_2").add("cycle", 5);
  Captured out{true};
  out.log.write(line, twin);
  REQUIRE(out.lines.size() == 2);
  CHECK(out.lines[0].line == "RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #5");
  CHECK(out.lines[1].line == "[DEBUG_TRADING] RUN_LOCKED run_id=1_2 cycle=5");
}

TEST_CASE("without DEBUG_TRADING there are no twins") {
  Captured out{false};
  out.log.write(Line(Level::info, "A"));
  out.log.write(Line(Level::info, "B"), Line(Level::info, "C"));
  out.log.write_twin_first(Line(Level::info, "D"));
  REQUIRE(out.lines.size() == 3);
  CHECK(out.lines[0].line == "A");
  CHECK(out.lines[1].line == "B");
  CHECK(out.lines[2].line == "D");
}

TEST_CASE("a sink that throws changes nothing, and the next line is written") {
  ManualClock clock{at("2025-01-01T12:00:00Z")};
  int calls = 0;
  Log log{[&](Level, Instant, std::string_view) {
            if (++calls < 3) throw std::runtime_error{"disk full"};
          },
          clock, true};
  log.write(Line(Level::info, "A"));
  log.write_twin_first(Line(Level::info, "B"));
  CHECK(calls == 4);
  Log none{nullptr, clock, true};
  none.write(Line(Level::info, "A"));
}

TEST_CASE("lines of many threads do not mix, and a line and its twin stay together") {
  Captured out{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&out, t] {
      for (int i = 0; i < 200; ++i) out.log.write(Line(Level::info, "A").add("n", t * 1'000 + i));
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(out.lines.size() == 1'600);
  for (std::size_t i = 0; i < out.lines.size(); i += 2)
    REQUIRE(out.lines[i + 1].line == "[DEBUG_TRADING] " + out.lines[i].line);
}

// ---- Secrets ----------------------------------------------------------------------------------

TEST_CASE("a secret never appears, wherever it is in a line") {
  Captured out{true};
  out.log.keep_secret("s3cr3t-t0ken");
  out.log.write(Line(Level::info, "A s3cr3t-t0ken").add("s3cr3t-t0ken", "1"));
  CHECK(out.lines[0].line == "A *** ***=1");
  out.log.write(Line(Level::info, "A")
                    .add("url", "https://api.telegram.org/bots3cr3t-t0ken/sendMessage")
                    .add("twice", "s3cr3t-t0kens3cr3t-t0ken")
                    .debug("more", "xs3cr3t-t0kenx"));
  CHECK(out.last() == "[DEBUG_TRADING] A url=https://api.telegram.org/bot***/sendMessage twice=*** more=x***x");
}

TEST_CASE("a secret that overlaps itself or another one is hidden whole") {
  Captured out;
  out.log.keep_secret("abcabc");
  out.log.keep_secret("cab123");
  out.log.write(Line(Level::info, "A").add("v", "xabcabcabcab123x"));
  CHECK(out.last() == "A v=x***x");
}

TEST_CASE("a secret is recognised percent-encoded, escaped as in JSON, and both") {
  const auto secret = GENERATE(as<std::string>{}, "123456:AAH-x_y", "p/q+r==", "a\"b\\c\"d", "\\\\server\\share",
                               "100%sure%", "%41%42%43", "a<b>\\u0041", "line\nbreak", "\\n\\n\\n",
                               "bell\x07"
                               "bell",
                               "key with blank", "\xc3\xa4\xc3\xb6\xc3\xbc");
  const auto upper = percent_encoded(secret, true);
  const auto lower = percent_encoded(secret, false);
  for (const auto& form :
       {secret, upper, lower, percent_encoded(upper, true), in_json(secret, false), in_json(secret, true),
        in_json(in_json(secret, false), false), in_json(upper, true), escape_value(secret)}) {
    CAPTURE(secret, form);
    Captured out;
    out.log.keep_secret(secret);
    out.log.write(Line(Level::info, "A").add("v", "<" + form + ">").add("w", "end"));
    const auto line = parse_line(out.last());
    REQUIRE(line);
    REQUIRE(line->fields.size() == 2);
    const auto& shown = line->fields[0].second;
    CHECK((shown == "<***>" || shown == "<\"***\">"));
    CHECK(line->fields[1].second == "end");
    out.log.write(Line(Level::info, "A").add("v", form));  // at the very end of a line
    CHECK((out.last() == "A v=***" || out.last() == "A v=\"***\"" || out.last() == "A v=\"\\\"***\\\"\""));
  }
}

TEST_CASE("what looks like a secret but is none stays") {
  Captured out;
  out.log.keep_secret("s3cr3t-t0ken");
  out.log.keep_secret("");
  out.log.keep_secret("12345");  // so short that hiding it would hide everything
  out.log.write(Line(Level::info, "A").add("v", "s3cr3t-t0ke 12345 100% \\n %zz %4"));
  CHECK(out.last() == "A v=\"s3cr3t-t0ke 12345 100% \\\\n %zz %4\"");
}

TEST_CASE("a secret kept late is hidden from then on") {
  Captured out;
  out.log.write(Line(Level::info, "A").add("v", "s3cr3t-t0ken"));
  CHECK(out.last() == "A v=s3cr3t-t0ken");
  out.log.keep_secret("s3cr3t-t0ken");
  out.log.write(Line(Level::info, "A").add("v", "s3cr3t-t0ken"));
  CHECK(out.last() == "A v=***");
}

TEST_CASE("no secret survives in arbitrary surroundings, and lines stay lines") {
  Dice dice{73};
  for (int i = 0; i < 2'000; ++i) {
    const auto secret = "S3" + dice.digits(8);
    const auto field = dice.bytes(6) + secret + dice.bytes(6);
    Captured out;
    out.log.keep_secret(secret);
    out.log.write(Line(Level::info, "A").add("v", field));
    CAPTURE(field, out.last());
    REQUIRE(out.last().find(secret) == std::string::npos);
    REQUIRE(out.last().find("***") != std::string::npos);
    REQUIRE(parse_line(out.last()));
  }
}

// ---- The cut ----------------------------------------------------------------------------------

TEST_CASE("a line that is too long ends with cut=1 and can still be read") {
  Captured out{true};
  out.log.write(Line(Level::info, "A").add("first", "kept").add("long", std::string(10'000, 'x')).add("gone", 1));
  const auto line = parse_line(out.lines[0].line);
  REQUIRE(line);
  REQUIRE(line->fields.size() == 3);
  CHECK(line->fields[0].second == "kept");
  CHECK(line->fields[1].first == "long");
  CHECK(line->fields[1].second.size() > 3'900);
  CHECK(line->fields[2] == std::pair<std::string, std::string>{"cut", "1"});
  REQUIRE(parse_line(out.lines[1].line));
}

TEST_CASE("a whole line, prefix and newline included, is at most 4096 bytes and never cut in vain") {
  for (std::size_t length = 3'950; length < 4'150; ++length) {
    for (const auto* start : {"", "quoted by its blank "}) {
      Captured out;
      const auto line = Line(Level::critical, "A").add("v", start + std::string(length, 'x'));
      out.log.write(line);
      CAPTURE(length, start);
      const auto whole = formatted(Level::critical, out.clock.now(), out.last(), false);
      REQUIRE(whole.size() <= 4096);
      if (out.last() != line.plain()) {
        REQUIRE(formatted(Level::critical, out.clock.now(), line.plain(), false).size() > 4096);
        REQUIRE(whole.size() == 4096);
      }
    }
  }
}

TEST_CASE("a cut never splits an escape or a character, and never says what was not said") {
  Dice dice{74};
  for (int i = 0; i < 2'000; ++i) {
    Line line{Level::info, "NAME"};
    std::vector<std::pair<std::string, std::string>> fields;
    for (int n = 0; line.plain().size() < 5'000; ++n) {
      auto key = "key" + std::to_string(n);
      // Long stretches of what must not be split, so that the cut falls into them.
      std::string value;
      const auto piece = dice.bytes(2);
      for (int k = dice.between(0, dice.once_in(3) ? 900 : 5); k > 0; --k) value += piece;
      line.add(key, value);
      fields.emplace_back(std::move(key), std::move(value));
    }
    Captured out;
    out.log.write(line);
    CAPTURE(out.last());
    REQUIRE(out.last().size() <= 4096);
    REQUIRE(out.last().size() > 3'000);
    const auto parsed = parse_line(out.last());
    REQUIRE(parsed);
    REQUIRE(parsed->fields.back() == std::pair<std::string, std::string>{"cut", "1"});
    const auto kept = parsed->fields.size() - 1;
    REQUIRE(kept <= fields.size());
    for (std::size_t k = 0; k < kept; ++k) {
      REQUIRE(parsed->fields[k].first == fields[k].first);
      const auto& value = parsed->fields[k].second;
      // All but the last are whole; the last is the beginning of what it was.
      REQUIRE((k + 1 < kept ? value == fields[k].second : fields[k].second.starts_with(value)));
    }
  }
}

TEST_CASE("a secret at the place of the cut is hidden, not halved") {
  const std::string secret = "s3cr3t-t0ken-of-a-bot";
  for (std::size_t before = 3'980; before < 4'080; ++before) {
    Captured out;
    out.log.keep_secret(secret);
    out.log.write(Line(Level::info, "A").add("v", std::string(before, 'x') + secret + std::string(100, 'y')));
    CAPTURE(before);
    REQUIRE(out.last().find("s3c") == std::string::npos);
    REQUIRE(parse_line(out.last()));
  }
}

TEST_CASE("even a name that is too long gives a line") {
  Captured out;
  out.log.write(Line(Level::info, "A").words(std::string(5'000, 'x')));
  CHECK(out.last().size() <= 4096);
  CHECK(parse_line(out.last()));
}

}  // namespace tradeguard
