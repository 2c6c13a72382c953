// Commands about the store itself: init, doctor.
#include <algorithm>

#include "commands.hpp"
#include "desk.hpp"
#include "json.hpp"
#include "secrets.hpp"
#include "tradeguard/sql_schema.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

struct Finding {
  std::string what;
  bool good;
  std::string detail;
  int code = exit_ok;  // what a run would end with
};
std::vector<Finding> examine(Desk& desk);
Finding examine_venue(const Settings& settings);
Finding examine_lock(Store& store, const AccountKey& account);
Finding examine_epoch(Store& store);
std::vector<Finding> examine_secrets(const Desk& desk);

}  // namespace

int init_command(const CommandLine& line, const Pairs& environment) {
  auto desk = set_up(line, environment);
  if (!desk) return desk.error();
  const Settings& settings = (*desk)->settings();
  auto made = make_store(settings);
  if (!made) return say_failure(made.error());
  const std::string url = masked_url(settings.store_url);
  switch (*made) {
    case Made::held_elsewhere:
      return say_locked("the store is older than this program, and a run is using it; try again");
    case Made::was_ready:
    case Made::now:
      break;
  }
  const bool changed = *made == Made::now;
  if (line.json)
    print(Json{}
              .field("store", url)
              .field("schema", schema_version)
              .field("changed", changed)
              .text());
  else
    print(url + (changed ? " is ready" : " was ready already") + ", schema " +
          std::to_string(schema_version) + "\n");
  return exit_ok;
}

int doctor_command(const CommandLine& line, const Pairs& environment) {
  auto desk = set_up(line, environment);
  if (!desk) return desk.error();
  const std::vector<Finding> findings = examine(**desk);
  int code = exit_ok;
  for (const Finding& finding : findings)
    if (code == exit_ok) code = finding.code;
  if (line.json) {
    Json json;
    json.field("ready", code == exit_ok).field("exit_code", code).array("findings");
    for (const Finding& finding : findings)
      json.object()
          .field("what", finding.what)
          .field("good", finding.good)
          .field("detail", finding.detail)
          .end_object();
    json.end_array();
    print(json.text());
    return code;
  }
  for (const Finding& finding : findings) {
    std::string what = finding.what;
    what.resize(std::max<std::size_t>(what.size(), 14), ' ');
    print((finding.good ? "ok     " : "FAULT  ") + what + " " + finding.detail + "\n");
  }
  return code;
}

namespace {

// In the order in which a run would stumble over them.
std::vector<Finding> examine(Desk& desk) {
  const Settings& settings = desk.settings();
  std::vector<Finding> findings;
  findings.push_back({"configuration", true, "hash " + desk.configuration.hash});
  findings.push_back(examine_venue(settings));
  const auto notifier = make_notifier(settings, desk.environment, desk.clock, *desk.log, stdout);
  findings.push_back({"notifier", notifier.has_value(),
                      notifier ? "is there" : notifier.error().what,
                      notifier ? exit_ok : exit_code_of(notifier.error())});
  std::ranges::move(examine_secrets(desk), std::back_inserter(findings));

  const AccountKey account = account_of(settings);
  auto store = open_store(settings, account);
  const std::string url = masked_url(settings.store_url);
  if (!store) {
    findings.push_back({"store", false, store.error().what, exit_code_of(store.error())});
    return findings;
  }
  findings.push_back({"store", true, url + ", schema " + std::to_string(schema_version)});
  findings.push_back(examine_epoch(**store));
  findings.push_back(examine_lock(**store, account));
  return findings;
}

Finding examine_venue(const Settings& settings) {
  const std::string kind{text(settings.kind)};
  if (settings.kind == VenueKind::paper)
    return {"venue", true,
            kind + ", account " + settings.account + (settings.dry_run ? ", DRY_RUN=1" : "")};
  return {"venue", settings.live, kind + (settings.live ? "" : " is not traded without run.live = true"),
          settings.live ? exit_ok : exit_configuration};
}

std::vector<Finding> examine_secrets(const Desk& desk) {
  if (desk.settings().dry_run || desk.settings().kind == VenueKind::paper)
    return {{"secrets", true, "none is needed on paper, none was read"}};
  std::vector<Finding> findings;
  for (const SecretSource& source : secret_sources(desk.environment))
    findings.push_back({"secret", source.fault.empty(),
                        std::string{environment_name(source.secret)} + ": " + source.where +
                            (source.fault.empty() ? "" : ", which " + source.fault),
                        source.fault.empty() ? exit_ok : exit_configuration});
  return findings;
}

Finding examine_epoch(Store& store) {
  const auto epoch = store.session->epoch();
  if (!epoch) return {"epoch", false, epoch.error().what, exit_code_of(epoch.error())};
  return {"epoch", true, *epoch};
}

// Taken for a moment, as a run would take it: a lock that can only be looked at proves nothing.
Finding examine_lock(Store& store, const AccountKey& account) {
  const auto acquired = store.lock->try_acquire(account);
  if (!acquired) return {"lock", false, acquired.error().what, exit_code_of(acquired.error())};
  if (const auto* held = std::get_if<HeldElsewhere>(&*acquired))
    return {"lock", false,
            "held by another run" + (held->last_started_cycle
                                         ? ", cycle " + std::to_string(*held->last_started_cycle)
                                         : ""),
            exit_locked};
  return {"lock", true, "free"};
}

}  // namespace
}  // namespace tradeguard::cli
