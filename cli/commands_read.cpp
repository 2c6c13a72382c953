// Commands that look and change nothing: status, config.
#include <algorithm>

#include "commands.hpp"
#include "desk.hpp"
#include "json.hpp"
#include "order_view.hpp"
#include "secrets.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

std::string status_text(const OpenBook& book, std::size_t waiting, const AccountKey& account,
                        Instant now);
std::string status_json(const OpenBook& book, std::size_t waiting, const AccountKey& account,
                        Instant now);
std::string config_text(const Desk& desk);
std::string config_json(const Desk& desk);

}  // namespace

int status_command(const CommandLine& line, const Pairs& environment) {
  auto desk = set_up(line, environment);
  if (!desk) return desk.error();
  const AccountKey account = account_of((*desk)->settings());
  auto store = open_store((*desk)->settings(), account);
  if (!store) return say_failure(store.error());
  const Instant now = (*desk)->clock.now();
  const auto book = (*store)->journal->open_book(now);
  if (!book) return say_failure(book.error());
  const auto waiting = (*store)->journal->waiting_notices();
  if (!waiting) return say_failure(waiting.error());
  print(line.json ? status_json(*book, *waiting, account, now)
                  : status_text(*book, *waiting, account, now));
  return exit_ok;
}

int config_command(const CommandLine& line, const Pairs& environment) {
  auto desk = set_up(line, environment);
  if (!desk) return desk.error();
  print(line.json ? config_json(**desk) : config_text(**desk));
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
  const Order& entry = trade.entry();
  if (entry.naked_since) view.naked_for = std::max(Micros{0}, now - *entry.naked_since);
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

std::string protection_text(const TradeView& view) {
  if (!view.exposure.held.is_positive())
    return "nothing held, entry " + std::string{text(view.trade.entry().state)};
  std::string out;
  if (view.stop != nullptr)
    out += "stop " + (view.stop->trigger ? view.stop->trigger->text() : "?") + " (" +
           id_at_venue(*view.stop) + ")";
  if (view.target != nullptr)
    out += std::string{out.empty() ? "" : ", "} + "target " +
           (view.target->price ? view.target->price->text() : "?") + " (" +
           id_at_venue(*view.target) + ")";
  if (view.naked_for) {
    out += std::string{out.empty() ? "" : ", "} + "UNPROTECTED " + view.exposure.naked.text() +
           " for " + seconds_text(*view.naked_for);
  } else if (out.empty()) {
    out = view.exposure.held_is_dust ? "dust" : "no stop on record";
  }
  return out;
}

std::string status_text(const OpenBook& book, std::size_t waiting, const AccountKey& account,
                        Instant now) {
  const AccountState& state = book.account;
  std::string out;
  const auto row = [&](std::string name, const std::string& value) {
    name.resize(11, ' ');
    out += name + value + "\n";
  };
  row("account", account.venue + "/" + account.account);
  row("cycle",
      std::to_string(state.cycle) + (state.previous_run_ended ? "" : ", running or killed"));
  row("started", ago(state.last_started_at, now));
  row("completed", ago(state.last_completed_at, now));
  row("entries", state.halted    ? "HALTED: " + escape_value(*state.halted)
                 : state.breaker ? "DENIED by the breaker: " + escape_value(*state.breaker)
                                 : "allowed");
  if (state.quiet_until && *state.quiet_until > now)
    row("exchange", "answered HTTP " + escape_value(state.quiet_status) +
                        " and asked for silence until " + iso_seconds(*state.quiet_until) + " UTC");
  row("notices", std::to_string(waiting) + " waiting");
  row("critical", std::to_string(book.alarms.size()) + " standing");
  for (const Alarm& alarm : book.alarms)
    out += "  " + std::string{text(alarm.kind)} + " " +
           (alarm.symbol.empty() ? "-" : alarm.symbol) + " " + escape_value(alarm.subject) +
           " since " + iso_seconds(alarm.raised_at) + " UTC" +
           (alarm.freezes.empty() ? "" : ", no entries in " + alarm.freezes) +
           (alarm.detail.empty() ? "" : ": " + escape_value(alarm.detail)) + "\n";
  row("trades", std::to_string(book.trades.size()) + " open");
  for (const Trade& trade : book.trades) {
    const TradeView view = view_of(trade, now);
    const Order& entry = trade.entry();
    out += "  " + entry.symbol.text() + " " + view.exposure.held.text() +
           (view.exposure.average_fill ? " at " + view.exposure.average_fill->text() : "") +
           ", order " + id_at_venue(entry) + ", " + protection_text(view) + "\n    trade " +
           trade.id() + ", signal " + entry.signal_key + ", unprotected " +
           seconds_text(entry.naked_total + view.naked_for.value_or(Micros{0})) + " in all" +
           (entry.exit_reason.empty() ? "" : ", to be sold: " + escape_value(entry.exit_reason)) +
           "\n";
  }
  return out;
}

std::string status_json(const OpenBook& book, std::size_t waiting, const AccountKey& account,
                        Instant now) {
  const AccountState& state = book.account;
  Json json;
  json.field("venue", account.venue).field("account", account.account).time("now", now);
  json.field("cycle", state.cycle).field("previous_run_ended", state.previous_run_ended);
  json.maybe_time("last_started_at", state.last_started_at)
      .maybe_time("last_completed_at", state.last_completed_at);
  json.maybe("halted", state.halted).maybe("breaker", state.breaker);
  if (state.quiet_until && *state.quiet_until > now)
    json.time("quiet_until", *state.quiet_until).field("quiet_status", state.quiet_status);
  json.field("notices_waiting", static_cast<std::int64_t>(waiting));
  json.array("alarms");
  for (const Alarm& alarm : book.alarms)
    json.object()
        .field("kind", text(alarm.kind))
        .field("subject", alarm.subject)
        .field("symbol", alarm.symbol)
        .field("order_id", alarm.order_id)
        .field("freezes", alarm.freezes)
        .field("breaks", alarm.breaks)
        .field("detail", alarm.detail)
        .time("raised_at", alarm.raised_at)
        .end_object();
  json.end_array().array("trades");
  for (const Trade& trade : book.trades) {
    const TradeView view = view_of(trade, now);
    const Order& entry = trade.entry();
    json.object()
        .field("trade", trade.id())
        .field("symbol", entry.symbol.text())
        .field("signal_key", entry.signal_key);
    json.field("held", view.exposure.held.text()).field("naked", view.exposure.naked.text());
    json.maybe("average_fill", view.exposure.average_fill
                                   ? std::optional{view.exposure.average_fill->text()}
                                   : std::nullopt);
    json.field("protected", view.exposure.held.is_positive() && view.exposure.naked_is_dust);
    json.maybe_time("naked_since", entry.naked_since);
    json.field("seconds_unprotected", std::chrono::duration_cast<std::chrono::seconds>(
                                          entry.naked_total + view.naked_for.value_or(Micros{0}))
                                          .count());
    json.field("exit_reason", entry.exit_reason);
    json.array("orders");
    for (const auto* rows : {&trade.entries, &trade.legs})
      for (const Order& order : *rows) {
        json.object();
        write_order(json, order);
        json.end_object();
      }
    json.end_array().end_object();
  }
  json.end_array();
  return json.text();
}

// ---- config ------------------------------------------------------------------------------------

// What may be said of a secret: where it would come from. A dry run does not even look at the
// files.
std::vector<SecretSource> secrets_of(const Desk& desk) {
  if (!desk.settings().dry_run) return secret_sources(desk.environment);
  std::vector<SecretSource> sources;
  for (const SecretName secret : {SecretName::api_key, SecretName::api_secret, SecretName::telegram_token})
    sources.push_back({secret, "not read (DRY_RUN=1)", ""});
  return sources;
}

std::string config_text(const Desk& desk) {
  std::string out = "# effective configuration, hash " + desk.configuration.hash + "\n";
  std::string section;
  for (const auto& entry : desk.configuration.entries) {
    if (entry.section != section) {
      section = entry.section;
      out += "[" + section + "]\n";
    }
    std::string setting = entry.name + " = " + entry.value;
    setting.resize(std::max<std::size_t>(setting.size(), 40), ' ');
    out += setting + " # " + entry.source + "\n";
  }
  out += "\n# secrets, masked\n";
  for (const SecretSource& source : secrets_of(desk))
    out += "# " + std::string{environment_name(source.secret)} + ": " + source.where +
           (source.fault.empty() ? "" : ", which " + source.fault) + "\n";
  return out;
}

std::string config_json(const Desk& desk) {
  Json json;
  json.field("hash", desk.configuration.hash);
  json.field("dry_run", desk.settings().dry_run)
      .field("debug_trading", desk.settings().debug_trading);
  json.array("values");
  for (const auto& entry : desk.configuration.entries)
    json.object()
        .field("key", entry.section + "." + entry.name)
        .field("value", entry.value)
        .field("source", entry.source)
        .end_object();
  json.end_array().array("secrets");
  for (const SecretSource& source : secrets_of(desk))
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
