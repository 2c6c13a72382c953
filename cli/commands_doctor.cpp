// doctor: is everything in place for a run? Looks, and places nothing unless it is told to.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "commands.hpp"
#include "desk.hpp"
#include "json.hpp"
#include "secrets.hpp"
#include "tradeguard/sql_schema.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

struct Found : Finding {
  int code = exit_ok;  // what a run would end with
};
// What only the command line says.
struct Wishes {
  std::string config_file;
  bool far_order;
  bool send;
  std::FILE* messages;
};
std::vector<Found> examine(Desk& desk, const Wishes& wishes);
std::vector<Found> examine_secrets(const Desk& desk);
std::vector<Found> examine_notifier(Desk& desk, const Wishes& wishes);
Found examine_files(const Desk& desk, const std::string& config_file);
Found examine_epoch(Store& store);
Found examine_lock(const Settings& settings, Store& store, std::optional<RunLease>& lease);
std::vector<Found> examine_venue(Desk& desk, const Wishes& wishes, bool alone);

Found well(std::string what, std::string detail);
Found problem(std::string what, std::string detail, std::string what_to_do, int code);
Found problem(std::string what, const Error& error, std::string what_to_do);
Found found(Finding finding);

}  // namespace

int doctor_command(const CommandLine& line, const Pairs& environment) {
  auto desk = set_up(line, environment);
  if (!desk) return desk.error();
  const Wishes wishes{line.config.value_or(""), line.has("place-far-order"), line.has("send"),
                      line.json ? stderr : stdout};
  const std::vector<Found> findings = examine(**desk, wishes);
  int code = exit_ok;
  for (const Found& finding : findings)
    if (code == exit_ok) code = finding.code;
  if (line.json) {
    Json json;
    json.field("ready", code == exit_ok).field("exit_code", code).array("findings");
    for (const Found& finding : findings)
      json.object()
          .field("what", finding.what)
          .field("judgement", text(finding.judgement))
          .field("detail", finding.detail)
          .field("to_do", finding.what_to_do)
          .end_object();
    json.end_array();
    print(json.text());
    return code;
  }
  for (const Found& finding : findings) {
    std::string verdict{text(finding.judgement)};
    verdict.resize(8, ' ');
    std::string what = finding.what;
    what.resize(std::max<std::size_t>(what.size(), 14), ' ');
    print(verdict + what + " " + finding.detail +
          (finding.what_to_do.empty() ? "" : " -> " + finding.what_to_do) + "\n");
  }
  return code;
}

namespace {

// In the order in which a run would stumble over them.
std::vector<Found> examine(Desk& desk, const Wishes& wishes) {
  const Settings& settings = desk.settings();
  std::vector<Found> findings;
  const auto add = [&](std::vector<Found> more) {
    std::ranges::move(more, std::back_inserter(findings));
  };
  findings.push_back(well("configuration", "hash " + desk.configuration.hash));
  const std::string kind{text(settings.kind)};
  const bool paper = settings.kind == VenueKind::paper;
  if (paper || settings.live)
    findings.push_back(well(
        "venue", kind + ", account " + settings.account + (settings.dry_run ? ", DRY_RUN=1" : "")));
  else
    findings.push_back(problem("venue", kind + " is not traded without run.live = true",
                               "write live = true under [run] when the rest is well",
                               exit_configuration));
  add(examine_secrets(desk));
  add(examine_notifier(desk, wishes));
  findings.push_back(examine_files(desk, wishes.config_file));

  std::optional<RunLease> lease;  // let go before its store
  auto store = open_store(settings, account_of(settings));
  if (store) {
    findings.push_back(well(
        "store", masked_url(settings.store_url) + ", schema " + std::to_string(schema_version)));
    findings.push_back(examine_epoch(**store));
    findings.push_back(examine_lock(settings, **store, lease));
  } else {
    findings.push_back(problem("store", store.error(), ""));
  }
  if (!paper) add(examine_venue(desk, wishes, lease.has_value()));
  lease.reset();
  return findings;
}

std::vector<Found> examine_secrets(const Desk& desk) {
  const Settings& settings = desk.settings();
  const bool told_by_telegram = notifier_kind(settings) == NotifyKind::telegram;
  if (settings.kind == VenueKind::paper && !told_by_telegram)
    return {well("secrets", "none is needed on paper, none was read")};
  std::vector<Found> findings;
  for (const SecretSource& source : secret_sources(desk.environment)) {
    const std::string name{environment_name(source.secret)};
    const std::string where = name + ": " + source.where;
    if (source.fault.empty())
      findings.push_back(well("secret", where));
    else
      findings.push_back(
          problem("secret", where + ", which " + source.fault,
                  "set " + name + " or " + name + "_FILE, not both; chmod 600 the file",
                  exit_configuration));
  }
  return findings;
}

std::vector<Found> examine_notifier(Desk& desk, const Wishes& wishes) {
  const Settings& settings = desk.settings();
  std::vector<Found> findings;
  const auto notifier =
      make_notifier(settings, desk.environment, desk.clock, *desk.log, wishes.messages);
  if (!notifier) return {problem("notifier", notifier.error(), "")};
  findings.push_back(well("notifier", "is there"));
  if (notifier_kind(settings) == NotifyKind::telegram)
    findings.push_back(found(check_telegram(settings, desk.environment, desk.clock, *desk.log)));
  if (!wishes.send) return findings;
  const Instant now = desk.clock.now();
  Notice notice{.event_id = "doctor-" + std::to_string(to_micros(now)),
                .type = NoticeType::operator_action,
                .trade = {},
                .symbol = {},
                .order_id = {},
                .side = std::nullopt,
                .facts = {{"action", "doctor"}, {"message", "a test, nothing happened"}},
                .created_at = now,
                .next_try = std::nullopt};
  const Delivery delivery = (*notifier)->deliver(notice, settings.notify_budget);
  findings.push_back(std::visit(
      overloaded{[](const Delivered&) { return well("message", "a test message was delivered"); },
                 [](const TryLater& later) {
                   return problem("message", later.why, "try again; notices wait until it answers",
                                  exit_unreachable);
                 },
                 [](const Undeliverable& never) {
                   return problem("message", never.why,
                                  "look at telegram.chat_id: is the bot in that chat, may it write "
                                  "there?",
                                  exit_configuration);
                 }},
      delivery));
  return findings;
}

// What a stranger could change, or read a password in.
Found examine_files(const Desk& desk, const std::string& config_file) {
  const Settings& settings = desk.settings();
  const auto mode = [](const std::string& path) -> mode_t {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode : 0;
  };
  if (!is_postgres(settings)) {
    const std::string file = sqlite_file(settings);
    if ((mode(file) & S_IWOTH) != 0)
      return problem("files", file + " can be written by anybody", "chmod o-w " + file,
                     exit_configuration);
    const std::string folder = std::filesystem::absolute(file).parent_path();
    // With the sticky bit nobody replaces what is another's, but anybody may put a lock there
    // first.
    if ((mode(folder) & S_IWOTH) != 0)
      return problem("files", "the store's folder " + folder + " can be written by anybody",
                     "put the store into a folder of its own, of mode 0700", exit_configuration);
  }
  const bool holds_password =
      !config_file.empty() && !url_password(settings.store_url).empty() &&
      std::ranges::any_of(desk.configuration.entries, [&](const Configuration::Entry& entry) {
        return entry.section == "store" && entry.name == "url" &&
               entry.source.starts_with(config_file + ":");
      });
  if (holds_password && (mode(config_file) & (S_IRWXG | S_IRWXO)) != 0)
    return problem("files", config_file + " holds a password and can be opened by others",
                   "chmod 600 " + config_file + ", or keep the password in ~/.pgpass",
                   exit_configuration);
  return well("files", "nobody else can write the store or read a password");
}

Found examine_epoch(Store& store) {
  const auto epoch = store.session->epoch();
  if (!epoch) return problem("epoch", epoch.error(), "");
  return well("epoch", *epoch);
}

// Taken as a run would take it, and asked for by a second session meanwhile: a lock that can only
// be looked at proves nothing.
Found examine_lock(const Settings& settings, Store& store, std::optional<RunLease>& lease) {
  const AccountKey account = account_of(settings);
  auto acquired = store.lock->try_acquire(account);
  if (!acquired) return problem("lock", acquired.error(), "");
  if (const auto* held = std::get_if<HeldElsewhere>(&*acquired))
    return problem(
        "lock",
        "held by another run" + (held->last_started_cycle
                                     ? ", cycle " + std::to_string(*held->last_started_cycle)
                                     : ""),
        "wait until it is over; `tradeguard status` says whether it is stuck", exit_locked);
  lease.emplace(std::move(std::get<RunLease>(*acquired)));
  auto second = open_store(settings, account);
  if (!second) return problem("lock", second.error(), "");
  const auto again = (*second)->lock->try_acquire(account);
  if (!again) return problem("lock", again.error(), "");
  if (std::holds_alternative<RunLease>(*again))
    return problem("lock", "two sessions hold it at once",
                   "do not trade with this store: two runs would not exclude each other",
                   exit_configuration);
  return well("lock", "free, and a second session is kept out");
}

// What every venue can be asked, and then what only its adapter knows to ask.
std::vector<Found> examine_venue(Desk& desk, const Wishes& wishes, bool alone) {
  const Settings& settings = desk.settings();
  std::vector<Found> findings;
  auto exchange =
      open_exchange(settings, desk.environment, desk.clock, *desk.log, Purpose::looking);
  if (!exchange)
    return {problem("exchange", exchange.error(), "the exchange was not asked anything")};
  OrderPlacer& placer = *(*exchange)->placer;
  SltpPlacer& protector = *(*exchange)->protector;

  const Micros asked = desk.clock.monotonic();
  const auto time = placer.venue_time();
  const Micros took = desk.clock.monotonic() - asked;
  if (!time)
    return {
        problem("exchange", time.error(), "look at the network, venue.base_url and venue.ca_file")};
  findings.push_back(well("exchange", "answers, in " + std::to_string(took / 1ms) + " ms"));
  const Micros offset = std::chrono::abs(*time - desk.clock.now());
  const std::string apart = std::to_string(offset / 1ms) + " ms from the exchange's";
  if (offset > settings.max_clock_offset)
    findings.push_back(problem(
        "clock",
        apart + ", and no entry is made beyond " + duration_text(settings.max_clock_offset),
        "set this machine's clock, and keep it set (chrony, systemd-timesyncd)", exit_critical));
  else
    findings.push_back(well("clock", apart));

  std::set<Symbol> markets;
  for (const auto& [symbol, market] : settings.markets) markets.insert(symbol);
  const auto market = protector.market(markets);
  if (market.balances)
    findings.push_back(well("balances", "can be read, so the key is valid"));
  else
    findings.push_back(
        problem("balances", market.balances.error(),
                "look at the key: is it there, may it read, may it be used from this "
                "address, is its secret the one given?"));
  const auto rules = placer.rules(markets);
  if (markets.empty())
    findings.push_back(
        found({"markets", Judgement::warning, "none is configured, so none was looked at",
               "write a [market.BASE_QUOTE] section for each that signals name"}));
  else if (!rules)
    findings.push_back(problem("markets", rules.error(), "try again"));
  for (const Symbol& symbol : markets) {
    if (!rules) break;
    const auto rule = rules->find(symbol);
    const bool priced = market.quotes && market.quotes->contains(symbol);
    if (rule == rules->end())
      findings.push_back(problem(symbol.text(), "there is no such market at this exchange",
                                 "correct the name, or take the section out", exit_critical));
    else if (!rule->second.tradable)
      findings.push_back(problem(symbol.text(), "is not traded at present",
                                 "wait, or take the section out", exit_critical));
    else if (!priced)
      findings.push_back(
          problem(symbol.text(), "its price cannot be read", "try again", exit_critical));
    else
      findings.push_back(well(symbol.text(), "is traded: tick " + rule->second.tick.text() +
                                                 ", step " + rule->second.step.text() +
                                                 ", least order worth " +
                                                 rule->second.min_notional.text()));
  }
  const auto orders = placer.own_orders(*time - 1min);
  if (orders)
    findings.push_back(well("orders", "every book of orders can be read"));
  else
    findings.push_back(problem("orders", orders.error(), "look at what this key may read"));
  if (!market.balances) return findings;  // nothing else can be asked with this key

  auto examination =
      open_examination(settings, desk.environment, **exchange, desk.clock, *desk.log);
  if (!examination) {
    findings.push_back(problem("key", examination.error(), ""));
    return findings;
  }
  const bool far_order = wishes.far_order && settings.live && alone;
  if (wishes.far_order && !far_order)
    findings.push_back(
        found({"far order", Judgement::warning, "none was placed",
               settings.live ? "try again when no run holds the lock"
                             : "write live = true under [run]: without it nothing is "
                               "placed"}));
  for (Finding& finding : (*examination)->examine(markets, far_order))
    findings.push_back(found(std::move(finding)));
  return findings;
}

Found well(std::string what, std::string detail) {
  return found({std::move(what), Judgement::ok, std::move(detail), ""});
}

Found problem(std::string what, std::string detail, std::string what_to_do, int code) {
  return {{std::move(what), Judgement::problem, std::move(detail), std::move(what_to_do)}, code};
}

Found problem(std::string what, const Error& error, std::string what_to_do) {
  std::string detail;
  for (const std::string& doing : error.chain) detail += doing + ": ";
  return problem(std::move(what), detail + error.what, std::move(what_to_do), exit_code_of(error));
}

Found found(Finding finding) {
  const int code =
      finding.judgement == Judgement::problem ? exit_code_of(Error{finding.fault, ""}) : exit_ok;
  return {std::move(finding), code};
}

}  // namespace
}  // namespace tradeguard::cli
