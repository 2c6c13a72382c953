#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <numeric>
#include <sstream>

#include "secrets.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/postgres_address.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

namespace {

// ---- Reading single values ---------------------------------------------------------------------

bool word(std::string_view value, std::string& to) {
  to = value;
  return value.find('\0') == std::string_view::npos;
}

// A chat is a number, a group's is negative; a public one has a name.
bool is_chat(std::string_view value) {
  const auto all = [&](std::string_view from, auto allowed) {
    return !from.empty() && std::all_of(from.begin(), from.end(), allowed);
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [&](char c) { return digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (value.starts_with('@')) return all(value.substr(1), letter);
  return all(value.substr(value.starts_with('-') ? 1 : 0), digit) && value.size() <= 20;
}

bool store_url(std::string_view value, std::string& to) {
  to = value;
  if (value.starts_with("postgresql://") || value.starts_with("postgres://")) return true;
  // A store in memory would forget with every run what the run before it bought.
  return value.starts_with("sqlite:") && value != "sqlite:" && value != "sqlite::memory:";
}

bool http_url(std::string_view value, std::string& to) {
  to = value;
  return value.empty() || parse_base_url(value).has_value();
}

bool account(std::string_view value, std::string& to) {
  to = value;
  return !value.empty() && value.size() <= 32 && std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool duration(std::string_view value, Micros& to, Micros at_least, Micros at_most) {
  const auto parsed = parse_duration(value);
  if (!parsed || *parsed < at_least || *parsed > at_most) return false;
  to = *parsed;
  return true;
}
bool duration_or_off(std::string_view value, Micros& to, Micros at_least, Micros at_most) {
  return duration(value, to, 0s, 0s) || duration(value, to, at_least, at_most);
}

template <class Whole>
bool whole(std::string_view value, Whole& to, Whole at_least, Whole at_most) {
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, to);
  return error == std::errc{} && stop == end && to >= at_least && to <= at_most;
}

bool count(std::string_view value, int& to) { return whole(value, to, 0, 1'000'000); }

bool decimal(std::string_view value, Decimal& to, Decimal at_least, Decimal at_most) {
  const auto parsed = Decimal::parse(value);
  if (!parsed || *parsed < at_least || *parsed > at_most) return false;
  to = *parsed;
  return true;
}

const Decimal smallest = Decimal::from_units(1);
const Decimal below_100 = Decimal{100} - smallest;
const Decimal largest{999'999'999};
const Decimal one_basis_point = *Decimal::parse("0.01");

bool amount(std::string_view value, Decimal& to) { return decimal(value, to, Decimal{0}, largest); }
template <class Amount>
bool positive(std::string_view value, Amount& to) {
  return decimal(value, to.value, smallest, largest);
}
bool percent_or_zero(std::string_view value, Decimal& to, Decimal at_least, Decimal at_most) {
  return decimal(value, to, Decimal{0}, Decimal{0}) || decimal(value, to, at_least, at_most);
}
bool stop_percent(std::string_view value, Decimal& to) { return decimal(value, to, least_percent, below_100); }
bool target_percent(std::string_view value, Decimal& to) { return decimal(value, to, least_percent, Decimal{1000}); }

template <class T>
bool choice(std::string_view value, T& to, std::initializer_list<std::pair<std::string_view, T>> choices) {
  for (const auto& [name, meant] : choices)
    if (name == value) {
      to = meant;
      return true;
    }
  return false;
}

bool venue(std::string_view value, VenueKind& to) {
  const auto named = venue_named(value);
  to = named.value_or(to);
  return named.has_value();
}

bool yes_or_no(std::string_view value, bool& to) { return choice(value, to, {{"true", true}, {"false", false}}); }

bool user_ids(std::string_view value, std::vector<uid_t>& to) {
  to.clear();
  for (std::size_t from = 0; !value.empty() && from <= value.size();) {
    const std::size_t end = std::min(value.find(',', from), value.size());
    std::string_view number = value.substr(from, end - from);
    while (number.starts_with(' ')) number.remove_prefix(1);
    while (number.ends_with(' ')) number.remove_suffix(1);
    uid_t uid = 0;
    if (!whole(number, uid, uid_t{0}, std::numeric_limits<uid_t>::max() - 1)) return false;
    to.push_back(uid);
    from = end + 1;
  }
  return true;
}

// An optional member is read as its value.
template <class Read, class T>
bool into(std::optional<T>& to, std::string_view value, Read read) {
  return read(value, to.emplace());
}

// ---- The table ---------------------------------------------------------------------------------

using S = Settings;
using V = std::string_view;

// Ranges keep out milliseconds that were meant for seconds, and a ratio that was meant for a percentage.
constexpr std::string_view up_to_a_day = "a duration from 1s to 24h, like 300s";
constexpr std::string_view up_to_a_month = "a duration from 1s to 720h, or 0s for off";
constexpr std::string_view a_patience = "a duration from 1s to 24h, or 0s for at once";
constexpr std::string_view a_limit_percent = "a percentage from 0.1 to 100, or 0 for off, where 1 is one per cent";
constexpr std::string_view a_fee = "a percentage from 0.01 to 10, or 0, where 0.5 is half a per cent";
constexpr std::string_view a_count = "a whole number, 0 for off";
constexpr std::string_view a_stop = "a percentage from 0.1 to below 100, where 3 is three per cent";
constexpr std::string_view a_target = "a percentage from 0.1 to 1000, where 3 is three per cent";
constexpr std::string_view a_url = "an address like https://host, or http:// for this machine alone";
constexpr std::string_view alarm_or_flatten = "alarm or flatten";

// One row a key; the order is the order of --help and of `tradeguard config`.
// clang-format off
constexpr Key table[] = {
  {"store", "url", "sqlite:tradeguard.db", "sqlite:FILE or postgresql://user@host:port/db",
   "where everything is remembered",
   [](S& s, V v) { return store_url(v, s.store_url); }, true},
  {"store", "insecure", "false", "true or false",
   "true: take a PostgreSQL that shows no valid certificate, and send it a password in clear",
   [](S& s, V v) { return yes_or_no(v, s.store_insecure); }},

  {"store", "mode", "0600", "0600, or 0660 for a group",
   "rights of an SQLite store's files; who can read them can lock them",
   [](S& s, V v) { return choice<mode_t>(v, s.store_mode, {{"0600", 0600}, {"0660", 0660}}); }},

  {"prune", "keep", "90d", "a duration from 24h to 36500d, like 90d",
   "how long decisions, sent messages and unfilled orders of past trades are kept; keys and trades stay for good",
   [](S& s, V v) { return duration(v, s.prune_keep, 24h, 24h * 36500); }},

  {"run", "lock_id", "123456", "a whole number above 0",
   "PostgreSQL advisory lock of the first account",
   [](S& s, V v) { return whole(v, s.lock_id, std::int64_t{1}, std::numeric_limits<std::int64_t>::max()); }},
  {"run", "deadline", "50s", "a duration above 20s, to 1h: no entry is sent in its last 20 s",
   "a run takes no longer, unless something still has to be protected",
   [](S& s, V v) { return duration(v, s.deadline, 20s + Micros{1}, 1h); }},
  {"run", "hard_deadline", "150s", "a duration from 21s to 2h, like 150s",
   "the process ends itself, protected or not",
   [](S& s, V v) { return duration(v, s.hard_deadline, 21s, 2h); }},
  {"run", "stuck_after", "180s", up_to_a_day,
   "a holder of the lock that completed nothing for so long is reported",
   [](S& s, V v) { return duration(v, s.stuck_after, 1s, 24h); }},
  {"run", "log_file", "", "a path, or nothing",
   "log here too, and only warnings to standard error",
   [](S& s, V v) { return word(v, s.log_file); }, true},
  {"run", "live", "false", "true or false",
   "without it a real venue is not traded",
   [](S& s, V v) { return yes_or_no(v, s.live); }},

  {"venue", "kind", "paper", "paper, cryptocom or binance",
   "where orders go",
   [](S& s, V v) { return venue(v, s.kind); }},
  {"venue", "account", "main", "a name of a-z, 0-9 and -, at most 32 characters",
   "a name for the account; lock, cooldown and caps are per account",
   [](S& s, V v) { return account(v, s.account); }},
  {"venue", "base_url", "", a_url,
   "another address of the same API: sandbox, test server",
   [](S& s, V v) { return http_url(v, s.venue_at.base_url); }},
  {"venue", "ca_file", "", "a path, or nothing",
   "a certificate authority to trust besides the system's",
   [](S& s, V v) { return word(v, s.venue_at.ca_file); }, true},
  {"venue", "ca_only", "false", "true or false",
   "of the authorities, trust ca_file and not the system's",
   [](S& s, V v) { return yes_or_no(v, s.venue_at.ca_only); }},
  {"venue", "insecure_loopback", "false", "true or false",
   "send the key without TLS to a port of this machine that another user serves",
   [](S& s, V v) { return yes_or_no(v, s.venue_at.insecure_loopback); }},
  {"venue", "api_key_file", "", "a path, or nothing",
   "file of mode 0600 with the API key; TRADEGUARD_API_KEY or _FILE does the same",
   [](S& s, V v) { return word(v, s.api_key_file); }, true},
  {"venue", "api_secret_file", "", "a path, or nothing",
   "file of mode 0600 with its secret; TRADEGUARD_API_SECRET or _FILE does the same",
   [](S& s, V v) { return word(v, s.api_secret_file); }, true},
  {"venue", "pace", "documented", "documented or off",
   "keep the venue's documented limits; off is for a server that has none",
   [](S& s, V v) { return choice(v, s.paced, {{"documented", true}, {"off", false}}); }},
  {"venue", "min_notional", "1", "an amount of US dollars",
   "smallest order in US dollars, unless the exchange asks for more (cryptocom)",
   [](S& s, V v) { return amount(v, s.min_notional.value); }},
  {"venue", "highest_fee_percent", "0.5", a_fee,
   "assumed of a fill until its fees are read, never less than they are",
   [](S& s, V v) { return percent_or_zero(v, s.highest_fee_percent, one_basis_point, Decimal{10}); }},
  {"venue", "rules_max_age", "24h", "a duration from 1s to 720h, or 0s for every run",
   "what the venue demands of orders is asked again when it is older",
   [](S& s, V v) { return duration_or_off(v, s.rules_max_age, 1s, 720h); }},

  {"signals", "max_age", "300s", up_to_a_day,
   "an unknown signal older than this is not traded any more",
   [](S& s, V v) { return duration(v, s.policy.max_age, 1s, 24h); }},
  {"signals", "exit_max_age", "24h", "a duration from 60s to 720h, like 24h",
   "a SELL older than this is stale, and a wish to sell that could not be carried out ends after it",
   [](S& s, V v) { return duration(v, s.policy.exit_max_age, 60s, 720h); }},
  {"signals", "exit_scope", "symbol", "symbol or strategy",
   "whose trades a SELL ends and whose older BUYs it supersedes: all of the symbol, or its strategy's",
   [](S& s, V v) {
     return choice(v, s.policy.exit_scope,
                   {{"symbol", ExitScope::symbol}, {"strategy", ExitScope::strategy}});
   }},
  {"signals", "from_uids", "", "numbers of users with commas between, or nothing",
   "whose signal files are taken, besides root's and those of the user who runs this",
   [](S& s, V v) { return user_ids(v, s.signals_from); }},

  {"cooldown", "seconds", "300s", up_to_a_month,
   "between two entries of one base currency",
   [](S& s, V v) { return duration_or_off(v, s.policy.cooldown.cooldown, 1s, 720h); }},
  {"cooldown", "after_stop", "300s", up_to_a_month,
   "from a stop-out to the next entry of that base currency",
   [](S& s, V v) { return duration_or_off(v, s.policy.cooldown.after_stop, 1s, 720h); }},

  {"limits", "max_order_notional", "100", "an amount of quote currency, 0 for off",
   "the largest entry",
   [](S& s, V v) { return amount(v, s.policy.max_order_notional.value); }},
  {"limits", "max_open_positions", "10", a_count,
   "trades open at a time",
   [](S& s, V v) { return count(v, s.policy.max_open_positions); }},
  {"limits", "max_entries_per_day", "0", a_count,
   "entries in a UTC day",
   [](S& s, V v) { return count(v, s.policy.max_entries_per_day); }},
  {"limits", "max_slippage_percent", "1", a_limit_percent,
   "how far the market may be from the price the signal saw",
   [](S& s, V v) { return percent_or_zero(v, s.max_slippage_percent, least_percent, Decimal{100}); }},
  {"limits", "max_stranded_percent", "2", a_limit_percent,
   "no entry of which fees and steps would keep more than this from ever being sold",
   [](S& s, V v) { return percent_or_zero(v, s.stranding.most_percent, least_percent, Decimal{100}); }},
  {"limits", "round_up", "false", "true or false",
   "buy one step more where that leaves little enough unsold, instead of denying the entry",
   [](S& s, V v) { return yes_or_no(v, s.stranding.round_up); }},

  {"protection", "stop_loss_percent", "3", a_stop,
   "the stop, below the average fill",
   [](S& s, V v) { return stop_percent(v, s.plan.stop_percent); }},
  {"protection", "take_profit_percent", "3", a_target,
   "the target, above the average fill",
   [](S& s, V v) { return target_percent(v, s.plan.target_percent); }},
  {"protection", "stop_limit_slack_percent", "1", "a percentage from 0.1 to 50, where 1 is one per cent",
   "the limit below the stop, at a venue without stop-market orders",
   [](S& s, V v) { return decimal(v, s.plan.stop_limit_slack_percent, least_percent, Decimal{50}); }},
  {"protection", "on_unprotected", "alarm", alarm_or_flatten,
   "when no stop can be made to rest for flatten_after",
   [](S& s, V v) { return choice(v, s.plan.flatten_unprotected, {{"alarm", false}, {"flatten", true}}); }},
  {"protection", "on_breach", "flatten", alarm_or_flatten,
   "when the price is beyond the stop already",
   [](S& s, V v) { return choice(v, s.plan.flatten_on_breach, {{"alarm", false}, {"flatten", true}}); }},
  {"protection", "flatten_after", "120s", a_patience,
   "patience with a stop that does not rest",
   [](S& s, V v) { return duration_or_off(v, s.plan.flatten_after, 1s, 24h); }},
  {"protection", "unverified_after", "180s", a_patience,
   "a venue that cannot be read for so long is a CRITICAL",
   [](S& s, V v) { return duration_or_off(v, s.unverified_after, 1s, 24h); }},
  {"protection", "in_doubt_after", "180s", a_patience,
   "an entry in doubt for so long is a CRITICAL",
   [](S& s, V v) { return duration_or_off(v, s.in_doubt_after, 1s, 24h); }},

  {"notify", "kind", "", "telegram, printing, file or none",
   "who is told; nothing: telegram if it has a chat_id, else printing on paper",
   [](S& s, V v) { return choice<NotifyKind>(v, s.notify, {{"", NotifyKind::unset}, {"printing", NotifyKind::printing}, {"file", NotifyKind::file}, {"telegram", NotifyKind::telegram}, {"none", NotifyKind::none}}); }},
  {"notify", "file", "", "a path",
   "where kind = file appends its messages",
   [](S& s, V v) { return word(v, s.notify_file); }, true},
  {"notify", "budget", "10s", "a duration from 1s to 10m, like 10s, or 0s for none",
   "time for messages at the end of a run",
   [](S& s, V v) { return duration_or_off(v, s.notify_budget, 1s, 10min); }},

  {"telegram", "chat_id", "", "a number, or @channel",
   "who is told by Telegram",
   [](S& s, V v) { return (v.empty() || is_chat(v)) && word(v, s.telegram_chat_id); }},
  {"telegram", "base_url", "https://api.telegram.org", a_url,
   "another address of the same API",
   [](S& s, V v) { return !v.empty() && http_url(v, s.telegram_at.base_url); }},
  {"telegram", "ca_file", "", "a path, or nothing",
   "a certificate authority to trust besides the system's, for that address",
   [](S& s, V v) { return word(v, s.telegram_at.ca_file); }, true},
  {"telegram", "ca_only", "false", "true or false",
   "of the authorities, trust ca_file and not the system's",
   [](S& s, V v) { return yes_or_no(v, s.telegram_at.ca_only); }},
  {"telegram", "insecure_loopback", "false", "true or false",
   "send the token without TLS to a port of this machine that another user serves",
   [](S& s, V v) { return yes_or_no(v, s.telegram_at.insecure_loopback); }},
  {"telegram", "token_file", "", "a path, or nothing",
   "file of mode 0600 with the bot's token; TRADEGUARD_TELEGRAM_TOKEN or _FILE does the same",
   [](S& s, V v) { return word(v, s.telegram_token_file); }, true},
  {"telegram", "topic", "", "a whole number, or nothing",
   "the topic of a forum group",
   [](S& s, V v) { return v.empty() || into(s.telegram_topic, v, [](V w, std::int64_t& to) { return whole(w, to, std::int64_t{1}, std::numeric_limits<std::int64_t>::max()); }); }},
  {"telegram", "pace", "1s", "a duration from 100ms to 60s, or 0s for none",
   "between two messages; 0 is for a server without limits",
   [](S& s, V v) { return duration_or_off(v, s.telegram_pace, 100ms, 60s); }},

  {"clock", "max_offset", "1s", "a duration from 50ms to 60s, like 1s",
   "between this machine and the venue; beyond it nothing is bought",
   [](S& s, V v) { return duration(v, s.max_clock_offset, 50ms, 60s); }},
  {"net", "patience", "2s", "a duration from 100ms to 30s, like 2s",
   "what has not answered after this is in doubt and is looked up",
   [](S& s, V v) { return duration(v, s.net_patience, 100ms, 30s); }},
  {"net", "connections", "32", "a whole number from 1 to 256",
   "open to one host at a time",
   [](S& s, V v) { return whole(v, s.net_connections, 1, 256); }},

  {"paper", "prices", "", "a path, or nothing",
   "bars for the paper venue: time,symbol,open,high,low,close",
   [](S& s, V v) { return word(v, s.paper_prices); }, true},
  {"paper", "oco", "true", "true or false",
   "the paper venue takes stop and target as one order",
   [](S& s, V v) { return yes_or_no(v, s.paper_oco); }},
  {"paper", "stop_market", "true", "true or false",
   "the paper venue knows stops that sell at market",
   [](S& s, V v) { return yes_or_no(v, s.paper_stop_market); }},
  {"paper", "fee_percent", "0.1", a_fee,
   "what the paper venue keeps of a fill",
   [](S& s, V v) { return percent_or_zero(v, s.paper_fee_percent, one_basis_point, Decimal{10}); }},
  {"paper", "fee_in", "base", "base, quote or other",
   "the currency a purchase's fee is paid in",
   [](S& s, V v) { return choice<FeeIn>(v, s.paper_fee_in, {{"base", FeeIn::base}, {"quote", FeeIn::quote}, {"other", FeeIn::other}}); }},
  {"paper", "start_balance", "100000", "an amount of quote currency",
   "what a new paper account holds of every quote currency",
   [](S& s, V v) { return amount(v, s.paper_start_balance); }},
  {"paper", "faults", "", "a path, or nothing",
   "a script of what the paper venue does wrong, to see how a bad day looks",
   [](S& s, V v) { return word(v, s.paper_faults); }, true},
};

constexpr MarketKey market_table[] = {
  {"notional", "an amount of quote currency above 0", "what a signal without an amount buys",
   [](MarketOptions& m, V v) { return into(m.cycle.notional, v, positive<Money>); }},
  {"stop_loss_percent", a_stop, "the stop in this market",
   [](MarketOptions& m, V v) { return into(m.cycle.stop_loss_percent, v, stop_percent); }},
  {"take_profit_percent", a_target, "the target in this market",
   [](MarketOptions& m, V v) { return into(m.cycle.take_profit_percent, v, target_percent); }},
  {"min_notional", "an amount of quote currency above 0", "smallest order here, unless the exchange asks for more (cryptocom)",
   [](MarketOptions& m, V v) { return into(m.min_notional, v, positive<Money>); }},
  {"paper_price", "a price above 0", "where paper fills when neither signal nor bars say",
   [](MarketOptions& m, V v) { return into(m.paper_price, v, positive<Price>); }},
  {"paper_tick", "a price above 0", "the paper venue's price step in this market",
   [](MarketOptions& m, V v) { return into(m.paper_tick, v, positive<Price>); }},
  {"paper_step", "a quantity above 0", "the paper venue's quantity step in this market",
   [](MarketOptions& m, V v) { return into(m.paper_step, v, positive<Quantity>); }},
  {"paper_min_quantity", "a quantity above 0", "the least the paper venue takes in this market",
   [](MarketOptions& m, V v) { return into(m.paper_min_quantity, v, positive<Quantity>); }},
  {"paper_min_notional", "an amount of quote currency above 0", "the cheapest order the paper venue takes in this market",
   [](MarketOptions& m, V v) { return into(m.paper_min_notional, v, positive<Money>); }},
};
// clang-format on

// ---- Collecting what was given -----------------------------------------------------------------

constexpr std::string_view environment_prefix = "TRADEGUARD_";
constexpr std::string_view market_environment_prefix = "TRADEGUARD_MARKET__";
// The test suite's own; a binary under test sees them and has no business with them.
constexpr std::string_view test_environment_prefix = "TRADEGUARD_TEST_";
constexpr std::string_view market_section_prefix = "market.";
constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 20;

struct Candidate {
  std::string value;
  std::string source;
};

struct Reading {
  std::map<std::string, Candidate> given;  // by "section.name"; the last one to give wins
  ConfigurationFaults faults;
};

struct FileKey {
  std::string section;
  std::string name;
  std::string value;
  int line;
};

void read_file(const std::string& path, bool trusted_only, Reading& reading);
template <class Found>
void each_key(std::istream& in, const std::string& path, Reading& reading, Found found);
std::string beside_file(const std::string& file, std::string_view value);
void read_environment(const Pairs& environment, Reading& reading);
void read_command_line(const Pairs& options, Reading& reading);
void take(Reading& reading, const std::string& section, const std::string& name, const std::string& value,
          const std::string& place, const std::string& source);
void read_modes(const Pairs& environment, Reading& reading, Settings& settings);
void judge_together(const Reading& reading, const Settings& settings, ConfigurationFaults& faults);
std::vector<Configuration::Entry> effective(const Reading& reading, Settings& settings);
std::string hash_of(const std::vector<Configuration::Entry>& entries);

std::string full_name(std::string_view section, std::string_view name) {
  return std::string{section} + "." + std::string{name};
}
const std::string* find(const Pairs& pairs, std::string_view name) {
  const auto found = std::ranges::find(pairs, name, [](const auto& pair) -> std::string_view { return pair.first; });
  return found == pairs.end() ? nullptr : &found->second;
}

}  // namespace

tl::expected<Configuration, ConfigurationFaults> read_configuration(const Given& given) {
  Reading reading;
  Configuration configuration;
  if (given.file) read_file(*given.file, given.trusted_only, reading);
  read_environment(given.environment, reading);
  read_command_line(given.command_line, reading);
  read_modes(given.environment, reading, configuration.settings);
  if (!reading.faults.empty()) return tl::unexpected{std::move(reading.faults)};

  configuration.entries = effective(reading, configuration.settings);
  judge_together(reading, configuration.settings, reading.faults);
  if (!reading.faults.empty()) return tl::unexpected{std::move(reading.faults)};
  configuration.hash = hash_of(configuration.entries);
  return configuration;
}

std::span<const Key> keys() { return table; }
std::span<const MarketKey> market_keys() { return market_table; }

namespace {

std::string capitals(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}
std::string small_letters(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace

std::string environment_name(std::string_view section, std::string_view name) {
  return std::string{environment_prefix} + capitals(section) + "_" + capitals(name);
}
std::string market_environment_name(std::string_view symbol, std::string_view name) {
  return std::string{market_environment_prefix} + std::string{symbol} + "__" + capitals(name);
}

Settings readable_settings(const Given& given) {
  Reading reading;
  Settings settings;
  if (given.file) read_file(*given.file, given.trusted_only, reading);
  Pairs environment = given.environment;
  std::erase_if(environment, [](const auto& pair) { return pair.first == "DRY_RUN"; });
  read_environment(environment, reading);
  read_command_line(given.command_line, reading);
  read_modes(environment, reading, settings);
  effective(reading, settings);
  return settings;
}

std::string nearest(std::string_view wrong, std::span<const std::string> candidates) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  };
  constexpr std::size_t longest_worth_comparing = 100;
  if (wrong.size() > longest_worth_comparing) return "";
  std::string best;
  std::size_t closest = std::max<std::size_t>(2, wrong.size() / 4) + 1;
  for (const std::string& candidate : candidates)
    if (const auto steps = distance(wrong, candidate); steps < closest) {
      closest = steps;
      best = candidate;
    }
  return best;
}

std::string masked_url(std::string_view url) {
  // A word that could be no address holds no password: "false", "sqlite:bot.db", "bot.db".
  if (url.starts_with("sqlite:") || url.find_first_of(":@=?%") == std::string_view::npos) return std::string{url};
  return shown_address(url);
}

std::vector<std::string> url_passwords(std::string_view url) {
  return url.starts_with("sqlite:") ? std::vector<std::string>{} : passwords_of(url);
}

namespace {

// ---- The file ----------------------------------------------------------------------------------

void read_file(const std::string& path, bool trusted_only, Reading& reading) {
  Wanted wanted{.most_bytes = largest_file, .pipes = Wanted::Pipes::inherited, .trusted = std::nullopt};
  if (trusted_only) wanted.trusted = Trusted{};
  auto text = text_of_file(path, wanted);
  if (!text) {
    reading.faults.push_back(path + ": " + text.error().text());
    return;
  }
  std::istringstream in{std::move(*text)};
  std::map<std::string, int> lines;
  each_key(in, path, reading, [&](const FileKey& key) {
    const std::string place = path + ":" + std::to_string(key.line);
    const std::string full = full_name(key.section, key.name);
    const auto [first, is_new] = lines.emplace(full, key.line);
    if (!is_new) {
      reading.faults.push_back(place + ": " + full + ": is given twice, first in line " +
                               std::to_string(first->second));
      return;
    }
    take(reading, key.section, key.name, key.value, place, place);
    const auto row = std::ranges::find_if(
        table, [&](const Key& k) { return k.is_path && k.section == key.section && k.name == key.name; });
    if (const auto given = reading.given.find(full); row != std::end(table) && given != reading.given.end())
      given->second.value = beside_file(path, key.value);
  });
}

// A path of the file means the same file from wherever the run is started; cron starts it at home.
std::string beside_file(const std::string& file, std::string_view value) {
  const std::string_view scheme = value.starts_with("sqlite:") ? "sqlite:" : "";
  if (value.empty() || value.find("://") != std::string_view::npos) return std::string{value};
  const auto folder = std::filesystem::path{file}.parent_path();
  return std::string{scheme} + (folder / value.substr(scheme.size())).string();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A # in the middle of a word is part of it: passwords and channel names have them.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') return line.substr(0, at);
  return line;
}

template <class Found>
void each_key(std::istream& in, const std::string& path, Reading& reading, Found found) {
  std::string section;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string place = path + ":" + std::to_string(number) + ": ";
    const auto refuse = [&](const std::string& why) { reading.faults.push_back(place + why); };
    std::string_view rest = line;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (number == 1 && rest.starts_with(byte_order_mark)) rest.remove_prefix(3);
    rest = trimmed(without_comment(rest));
    if (rest.empty()) continue;
    if (std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; })) {
      refuse("holds a control character");
      continue;
    }
    if (rest.front() == '[') {
      if (rest.back() != ']') {
        refuse("a section ends with ']'");
        continue;
      }
      section = trimmed(rest.substr(1, rest.size() - 2));
      continue;
    }
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse("is neither [section] nor key = value nor # comment: " + escape_value(rest.substr(0, 60)));
      continue;
    }
    if (section.empty()) {
      refuse("a key stands before the first [section]");
      continue;
    }
    found(FileKey{section, std::string{trimmed(rest.substr(0, equals))}, std::string{trimmed(rest.substr(equals + 1))},
                  number});
  }
}

// ---- Environment and command line --------------------------------------------------------------

bool is_secret(std::string_view name) {
  for (const SecretName secret : {SecretName::api_key, SecretName::api_secret, SecretName::telegram_token}) {
    const std::string_view value = environment_name(secret);
    if (name == value || (name.starts_with(value) && name.substr(value.size()) == "_FILE")) return true;
  }
  return false;
}

void read_environment(const Pairs& environment, Reading& reading) {
  std::vector<std::string> known;
  for (const Key& key : table) known.push_back(environment_name(key.section, key.name));
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(environment_prefix) || name.starts_with(test_environment_prefix) || is_secret(name)) continue;
    const std::string place = "environment " + name;
    if (name.starts_with(market_environment_prefix)) {
      const std::string_view rest = std::string_view{name}.substr(market_environment_prefix.size());
      const auto split = rest.rfind("__");
      if (split == std::string_view::npos) {
        reading.faults.push_back(place + ": a market's key is written " +
                                 market_environment_name("ETH_USDT", "notional"));
        continue;
      }
      take(reading, std::string{market_section_prefix} + std::string{rest.substr(0, split)},
           small_letters(rest.substr(split + 2)), value, place, place);
      continue;
    }
    // `known` stands in the order of the table.
    const auto row = std::begin(table) + (std::ranges::find(known, name) - known.begin());
    if (row != std::end(table)) {
      take(reading, std::string{row->section}, std::string{row->name}, value, place, place);
      continue;
    }
    // A limit that is spelled wrongly must not be a limit that is off.
    const std::string meant = nearest(name, known);
    reading.faults.push_back(place + ": unknown" + (meant.empty() ? "" : ", did you mean " + meant + "?"));
  }
}

void read_command_line(const Pairs& options, Reading& reading) {
  for (const auto& [option, value] : options) {
    const auto split = option.rfind('.');
    if (option == "store.url" && !url_passwords(value).empty()) {
      reading.faults.push_back(
          "command line: store.url: a password there can be read by everybody who lists processes; write the "
          "address without it, and the password to ~/.pgpass, PGPASSWORD or the configuration file");
      continue;
    }
    take(reading, option.substr(0, split), option.substr(split + 1), value, "command line", "command line");
  }
}

// ---- Judging -----------------------------------------------------------------------------------

std::string unknown_key(std::string_view section, std::string_view name) {
  std::vector<std::string> known;
  if (section.starts_with(market_section_prefix)) {
    for (const MarketKey& key : market_table) known.push_back(full_name(section, key.name));
  } else {
    for (const Key& key : table) known.push_back(full_name(key.section, key.name));
  }
  const std::string meant = nearest(full_name(section, name), known);
  return "unknown key" + (meant.empty() ? "" : ", did you mean " + meant + "?");
}

std::string refused(std::string_view section, std::string_view value, std::string_view expected) {
  // The store's address may hold a password, and a fault may end up in a mail.
  const std::string shown = section == "store" ? masked_url(value) : std::string{value};
  return (value.empty() ? "is empty" : escape_value(shown.substr(0, 100)) + " is refused") + ", expected " +
         std::string{expected};
}

// What was meant by milliseconds for seconds, or a ratio for a percentage: the same number in the key's
// unit, if the key takes it.
template <class Takes>
std::string in_the_right_unit(std::string_view value, Takes takes) {
  std::string meant;
  if (const auto span = parse_duration(value))
    meant = duration_text(*span / 1000);
  else if (const auto ratio = Decimal::parse(value); ratio && *ratio < Decimal{1})
    meant = Decimal::multiply(*ratio, Decimal{100}, Rounding::down).text();
  return !meant.empty() && meant != value && takes(meant) ? ", did you mean " + meant + "?" : "";
}

void take(Reading& reading, const std::string& section, const std::string& name, const std::string& value,
          const std::string& place, const std::string& source) {
  const std::string full = full_name(section, name);
  const auto refuse = [&](const std::string& why) { reading.faults.push_back(place + ": " + full + ": " + why); };
  if (section.starts_with(market_section_prefix)) {
    if (!Symbol::parse(std::string_view{section}.substr(market_section_prefix.size())))
      return refuse("the market is not a symbol, expected BASE_QUOTE in capitals, like ETH_USDT");
    const auto row = std::ranges::find(market_table, name, &MarketKey::name);
    if (row == std::end(market_table)) return refuse(unknown_key(section, name));
    const auto takes = [&](std::string_view text) {
      MarketOptions scratch;
      return row->read(scratch, text);
    };
    if (!takes(value)) return refuse(refused(section, value, row->expected) + in_the_right_unit(value, takes));
  } else {
    const auto row =
        std::ranges::find_if(table, [&](const Key& key) { return key.section == section && key.name == name; });
    if (row == std::end(table)) return refuse(unknown_key(section, name));
    const auto takes = [&](std::string_view text) {
      Settings scratch;
      return row->read(scratch, text);
    };
    if (!takes(value)) return refuse(refused(section, value, row->expected) + in_the_right_unit(value, takes));
  }
  reading.given[full] = {value, source};
}

// DRY_RUN and DEBUG_TRADING: anything that is not plainly yes or no stops the run, because whoever
// set it relies on it.
void read_modes(const Pairs& environment, Reading& reading, Settings& settings) {
  const auto switched_on = [&](std::string_view name, bool empty_is_off) {
    const std::string* value = find(environment, name);
    if (value == nullptr || *value == "0" || (empty_is_off && value->empty())) return false;
    if (*value != "1")
      reading.faults.push_back("environment " + std::string{name} + ": " +
                               (value->empty() ? "empty" : escape_value(value->substr(0, 100))) +
                               " is refused, expected 1, 0, or unset");
    return true;
  };
  settings.debug_trading = switched_on("DEBUG_TRADING", true);
  settings.dry_run = switched_on("DRY_RUN", false);

  const auto given = [&](const char* key) -> const Candidate* {
    const auto found = reading.given.find(key);
    return found == reading.given.end() ? nullptr : &found->second;
  };
  const Candidate* const kind = given("venue.kind");
  Settings file;
  for (const Key& key : table)
    if (full_name(key.section, key.name) == "venue.kind") key.read(file, kind ? kind->value : key.fallback);
  settings.kind_of_file = file.kind;
  if (!settings.dry_run) return;

  const auto said_now = [](const Candidate& candidate) {
    return candidate.source == "command line" || candidate.source.starts_with("environment ");
  };
  if (kind != nullptr && kind->value != "paper" && said_now(*kind))
    reading.faults.push_back("environment DRY_RUN: 1 means paper, and " + kind->source +
                             " says venue.kind = " + kind->value);
  if (const Candidate* live = given("run.live"); live != nullptr && live->value == "true" && said_now(*live))
    reading.faults.push_back("environment DRY_RUN: 1 means paper, and " + live->source + " says run.live = true");
  reading.given["venue.kind"] = {"paper", "DRY_RUN=1"};
}

std::vector<Configuration::Entry> effective(const Reading& reading, Settings& settings) {
  std::vector<Configuration::Entry> entries;
  for (const Key& key : table) {
    const auto given = reading.given.find(full_name(key.section, key.name));
    const Candidate chosen =
        given != reading.given.end() ? given->second : Candidate{std::string{key.fallback}, "default"};
    if (!key.read(settings, chosen.value))
      throw std::logic_error{"the default of " + full_name(key.section, key.name) + " is refused"};
    entries.push_back({std::string{key.section}, std::string{key.name},
                       key.section == "store" ? masked_url(chosen.value) : chosen.value, chosen.source});
  }
  // The map is sorted, so the keys of one market stand together.
  for (const auto& [full, chosen] : reading.given) {
    if (!full.starts_with(market_section_prefix)) continue;
    const auto split = full.rfind('.');
    const std::string section = full.substr(0, split);
    const auto row = std::ranges::find(market_table, full.substr(split + 1), &MarketKey::name);
    const auto symbol = Symbol::parse(std::string_view{section}.substr(market_section_prefix.size()));
    row->read(settings.markets[*symbol], chosen.value);
    entries.push_back({section, std::string{row->name}, chosen.value, chosen.source});
  }
  return entries;
}

// What no value can be blamed for alone.
void judge_together(const Reading& reading, const Settings& settings, ConfigurationFaults& faults) {
  const auto place = [&](const char* key) {
    const auto given = reading.given.find(key);
    return (given == reading.given.end() ? std::string{"default"} : given->second.source) + ": " + key + ": ";
  };
  if (settings.hard_deadline < settings.deadline)
    faults.push_back(place("run.hard_deadline") + duration_text(settings.hard_deadline) +
                     " is refused, expected at least run.deadline, which is " + duration_text(settings.deadline));
  if (settings.notify == NotifyKind::file && settings.notify_file.empty())
    faults.push_back(place("notify.kind") + "file is refused, expected a path in notify.file beside it");
  if (settings.notify == NotifyKind::telegram && settings.telegram_chat_id.empty())
    faults.push_back(place("notify.kind") + "telegram is refused, expected a chat in telegram.chat_id beside it");
}

// FNV-1a: two configurations that differ show it in their logs; nobody attacks this.
std::string hash_of(const std::vector<Configuration::Entry>& entries) {
  std::uint64_t hash = 14695981039346656037U;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (const auto& entry : entries) {
    mix(entry.section);
    mix(".");
    mix(entry.name);
    mix("=");
    mix(entry.value);
    mix("\n");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex += digits[(hash >> shift) & 15];
  return hex;
}

}  // namespace
}  // namespace tradeguard::cli
