#include "no_start.hpp"

#include "exit_codes.hpp"
#include "log_sink.hpp"
#include "process.hpp"
#include "run_marker.hpp"
#include "trusted_file.hpp"
#include "venues.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

struct OpenTrades {
  std::optional<int> count;  // nullopt: nobody can say
  std::string text() const { return count ? std::to_string(*count) : "not known"; }
};
OpenTrades open_trades(const Station& station, const RunMarker& marker, const Error& error);
bool tell(const Station& station, Notice notice);
void make_harmless(Settings& settings);
Notice notice_of(const Station& station, NoticeType type);
std::string next_step(const Error& error);

// A dry run, and a file of paper, have nothing to lose.
bool trades_money(const Settings& settings) { return settings.kind != VenueKind::paper; }

RunMarker marker(const Station& station) {
  return marker_of(station.settings, account_of(station.settings), station.config_file, station.environment);
}

}  // namespace

int report_no_start(const Station& station, const Error& error, int code, Reported reported) {
  if (!trades_money(station.settings)) return code;
  const RunMarker remembered = marker(station);
  const OpenTrades open = open_trades(station, remembered, error);
  const bool unattended = open.count ? *open.count > 0 : station.settings.live;
  if (!unattended && (reported == Reported::with_open_trades || !station.settings.live)) return code;
  if (unattended)
    station.log.write(Line{Event::live_positions_unattended}
                          .add("trades", open.count ? open.text() : "?")
                          .add("because", "run_failed"));
  const Instant now = station.clock.now();
  if (remembered.is_due(Topic::run_failed, error.what, now)) {
    Notice notice = notice_of(station, NoticeType::run_failed);
    notice.facts.emplace_back("why", error.what);
    notice.facts.emplace_back("open trades", open.text());
    notice.facts.emplace_back("meanwhile",
                              "stops already at the exchange stay in place; nothing is bought, "
                              "protected, sold or checked until a run starts again");
    notice.facts.emplace_back("what to do", next_step(error));
    if (tell(station, std::move(notice))) remembered.note_told(Topic::run_failed, error.what, now);
  }
  return unattended && open.count ? exit_critical : code;
}

int report_misread(const Given& given, const std::string& cause, bool bare, int code) {
  for (const auto& [name, value] : given.environment)
    if (name == "DRY_RUN" && value == "1") return code;
  const bool ours = !given.trusted_only || !given.file ||
                    !distrust_of(*given.file, {.pipes = Wanted::Pipes::inherited, .trusted = Trusted{}});
  Given readable = given;
  readable.trusted_only = false;
  Settings settings = readable_settings(readable);
  if (!ours) make_harmless(settings);
  SystemClock clock;
  auto opened = open_log({.file = "", .bare = bare});
  if (!opened) return code;
  Log log{std::move(opened->sink), clock, false, std::move(opened->flush)};
  const std::string config_file = given.file.value_or("");
  // Where the kind itself cannot be read it may be any of them.
  std::vector<VenueKind> kinds{settings.kind};
  if (settings.kind == VenueKind::paper && cause.find("venue.kind") != std::string::npos) {
    kinds.clear();
    for (const VenueRow& row : venues())
      if (row.kind != VenueKind::paper) kinds.push_back(row.kind);
  }
  for (const VenueKind kind : kinds) {
    settings.kind = kind;
    const Station station{settings, config_file, given.environment, clock, log, stdout, ours};
    const int reported = report_no_start(station, Error{Fault::configuration, cause}, code);
    if (reported != code) return reported;
  }
  return code;
}

void note_entries_ahead(const Station& station) {
  if (!trades_money(station.settings)) return;
  const RunMarker remembered = marker(station);
  if (remembered.open_trades().value_or(0) == 0) remembered.note_open_trades(1, station.clock.now());
}

void report_started(const Station& station, int open_trades, bool heard) {
  if (!trades_money(station.settings)) return;
  const RunMarker remembered = marker(station);
  const Instant now = station.clock.now();
  const auto known = remembered.open_trades();
  if (!heard && known && *known > open_trades) return;
  if (known != open_trades) remembered.note_open_trades(open_trades, now);
  const auto told = remembered.told(Topic::run_failed);
  if (!told) return;
  Notice notice = notice_of(station, NoticeType::cleared);
  notice.facts.emplace_back("was", std::string{text(NoticeType::run_failed)});
  notice.facts.emplace_back("since", iso_micros(told->at));
  notice.facts.emplace_back("open trades", std::to_string(open_trades));
  if (tell(station, std::move(notice))) remembered.forget_told(Topic::run_failed, now);
}

void report_log_file(const Station& station, const std::string& fault) {
  const RunMarker remembered = marker(station);
  const Instant now = station.clock.now();
  if (fault.empty()) {
    remembered.forget_told(Topic::log_file, now);
    return;
  }
  if (!remembered.is_due(Topic::log_file, fault, now)) return;
  Notice notice = notice_of(station, NoticeType::log_unusable);
  notice.facts.emplace_back("why", fault);
  notice.facts.emplace_back("meanwhile", "runs continue, and log to standard error");
  notice.facts.emplace_back("what to do",
                            "make the file and its folder writable for the bot's user, or correct "
                            "run.log_file");
  if (tell(station, std::move(notice))) remembered.note_told(Topic::log_file, fault, now);
}

namespace {

// The store knows best. A server that does not answer is not waited for a second time where the
// marker knows.
OpenTrades open_trades(const Station& station, const RunMarker& marker, const Error& error) {
  const auto remembered = marker.open_trades();
  if (!station.store_is_ours) return {remembered};
  if (remembered && error.fault == Fault::unreachable && is_postgres(station.settings)) return {remembered};
  const auto counted = count_open_live_trades(station.settings, account_of(station.settings), station.clock.now());
  return {counted ? std::optional{*counted} : remembered};
}

// Whoever wrote the configuration may learn that no run starts, and nothing more: a token goes to Telegram's own
// address alone, and no file is written.
void make_harmless(Settings& settings) {
  settings.telegram_at = {.base_url = "https://api.telegram.org"};
  settings.notify_file.clear();
  if (settings.notify == NotifyKind::file) settings.notify = NotifyKind::printing;
}

Result<std::unique_ptr<Notifier>> notifier_of(const Station& station) {
  try {
    return make_notifier(station.settings, station.environment, station.clock, station.log, station.messages);
  } catch (const std::exception& broken) {
    return failed(Fault::configuration, broken.what());
  }
}

bool tell(const Station& station, Notice notice) {
  const auto line = [&](Line words) {
    words.add("type", text(notice.type)).add("symbol", "-").add("order_id", "-");
    return words;
  };
  auto notifier = notifier_of(station);
  if (!notifier) {
    station.log.write(line(Line{Event::tg_failed, Level::error})
                          .add("error", notifier.error().what)
                          .add("stack", "report>making the notifier"));
    return false;
  }
  const Delivery delivery = (*notifier)->deliver(notice, station.settings.notify_budget);
  return std::visit(
      overloaded{
          [&](const Delivered&) {
            station.log.write(line(Line{Event::tg_sent}));
            return true;
          },
          [&](const TryLater& later) {
            station.log.write(line(Line{Event::tg_failed}).add("error", later.why).add("stack", "report>deliver"));
            return false;
          },
          [&](const Undeliverable& never) {
            station.log.write(
                line(Line{Event::tg_failed, Level::error}).add("error", never.why).add("stack", "report>deliver"));
            return false;
          }},
      delivery);
}

Notice notice_of(const Station& station, NoticeType type) {
  const AccountKey account = account_of(station.settings);
  const Instant now = station.clock.now();
  Notice notice = tradeguard::notice_of(
      type,
      std::string{text(type)} + ":" + account.venue + "/" + account.account + ":" + std::to_string(to_micros(now)),
      now);
  notice.facts.emplace_back("account", account.venue + "/" + account.account);
  notice.facts.emplace_back("host", host_name());
  return notice;
}

std::string next_step(const Error& error) {
  switch (error.fault) {
    case Fault::configuration:
      return "fix the cause, then check with `tradeguard doctor`; the next run protects what is open";
    case Fault::unreachable:
      return "check with `tradeguard doctor` until it answers; the next run then protects what is open";
    case Fault::fenced:
    case Fault::data:
      break;
  }
  return "read the log of this run, check with `tradeguard doctor`, and look at the open trades at the exchange";
}

}  // namespace
}  // namespace tradeguard::cli
