#include "commands.hpp"

#include <algorithm>

namespace tradeguard::cli {

namespace {

constexpr std::string_view every_minute = "Every minute";
constexpr std::string_view looking = "Looking";
constexpr std::string_view operating = "The operator's way out";
constexpr std::string_view setting_up = "Setting up and trying out";

const CommandOption reason{"reason", "TEXT", "why; it is stored and told"};
const CommandOption wait{"wait", "DURATION", "how long to try for the run lock (3s)"};

const std::vector<Command>& table() {
  static const std::vector<Command> all{
      {every_minute,
       "run",
       "",
       0,
       0,
       "one cycle: protect what is open, carry out new signals, tell",
       "Takes the run lock, asks the venue about everything earlier runs left open, protects it, "
       "and\n"
       "only then reads the signals. Every signal passes the guards, is claimed durably, and is "
       "sent\n"
       "once. Doing it again does nothing twice, so a run that was killed is simply started "
       "again.\n"
       "\n"
       "With DRY_RUN=1 the whole flow happens on paper: no credential is read, no venue is "
       "contacted.",
       "DRY_RUN=1 tradeguard run --config bot.ini --signals signals.jsonl",
       false,
       {{"signals", "FILE|-", "one JSON object a line; see `tradeguard help signals`"}},
       run_command},

      {looking,
       "status",
       "",
       0,
       0,
       "open trades, their protection, what waits and what stands",
       "Reads the store and changes nothing; it needs no lock and can be asked while a run is "
       "going.\n"
       "Whether a stop still rests at the venue is looked up by runs, not by this command.",
       "tradeguard status --config bot.ini",
       true,
       {},
       status_command},
      {looking,
       "why",
       "SIGNAL_KEY",
       1,
       1,
       "what became of one signal, verdict by verdict",
       "The key is {symbol}:{side}:{minute}, as the GUARD lines of the log have it, or\n"
       "{symbol}:{side}:id={id} for a signal with an id.",
       "tradeguard why --config bot.ini ETH_USDT:BUY:2025-01-01T12:00:00",
       true,
       {},
       why_command},
      {looking,
       "config",
       "",
       0,
       0,
       "every effective value, and where it came from",
       "The default is overridden by the file, the file by the environment, the environment by "
       "the\n"
       "command line. Secrets are masked. What is printed can be used as a file again.",
       "tradeguard config --config bot.ini",
       true,
       {},
       config_command},
      {looking,
       "doctor",
       "",
       0,
       0,
       "is everything in place for a run? store, lock, secrets",
       "Looks and changes nothing. The exit code is the one a run would end with, were it stopped "
       "by\n"
       "what was found.",
       "tradeguard doctor --config bot.ini",
       true,
       {},
       doctor_command},

      {operating,
       "halt",
       "",
       0,
       0,
       "no more entries, from now until `resume`",
       "When it returns, no further claim commits, whatever is running. Protection goes on: stops "
       "are\n"
       "placed, exits are sold. It asks for the run lock first, and does without it if a run holds "
       "it:\n"
       "every claim reads the halt in its own transaction.",
       "tradeguard halt --config bot.ini --reason \"exchange maintenance\"",
       true,
       {reason, wait},
       halt_command},
      {operating,
       "resume",
       "[SYMBOL]",
       0,
       1,
       "take entries again, everywhere or in one frozen market",
       "Without a symbol it ends a halt and resets the breaker. With one it unfreezes that base\n"
       "currency, after somebody has looked at why it was frozen (`tradeguard status` says it).",
       "tradeguard resume --config bot.ini ETH_USDT",
       true,
       {reason, wait},
       resume_command},
      {operating,
       "release",
       "TRADE",
       1,
       1,
       "take one trade out of tradeguard's hands",
       "From then on it is yours: it is neither protected nor sold nor counted any more. Its "
       "orders\n"
       "at the venue stay as they are and are listed. TRADE is the client id `status` shows.",
       "tradeguard release --config bot.ini tg1-e1-0123456789abcdefghijklmnop",
       true,
       {reason, wait},
       release_command},
      {operating,
       "resolve",
       "CLIENT_ID",
       1,
       1,
       "say what became of an order in doubt",
       "For an order the venue gives no answer about. `--as absent`: it never arrived. `--as "
       "closed`:\n"
       "it is over, with the filled quantity you read at the venue. The next run acts on it.",
       "tradeguard resolve --config bot.ini tg1-e1-0123... --as closed --filled 0.0149 --reason "
       "\"asked support\"",
       true,
       {{"as", "absent|closed", "what became of it"},
        {"filled", "QUANTITY", "with closed: how much of it was executed"},
        {"price", "PRICE", "with closed: the average price; else the order's own"},
        reason,
        wait},
       resolve_command},
      {operating,
       "flatten",
       "[SYMBOL]",
       0,
       1,
       "sell the open trades of a symbol, or --all, now",
       "Records the wish and runs a cycle without signals to carry it out: legs are cancelled and "
       "read\n"
       "back, then what is held is sold at market. Coins tradeguard did not buy are not sold.",
       "tradeguard flatten --config bot.ini ETH_USDT --reason \"news\"",
       true,
       {{"all", "", "every open trade of the account"}, reason, wait},
       flatten_command},
      {operating,
       "prune",
       "",
       0,
       0,
       "remove settled trades and verdicts older than --keep",
       "Open trades and keys younger than 24 h are never touched. A signal whose key was removed "
       "would\n"
       "count as new, and its age would reject it.",
       "tradeguard prune --config bot.ini --keep 2160h",
       true,
       {{"keep", "DURATION", "what is younger stays (2160h, which is 90 days)"}, wait},
       prune_command},

      {setting_up,
       "init",
       "",
       0,
       0,
       "create the store, or bring it to this version",
       "Needed once before the first run, and after an update that says so. On a store that is "
       "ready\n"
       "it changes nothing. Tables of others in the same database are not touched.",
       "tradeguard init --config bot.ini",
       true,
       {},
       init_command},
      {setting_up,
       "replay",
       "",
       0,
       0,
       "recorded signals over recorded prices, a cycle a minute, on paper",
       "A simulated clock walks through the bars; each minute's signals go through the real cycle. "
       "The\n"
       "store is in memory unless --store names a new file, which `status` and `why` can then "
       "read.\n"
       "The bars are time,symbol,open,high,low,close.",
       "tradeguard replay --signals signals.jsonl --prices prices.csv",
       true,
       {{"signals", "FILE", "one JSON object a line, with times"},
        {"prices", "FILE", "bars of one minute"},
        {"store", "sqlite:FILE", "a store that does not exist yet"},
        {"log", "FILE", "the log of all cycles"}},
       replay_command},
      {setting_up,
       "help",
       "[COMMAND|TOPIC]",
       0,
       1,
       "a command, or: configuration signals environment exit-codes",
       "",
       "tradeguard help run",
       false,
       {},
       help_command},
  };
  return all;
}

}  // namespace

std::span<const Command> commands() { return table(); }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Command::name);
  return found == table().end() ? nullptr : &*found;
}

}  // namespace tradeguard::cli
