#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#include <catch2/catch.hpp>

#include "scratch.hpp"
#include "signal_file.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

namespace {

const Instant noon = *parse_iso("2025-01-01T12:00:00Z");

SignalBatch read_text(std::string_view text) {
  const Scratch folder;
  ManualClock clock{noon};
  SignalFile file{folder.write("signals.jsonl", text), clock};
  auto batch = file.read();
  REQUIRE(batch);
  return *batch;
}

tl::expected<Signal, std::string> one(std::string_view line) {
  return parse_signal(line, 1, {.file = noon, .with_id = std::nullopt});
}
std::string reason_of(std::string_view line) {
  const auto signal = one(line);
  return signal ? "accepted" : signal.error();
}

}  // namespace

TEST_CASE("the contract's example is read as written") {
  const auto signal = one(
      R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07Z","notional":"50","price":"3350.5"})");
  REQUIRE(signal);
  CHECK(signal->symbol.text() == "ETH_USDT");
  CHECK(signal->side == Side::buy);
  CHECK(signal_key(*signal) == "ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(signal->notional == *Money::parse("50"));
  CHECK(signal->price == *Price::parse("3350.5"));
  CHECK(signal->line == 1);
}

TEST_CASE("every optional field is read") {
  const auto signal = one(
      R"({"symbol":"ETH_USDT","side":"BUY","id":"a.B-9_","quantity":"0.5","stop_loss_percent":2.5,)"
      R"("take_profit_percent":"4","stop_loss_price":"3000","take_profit_price":4000.25,"strategy":"sma 10×50"})");
  REQUIRE(signal);
  CHECK(signal->id == "a.B-9_");
  CHECK(signal->quantity == *Quantity::parse("0.5"));
  CHECK(signal->stop_loss_percent == *Decimal::parse("2.5"));
  CHECK(signal->take_profit_percent == Decimal{4});
  CHECK(signal->stop_loss_price == *Price::parse("3000"));
  CHECK(signal->take_profit_price == *Price::parse("4000.25"));
  CHECK(signal->strategy == "sma 10×50");
}

TEST_CASE("amounts are read exactly as written, as text or as number") {
  const auto price = [](std::string_view written) {
    return one(R"({"symbol":"ETH_USDT","side":"BUY","price":)" + std::string{written} + "}")
        ->price->text();
  };
  CHECK(price("0.1") == "0.1");
  CHECK(price("0.123456789012345678") == "0.123456789012345678");
  CHECK(price("\"0.123456789012345678\"") == "0.123456789012345678");
  CHECK(price("123456789012345.000000000000000001") == "123456789012345.000000000000000001");
  CHECK(price("1e-8") == "0.00000001");
  CHECK(price("3350.50") == "3350.5");
}

TEST_CASE("absurd amounts stop at the door") {
  for (const char* absurd :
       {"0", "-1", "1e18", "1e400", "99999999999999999999", "0.1234567890123456789", "1e-400",
        "\"NaN\"", "\"Infinity\"", "\"0x10\"", "\"1,5\"", "\"\"", "\" 5\"", "true", "[5]"}) {
    INFO(absurd);
    CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","price":)" + std::string{absurd} + "}") !=
          "accepted");
  }
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"-5"})")
            .starts_with("notional -5 is refused, expected"));
}

TEST_CASE("a field that is null is a field that is not there") {
  CHECK(one(R"({"symbol":"ETH_USDT","side":"BUY","notional":null,"id":null})"));
}

TEST_CASE("what is malformed is rejected with a reason") {
  CHECK(reason_of("what").starts_with("is not JSON at character 1"));
  CHECK(reason_of("{}") == "symbol is missing");
  CHECK(reason_of("[]") == "is not a JSON object");
  CHECK(reason_of("5") == "is not a JSON object");
  CHECK(reason_of("null") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT"})") == "side is missing");
  CHECK(reason_of(R"({"symbol":"ETHUSDT","side":"BUY"})").starts_with("symbol ETHUSDT is refused"));
  CHECK(
      reason_of(R"({"symbol":"eth_usdt","side":"BUY"})").starts_with("symbol eth_usdt is refused"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"buy"})") ==
        "side buy is refused, expected BUY or SELL");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07"})")
            .starts_with("time 2025"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","time":1735732807})")
            .starts_with("time 1735732807 is refused"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY"} {"symbol":"BTC_USDT","side":"BUY"})") !=
        "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY"},)") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"50","quantity":"1"})") !=
        "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","stop_loss_percent":"100"})") != "accepted");
}

TEST_CASE("an unknown field is not passed over: it may be the one that made the order safe") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","stop_los_price":"1"})") ==
        "unknown field stop_los_price");
}

TEST_CASE("a field given twice is ambiguous") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"5","notional":"500"})") ==
        "notional is given twice");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":null,"notional":"500"})") ==
        "notional is given twice");
}

TEST_CASE("limits, sales of a quantity, margin and shorts are refused by name") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","type":"LIMIT","price":"1"})") ==
        "type LIMIT is not supported: entries are MARKET orders");
  CHECK(one(R"({"symbol":"ETH_USDT","side":"BUY","type":"MARKET"})"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SELL","quantity":"1"})")
            .starts_with("quantity of a SELL"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SELL","notional":"1"})")
            .starts_with("notional of a SELL"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","leverage":"10"})")
            .starts_with("leverage is not supported"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SHORT"})")
            .starts_with("side SHORT is not supported"));
}

TEST_CASE("text that could forge a line, a key or a statement is refused") {
  for (const char* id :
       {R"(a\nORDER_PLACED side=BUY)", "a b", "", "x' OR 1=1", R"(\u0000)", "ü", "a:b"}) {
    INFO(id);
    CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","id":")" + std::string{id} + "\"}")
              .starts_with("id "));
  }
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","id":")" + std::string(65, 'a') + "\"}")
            .starts_with("id "));
  const std::string forged =
      reason_of(R"({"symbol":"ETH_USDT","side":"BUY","strategy":"x\nORDER_PLACED side=BUY"})");
  CHECK(forged.starts_with("strategy "));
  CHECK(forged.find('\n') == std::string::npos);
  const std::string field = reason_of(R"({"symbol":"ETH_USDT","side":"BUY","x\ny":"1"})");
  CHECK(field.starts_with("unknown field"));
  CHECK(field.find('\n') == std::string::npos);
}

TEST_CASE("one bad line is rejected with its place, and the others are carried out") {
  std::string text = R"({"symbol":"ETH_USDT","side":"BUY"})"
                     "\n";
  text += "\n";
  text += std::string{"{\"symbol\":\"BTC\0_USDT\",\"side\":\"BUY\"}\n", 36};
  text += "   \t\r\n";
  text += "{\"symbol\":\"ETH_USDT\",\"strategy\":\"\xff\xfe\"}\n";
  text += std::string(200'000, '[') + "\n";
  text += "{\"strategy\":\"" + std::string(1'000'000, 'a') + "\"}\n";
  text += std::string(60'000, '[') + "\n";
  text += R"({"symbol":"BTC_USDT","side":"BUY"})"
          "\r\n";
  text += R"({"symbol":"SOL_USDT","side":"BUY"})";
  const SignalBatch batch = read_text(text);
  REQUIRE(batch.signals.size() == 3);
  CHECK(batch.signals[0].line == 1);
  CHECK(batch.signals[1].line == 9);
  CHECK(batch.signals[2].symbol.text() == "SOL_USDT");
  REQUIRE(batch.rejected.size() == 5);
  CHECK(batch.rejected[0].line == 3);
  CHECK(batch.rejected[0].reason == "holds a NUL byte");
  CHECK(batch.rejected[1].line == 5);
  CHECK(batch.rejected[2].line == 6);
  CHECK(batch.rejected[2].reason == "the line is longer than 65536 bytes");
  CHECK(batch.rejected[3].line == 7);
  CHECK(batch.rejected[4].line == 8);
  CHECK(batch.rejected[4].reason == "is not a JSON object");
}

TEST_CASE("a byte order mark is no fault, empty files and files of empty lines hold nothing") {
  CHECK(read_text("\xEF\xBB\xBF{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\"}\n").signals.size() == 1);
  for (const char* nothing : {"", "\n", "\r\n\r\n", "   "}) {
    const auto batch = read_text(nothing);
    CHECK(batch.signals.empty());
    CHECK(batch.rejected.empty());
  }
}

TEST_CASE("a line of exactly the longest length is read, one byte more is not") {
  const std::string head = R"({"symbol":"ETH_USDT","side":"BUY")";
  const auto padded = [&](std::size_t length) {
    return head + std::string(length - head.size() - 1, ' ') + "}";
  };
  CHECK(read_text(padded(longest_line) + "\r\n").signals.size() == 1);
  CHECK(read_text(padded(longest_line + 1) + "\n").rejected.size() == 1);
}

TEST_CASE("more lines than the limit: the rest is not read, and that is said") {
  std::string text;
  for (int i = 0; i < most_lines + 5; ++i) text += "\n";
  text += R"({"symbol":"ETH_USDT","side":"BUY"})"
          "\n";
  const auto batch = read_text(text);
  CHECK(batch.signals.empty());
  REQUIRE(batch.rejected.size() == 1);
  CHECK(batch.rejected[0].line == most_lines + 1);
}

TEST_CASE("without a time a signal has its file's modification time") {
  const Scratch folder;
  const std::string path = folder.write("signals.jsonl", R"({"symbol":"ETH_USDT","side":"BUY"})");
  const utimbuf times{1735732807, 1735732807};
  REQUIRE(::utime(path.c_str(), &times) == 0);
  ManualClock clock{noon};
  const auto batch = SignalFile{path, clock}.read();
  REQUIRE(batch);
  CHECK(iso_seconds(batch->signals.at(0).time) == "2025-01-01T12:00:07");
}

TEST_CASE("a pipe has no modification time: a signal from it needs time or id") {
  const TimeOfSource pipe{.file = std::nullopt, .with_id = noon};
  CHECK_FALSE(parse_signal(R"({"symbol":"ETH_USDT","side":"BUY"})", 1, pipe));
  CHECK(parse_signal(R"({"symbol":"ETH_USDT","side":"BUY","id":"7"})", 1, pipe)->time == noon);
  CHECK(
      parse_signal(R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T11:00:00Z"})", 1, pipe));
}

TEST_CASE("a named pipe is read to its end, one that stays open is left, and that is said") {
  const Scratch folder;
  const std::string path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::FILE* writer = std::fopen(path.c_str(), "r+");  // both ends, so that opening does not wait
  REQUIRE(writer != nullptr);
  std::fputs("{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\",\"id\":\"1\"}\n", writer);
  std::fflush(writer);
  SystemClock clock;
  const auto batch = SignalFile{path, clock, 0s}.read();
  std::fclose(writer);
  REQUIRE(batch);
  CHECK(batch->signals.size() == 1);
  REQUIRE(batch->rejected.size() == 1);
  CHECK(batch->rejected[0].reason.find("still open") != std::string::npos);
}

TEST_CASE("signals that cannot be read are an error with their name") {
  const Scratch folder;
  ManualClock clock{noon};
  for (const std::string& path : {folder.file("none"), folder.path()}) {
    const auto batch = SignalFile{path, clock}.read();
    REQUIRE_FALSE(batch);
    CHECK(batch.error().what.find(path) != std::string::npos);
  }
}
