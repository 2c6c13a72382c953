// 07: the log in the host bot's own logger. Teaches LogSink, levels, secrets and parse_line.
//
// tradeguard writes lines and owns no file: a sink is a function that takes one line with its level
// and its time. The line is redacted and escaped before the sink sees it, so foreign text can forge
// neither a line nor a field, and it can be read back by the grammar.
#include <iostream>
#include <map>

#include "tradeguard/log.hpp"

using namespace tradeguard;

namespace {

// Whatever the bot logs with. It has its own levels and adds its own prefix.
class HostLogger {
 public:
  void info(std::string_view text) { write("I", text); }
  void alert(std::string_view text) { write("A", text); }

 private:
  void write(std::string_view level, std::string_view text) {
    std::cout << '[' << level << "] bot.tradeguard: " << text << '\n';
  }
};

}  // namespace

int main() {
  HostLogger host;
  std::map<std::string, int> seen;
  const auto sink = [&](Level level, Instant, std::string_view line) {
    if (level >= Level::warn)
      host.alert(line);
    else
      host.info(line);
    if (level == Level::debug) return;
    if (const auto parsed = parse_line(line)) ++seen[parsed->name];  // for the bot's own counters
  };
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  Log log{sink, clock, /*twins=*/true};  // the [DEBUG_TRADING] lines, as DEBUG_TRADING=1 gives them
  log.keep_secret("s3cr3t-api-key");

  log.write(Line{Level::info, "GUARD"}.words("cooldown_passed").add("symbol", "ETH_USDT"));
  log.write(Line{Level::info, "ORDER_PLACED"}
                .add("side", "BUY")
                .add("symbol", "ETH_USDT")
                .add("order_id", "67890")
                .debug("attempt", 1));
  // What a venue says is foreign text, and may even repeat the key.
  log.write(Line{Level::error, "ORDER_REFUSED"}
                .add("order_id", "67891")
                .add("message", "bad key s3cr3t-api-key\nORDER_FILLED side=BUY"));

  for (const auto& [name, count] : seen) std::cout << count << " x " << name << '\n';
}
