#include "setup.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "log_sink.hpp"
#include "secrets.hpp"
#include "tradeguard/foreign_text.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

namespace {

bool output_failed = false;

// Of an operator who is root: whose bot this is. Everybody else answers for himself alone.
std::vector<uid_t> owner_of(const std::optional<std::string>& file) {
  if (!file || ::geteuid() != 0) return {};
  const auto real = follow(*file, nullptr);
  if (!real || !real->exists || real->inherited || real->status.st_uid == 0) return {};
  return {real->status.st_uid};
}

}  // namespace

tl::expected<std::unique_ptr<Setup>, int> set_up(const CommandLine& line, const Pairs& environment) {
  const bool runs = line.command == "run";
  auto configuration = read_configuration({line.config, environment, line.settings, runs});
  if (!configuration) {
    for (const std::string& fault : configuration.error()) write_whole(STDERR_FILENO, fault + "\n");
    return tl::unexpected{exit_configuration};
  }
  if (const std::string* named = line.option("account")) {
    configuration->settings.named_account = parse_account(*named);
    if (!configuration->settings.named_account)
      return tl::unexpected{say_usage(line.command, "--account is a venue and a name, like binance/main")};
  }
  if (!runs) configuration->settings.besides = owner_of(line.config);
  const std::string& log_file = configuration->settings.log_file;
  const bool makes_log = runs;
  std::string log_fault;
  auto opened =
      open_log({.file = log_file, .bare = line.bare, .create = makes_log, .besides = configuration->settings.besides});
  if (!opened) {
    if (makes_log || ::access(log_file.c_str(), F_OK) == 0) log_fault = opened.error().what;
    opened = open_log({.file = "", .bare = line.bare});
  }

  auto setup = std::make_unique<Setup>();
  setup->log_fault = std::move(log_fault);
  setup->log_path = std::move(opened->path);
  setup->environment = environment;
  setup->config_file = line.config.value_or("");
  setup->json = line.json;
  setup->bare = line.bare;
  setup->log = std::make_unique<Log>(std::move(opened->sink), setup->clock, configuration->settings.debug_trading,
                                     std::move(opened->flush));
  for (const std::string& password : url_passwords(configuration->settings.store_url))
    setup->log->keep_secret(password);
  setup->configuration = std::move(*configuration);
  return setup;
}

int exit_code_of(const Error& error) {
  switch (error.fault) {
    case Fault::configuration:
      return exit_configuration;
    case Fault::unreachable:
      return exit_unreachable;
    case Fault::fenced:
    case Fault::data:
      return exit_internal;
  }
  return exit_internal;
}

int say_failure(const Error& error) {
  std::string text = "tradeguard: ";
  for (const std::string& doing : error.chain) text += doing + ": ";
  write_whole(STDERR_FILENO, text + error.what + "\n");
  return exit_code_of(error);
}

int say_run_failed(Log& log, const Error& error) {
  Line line{Event::run_failed};
  line.add("reason", error.what);
  std::string stack;
  for (const std::string& doing : error.chain) stack += (stack.empty() ? "" : ">") + doing;
  if (!stack.empty()) line.add("stack", stack);
  log.write(line);
  return exit_code_of(error);
}

int say_locked(const std::string& what) {
  write_whole(STDERR_FILENO, "tradeguard: " + what + "\n");
  return exit_locked;
}

int say_usage(const std::string& command, const std::string& what) {
  const std::string where = command.empty() ? "tradeguard --help" : "tradeguard help " + command;
  write_whole(STDERR_FILENO, "tradeguard: " + printable_lines(what) + "\nTry: " + where + "\n");
  return exit_usage;
}

void print(std::string_view text) {
  const std::string shown = printable_lines(text);
  std::string_view left = shown;
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written > 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      output_failed = true;
      write_whole(STDERR_FILENO, "tradeguard: standard output cannot be written (" +
                                     std::system_category().message(errno) + "):\n" + std::string{left});
      return;
    }
  }
}

int exit_code_of_output(int code) { return code == exit_ok && output_failed ? exit_internal : code; }

}  // namespace tradeguard::cli
