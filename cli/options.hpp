// The configuration: one table of keys behind the file, the environment, the command line and
// --help.
//
// What is given later in that list wins. Every value is judged with its place, all faults are
// reported at once, and nothing unknown is passed over: a limit with a typing error is no limit.
// Tests: tests/cli/options_test.cpp
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/guards.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_book.hpp"
#include "tradeguard/rules.hpp"

namespace tradeguard::cli {

// Each has its row in venues.cpp, or the program does not compile. `count` is none.
enum class VenueKind { paper, cryptocom, binance, count };
std::string_view text(VenueKind kind);
std::optional<VenueKind> venue_named(std::string_view name);
// "VENUE/NAME" as --account takes it; also of a venue that this program has no row for. nullopt: it is not.
std::optional<AccountKey> parse_account(std::string_view word);

// unset: Telegram where a chat is named, else printing on paper; a real venue demands a choice.
enum class NotifyKind { unset, printing, file, telegram, none };

struct MarketOptions {
  MarketSettings cycle;
  std::optional<Money> min_notional;  // of a venue that publishes none
  std::optional<Price> paper_price;
  // Rules of this market on paper; what is not given is built in.
  std::optional<Price> paper_tick;
  std::optional<Quantity> paper_step;
  std::optional<Quantity> paper_min_quantity;
  std::optional<Money> paper_min_notional;
};

// Where a service answers, and how it shows that it is the one.
struct Endpoint {
  std::string base_url;
  std::string ca_file;             // empty: the system's authorities
  bool ca_only = false;            // of the authorities, ca_file alone
  bool insecure_loopback = false;  // http to a port that another user of this machine serves
};

// Every value in the type the rest of the program wants. The defaults stand in the table of keys.
struct Settings {
  std::string store_url;
  mode_t store_mode = 0600;  // the rights of an SQLite store's files
  bool store_insecure = false;

  std::int64_t lock_id = 0;
  Micros deadline{};
  Micros hard_deadline{};
  Micros stuck_after{};
  std::string log_file;  // empty: none
  bool live = false;

  VenueKind kind = VenueKind::paper;
  VenueKind kind_of_file = VenueKind::paper;  // what DRY_RUN=1 has overridden; else the same
  std::string account;
  std::optional<AccountKey> named_account;  // --account: that of the store a command is about, whatever the file says
  Endpoint venue_at;                        // without a URL: the venue's own
  std::string api_key_file;                 // empty: the secret is in the environment
  std::string api_secret_file;              // empty: the same
  bool paced = true;
  Money min_notional;
  Decimal highest_fee_percent;
  Micros rules_max_age{};

  EntryPolicy policy;
  std::vector<uid_t> signals_from;  // whose signals are taken, besides root's and the own
  Decimal max_slippage_percent;
  Stranding stranding;
  Micros max_clock_offset{};
  Micros net_patience{};
  int net_connections = 0;

  ProtectionPlan plan;
  Micros unverified_after{};
  Micros in_doubt_after{};

  NotifyKind notify = NotifyKind::unset;
  std::string notify_file;
  Micros notify_budget{};
  Micros prune_keep{};
  std::string telegram_chat_id;
  Endpoint telegram_at;
  std::string telegram_token_file;  // empty: the token is in the environment
  std::optional<std::int64_t> telegram_topic;
  Micros telegram_pace{};

  std::string paper_prices;  // empty: none
  std::string paper_faults;  // empty: none
  bool paper_oco = true;
  bool paper_stop_market = true;
  Decimal paper_fee_percent;
  FeeIn paper_fee_in = FeeIn::base;
  Decimal paper_start_balance;

  std::map<Symbol, MarketOptions> markets;

  bool dry_run = false;        // DRY_RUN=1
  bool debug_trading = false;  // DEBUG_TRADING=1

  // Whose files are taken besides root's and the own: not configured, but of an operator who is root and
  // looks after the bot of another user.
  std::vector<uid_t> besides;
  bool staged = false;  // the store is a stage of `replay`: nothing depends on who can change it
};

// One row of the table.
struct Key {
  std::string_view section;
  std::string_view name;
  std::string_view fallback;                                 // the default, written as in the file
  std::string_view expected;                                 // "a duration like 300s, 5m or 1h"
  std::string_view meaning;                                  // for --help and the documentation
  bool (*read)(Settings& settings, std::string_view value);  // false: not what is expected
  bool is_path = false;                                      // in the file: relative to the file
};
struct MarketKey {
  std::string_view name;
  std::string_view expected;
  std::string_view meaning;
  bool (*read)(MarketOptions& market, std::string_view value);
};
std::span<const Key> keys();
std::span<const MarketKey> market_keys();
std::string environment_name(std::string_view section, std::string_view name);
std::string market_environment_name(std::string_view symbol, std::string_view name);

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What was given and by whom, before it is judged.
struct Given {
  std::optional<std::string> file;  // path of the INI file
  Pairs environment;                // all of it; names without a meaning here are passed over
  Pairs command_line;               // "run.deadline", "market.ETH_USDT.notional" and their values
  bool trusted_only = false;        // a file that others can change is a fault
};

struct Configuration {
  // One effective value, secrets in it masked.
  struct Entry {
    std::string section;
    std::string name;
    std::string value;
    std::string source;  // "default", "bot.ini:12", "environment TRADEGUARD_RUN_DEADLINE", "command
                         // line", "DRY_RUN=1"
  };
  Settings settings;
  std::vector<Entry> entries;  // in the order of the table, then markets by symbol
  std::string hash;            // of the entries, 16 hex digits; a secret does not change it
};

// The faults are sentences that begin with their place: "bot.ini:12: limits.max_open_positions:
// ...".
using ConfigurationFaults = std::vector<std::string>;
tl::expected<Configuration, ConfigurationFaults> read_configuration(const Given& given);

// What can be read of a configuration with faults, DRY_RUN aside: for telling that it is wrong, never
// for trading. What is at fault has its default.
Settings readable_settings(const Given& given);

// The key that was probably meant, for messages; empty if none is near.
std::string nearest(std::string_view wrong, std::span<const std::string> candidates);

// A store's URL as it may be shown: "postgresql://bot:***@host/db"; "***" where nobody can tell what in
// it is the password.
std::string masked_url(std::string_view url);
// The passwords in a store's URL, for the log's redaction.
std::vector<std::string> url_passwords(std::string_view url);

}  // namespace tradeguard::cli
