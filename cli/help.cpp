#include "help.hpp"

#include <array>
#include <cstdio>

#include "alarm_help.hpp"
#include "exit_codes.hpp"
#include "log_sink.hpp"
#include "secrets.hpp"
#include "setup.hpp"

namespace tradeguard::cli {

namespace {

constexpr std::size_t screen = 100;

std::string padded(std::string_view text, std::size_t width) {
  std::string result{text};
  result.resize(std::max(width, text.size()), ' ');
  return result;
}

std::string option_text(const CommandOption& option) {
  return "--" + std::string{option.name} + (option.value.empty() ? "" : " " + std::string{option.value});
}

std::string configuration_topic();
std::string signals_topic();
std::string environment_topic();
std::string exit_codes_topic();

}  // namespace

std::string overview() {
  std::string out =
      "tradeguard: a trading bot's decision, carried out once, protected, and told.\n"
      "\n"
      "  tradeguard COMMAND [options]\n";
  std::string_view group;
  for (const Command& command : commands()) {
    if (command.group != group) {
      group = command.group;
      out += "\n" + std::string{group} + "\n";
    }
    out += "  " + padded(command.name, 9) + std::string{command.summary} + "\n";
    out += "           $ " + std::string{command.example} + "\n";
  }
  out +=
      "\nOptions of every command\n"
      "  --config FILE            the INI file; `tradeguard help configuration` lists its keys\n"
      "  --section.key VALUE      any key of it, said here: --limits.max_open_positions 3\n"
      "  --json                   facts for a program instead of a person\n"
      "  --log-format bare        log lines without time and level\n"
      "  --help, --version\n"
      "\n"
      "To begin: DRY_RUN=1 in the environment keeps everything on paper.\n"
      "More: tradeguard help COMMAND, and: tradeguard help configuration, signals, environment, "
      "exit-codes, alarms\n";
  return out;
}

std::string help_for(const Command& command) {
  std::string out = "tradeguard " + std::string{command.name};
  if (!command.arguments.empty()) out += " " + std::string{command.arguments};
  for (const CommandOption& option : command.options) {
    const std::string text = option.needed ? option_text(option) : "[" + option_text(option) + "]";
    const std::size_t column = out.size() - (out.rfind('\n') + 1);
    out += (column + 1 + text.size() > screen ? "\n    " : " ") + text;
  }
  out += " [--config FILE]\n\n" + std::string{command.summary} + "\n";
  if (!command.text.empty()) out += "\n" + std::string{command.text} + "\n";
  if (!command.options.empty()) out += "\n";
  for (const CommandOption& option : command.options)
    out += "  " + padded(option_text(option), 23) + " " + std::string{option.meaning} + "\n";
  if (command.json) out += "  " + padded("--json", 23) + " the same for a program\n";
  out += "\nExample\n  $ " + std::string{command.example} + "\n";
  return out;
}

std::optional<std::string> help_topic(std::string_view topic) {
  if (topic == "configuration") return configuration_topic();
  if (topic == "signals") return signals_topic();
  if (topic == "environment") return environment_topic();
  if (topic == "exit-codes") return exit_codes_topic();
  if (topic == "alarms") return alarms_page();
  if (const AlarmHelp* alarm = find_alarm_help(topic)) return alarm_page(*alarm);
  return std::nullopt;
}

int version_command(const CommandLine&, const Pairs&) {
  print("tradeguard " TRADEGUARD_VERSION "\n");
  return exit_ok;
}

int help_command(const CommandLine& line, const Pairs&) {
  if (line.arguments.empty()) {
    print(overview());
    return exit_ok;
  }
  const std::string& wanted = line.arguments.front();
  if (const Command* command = find_command(wanted)) {
    print(help_for(*command));
    return exit_ok;
  }
  if (const auto topic = help_topic(wanted)) {
    print(*topic);
    return exit_ok;
  }
  write_whole(2, "tradeguard: there is no help on '" + wanted + "'; try: tradeguard --help\n");
  return exit_usage;
}

namespace {

std::string configuration_topic() {
  std::string out =
      "The configuration is an INI file. Every key is also an option (--section.key value) and a "
      "name in\n"
      "the environment (TRADEGUARD_SECTION_KEY); the command line wins over the environment, the\n"
      "environment over the file. A # starts a comment at the start of a line or after a blank. "
      "What is\n"
      "unknown or makes no sense is refused with its place, and nothing is traded (exit code 78).\n"
      "A relative path in the file is relative to the file. `tradeguard config` shows what is "
      "effective.\n";
  std::string_view section;
  for (const Key& key : keys()) {
    if (key.section != section) {
      section = key.section;
      out += "\n[" + std::string{section} + "]\n";
    }
    const std::string setting =
        std::string{key.name} + " =" + (key.fallback.empty() ? "" : " " + std::string{key.fallback});
    out += "  " + padded(setting, 42) + " " + std::string{key.meaning} + "\n";
    out += "  " + padded("", 42) + "   " + std::string{key.expected} + "\n";
  }
  out += "\n[market.ETH_USDT]    one section a market; what it leaves out is as above\n";
  for (const MarketKey& key : market_keys()) {
    out += "  " + padded(std::string{key.name} + " =", 42) + " " + std::string{key.meaning} + "\n";
    out += "  " + padded("", 42) + "   " + std::string{key.expected} + "\n";
  }
  return out;
}

std::string signals_topic() {
  return "A signal is one JSON object a line:\n"
         "\n"
         "  "
         "{\"symbol\":\"ETH_USDT\",\"side\":\"BUY\",\"time\":\"2025-01-01T12:00:07Z\",\"notional\":"
         "\"50\",\"price\":\"3350.5\"}\n"
         "\n"
         "  symbol               BASE_QUOTE in capitals\n"
         "  side                 BUY opens a trade; SELL leaves the own trades of the symbol, "
         "whole\n"
         "  time                 when the strategy said it, with its zone; a BUY needs time or "
         "id, a SELL without\n"
         "                       both has the moment it is read\n"
         "  id                   identity instead of the minute: 1 to 64 of A-Z a-z 0-9 . _ -\n"
         "  notional, quantity   what to buy, in quote or in base currency; else the market's "
         "notional\n"
         "                       quantity, notional or percent of a SELL: the trades are sold whole "
         "all the same\n"
         "  price                what the strategy saw: paper fills there, a real market may not "
         "be far off\n"
         "  stop_loss_percent, take_profit_percent, stop_loss_price, take_profit_price\n"
         "  strategy             a name for messages\n"
         "\n"
         "Amounts are strings or numbers and are read exactly as written. The signal's identity is "
         "its\n"
         "symbol, side and minute: the same again is never a second order. A line that is wrong is "
         "rejected\n"
         "with its number (SIGNAL_REJECTED, exit code 65), the others are carried out.\n"
         "Percentages are per cent: 3 is three per cent, and 0.03 is refused.\n"
         "\n"
         "The file is read anew in every run and may be as long as it likes: what is too old does "
         "nothing.\n"
         "Keep lines in it until they are older than signals.max_age, and replace it whole (write "
         "another\n"
         "file, then rename it), so that no run reads half a line or misses one.\n";
}

std::string environment_topic() {
  std::string out =
      "  DRY_RUN=1                paper venue, printing notifier, no credential read; overrides "
      "the file's\n"
      "                           venue.kind. Against one said on the command line or in the "
      "environment\n"
      "                           it is an error, and so is any value but 0, 1 and unset.\n"
      "  DEBUG_TRADING=1          every log line has a twin with [DEBUG_TRADING] and more fields\n"
      "  HTTPS_PROXY              http://[user:password@]host:port, for exchange and Telegram; never\n"
      "                           for this machine. NO_PROXY names hosts that are reached without it\n"
      "  TRADEGUARD_SECTION_KEY   any key of the configuration; "
      "TRADEGUARD_MARKET__ETH_USDT__NOTIONAL\n"
      "\nSecrets, each also as NAME_FILE with the path of a file of mode 0600:\n";
  for (const SecretName secret : {SecretName::api_key, SecretName::api_secret, SecretName::telegram_token})
    out += "  " + std::string{environment_name(secret)} + "\n";
  out +=
      "\nOther names that begin with TRADEGUARD_ are refused: a misspelled limit would be no "
      "limit.\n";
  return out;
}

std::string exit_codes_topic() {
  return "The first that applies:\n"
         "  78  wrong configuration, and no live trade is known to be open (else 1)\n"
         "  64  wrong usage\n"
         "  75  the lock is held by another run, which is not stuck\n"
         "  70  internal error; the next run recovers. Also: standard output did not take the answer\n"
         "   1  the cycle ran and a CRITICAL stands, the holder of the lock is stuck, or a run did not\n"
         "      start and live trades are open: look at it\n"
         "  69  store or venue could not be reached, nothing was sent and no trade is known to be open\n"
         "  65  some signal lines were rejected, the rest was carried out\n"
         "   0  the cycle ran; blocked and denied signals are a success\n"
         "\n`guard` and `claim` have words of their own:\n"
         "   0  the order was placed, or the signal is claimed\n"
         "  10  a duplicate: this signal was claimed before\n"
         "  11  denied\n"
         "  12  its base cools\n"
         "  65  the exchange refused the order\n"
         "  75  nothing was sent, and the signal is free again\n"
         "  76  in doubt: say what became of the order with `settle`\n";
}

}  // namespace
}  // namespace tradeguard::cli
