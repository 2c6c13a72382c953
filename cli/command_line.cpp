#include "command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>

#include "commands.hpp"

namespace tradeguard::cli {

namespace po = boost::program_options;

namespace {

constexpr std::string_view market_option_prefix = "--market.";

bool value_follows(const std::string& argument);
std::optional<std::size_t> place_of_command(const std::vector<std::string>& arguments);
po::options_description common_options();
void add_command_options(po::options_description& known, const Command& command);
void add_settings(po::options_description& known, const std::vector<std::string>& arguments);
std::optional<UsageError> take(const po::option& option, CommandLine& line);
std::optional<UsageError> judge(const CommandLine& line);
UsageError usage(const std::string& what) { return {what}; }

}  // namespace

tl::expected<CommandLine, UsageError> read_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  std::vector<std::string> rest = arguments;
  for (std::size_t i = 0; i < rest.size() && rest[i] != "--"; ++i) {
    if (rest[i] == "-h") rest[i] = "--help";
    if (value_follows(rest[i])) ++i;
  }
  // Everything else is judged as an option of the command, wherever the command stands.
  if (const auto place = place_of_command(rest)) {
    line.command = rest[*place];
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(*place));
    if (find_command(line.command) == nullptr) {
      std::vector<std::string> names;
      for (const Command& command : commands()) names.emplace_back(command.name);
      const std::string meant = nearest(line.command, names);
      return tl::unexpected{usage("there is no command '" + line.command + "'" +
                                  (meant.empty() ? "" : "; did you mean '" + meant + "'?"))};
    }
  }

  po::options_description known = common_options();
  if (const Command* command = find_command(line.command)) add_command_options(known, *command);
  add_settings(known, rest);
  po::positional_options_description positional;
  positional.add("arguments", -1);
  constexpr int style = po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
                        po::command_line_style::long_allow_next;
  try {
    const auto parsed = po::command_line_parser{rest}.options(known).positional(positional).style(style).run();
    for (const po::option& option : parsed.options)
      if (auto error = take(option, line)) return tl::unexpected{std::move(*error)};
  } catch (const po::error& error) {
    return tl::unexpected{usage(error.what())};
  }
  if (auto error = judge(line)) return tl::unexpected{std::move(*error)};
  return line;
}

Given what_is_given(const std::vector<std::string>& arguments, const Pairs& environment) {
  Given given{std::nullopt, environment, {}};
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--")) continue;
    const auto equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    std::string value;
    if (equals != std::string::npos)
      value = argument.substr(equals + 1);
    else if (value_follows(argument) && i + 1 < arguments.size())
      value = arguments[++i];
    if (name == "config")
      given.file = value;
    else if (name.find('.') != std::string::npos)
      given.command_line.emplace_back(name, value);
  }
  return given;
}

namespace {

// Whether the next argument is this option's value.
bool value_follows(const std::string& argument) {
  if (!argument.starts_with("--") || argument.find('=') != std::string::npos) return false;
  const std::string name = argument.substr(2);
  if (name == "config" || name == "log-format" || name.find('.') != std::string::npos) return true;
  return std::ranges::any_of(commands(), [&](const Command& command) {
    return std::ranges::any_of(command.options,
                               [&](const CommandOption& known) { return known.name == name && !known.value.empty(); });
  });
}

// The first word that is neither an option nor the value of one.
std::optional<std::size_t> place_of_command(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") return std::nullopt;
    if (!argument.starts_with("-")) return i;
    if (value_follows(argument)) ++i;
  }
  return std::nullopt;
}

po::options_description common_options() {
  po::options_description known;
  known.add_options()("help", "")("version", "")("json", "");
  known.add_options()("config", po::value<std::string>(), "");
  known.add_options()("log-format", po::value<std::string>(), "");
  known.add_options()("arguments", po::value<std::vector<std::string>>(), "");
  for (const Key& key : keys()) {
    const std::string name = std::string{key.section} + "." + std::string{key.name};
    known.add_options()(name.c_str(), po::value<std::string>(), "");
  }
  return known;
}

void add_command_options(po::options_description& known, const Command& command) {
  for (const CommandOption& option : command.options) {
    const std::string name{option.name};
    if (option.value.empty())
      known.add_options()(name.c_str(), "");
    else
      known.add_options()(name.c_str(), po::value<std::string>(), "");
  }
}

// The symbols are the user's own, so the options for them are made from what was typed.
void add_settings(po::options_description& known, const std::vector<std::string>& arguments) {
  std::vector<std::string> added;
  for (const std::string& argument : arguments) {
    if (!argument.starts_with(market_option_prefix)) continue;
    const std::string name = argument.substr(2, argument.find('=') - 2);
    if (std::count(name.begin(), name.end(), '.') != 2 || std::ranges::find(added, name) != added.end()) continue;
    known.add_options()(name.c_str(), po::value<std::string>(), "");
    added.push_back(name);
  }
}

std::optional<UsageError> take(const po::option& option, CommandLine& line) {
  const std::string& name = option.string_key;
  const std::string value = option.value.empty() ? "" : option.value.front();
  const auto twice = [&]() -> std::optional<UsageError> { return usage("option '--" + name + "' is given twice"); };
  if (name == "arguments") {
    line.arguments.insert(line.arguments.end(), option.value.begin(), option.value.end());
  } else if (name == "help") {
    line.help = true;
  } else if (name == "version") {
    line.version = true;
  } else if (name == "json") {
    line.json = true;
  } else if (name == "config") {
    if (line.config) return twice();
    line.config = value;
  } else if (name == "log-format") {
    if (value != "default" && value != "bare") return usage("--log-format is 'default' or 'bare', not '" + value + "'");
    line.bare = value == "bare";
  } else if (name.find('.') != std::string::npos) {
    for (const auto& [key, earlier] : line.settings)
      if (key == name) return twice();
    line.settings.emplace_back(name, value);
  } else if (!line.options.emplace(name, value).second) {
    return twice();
  }
  return std::nullopt;
}

std::optional<UsageError> judge(const CommandLine& line) {
  if (line.help || line.version) return std::nullopt;
  const Command* command = find_command(line.command);
  if (command == nullptr) return usage("a command is missing");
  const std::string name{command->name};
  if (line.arguments.size() < command->least) return usage("'" + name + "' needs " + std::string{command->arguments});
  if (line.arguments.size() > command->most)
    return usage("'" + name + "' has nothing to do with '" + line.arguments[command->most] + "'");
  for (const CommandOption& option : command->options)
    if (option.needed && !line.has(std::string{option.name}))
      return usage("'" + name + "' needs --" + std::string{option.name} + " " + std::string{option.value} + ": " +
                   std::string{option.meaning});
  if (line.json && !command->json) return usage("'" + name + "' prints no facts, so it takes no --json");
  return std::nullopt;
}

}  // namespace
}  // namespace tradeguard::cli
