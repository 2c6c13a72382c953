#include "alarm_help.hpp"

#include <algorithm>

#include "tradeguard/log.hpp"

namespace tradeguard::cli {

namespace {

void replace(std::string& text, std::string_view name, const std::string& value) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
}

// "A long sentence", over lines of a screen.
std::string wrapped(std::string_view text, std::size_t indent) {
  constexpr std::size_t width = 96;
  std::string out;
  std::size_t column = indent;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find(' ', from), text.size());
    if (column > indent && column + 1 + (to - from) > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(from, to - from);
    column += to - from;
    from = to + 1;
  }
  return out;
}

}  // namespace

// The texts are pages of a manual and stand here as they are printed.
// clang-format off
const std::vector<AlarmHelp>& alarm_helps() {
  static const std::vector<AlarmHelp> all{
    {"UNPROTECTED",
     "Coins of a trade are held and no stop for them was seen at the exchange in the last run: a stop was refused, cancelled by somebody, or cannot be placed at this price.",
     "Every run tries again to place the stop. No entry is taken in the whole account. With protection.on_unprotected = flatten the coins are sold after protection.flatten_after.",
     "look for SLTP_FAILED in the log, it has the exchange's reason. To sell now: tradeguard flatten {symbol}. Sold by hand already, or to keep it yourself: tradeguard release {trade}",
     "when a stop is seen for everything held, or nothing is held any more"},
    {"UNVERIFIED",
     "The exchange could not be asked about the orders of a trade for protection.unverified_after: network, key or exchange.",
     "Its stop rests at the exchange as far as anybody knows. Every run asks again. No entry is taken.",
     "tradeguard doctor says whether network, key and exchange are well; look at the exchange's own page for the stop of {symbol}",
     "when the orders can be read again"},
    {"IN_DOUBT_TOO_LONG",
     "An entry was sent and its answer was lost, or it has stayed open, for longer than protection.in_doubt_after.",
     "It is looked up in every run and never sent again. No entry is taken in its base currency.",
     "look up the order at the exchange by its client id {trade}; then tradeguard resolve {trade} --as absent, or --as closed --filled QUANTITY, with --reason",
     "when the exchange shows what became of the order, or with resolve"},
    {"DRIFT",
     "The account holds less of a currency than the open trades bought: somebody sold or moved coins by hand, or fees were paid from them.",
     "Nothing is sold beyond the balance. No entry is taken in this currency.",
     "tradeguard status names the trades. Closed by hand: tradeguard release TRADE for each of them. Moved only: move the coins back, or release",
     "when the balance covers the trades again, or no trade holds the currency"},
    {"ORPHAN",
     "The exchange has an order with an id of tradeguard that this store knows nothing of: the store is new or was restored, or two stores trade in one account.",
     "The order is left alone. No entry is taken in its base currency.",
     "look at the order {subject} at the exchange: keep, cancel or sell what it bought. Then tradeguard resume {symbol}",
     "with resume for its market"},
    {"OVERSOLD",
     "More of a trade was sold than it held: a stop and another sale were both executed.",
     "Nothing more is sold for it. No entry is taken in the whole account.",
     "look at the fills of {symbol} at the exchange, buy back if you want the coins; then tradeguard release {trade}",
     "when the trade is released"},
    {"TWIN",
     "The exchange shows two orders under one client id.",
     "Both count as bought and both are protected. No entry is taken in the base currency.",
     "look at both at the exchange; sell what is too much with tradeguard flatten {symbol}, or tradeguard resume {symbol} if it is to stay",
     "with resume for its market"},
    {"IMPOSSIBLE",
     "An order did what the exchange's own rules exclude, or a row of the store cannot be read.",
     "What concerns it is left as it was last known. No entry is taken in its base currency.",
     "tradeguard why {symbol} and the log of this run show the order; look at it at the exchange. Then tradeguard resume {symbol}, or tradeguard release {trade}",
     "with resume for its market"},
    {"BREAKER",
     "Three trades were sold in one day because they could not be protected or had fallen through their stop.",
     "What is open is protected as ever. No entry is taken in the whole account.",
     "find out why stops failed (SLTP_FAILED in the log), then tradeguard resume",
     "with resume"},
    {"LIVE_POSITIONS_UNATTENDED",
     "Live trades are open and no run looks after them: a run does not start, this is a dry run, or the account was renamed or moved to another exchange in the configuration.",
     "Their stops rest at the exchange as far as anybody knows; nothing is watched, replaced or sold.",
     "let runs of {subject} go on with the configuration that opened the trades, sell them with tradeguard flatten, or take them over by hand with tradeguard release",
     "when the account runs again, or has no open trade"},
    {"RUN_FAILED",
     "A run could not start; its reason is in the message, and in the line RUN_FAILED.",
     "Stops that rest at the exchange stay there; nothing is bought, protected, sold or checked.",
     "fix the cause; tradeguard doctor checks everything else",
     "with the next run that starts"},
    {"RUN_STUCK",
     "Another run has held the lock for longer than run.stuck_after without ending: stopped, or waiting for a disk or a network that does not answer.",
     "No other run can work, so nothing is protected or sold.",
     "tradeguard status names the cycle; find the process (pgrep -a tradeguard) and end it: the next run takes over",
     "when a run ends"},
    {"RUN_MISSED",
     "A run was killed, or none came for longer than run.stuck_after.",
     "The run that says so has looked after everything that was left.",
     "look at cron, memory and the machine if it comes again",
     "by itself"},
    {"STORE_LOST",
     "The store failed in the middle of a run.",
     "The run protected what it had bought itself and did nothing else. The next run takes up the rest.",
     "tradeguard doctor; look at the disk, or at the database server",
     "with the next run that can write"},
    {"UNDELIVERABLE",
     "Telegram refuses the bot's token, the chat or the bot's rights, or it refused one message for its text.",
     "Trading and protection go on. Notices wait and are sent when it works again; only a message refused for its "
     "text is lost, and the log has it.",
     "tradeguard doctor --send tries a message; correct the token or telegram.chat_id, or let the bot into the chat again",
     "when a later message arrives"},
    {"LOG_UNUSABLE",
     "The log file cannot be opened: it belongs to another user, its folder is missing, or the disk is full.",
     "Runs go on, and their log goes to standard error, which cron mails.",
     "let the bot's user write run.log_file and its folder",
     "with the next run that can write it"},
    {"STOP_NOT_FIRING",
     "A stop rests at the exchange while the market has been at or below it for more than five seconds: it does not work.",
     "It is taken back, and protection.on_breach decides: sold at the market, or an alarm.",
     "look at the order at the exchange; tradeguard flatten {symbol} sells now",
     "when the trade is sold, or a stop works again"},
    {"HANDS_OFF",
     "A run lost its store, and with it perhaps the lock; another run has worked on the same trade since.",
     "The run that says so placed nothing and sold nothing more for this trade. The other run looks after it.",
     "tradeguard status shows how the trade stands",
     "with the next run"},
    {"ACCOUNT_CHANGED",
     "The exchange answers for another account than the one in which the open trades were bought: the API key is of another account or sub-account.",
     "No entry is taken in the whole account. Open trades are looked for and protected as ever.",
     "give the key of the old account back; an account of its own in the exchange needs a venue.account of its own in the configuration",
     "when the exchange answers for the old account again"},
    {"EXIT_EXPIRED",
     "A SELL was too old to be believed, or could not be carried out within signals.exit_max_age.",
     "The trade stays open and protected; nothing is sold for that signal any more.",
     "tradeguard flatten {symbol} if it is still to be sold",
     "by itself; it is told once"},
    {"SLTP_LOST",
     "A stop or target that rested was ended by somebody else: by hand, or by the exchange.",
     "A new stop is placed at once; if none can be, UNPROTECTED follows.",
     "closed by hand? tradeguard release {trade} takes the trade out of tradeguard's hands",
     "by itself; it is told once"},
    {"ITEM_DROPPED",
     "One trade or signal could not be handled in a run: something threw, or the store refused its row.",
     "All others were handled. It is tried again in the next run.",
     "the line has the reason; tradeguard status shows how the trade stands. If it stays: tradeguard release TRADE, and see to it at the exchange",
     "with the next run that can handle it"},
  };
  return all;
}
// clang-format on

const AlarmHelp* find_alarm_help(std::string_view name) {
  std::string capitals{name};
  for (char& c : capitals) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == ' ' || c == '-') c = '_';
  }
  const auto found = std::ranges::find(alarm_helps(), capitals, &AlarmHelp::name);
  return found == alarm_helps().end() ? nullptr : &*found;
}

std::string next_step(const AlarmHelp& help, const Alarm& alarm) {
  std::string text{help.next};
  replace(text, "{symbol}", alarm.symbol.empty() ? "SYMBOL" : escape_value(alarm.symbol));
  replace(text, "{trade}", alarm.subject.starts_with(client_id_prefix) ? escape_value(alarm.subject) : "TRADE");
  replace(text, "{subject}", escape_value(alarm.subject));
  return text;
}

std::string alarm_page(const AlarmHelp& help) {
  std::string next{help.next};
  replace(next, "{symbol}", "SYMBOL");
  replace(next, "{trade}", "TRADE");
  replace(next, "{subject}", "it");
  std::string out{help.name};
  constexpr std::size_t indent = 12;
  out += "\n\n  cause     " + wrapped(help.cause, indent);
  out += "\n  meanwhile " + wrapped(help.meanwhile, indent);
  out += "\n  to do     " + wrapped(next, indent);
  out += "\n  it ends   " + wrapped(help.ends, indent);
  return out + "\n\nActive alarms: tradeguard status. All lines and messages: docs/log-lines.md\n";
}

std::string alarms_page() {
  std::string out = "All alarms. `tradeguard help UNPROTECTED` explains one of them:\n\n";
  for (const AlarmHelp& help : alarm_helps()) {
    std::string name{help.name};
    name.resize(26, ' ');
    out += "  " + name + wrapped(help.cause, 28) + "\n";
  }
  return out;
}

}  // namespace tradeguard::cli
