// The keys of the configuration: one row each, with the reader of its value.
#include <algorithm>
#include <charconv>
#include <limits>

#include "options.hpp"
#include "tradeguard/http.hpp"

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

}  // namespace

std::optional<AccountKey> parse_account(std::string_view word) {
  const std::size_t slash = word.find('/');
  AccountKey key;
  if (slash == std::string_view::npos || !account(word.substr(0, slash), key.venue) ||
      !account(word.substr(slash + 1), key.account))
    return std::nullopt;
  return key;
}

std::span<const Key> keys() { return table; }
std::span<const MarketKey> market_keys() { return market_table; }

}  // namespace tradeguard::cli
