#include "commands.hpp"

#include <algorithm>

namespace tradeguard::cli {

namespace {

constexpr std::string_view every_minute = "Every minute";
constexpr std::string_view for_bots = "For bots that send their own orders";
constexpr std::string_view looking = "Looking";
constexpr std::string_view operating = "The operator's way out";
constexpr std::string_view setting_up = "Setting up and trying out";

constexpr bool needed = true;
constexpr bool with_json = true;
constexpr bool without_json = false;

const CommandOption reason{"reason", "TEXT", "why; it is stored and told"};
const CommandOption needed_reason{"reason", "TEXT", "why; it is stored and told", needed};
const CommandOption account{"account", "VENUE/NAME", "another account of the store than the configuration names"};
const CommandOption symbol{"symbol", "SYMBOL", "BTC_USDT, BTCUSDT, BTC/USDT, btc-usdt", needed};
const CommandOption side{"side", "BUY|SELL", "a SELL is an exit: no guard keeps it back", needed};
const CommandOption time_of_signal{"time", "TIME", "when the signal was given, UTC; its minute is its identity"};
const CommandOption id_of_signal{"id", "ID", "a name of its own, in place of the minute"};
const CommandOption quantity{"quantity", "AMOUNT", "of the base currency"};
const CommandOption notional{"notional", "AMOUNT", "of the quote currency"};
const CommandOption price{"price", "AMOUNT", "what the strategy saw; this or --notional, for the cap of an order"};
const CommandOption strategy{"strategy", "NAME", "whose signal it is"};
const CommandOption client_id{"client-id", "FORM",
                              "what the exchange takes: tg36, alnum32, hex32, uuid, digits18, int45"};
const CommandOption elsewhere{"protected-elsewhere", "",
                              "the exchange holds the stop with the order, or the bot sees to it"};
const CommandOption wait{"wait", "DURATION", "how long to try for the run lock (3s)"};

// The texts are pages of a manual and stand here as they are printed.
// clang-format off
const std::vector<Command>& table() {
  static const std::vector<Command> all{
    {every_minute, "run", "", 0, 0,
     "one cycle: protect what is open, carry out new signals, tell",
R"(Takes the run lock, asks the venue about everything earlier runs left open, protects it, and
only then reads the signals. Every signal passes the guards, is claimed durably, and is sent
once. Doing it again does nothing twice, so a run that was killed is simply started again.

With DRY_RUN=1 the whole flow happens on paper: no credential is read, no venue is contacted.
What the exit code says: tradeguard help exit-codes.)",
     "DRY_RUN=1 tradeguard run --config bot.ini --signals signals.jsonl", without_json,
     {{"signals", "FILE|-", "one JSON object a line; see: tradeguard help signals", needed}},
     run_command},

    {for_bots, "guard", "-- COMMAND [ARGUMENT...]", 1, 1000,
     "run a bot's own order code once for a signal, or not at all",
R"(Claims the signal, runs COMMAND, and writes down what became of the order. COMMAND finds the id to
send under in GUARD_CLIENT_ID, and symbol, side, quantity and the last moment to send at in
GUARD_SYMBOL, _SIDE, _QUANTITY and _SEND_BEFORE. Its exit code 0 says that the order was
placed, 65 that the exchange refused it, and the word `unsent` on descriptor 3 that nothing was
sent. More can be said there as JSON: {"outcome":"accepted","order_id":"71","filled":"0.5",
"value":"50.2","final":true}. Anything else is doubt: the base takes no entries until
`tradeguard settle` says what became of it, and COMMAND is never run again for the signal.

Exit codes: 0 placed, 65 refused, 75 nothing was sent, 76 in doubt; and without running COMMAND
10 a duplicate, 11 denied, 12 cooling. An account is either for `run` or for `guard`.)",
     "tradeguard guard --config bot.ini --account kraken/bot7 --symbol BTCUSDT --side BUY --time 2025-01-01T12:00:07Z --quantity 0.0005 --price 97250 -- ./order.sh", with_json,
     {symbol, side, time_of_signal, id_of_signal, quantity, notional, price, strategy, client_id, elsewhere,
      {"timeout", "DURATION", "how long COMMAND may take (60s)"}, account}, guard_command},

    {for_bots, "claim", "", 0, 0,
     "claim a signal for a bot that sends the order itself",
R"(Prints the id of the claim, for `settle`, and the id to send the order under. It is durable before
it is printed. Send no later than `send_before` of --json: then absence can be proven. Exit codes
as `guard` has them.)",
     "tradeguard claim --config bot.ini --account kraken/bot7 --symbol BTCUSDT --side BUY --id alert-4711 --notional 50", with_json,
     {symbol, side, time_of_signal, id_of_signal, quantity, notional, price, strategy, client_id, elsewhere,
      {"again", "WORD", "from an earlier claim whose answer was lost"}, account}, claim_command},

    {for_bots, "settle", "ID|SIGNAL_KEY", 1, 1,
     "what became of a claim, or of the position it opened",
R"(`accepted`, with --quantity and --value if it is known what was filled; `refused`; `unsent`, which
frees the signal; `closed` with the sale that ended the position or a part of it, or without one
if it is over.)",
     "tradeguard settle tg1-e1-4zq0 --as accepted --order 71 --quantity 0.0005 --value 48.62 --config bot.ini --account kraken/bot7", with_json,
     {{"as", "WORD", "accepted, refused, unsent or closed", needed},
      {"order", "ID", "the exchange's id of the order: of the entry, or of the sale"},
      {"quantity", "AMOUNT", "filled, or sold, in all"}, {"value", "AMOUNT", "paid, or received, in all"},
      {"by", "WORD", "closed by: stop, target or signal (signal); a stop cools the base"}, account}, settle_command},

    {looking, "status", "", 0, 0,
     "open trades, their protection, what waits and what stands",
R"(Reads the store and changes nothing; it needs no lock and can be asked while a run is going. It
says whether a run is going or was killed, and what needs somebody: each alarm with its cause and
the next step. Whether a stop still rests at the exchange is looked up by runs, not by this command.
With --max-age it is a check for a monitor: exit code 0 if all is well, 1 if the last run ended
longer ago than that, something is unprotected or an alarm stands; 69 and 78 as for a run.)",
     "tradeguard status --config bot.ini --max-age 180", with_json,
     {{"max-age", "DURATION", "exit with 1 unless a run ended within it and nothing needs anybody"}, account},
     status_command},

    {looking, "trades", "[SYMBOL]", 0, 1,
     "past and open trades: bought, sold, by what, and the result after fees",
R"(The newest 20, oldest first, and the sum of those that are closed, in each quote currency. Fees of
sales are not stored: they are reckoned at the highest rate of the market, so that the real result is
that good or better. Coins that are still held, or stay behind as dust, count as nothing.

A trade of which a row cannot be read is named in a line "unreadable:". It is not in the sum, and the
command ends with 70.)",
     "tradeguard trades --config bot.ini --since 24h", with_json,
     {{"last", "NUMBER", "how many (20; all of them with --since)"},
      {"since", "TIME", "entered then or later: 2025-01-01T00:00:00Z, or 24h for the last 24 hours"}, account}, trades_command},

    {looking, "why", "KEY|ID|SYMBOL", 1, 1,
     "what became of a signal, verdict by verdict",
R"(By the signal's key, {symbol}:{side}:{minute} as the GUARD lines of the log have it, or
{symbol}:{side}:id={id} for a signal with an id; by any id of an order, the exchange's or ours, as
messages have it; or by a symbol, for its newest 20 signals.)",
     "tradeguard why --config bot.ini ETH_USDT:BUY:2025-01-01T12:00:00", with_json, {account}, why_command},

    {looking, "config", "", 0, 0,
     "every effective value, and where it came from",
R"(The default is overridden by the file, the file by the environment, the environment by the
command line. Secrets are masked. What is printed can be used as a file again.)",
     "tradeguard config --config bot.ini", with_json, {}, config_command},

    {looking, "doctor", "", 0, 0,
     "is everything in place for a run? store, lock, secrets, exchange, messages",
R"(Says of each thing whether it is ok, a warning or a problem, and what to do about it. Takes the run
lock for a moment, as a run would, and asks the exchange and Telegram; without run.live = true too.
It places no order unless told to, and changes nothing else. The exit code is the one a run would end
with, were it stopped by what was found.)",
     "tradeguard doctor --config bot.ini", with_json,
     {{"place-far-order", "", "where only an order tells whether stops are taken: place the least stop, as far below the market as configured, and cancel it"},
      {"send", "", "deliver a test message"}}, doctor_command},

    {operating, "halt", "", 0, 0,
     "no more entries, from now until `resume`",
R"(When it returns, no further claim commits, whatever is running. Protection goes on: stops are
placed, exits are sold. It asks for the run lock first, and does without it if a run holds it:
every claim reads the halt in its own transaction. A bot that links the library is halted like this
too: name its account with --account.)",
     "tradeguard halt --config bot.ini --reason \"exchange maintenance\"", with_json,
     {needed_reason, account, wait}, halt_command},

    {operating, "resume", "[SYMBOL]", 0, 1,
     "take entries again, everywhere or in one frozen market",
R"(Without a symbol it ends a halt and resets the breaker. With one it unfreezes that base
currency, after somebody has looked at why it was frozen: tradeguard status.)",
     "tradeguard resume --config bot.ini ETH_USDT", with_json,
     {reason, account, wait}, resume_command},

    {operating, "release", "TRADE", 1, 1,
     "take one trade out of tradeguard's hands",
R"(From then on it is yours: it is neither protected nor sold nor counted any more. Its orders
at the venue stay as they are and are listed. TRADE is the client id that `status` shows.)",
     "tradeguard release --config bot.ini tg1-e1-0123456789abcdefghijklmnop", with_json,
     {reason, account, wait}, release_command},

    {operating, "resolve", "CLIENT_ID", 1, 1,
     "say what became of an order in doubt",
R"(For an order the venue gives no answer about. `--as absent`: it never arrived. `--as closed`:
it is over, with the filled quantity you read at the venue. The next run acts on it.)",
     "tradeguard resolve tg1-e1-0123456789abcdefghijklmnop --as closed --filled 0.0149 --reason \"asked support\"",
     with_json,
     {{"as", "absent|closed", "what became of it", needed},
      {"filled", "QUANTITY", "with closed: how much of it was executed"},
      {"price", "PRICE", "with closed: the average price; else the order's own"},
      needed_reason, account, wait},
     resolve_command},

    {operating, "flatten", "[SYMBOL]", 0, 1,
     "sell the open trades of a symbol, or --all, now",
R"(Checks first that it could sell, then stores the wish and runs a cycle without signals to carry
it out: legs are cancelled and read back, then what is held is sold at market. Coins tradeguard did
not buy are not sold. A base currency (ETH) stands for all of its markets. Once the wish is stored,
every run of the next 24 h carries it out, also if this command fails; --withdraw takes it back.)",
     "tradeguard flatten --config bot.ini ETH_USDT --reason \"news\"", with_json,
     {{"all", "", "every open trade of the account"},
      {"withdraw", "", "cancel the wish to sell; what has been sold stays sold"},
      reason, wait}, flatten_command},

    {operating, "prune", "", 0, 0,
     "remove verdicts, sent messages and unfilled orders older than --keep",
R"(Every run does this by itself, a little at its end. Open trades and orders younger than 24 h are
never touched. Keys stay for good, so an old signal is never new again, and so does what every
trade bought and sold.)",
     "tradeguard prune --config bot.ini --keep 90d", with_json,
     {{"keep", "DURATION", "what is younger stays (default: prune.keep)"}, account, wait}, prune_command},

    {setting_up, "init", "", 0, 0,
     "create the store, or bring it to this version",
R"(Needed once before the first run, and after an update that says so. On a store that is ready
it changes nothing. Tables of others in the same database are not touched.)",
     "tradeguard init --config bot.ini", with_json, {}, init_command},

    {setting_up, "replay", "", 0, 0,
     "recorded signals over recorded prices, a cycle a minute, on paper",
R"(A simulated clock walks through the bars; each minute's signals go through the real cycle. The
store is in memory unless --store names a new file, which `status` and `why` can then read.
The bars are time,symbol,open,high,low,close.)",
     "tradeguard replay --signals signals.jsonl --prices prices.csv", with_json,
     {{"signals", "FILE", "one JSON object a line, with times", needed},
      {"prices", "FILE", "bars of one minute", needed},
      {"from", "TIME", "the first cycle; else the beginning of the first UTC day"},
      {"until", "TIME", "the last cycle; else the end of the last UTC day"},
      {"store", "sqlite:FILE", "a store that does not exist yet"},
      {"log", "FILE", "the log of all cycles"}},
     replay_command},

    {setting_up, "help", "[COMMAND|TOPIC]", 0, 1,
     "a command, an alarm, or: configuration signals environment exit-codes alarms",
     "", "tradeguard help run", without_json, {}, help_command},

    {setting_up, "version", "", 0, 0,
     "the version of this program, as --version",
     "", "tradeguard version", without_json, {}, version_command},
  };
  return all;
}
// clang-format on

}  // namespace

std::span<const Command> commands() { return table(); }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Command::name);
  return found == table().end() ? nullptr : &*found;
}

}  // namespace tradeguard::cli
