#include "desk.hpp"

#include <unistd.h>

#include "log_sink.hpp"
#include "secrets.hpp"

namespace tradeguard::cli {

tl::expected<std::unique_ptr<Desk>, int> set_up(const CommandLine& line, const Pairs& environment) {
  auto configuration = read_configuration({line.config, environment, line.settings});
  if (!configuration) {
    for (const std::string& fault : configuration.error()) write_whole(STDERR_FILENO, fault + "\n");
    return tl::unexpected{exit_configuration};
  }
  auto opened = open_log({configuration->settings.log_file, line.bare});
  if (!opened) return tl::unexpected{say_failure(opened.error())};

  auto desk = std::make_unique<Desk>();
  desk->environment = environment;
  desk->json = line.json;
  desk->bare = line.bare;
  desk->log =
      std::make_unique<Log>(std::move(opened->sink), desk->clock,
                            configuration->settings.debug_trading, std::move(opened->flush));
  desk->log->keep_secret(url_password(configuration->settings.store_url));
  desk->configuration = std::move(*configuration);
  return desk;
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
  Line line{Level::error, "RUN_FAILED"};
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
  write_whole(STDERR_FILENO, "tradeguard: " + what + "\nTry: " + where + "\n");
  return exit_usage;
}

void print(std::string_view text) { write_whole(STDOUT_FILENO, text); }

}  // namespace tradeguard::cli
