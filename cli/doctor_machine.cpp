// What doctor finds on this machine: secrets, the notifier, files, disks.
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "doctor.hpp"
#include "log_sink.hpp"
#include "secrets.hpp"
#include "store_files.hpp"

namespace tradeguard::cli {

namespace {

bool is_needed(SecretName secret, const Settings& settings);
Found describe_notifier(const Settings& settings);
Found send_a_test(Notifier& notifier, Setup& setup);
std::string folder_of(const std::string& file);
std::optional<Space> space_in(const std::string& folder);
std::string size_text(std::uint64_t bytes);

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

}  // namespace

// Only those that a run would read: what nobody needs is not missed.
Secrets examine_secrets(const Setup& setup) {
  const Settings& settings = setup.settings();
  Secrets secrets;
  for (const SecretSource& source : secret_sources(setup.environment, SecretFiles{settings})) {
    if (!is_needed(source.secret, settings)) continue;
    const std::string name{environment_name(source.secret)};
    const auto read = read_secret(source.secret, setup.environment, SecretFiles{settings});
    if (read) {
      keep_out_of_sight(read->reveal(), *setup.log);
      secrets.findings.push_back(well("secret", name + ": " + source.where));
      continue;
    }
    (source.secret == SecretName::telegram_token ? secrets.notifier : secrets.exchange) = false;
    const bool missing = source.fault.empty() && source.where == "not set";
    secrets.findings.push_back(
        problem("secret", missing ? name + " is not set" : read.error().what,
                missing ? "set it, or set " + name + "_FILE or " + std::string{key_name(source.secret)} +
                              " to the path of a file of mode 0600"
                        : "give one of " + name + ", " + name + "_FILE and " + std::string{key_name(source.secret)} +
                              "; the file belongs to the user who runs this, with mode 0600",
                exit_configuration));
  }
  if (secrets.findings.empty()) secrets.findings.push_back(well("secrets", "none is needed, none was read"));
  return secrets;
}

std::vector<Found> examine_notifier(Setup& setup, const Wishes& wishes, bool has_token) {
  const Settings& settings = setup.settings();
  const bool telegram = notifier_kind(settings) == NotifyKind::telegram;
  if (telegram && !has_token) return {doubtful("notifier", "Telegram was not asked: its token is missing", "")};
  const auto notifier = make_notifier(settings, setup.environment, setup.clock, *setup.log, wishes.messages);
  if (!notifier) return {problem("notifier", notifier.error(), "")};
  std::vector<Found> findings{describe_notifier(settings)};
  if (telegram)
    for (Finding& finding : check_telegram(settings, setup.environment, setup.clock, *setup.log))
      findings.push_back(with_the_clock(found(std::move(finding)), setup.clock.now()));
  if (wishes.send) findings.push_back(send_a_test(**notifier, setup));
  return findings;
}

std::vector<Found> examine_files(const Setup& setup, const std::string& config_file) {
  const Settings& settings = setup.settings();
  std::vector<Found> findings;
  const auto add = [&](const std::string& path, const Distrust& distrust, int code) {
    Found found = problem("files", path + " " + distrust.what, distrust.mend, code);
    if (code == exit_ok) found.judgement = Judgement::warning;
    findings.push_back(std::move(found));
  };
  const Trusted trusted{.others = settings.besides};
  const auto look = [&](const std::string& path, Wanted wanted) {
    wanted.trusted = trusted;
    if (path.empty()) return;
    if (const auto distrust = distrust_of(path, wanted)) add(path, *distrust, exit_configuration);
  };
  look(config_file, {.pipes = Wanted::Pipes::inherited});
  if (settings.kind == VenueKind::paper) {
    look(settings.paper_prices, {.most_bytes = std::uintmax_t(-1), .pipes = Wanted::Pipes::inherited});
    look(settings.paper_faults, {.pipes = Wanted::Pipes::inherited});
  }
  // Without it a run goes on, and logs to standard error.
  if (!settings.log_file.empty() && ::access(settings.log_file.c_str(), F_OK) == 0)
    if (const auto log = open_log({.file = settings.log_file, .create = false, .besides = settings.besides}); !log)
      findings.push_back(doubtful("files", log.error().what, "until then runs log to standard error"));

  const StoreFiles store = judge_store_files(settings, Mending::no);
  for (const StoreFault& fault : store.faults) add(fault.path, fault.distrust, exit_configuration);
  for (const std::string& path : store.readable)
    findings.push_back(doubtful("files", path + " can be read by others, and who can read it can lock it",
                                "the next run sets its mode to " + mode_text(settings.store_mode) +
                                    "; store.mode = 0660 shares it with a group"));

  const bool holds_password =
      !config_file.empty() && !url_passwords(settings.store_url).empty() &&
      std::ranges::any_of(setup.configuration.entries, [&](const Configuration::Entry& entry) {
        return entry.section == "store" && entry.name == "url" && entry.source.starts_with(config_file + ":");
      });
  struct stat status {};
  if (holds_password && ::stat(config_file.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    findings.push_back(problem("files", config_file + " holds a password and can be opened by others",
                               "chmod 600 " + config_file + ", or keep the password in ~/.pgpass", exit_configuration));
  if (findings.empty()) findings.push_back(well("files", "nobody else can write the store or read a password"));
  return findings;
}

std::vector<Found> examine_disks(const Setup& setup) {
  const Settings& settings = setup.settings();
  std::vector<std::pair<std::string, std::string>> places;  // what, and the folder it lies in
  if (!is_postgres(settings)) places.emplace_back("the store", folder_of(sqlite_file(settings)));
  if (!settings.log_file.empty()) places.emplace_back("the log file", folder_of(settings.log_file));
  if (notifier_kind(settings) == NotifyKind::file) places.emplace_back("the messages", folder_of(settings.notify_file));
  std::vector<Found> findings;
  std::set<std::string> seen;
  for (const auto& [what, folder] : places) {
    if (!seen.insert(folder).second) continue;
    if (const auto space = space_in(folder))
      findings.push_back(judge_space(what, folder, *space));
    else
      findings.push_back(problem("disk", what + " is to lie in " + folder + ", which cannot be looked at",
                                 "create the folder, and let the user who runs this write in it", exit_configuration));
  }
  return findings;
}

Found judge_space(const std::string& what, const std::string& folder, const Space& space) {
  // A minute writes kilobytes; what is left has to last until somebody reads a warning.
  constexpr std::uint64_t too_little = 64 * mebibyte;
  constexpr std::uint64_t little = 1024 * mebibyte;
  constexpr std::uint64_t few_files = 100;
  const std::string where = " in " + folder + ", the folder of " + what;
  if (space.read_only)
    return problem("disk", folder + ", the folder of " + what + ", is mounted read-only",
                   "mount it writable: the file system may have failed", exit_unreachable);
  if (space.bytes < too_little)
    return problem("disk", "only " + size_text(space.bytes) + " are free" + where,
                   "make room: without it nothing can be recorded, so nothing is traded", exit_unreachable);
  if (space.files < few_files)
    return problem("disk", "only " + std::to_string(space.files) + " more files fit" + where,
                   "delete small files there: without room for new ones nothing can be recorded", exit_unreachable);
  if (!space.passing.empty() && what == "the store")
    return doubtful("disk",
                    folder + ", the folder of " + what + ", is on " + space.passing +
                        (space.passing == "overlay" ? ": it is gone when the container is removed"
                                                    : ": it is gone when the machine restarts"),
                    "put the store on a disk that stays; in a container, on a volume");
  if (space.bytes < little)
    return doubtful("disk", "only " + size_text(space.bytes) + " are free" + where,
                    "make room, or move old log files away");
  return well("disk", size_text(space.bytes) + " free" + where);
}

namespace {

bool is_needed(SecretName secret, const Settings& settings) {
  switch (secret) {
    case SecretName::api_key:
    case SecretName::api_secret:
      return settings.kind != VenueKind::paper;
    case SecretName::telegram_token:
      return notifier_kind(settings) == NotifyKind::telegram;
  }
  return true;
}

Found describe_notifier(const Settings& settings) {
  switch (notifier_kind(settings)) {
    case NotifyKind::telegram:
      return well("notifier", "Telegram, chat " + settings.telegram_chat_id);
    case NotifyKind::printing:
      return well("notifier", "messages are printed on standard output");
    case NotifyKind::file: {
      const std::string& file = settings.notify_file;
      const bool exists = ::access(file.c_str(), F_OK) == 0;
      if (::access(exists ? file.c_str() : folder_of(file).c_str(), W_OK) != 0)
        return problem("notifier", "messages cannot be written to " + file, "let the user who runs this write there",
                       exit_configuration);
      return well("notifier", "messages are appended to " + file);
    }
    case NotifyKind::none:
    case NotifyKind::unset:
      break;
  }
  if (settings.kind == VenueKind::paper) return well("notifier", "nobody is notified");
  return doubtful("notifier", "nobody is notified: notify.kind = none",
                  "set telegram.chat_id, so that somebody learns of a position without a stop");
}

Found send_a_test(Notifier& notifier, Setup& setup) {
  const Instant now = setup.clock.now();
  Notice notice{};
  notice.event_id = "doctor-" + std::to_string(to_micros(now));
  notice.type = NoticeType::operator_action;
  notice.facts = {{"action", "doctor"}, {"message", "a test, nothing happened"}};
  notice.created_at = now;
  const Delivery delivery = notifier.deliver(notice, setup.settings().notify_budget);
  return std::visit(overloaded{[](const Delivered&) { return well("message", "a test message was delivered"); },
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
                    delivery);
}

std::string folder_of(const std::string& file) { return std::filesystem::absolute(file).parent_path(); }

std::optional<Space> space_in(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return std::nullopt;
  // A file system without a table of files (btrfs) says zero of zero, and means that it has no limit.
  const std::uint64_t files = status.f_files == 0 ? UINT64_MAX : std::uint64_t{status.f_favail};
  // The kernel's magic numbers, from statfs(2).
  constexpr std::uint32_t tmpfs = 0x01021994;
  constexpr std::uint32_t ramfs = 0x858458f6;
  constexpr std::uint32_t overlay = 0x794c7630;
  struct statfs kind {};
  const auto type = ::statfs(folder.c_str(), &kind) == 0 ? static_cast<std::uint32_t>(kind.f_type) : 0U;
  return Space{std::uint64_t{status.f_bavail} * status.f_frsize, files, (status.f_flag & ST_RDONLY) != 0,
               type == tmpfs || type == ramfs ? "tmpfs"
               : type == overlay              ? "overlay"
                                              : ""};
}

std::string size_text(std::uint64_t bytes) {
  if (bytes >= 10240 * mebibyte) return std::to_string(bytes / (1024 * mebibyte)) + " GiB";
  return std::to_string(bytes / mebibyte) + " MiB";
}

}  // namespace
}  // namespace tradeguard::cli
