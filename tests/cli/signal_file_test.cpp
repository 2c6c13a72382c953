#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <optional>

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

// With an id, unless the line has an identity of its own: a BUY needs one.
std::string identified(std::string_view line) {
  const bool plain =
      line.starts_with("{\"") && line.find("\"id\"") == std::string::npos && line.find("\"time\"") == std::string::npos;
  return plain ? R"({"id":"a",)" + std::string{line.substr(1)} : std::string{line};
}
tl::expected<Signal, RejectedLine> one(std::string_view line) {
  return parse_signal(identified(line), 1, {.file = noon, .with_id = std::nullopt, .read = noon});
}
std::string reason_of(std::string_view line) {
  const auto signal = one(line);
  return signal ? "accepted" : signal.error().reason;
}
std::optional<std::string> exit_of(std::string_view line) {
  const auto signal = one(line);
  REQUIRE_FALSE(signal);
  return signal.error().exit_of;
}

}  // namespace

TEST_CASE("the contract's example is read as written") {
  const auto signal =
      one(R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07Z","notional":"50","price":"3350.5"})");
  REQUIRE(signal);
  CHECK(signal->symbol.text() == "ETH_USDT");
  CHECK(signal->side == Side::buy);
  CHECK(signal_key(*signal) == "ETH_USDT:BUY:2025-01-01T12:00:00");
  CHECK(signal->notional == *Money::parse("50"));
  CHECK(signal->price == *Price::parse("3350.5"));
  CHECK(signal->line == 1);
}

TEST_CASE("every optional field is read") {
  const auto signal = one(R"({"symbol":"ETH_USDT","side":"BUY","id":"a.B-9_","quantity":"0.5","stop_loss_percent":2.5,)"
                          R"("take_profit_price":4000.25,"strategy":"sma 10×50"})");
  REQUIRE(signal);
  CHECK(signal->id == "a.B-9_");
  CHECK(signal->quantity == *Quantity::parse("0.5"));
  CHECK(signal->stop_loss_percent == *Decimal::parse("2.5"));
  CHECK(signal->take_profit_price == *Price::parse("4000.25"));
  CHECK(signal->strategy == "sma 10×50");
  const auto levels = one(R"({"symbol":"ETH_USDT","side":"BUY","take_profit_percent":"4","stop_loss_price":"3000"})");
  REQUIRE(levels);
  CHECK(levels->take_profit_percent == Decimal{4});
  CHECK(levels->stop_loss_price == *Price::parse("3000"));
}

TEST_CASE("amounts are read exactly as written, as text or as number") {
  const auto price = [](std::string_view written) {
    return one(R"({"symbol":"ETH_USDT","side":"BUY","price":)" + std::string{written} + "}")->price->text();
  };
  CHECK(price("0.1") == "0.1");
  CHECK(price("0.123456789012345678") == "0.123456789012345678");
  CHECK(price("\"0.123456789012345678\"") == "0.123456789012345678");
  CHECK(price("123456789012345.000000000000000001") == "123456789012345.000000000000000001");
  CHECK(price("1e-8") == "0.00000001");
  CHECK(price("3350.50") == "3350.5");
}

TEST_CASE("absurd amounts stop at the door") {
  for (const char* absurd : {"0", "-1", "1e18", "1e400", "99999999999999999999", "0.1234567890123456789", "1e-400",
                             "\"NaN\"", "\"Infinity\"", "\"0x10\"", "\"1,5\"", "\"\"", "\" 5\"", "true", "[5]"}) {
    INFO(absurd);
    CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","price":)" + std::string{absurd} + "}") != "accepted");
  }
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"-5"})")
            .starts_with("notional -5 is refused, expected"));
}

TEST_CASE("a field that is null is a field that is not there") {
  CHECK(one(R"({"symbol":"ETH_USDT","side":"SELL","notional":null,"id":null})"));
}

TEST_CASE("what is malformed is rejected with a reason") {
  CHECK(reason_of("what") == R"(is not JSON, expected one object a line, like )"
                             R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07Z"})");
  CHECK(reason_of("ETH_USDT,BUY,50").starts_with("is not JSON, expected one object a line"));
  CHECK(reason_of(R"({"symbol" "ETH_USDT"})").starts_with("is not JSON at character "));
  CHECK(reason_of("{}") == "symbol is missing");
  CHECK(reason_of("[]") == "is not a JSON object");
  CHECK(reason_of("5") == "is not a JSON object");
  CHECK(reason_of("null") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT"})") == "side is missing");
  CHECK(reason_of(R"({"symbol":"ETHUSDT","side":"BUY"})").starts_with("symbol ETHUSDT is refused"));
  CHECK(reason_of(R"({"symbol":"eth_usdt","side":"BUY"})").starts_with("symbol eth_usdt is refused"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"buy"})") == "side buy is refused, expected BUY or SELL");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07"})").starts_with("time 2025"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","time":1735732807})")
            .ends_with(", did you mean 2025-01-01T12:00:07.000000Z?"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","time":"1735732807123"})")
            .ends_with(", did you mean 2025-01-01T12:00:07.123000Z?"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY"} {"symbol":"BTC_USDT","side":"BUY"})") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY"},)") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"50","quantity":"1"})") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","stop_loss_percent":"100"})") != "accepted");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","stop_loss_percent":"2","stop_loss_price":"3000"})") ==
        "stop_loss_percent and stop_loss_price are both given, expected one of them");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","take_profit_percent":"2","take_profit_price":"4000"})") ==
        "take_profit_percent and take_profit_price are both given, expected one of them");
}

TEST_CASE("an unknown field is not passed over: it may be the one that made the order safe") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","stop_los_price":"1"})") == "unknown field stop_los_price");
}

TEST_CASE("a field given twice is ambiguous") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"5","notional":"500"})") ==
        "notional is given twice");
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":null,"notional":"500"})") ==
        "notional is given twice");
}

TEST_CASE("limits, margin and shorts are refused by name") {
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","type":"LIMIT","price":"1"})") ==
        "type LIMIT is not supported: entries are MARKET orders");
  CHECK(one(R"({"symbol":"ETH_USDT","side":"BUY","type":"MARKET"})"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","leverage":"10"})").starts_with("leverage is not supported"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SHORT"})").starts_with("side SHORT is not supported"));
}

TEST_CASE("text that could forge a line, a key or a statement is refused") {
  for (const char* id : {R"(a\nORDER_PLACED side=BUY)", "a b", "", "x' OR 1=1", R"(\u0000)", "ü", "a:b"}) {
    INFO(id);
    CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","id":")" + std::string{id} + "\"}").starts_with("id "));
  }
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","id":")" + std::string(65, 'a') + "\"}").starts_with("id "));
  const std::string forged = reason_of(R"({"symbol":"ETH_USDT","side":"BUY","strategy":"x\nORDER_PLACED side=BUY"})");
  CHECK(forged.starts_with("strategy "));
  CHECK(forged.find('\n') == std::string::npos);
  const std::string field = reason_of(R"({"symbol":"ETH_USDT","side":"BUY","x\ny":"1"})");
  CHECK(field.starts_with("unknown field"));
  CHECK(field.find('\n') == std::string::npos);
}

TEST_CASE("one bad line is rejected with its place, and the others are carried out") {
  std::string text = R"({"symbol":"ETH_USDT","side":"BUY","id":"1"})"
                     "\n";
  text += "\n";
  text += std::string{"{\"symbol\":\"BTC\0_USDT\",\"side\":\"BUY\"}\n", 36};
  text += "   \t\r\n";
  text += "{\"symbol\":\"ETH_USDT\",\"strategy\":\"\xff\xfe\"}\n";
  text += std::string(200'000, '[') + "\n";
  text += "{\"strategy\":\"" + std::string(1'000'000, 'a') + "\"}\n";
  text += std::string(60'000, '[') + "\n";
  text += R"({"symbol":"BTC_USDT","side":"BUY","id":"2"})"
          "\r\n";
  text += R"({"symbol":"SOL_USDT","side":"BUY","id":"3"})";
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
  CHECK(read_text("\xEF\xBB\xBF{\"symbol\":\"ETH_USDT\",\"side\":\"SELL\"}\n").signals.size() == 1);
  for (const char* nothing : {"", "\n", "\r\n\r\n", "   "}) {
    const auto batch = read_text(nothing);
    CHECK(batch.signals.empty());
    CHECK(batch.rejected.empty());
  }
}

TEST_CASE("a line of exactly the longest length is read, one byte more is not") {
  const std::string head = R"({"symbol":"ETH_USDT","side":"SELL")";
  const auto padded = [&](std::size_t length) { return head + std::string(length - head.size() - 1, ' ') + "}"; };
  CHECK(read_text(padded(longest_line) + "\r\n").signals.size() == 1);
  CHECK(read_text(padded(longest_line + 1) + "\n").rejected.size() == 1);
}

TEST_CASE("a SELL behind any number of lines is read") {
  const auto stale = [](int i) {
    return R"({"symbol":"ETH_USDT","side":"BUY","time":"2024-12-31T12:00:00Z","id":")" + std::to_string(i) + "\"}\n";
  };
  std::string text;
  constexpr int lines = 150'000;
  for (int i = 0; i < lines; ++i) text += i % 3 == 0 ? "\n" : i % 3 == 1 ? "no signal\n" : stale(i);
  text += R"({"symbol":"ETH_USDT","side":"SELL","time":"2025-01-01T11:59:00Z"})"
          "\n";
  const Scratch folder;
  ManualClock clock{noon};
  SignalFile file{folder.write("signals.jsonl", text), clock, 10s, nullptr, Timeless::takes_file_time,
                  {.entries = 300s, .exits = 24h}};
  const auto batch = file.read();
  REQUIRE(batch);
  REQUIRE_FALSE(batch->signals.empty());
  CHECK(batch->signals.back().side == Side::sell);
  CHECK(batch->signals.back().line == lines + 1);
  // Of what can do nothing any more the newest are given, and the others are counted.
  CHECK(batch->signals.size() == most_of_no_use + 1);
  CHECK(batch->rejected.size() == most_of_no_use);
  REQUIRE(batch->left_out.size() == 2);
  CHECK(batch->left_out[0].why == LeftOut::Why::stale);
  CHECK(batch->left_out[0].count == lines / 3 - static_cast<int>(most_of_no_use));
  CHECK(batch->left_out[0].first_line == 3);
  CHECK(batch->left_out[1].why == LeftOut::Why::rejected);
  CHECK(batch->left_out[1].count == lines / 3 - static_cast<int>(most_of_no_use));
}

TEST_CASE("what is fresh is given whole, however much it is and wherever it stands") {
  std::string text;
  for (int i = 0; i < 5'000; ++i) {
    const bool fresh = i % 2 == 0;
    text += R"({"symbol":"ETH_USDT","side":"BUY","time":")" +
            std::string{fresh ? "2025-01-01T11:58:00Z" : "2025-01-01T11:50:00Z"} + R"(","id":")" + std::to_string(i) +
            "\"}\n";
    text += R"({"symbol":"ETH_USDT","side":"SELL","time":"2024-12-31T13:00:00Z"})"
            "\n";
  }
  const Scratch folder;
  ManualClock clock{noon};
  const auto batch = SignalFile{folder.write("signals.jsonl", text), clock, 10s, nullptr, Timeless::takes_file_time,
                                {.entries = 300s, .exits = 24h}}
                         .read();
  REQUIRE(batch);
  CHECK(std::ranges::count(batch->signals, Side::sell, &Signal::side) == 5'000);
  CHECK(std::ranges::count(batch->signals, *parse_iso("2025-01-01T11:58:00Z"), &Signal::time) == 2'500);
  CHECK(std::ranges::is_sorted(batch->signals, {}, &Signal::line));
}

TEST_CASE("a pipe that never falls silent is left when it gave more than is read of any, and that is said") {
  const Scratch folder;
  const std::string path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    const int descriptor = ::open(path.c_str(), O_RDWR);
    const std::string zeros(4096, '\0');
    for (;;) (void)!::write(descriptor, zeros.data(), zeros.size());
  }
  // The writer keeps both ends, so that there is no moment without one.
  const int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  SystemClock clock;
  const auto batch = SignalFile{path, clock, 1h}.read();
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  ::close(reader);
  REQUIRE(batch);
  REQUIRE_FALSE(batch->rejected.empty());
  CHECK(batch->rejected.back().reason.find("more than 16 MiB") != std::string::npos);
}

TEST_CASE("a device is no signal file, and an empty one is /dev/null") {
  SystemClock clock;
  const auto batch = SignalFile{"/dev/zero", clock}.read();
  REQUIRE_FALSE(batch);
  CHECK(batch.error().what.find("/dev/zero: is a device") != std::string::npos);
  CHECK(SignalFile{"/dev/null", clock}.read()->signals.empty());
}

TEST_CASE("a BUY without time and id is no signal: every change of its file would buy it again") {
  const TimeOfSource file{.file = noon, .with_id = std::nullopt, .read = noon};
  const auto buy = parse_signal(R"({"symbol":"ETH_USDT","side":"BUY"})", 1, file);
  REQUIRE_FALSE(buy);
  CHECK(buy.error().reason == "time or id is missing: a BUY needs one of them");
  CHECK(buy.error().exit_of == std::nullopt);
}

TEST_CASE("with an id a BUY has its file's modification time, without both a SELL the moment it is read") {
  const Scratch folder;
  const std::string path = folder.write("signals.jsonl",
                                        "{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\",\"id\":\"7\"}\n"
                                        "{\"symbol\":\"BTC_USDT\",\"side\":\"SELL\"}\n");
  const utimbuf times{1735732507, 1735732507};
  REQUIRE(::utime(path.c_str(), &times) == 0);
  ManualClock clock{noon};
  const auto batch = SignalFile{path, clock}.read();
  REQUIRE(batch);
  REQUIRE(batch->signals.size() == 2);
  CHECK(iso_seconds(batch->signals[0].time) == "2025-01-01T11:55:07");
  CHECK(batch->signals[1].time == noon);
}

TEST_CASE("a BUY that gives no time was said before the SELL that stands behind it") {
  const Scratch folder;
  const std::string path =
      folder.write("signals.jsonl",
                   "{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\",\"id\":\"7\"}\n"
                   "{\"symbol\":\"BTC_USDT\",\"side\":\"BUY\",\"id\":\"8\"}\n"
                   "{\"symbol\":\"ETH_USDT\",\"side\":\"SELL\",\"time\":\"2025-01-01T11:50:00Z\"}\n"
                   "{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\",\"id\":\"9\"}\n");
  const utimbuf times{1735732807, 1735732807};
  REQUIRE(::utime(path.c_str(), &times) == 0);
  ManualClock clock{noon};
  const auto batch = SignalFile{path, clock}.read();
  REQUIRE(batch);
  REQUIRE(batch->signals.size() == 4);
  CHECK(batch->signals[0].time < batch->signals[2].time);
  CHECK(batch->signals[1].time > batch->signals[2].time);
  CHECK(batch->signals[3].time > batch->signals[2].time);
}

TEST_CASE("a pipe has no modification time: a BUY from it needs time or id") {
  const TimeOfSource pipe{.file = std::nullopt, .with_id = noon, .read = noon};
  CHECK_FALSE(parse_signal(R"({"symbol":"ETH_USDT","side":"BUY"})", 1, pipe));
  CHECK(parse_signal(R"({"symbol":"ETH_USDT","side":"BUY","id":"7"})", 1, pipe)->time == noon);
  CHECK(parse_signal(R"({"symbol":"ETH_USDT","side":"SELL"})", 1, pipe)->time == noon);
  CHECK(parse_signal(R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T11:00:00Z"})", 1, pipe));
}

TEST_CASE("a SELL with a size is an exit, and what is no size is none") {
  for (const char* size : {R"("quantity":"0.001")", R"("percent":50)", R"("notional":"10")"}) {
    INFO(size);
    const auto signal = one(R"({"symbol":"ETH_USDT","side":"SELL",)" + std::string{size} + "}");
    REQUIRE(signal);
    CHECK(exits_whole(*signal));
  }
  CHECK_FALSE(exits_whole(*one(R"({"symbol":"ETH_USDT","side":"SELL"})")));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SELL","percent":"101"})").starts_with("percent 101 is refused"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"SELL","quantity":"0"})").starts_with("quantity 0 is refused"));
  CHECK(reason_of(R"({"symbol":"ETH_USDT","side":"BUY","percent":"50"})").starts_with("percent is of a SELL"));
}

TEST_CASE("a line that is no signal says whether it was meant as an exit, and of what") {
  CHECK(exit_of(R"({"symbol":"ETH_USDT","side":"SELL","quantity":"0"})") == "ETH_USDT");
  CHECK(exit_of(R"({"symbol":"ETH/USDT","side":"sell"})") == "ETH_USDT");
  CHECK(exit_of(R"({"symbol":"eth-usdt","side":"close"})") == "ETH_USDT");
  CHECK(exit_of(R"({"symbol":"ETHUSDT","side":"SELL"})") == "");
  CHECK(exit_of(R"({"side":"SELL"})") == "");
  CHECK(exit_of(R"({"symbol":"ETH_USDT","side":"SELL")") == "ETH_USDT");
  CHECK(exit_of(R"({"symbol":"ETH_USDT","action":"sell"})") == "ETH_USDT");
  CHECK(exit_of(R"({"symbol":"ETH_USDT","side":"buy","strategy":"sell-off"})") == std::nullopt);
  CHECK(exit_of(R"({"symbol":"ETH_USDT","side":"BUY","notional":"-5"})") == std::nullopt);
  CHECK(exit_of("no signal") == std::nullopt);
}

TEST_CASE("a percentage below a tenth is a fraction written by mistake, and refused with that word") {
  for (const char* field : {"stop_loss_percent", "take_profit_percent"}) {
    INFO(field);
    const auto with = [&](const char* value) {
      return reason_of(R"({"symbol":"ETH_USDT","side":"BUY",")" + std::string{field} + "\":" + value + "}");
    };
    CHECK(with("0.03").find("3 is three per cent") != std::string::npos);
    CHECK(with("\"0.0999\"").find("3 is three per cent") != std::string::npos);
    CHECK(with("0.1") == "accepted");
    CHECK(with("3") == "accepted");
  }
}

TEST_CASE("a file in UTF-16 is refused by that name, and once") {
  std::string wide{"\xFF\xFE"};
  for (const char c : std::string{"{\"symbol\":\"ETH_USDT\",\"side\":\"SELL\"}\r\n{}\r\n"}) {
    wide += c;
    wide += '\0';
  }
  for (const std::string& text : {wide, wide.substr(2)}) {
    const auto batch = read_text(text);
    CHECK(batch.signals.empty());
    REQUIRE(batch.rejected.size() == 1);
    CHECK(batch.rejected[0].reason.starts_with("the file is UTF-16"));
    // Nobody can read what it asks for, so it may be an exit of anything.
    CHECK(batch.rejected[0].exit_of == "");
  }
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
