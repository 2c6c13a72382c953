// doctor: is everything in place for a run? Looks, and places nothing unless it is told to.
#include <algorithm>

#include "commands.hpp"
#include "doctor.hpp"
#include "json.hpp"
#include "store_files.hpp"
#include "tradeguard/foreign_text.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard::cli {

namespace {

std::vector<Found> examine(Setup& setup, const Wishes& wishes);
std::vector<Found> examine_unopened(const Settings& settings, const Error& error);
std::string text_of(const std::vector<Found>& findings);
std::string json_of(const std::vector<Found>& findings, int code);

}  // namespace

int doctor_command(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  const Wishes wishes{line.config.value_or(""), line.has("place-far-order"), line.has("send"),
                      line.json ? stderr : stdout};
  const std::vector<Found> findings = examine(**setup, wishes);
  const int code = first_that_applies(findings);
  print(line.json ? json_of(findings, code) : text_of(findings));
  return code;
}

namespace {

// In the order in which a run would stumble over them.
std::vector<Found> examine(Setup& setup, const Wishes& wishes) {
  const Settings& settings = setup.settings();
  std::vector<Found> findings;
  const auto add = [&](std::vector<Found> more) { std::ranges::move(more, std::back_inserter(findings)); };
  findings.push_back(well("configuration", "hash " + setup.configuration.hash));
  const std::string kind{text(settings.kind)};
  const bool paper = settings.kind == VenueKind::paper;
  if (paper || settings.live)
    findings.push_back(well("venue", kind + ", account " + settings.account + (settings.dry_run ? ", DRY_RUN=1" : "")));
  else
    findings.push_back(problem("venue", kind + " is not traded without run.live = true",
                               "write live = true under [run] when the rest is well", exit_configuration));
  // With files of which others decide what they say nobody is asked anything: not by an address they chose,
  // with a secret of ours.
  const bool ours = !distrust_of(wishes.config_file,
                                 {.pipes = Wanted::Pipes::inherited, .trusted = Trusted{.others = settings.besides}});
  if (!ours) {
    add(examine_files(setup, wishes.config_file));
    return findings;
  }
  Secrets secrets = examine_secrets(setup);
  add(std::move(secrets.findings));
  add(examine_notifier(setup, wishes, secrets.notifier));
  add(examine_files(setup, wishes.config_file));
  add(examine_disks(setup));
  add(examine_sizes(settings, setup.clock.now()));

  std::unique_ptr<RunLease::Hold> hold;  // let go before its store
  std::optional<Found> silence;
  auto store = open_store(settings, account_of(settings));
  if (store) {
    findings.push_back(well("store", masked_url(settings.store_url) + ", schema " + std::to_string(schema_version)));
    add(examine_store(setup, **store));
    Locked locked = examine_lock(settings, **store);
    hold = std::move(locked.hold);
    add(std::move(locked.findings));
    add(examine_account(setup, **store, hold != nullptr));
    silence = examine_silence(setup, **store);
  } else {
    add(examine_unopened(settings, store.error()));
  }
  if (paper) return findings;
  if (silence)
    findings.push_back(*silence);
  else if (secrets.exchange)
    add(examine_venue(setup, wishes, hold != nullptr));
  else
    findings.push_back(doubtful("exchange", "was not asked: the key or its secret is missing", ""));
  return findings;
}

std::vector<Found> examine_unopened(const Settings& settings, const Error& error) {
  // What is wrong with its files was said, with what mends each.
  if (!require_ours(settings))
    return {problem("store", Error{Fault::configuration, "was not opened: others can change or lock it"}, "")};
  std::vector<Found> findings;
  for (const SchemaProblem& wrong : schema_problems(settings))
    findings.push_back(problem("store", wrong.what, wrong.mend, exit_configuration));
  if (findings.empty()) findings.push_back(problem("store", error, ""));
  return findings;
}

std::string text_of(const std::vector<Found>& findings) {
  std::string out;
  for (const Found& finding : findings) {
    std::string verdict{text(finding.judgement)};
    verdict.resize(8, ' ');
    std::string what = finding.what;
    what.resize(std::max<std::size_t>(what.size(), 14), ' ');
    // A finding repeats what an exchange or a file says; a line of its own it cannot begin.
    out += verdict + what + " " + printable(finding.detail) +
           (finding.what_to_do.empty() ? "" : " -> " + printable(finding.what_to_do)) + "\n";
  }
  return out;
}

std::string json_of(const std::vector<Found>& findings, int code) {
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
  return json.text();
}

}  // namespace
}  // namespace tradeguard::cli
