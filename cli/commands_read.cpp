// Commands that look and change nothing: status, config.
#include <algorithm>
#include <utility>

#include "alarm_help.hpp"
#include "commands.hpp"
#include "entries_view.hpp"
#include "exit_codes.hpp"
#include "json.hpp"
#include "order_view.hpp"
#include "secrets.hpp"
#include "setup.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

// What a look at the store comes to at this moment.
struct Look {
  const OpenBook& book;
  std::size_t waiting;
  const AccountKey& account;
  bool dry_run;
  Instant now;
  std::string run;                    // "running", "ended", "killed", "never", "unknown"
  std::vector<std::string> problems;  // sentences; empty: nothing needs anybody
  std::vector<EntryBar> bars;         // what keeps entries out
};
std::string run_state(const AccountState& state, std::optional<bool> going, Micros longest_run, Instant now);
std::vector<std::string> problems_of(const Look& look, Micros max_age);
std::string unset_hint(const Settings& settings);
std::string status_text(const Look& look);
std::string status_json(const Look& look);
std::string config_text(const Setup& setup);
std::string config_json(const Setup& setup);

}  // namespace

int status_command(const CommandLine& line, const Pairs& environment) {
  const std::string* given = line.option("max-age");
  Micros max_age{};
  if (given != nullptr) {
    max_age = parse_duration(*given).value_or(Micros{0});
    if (max_age == Micros{0}) return say_usage("status", "--max-age is a duration above 0, like 180 or 3m");
  }
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  const Settings& settings = (*setup)->settings();
  const AccountKey account = account_of(settings);
  auto store = open_store(settings, account);
  if (!store) return say_failure(store.error());
  if (auto known = named_is_known(settings, **store); !known) return say_failure(known.error());
  const Instant now = (*setup)->clock.now();
  const auto book = (*store)->account->journal().open_book(now);
  if (!book) return say_failure(book.error());
  const auto waiting = (*store)->account->journal().waiting_notices();
  if (!waiting) return say_failure(waiting.error());
  Look look{*book, *waiting, account, settings.dry_run, now, "", {}, bars_of(settings, *book)};
  look.run = run_state(book->account, run_is_going(settings, **store), settings.hard_deadline, now);
  look.problems = problems_of(look, given == nullptr ? settings.stuck_after : max_age);
  if (given == nullptr && book->trades.empty() && !book->account.last_started_at) look.problems.clear();
  if (const auto stranger = lock_stranger(settings, **store)) look.problems.push_back(describe(*stranger));
  if (account.venue == text(VenueKind::paper))
    for (const LiveAccount& live : accounts_with_open_trades(settings, **store, now))
      look.problems.push_back(std::to_string(live.trades) + (live.trades == 1 ? " trade" : " trades") + " open at " +
                              live.account.venue + "/" + live.account.account + ", which this is not" +
                              unset_hint(settings));
  print(line.json ? status_json(look) : status_text(look));
  return given != nullptr && !look.problems.empty() ? exit_critical : exit_ok;
}

int config_command(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  print(line.json ? config_json(**setup) : config_text(**setup));
  return exit_ok;
}

namespace {

// ---- status ------------------------------------------------------------------------------------

// A trade as the store knows it. What rests is what a run last saw resting.
struct TradeView {
  const Trade& trade;
  Exposure exposure;
  const Order* stop = nullptr;
  const Order* target = nullptr;
  std::optional<Micros> naked_for;  // nullopt: covered, or nothing is held
};

TradeView view_of(const Trade& trade, Instant now) {
  SightedOpen placed;
  TradeView view{trade, {}, nullptr, nullptr, std::nullopt};
  for (const Order& leg : trade.legs) {
    if (leg.state != OrderState::placed) continue;
    placed.insert(leg.client_id);
    if (leg.leg == Leg::stop) view.stop = &leg;
    if (leg.leg == Leg::target) view.target = &leg;
  }
  view.exposure = exposure(trade, placed, now);
  if (trade.record.naked_since) view.naked_for = std::max(Micros{0}, now - *trade.record.naked_since);
  return view;
}

std::string ago(const std::optional<Instant>& at, Instant now) {
  if (!at) return "never";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *at).count();
  return iso_seconds(*at) + " UTC, " + std::to_string(seconds) + " s ago";
}

std::string seconds_text(Micros span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
}

// Of an entry of which nothing is held: bought nothing, or nobody knows yet.
std::string entry_text(const Order& entry, Instant now) {
  const std::string since = seconds_text(std::max(Micros{0}, now - entry.claimed_at));
  switch (entry.state) {
    case OrderState::claimed:
      return "entry IN DOUBT: sent " + since +
             " ago, outcome unknown; every run looks it up, and there are no new entries in " + entry.symbol.base() +
             " until it is known";
    case OrderState::placed:
      return "entry open at the exchange for " + since + ", nothing filled yet";
    case OrderState::closed:
    case OrderState::refused:
    case OrderState::lapsed:
      break;
  }
  return "nothing held, entry " + std::string{text(entry.state)};
}

// Words with blanks between them need no quotes here; whatever else is escaped stays so.
std::string for_people(const std::string& words) {
  const std::string escaped = escape_value(words);
  return escaped == '"' + words + '"' ? words : escaped;
}

std::string protection_text(const TradeView& view, Instant now) {
  if (!view.exposure.held.is_positive()) return entry_text(view.trade.entry(), now);
  std::string out;
  if (view.stop != nullptr)
    out += "stop " + (view.stop->trigger ? view.stop->trigger->text() : "?") + " (" + id_at_venue(*view.stop) + ")";
  if (view.target != nullptr)
    out += std::string{out.empty() ? "" : ", "} + "target " + (view.target->price ? view.target->price->text() : "?") +
           " (" + id_at_venue(*view.target) + ")";
  else if (!view.trade.record.target_none.empty())
    out += std::string{out.empty() ? "" : ", "} + "target none (" + for_people(view.trade.record.target_none) + ")";
  if (view.naked_for) {
    out += std::string{out.empty() ? "" : ", "} + "UNPROTECTED " + view.exposure.naked.text() + " for " +
           seconds_text(*view.naked_for);
  } else if (out.empty()) {
    out = view.exposure.held_is_dust ? "dust" : "no stop on record";
  }
  return out;
}

// A run that was killed leaves the lock free and its end unwritten. Where the lock cannot be seen, one
// that began longer ago than any run may take is over.
std::string run_state(const AccountState& state, std::optional<bool> going, Micros longest_run, Instant now) {
  if (going && *going) return "running";
  if (!state.last_started_at) return "never";
  if (state.last_run_ended) return "ended";
  constexpr Micros grace = 5s;
  if (going || now - *state.last_started_at > longest_run + grace) return "killed";
  return "unknown";
}

std::string unset_hint(const Settings& settings) {
  return settings.dry_run ? " while DRY_RUN=1 is set: unset it to see them" : ": its own runs look after it";
}

std::vector<std::string> problems_of(const Look& look, Micros max_age) {
  std::vector<std::string> problems;
  const AccountState& state = look.book.account;
  const auto count = [](std::size_t number, const char* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
  };
  const std::string open = look.book.trades.empty() ? ""
                                                    : "; " + count(look.book.trades.size(), "trade") +
                                                          " open and unattended: stops are as the last run left them";
  constexpr Micros clocks_differ = 10s;
  if (!state.last_completed_at)
    problems.push_back("no run has ever completed" + open);
  else if (*state.last_completed_at > look.now + clocks_differ)
    problems.push_back("the last run completed at " + iso_seconds(*state.last_completed_at) +
                       " UTC, which is in the future: a clock is or was wrong");
  else if (look.now - *state.last_completed_at > max_age)
    problems.push_back("no run has completed for " + seconds_text(look.now - *state.last_completed_at) + open +
                       " (check cron and its mail, or run `tradeguard doctor`)");
  if (look.run == "killed")
    problems.push_back("the last run was killed or failed; the next run picks up where it stopped");
  if (!look.book.alarms.empty()) problems.push_back(count(look.book.alarms.size(), "alarm") + " active");
  std::size_t naked = 0;
  for (const Trade& trade : look.book.trades) {
    const TradeView view = view_of(trade, look.now);
    const bool settling = look.run == "running";
    if (!settling && view.exposure.held.is_positive() && !view.exposure.naked_is_dust) ++naked;
  }
  if (naked > 0) problems.push_back(count(naked, "trade") + " without a stop on record");
  if (state.breaker) problems.push_back("the breaker denies every entry");
  return problems;
}

std::string alarm_text(const Alarm& alarm) {
  std::string out = "  " + std::string{kind_of(alarm)} + " " + (alarm.symbol.empty() ? "-" : alarm.symbol) + " " +
                    escape_value(alarm.subject) + " since " + iso_seconds(alarm.raised_at) + " UTC" +
                    (alarm.freezes.empty() ? "" : ", no entries in " + alarm.freezes) +
                    (alarm.detail.empty() ? "" : ": " + escape_value(alarm.detail)) + "\n";
  if (const AlarmHelp* help = find_alarm_help(kind_of(alarm)))
    out += "    cause: " + std::string{help->cause} + "\n    next: " + next_step(*help, alarm) + "\n";
  return out + "    more: tradeguard help " + std::string{kind_of(alarm)} + "\n";
}

std::string status_text(const Look& look) {
  const AccountState& state = look.book.account;
  std::string out;
  const auto row = [&](std::string name, const std::string& value) {
    name.resize(11, ' ');
    out += name + value + "\n";
  };
  row("account", look.account.venue + "/" + look.account.account + (look.dry_run ? " (DRY_RUN=1 is set)" : ""));
  row("verdict", look.problems.empty() ? "ok" : "ATTENTION: " + look.problems.front());
  for (std::size_t i = 1; i < look.problems.size(); ++i) row("", "ATTENTION: " + look.problems[i]);
  row("cycle",
      std::to_string(state.cycle) + (look.run == "running"   ? ", running"
                                     : look.run == "killed"  ? ", KILLED: it did not finish, and no run is in progress"
                                     : look.run == "unknown" ? ", running or killed: its lock cannot be seen from here"
                                                             : ""));
  row("started", ago(state.last_started_at, look.now));
  row("completed", ago(state.last_completed_at, look.now));
  std::string name = "entries";
  for (const std::string& entries : entries_lines(look.bars)) row(std::exchange(name, ""), entries);
  if (state.quiet_until && *state.quiet_until > look.now)
    row("exchange", "answered HTTP " + escape_value(state.quiet_status) + " and asked for silence until " +
                        iso_seconds(*state.quiet_until) + " UTC");
  row("notices", std::to_string(look.waiting) + " waiting");
  std::vector<Alarm> alarms = look.book.alarms;
  for (const Alarm& found : look.book.unreadable)
    if (std::none_of(alarms.begin(), alarms.end(), [&](const Alarm& a) { return same_alarm(a, found); }))
      alarms.push_back(found);
  row("critical", std::to_string(alarms.size()) + " standing");
  for (const Alarm& alarm : alarms) out += alarm_text(alarm);
  row("trades", std::to_string(look.book.trades.size()) + " open");
  for (const Trade& trade : look.book.trades) {
    const TradeView view = view_of(trade, look.now);
    const Order& entry = trade.entry();
    out += "  " + entry.symbol.text() + " " + view.exposure.held.text() +
           (view.exposure.average_fill ? " at " + view.exposure.average_fill->text() : "") + ", order " +
           id_at_venue(entry) + ", " + protection_text(view, look.now) + "\n    trade " + trade.id() + ", signal " +
           entry.signal_key + ", unprotected " +
           seconds_text(trade.record.naked_total + view.naked_for.value_or(Micros{0})) + " in all" +
           (trade.record.exit_reason.empty() ? "" : ", to be sold: " + escape_value(trade.record.exit_reason.str())) +
           "\n";
  }
  return out;
}

std::string status_json(const Look& look) {
  const auto& [book, waiting, account, dry_run, now, run, problems, bars] = look;
  const AccountState& state = book.account;
  Json json;
  json.field("venue", account.venue).field("account", account.account).field("dry_run", dry_run);
  json.time("now", now).field("cycle", state.cycle).field("previous_run_ended", state.previous_run_ended);
  json.maybe_time("last_started_at", state.last_started_at).maybe_time("last_completed_at", state.last_completed_at);
  json.maybe("halted", state.halted).maybe("breaker", state.breaker);
  if (state.quiet_until && *state.quiet_until > now)
    json.time("quiet_until", *state.quiet_until).field("quiet_status", state.quiet_status);
  json.field("notices_waiting", static_cast<std::int64_t>(waiting));
  write_entries(json, bars);
  json.array("alarms");
  for (const Alarm& alarm : book.alarms) {
    const AlarmHelp* help = find_alarm_help(kind_of(alarm));
    json.object()
        .field("kind", kind_of(alarm))
        .field("subject", alarm.subject)
        .field("symbol", alarm.symbol)
        .field("order_id", alarm.order_id)
        .field("freezes", alarm.freezes)
        .field("breaks", alarm.breaks)
        .field("detail", alarm.detail)
        .time("raised_at", alarm.raised_at)
        .field("cause", help == nullptr ? std::string_view{} : help->cause)
        .field("next", help == nullptr ? std::string{} : next_step(*help, alarm))
        .end_object();
  }
  json.end_array().array("trades");
  for (const Trade& trade : book.trades) {
    const TradeView view = view_of(trade, now);
    const Order& entry = trade.entry();
    json.object().field("trade", trade.id()).field("symbol", entry.symbol.text()).field("signal_key", entry.signal_key);
    json.field("held", view.exposure.held.text()).field("naked", view.exposure.naked.text());
    json.maybe("average_fill",
               view.exposure.average_fill ? std::optional{view.exposure.average_fill->text()} : std::nullopt);
    json.field("protected", view.exposure.held.is_positive() && view.exposure.naked_is_dust);
    json.maybe_time("naked_since", trade.record.naked_since);
    json.field("seconds_unprotected", std::chrono::duration_cast<std::chrono::seconds>(
                                          trade.record.naked_total + view.naked_for.value_or(Micros{0}))
                                          .count());
    json.field("exit_reason", trade.record.exit_reason.str());
    json.array("orders");
    for (const auto* rows : {&trade.entries, &trade.legs})
      for (const Order& order : *rows) {
        json.object();
        write_order(json, order);
        json.end_object();
      }
    json.end_array();
    json.field("target_none", view.target == nullptr ? trade.record.target_none : std::string{});
    json.end_object();
  }
  json.end_array().field("run", run).field("well", problems.empty()).array("problems");
  for (const std::string& problem : problems) json.element(problem);
  json.end_array();
  return json.text();
}

// ---- config ------------------------------------------------------------------------------------

// What may be said of a secret: where it would come from. A dry run does not even look at the
// files.
std::vector<SecretSource> secrets_of(const Setup& setup) {
  if (!setup.settings().dry_run) return secret_sources(setup.environment, SecretFiles{setup.settings()});
  std::vector<SecretSource> sources;
  for (const SecretName secret : {SecretName::api_key, SecretName::api_secret, SecretName::telegram_token})
    sources.push_back({secret, "not read (DRY_RUN=1)", ""});
  return sources;
}

std::string config_text(const Setup& setup) {
  std::string out = "# effective configuration, hash " + setup.configuration.hash + "\n";
  std::string section;
  for (const auto& entry : setup.configuration.entries) {
    if (entry.section != section) {
      section = entry.section;
      out += "[" + section + "]\n";
    }
    std::string setting = entry.name + " = " + entry.value;
    setting.resize(std::max<std::size_t>(setting.size(), 40), ' ');
    out += setting + " # " + entry.source + "\n";
  }
  out += "\n# secrets, masked\n";
  for (const SecretSource& source : secrets_of(setup))
    out += "# " + std::string{environment_name(source.secret)} + ": " + source.where +
           (source.fault.empty() ? "" : ", which " + source.fault) + "\n";
  return out;
}

std::string config_json(const Setup& setup) {
  Json json;
  json.field("hash", setup.configuration.hash);
  json.field("dry_run", setup.settings().dry_run).field("debug_trading", setup.settings().debug_trading);
  json.array("values");
  for (const auto& entry : setup.configuration.entries)
    json.object()
        .field("key", entry.section + "." + entry.name)
        .field("value", entry.value)
        .field("source", entry.source)
        .end_object();
  json.end_array().array("secrets");
  for (const SecretSource& source : secrets_of(setup))
    json.object()
        .field("name", environment_name(source.secret))
        .field("source", source.where)
        .field("fault", source.fault)
        .end_object();
  json.end_array();
  return json.text();
}

}  // namespace
}  // namespace tradeguard::cli
