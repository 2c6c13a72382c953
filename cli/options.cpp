#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <numeric>
#include <sstream>

#include "secrets.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/postgres_address.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

namespace {

// ---- Collecting what was given -----------------------------------------------------------------

constexpr std::string_view environment_prefix = "TRADEGUARD_";
constexpr std::string_view market_environment_prefix = "TRADEGUARD_MARKET__";
// The test suite's own; a binary under test sees them and has no business with them.
constexpr std::string_view test_environment_prefix = "TRADEGUARD_TEST_";
constexpr std::string_view market_section_prefix = "market.";
constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 20;

struct Candidate {
  std::string value;
  std::string source;
};

struct Reading {
  std::map<std::string, Candidate> given;  // by "section.name"; the last one to give wins
  ConfigurationFaults faults;
};

struct FileKey {
  std::string section;
  std::string name;
  std::string value;
  int line;
};

void read_file(const std::string& path, bool trusted_only, Reading& reading);
template <class Found>
void each_key(std::istream& in, const std::string& path, Reading& reading, Found found);
std::string beside_file(const std::string& file, std::string_view value);
void read_environment(const Pairs& environment, Reading& reading);
void read_command_line(const Pairs& options, Reading& reading);
void take(Reading& reading, const std::string& section, const std::string& name, const std::string& value,
          const std::string& place, const std::string& source);
void read_modes(const Pairs& environment, Reading& reading, Settings& settings);
void judge_together(const Reading& reading, const Settings& settings, ConfigurationFaults& faults);
std::vector<Configuration::Entry> effective(const Reading& reading, Settings& settings);
std::string hash_of(const std::vector<Configuration::Entry>& entries);

std::string full_name(std::string_view section, std::string_view name) {
  return std::string{section} + "." + std::string{name};
}
const std::string* find(const Pairs& pairs, std::string_view name) {
  const auto found = std::ranges::find(pairs, name, [](const auto& pair) -> std::string_view { return pair.first; });
  return found == pairs.end() ? nullptr : &found->second;
}

}  // namespace

tl::expected<Configuration, ConfigurationFaults> read_configuration(const Given& given) {
  Reading reading;
  Configuration configuration;
  if (given.file) read_file(*given.file, given.trusted_only, reading);
  read_environment(given.environment, reading);
  read_command_line(given.command_line, reading);
  read_modes(given.environment, reading, configuration.settings);
  if (!reading.faults.empty()) return tl::unexpected{std::move(reading.faults)};

  configuration.entries = effective(reading, configuration.settings);
  judge_together(reading, configuration.settings, reading.faults);
  if (!reading.faults.empty()) return tl::unexpected{std::move(reading.faults)};
  configuration.hash = hash_of(configuration.entries);
  return configuration;
}

namespace {

std::string capitals(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}
std::string small_letters(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace

std::string environment_name(std::string_view section, std::string_view name) {
  return std::string{environment_prefix} + capitals(section) + "_" + capitals(name);
}
std::string market_environment_name(std::string_view symbol, std::string_view name) {
  return std::string{market_environment_prefix} + std::string{symbol} + "__" + capitals(name);
}

Settings readable_settings(const Given& given) {
  Reading reading;
  Settings settings;
  if (given.file) read_file(*given.file, given.trusted_only, reading);
  Pairs environment = given.environment;
  std::erase_if(environment, [](const auto& pair) { return pair.first == "DRY_RUN"; });
  read_environment(environment, reading);
  read_command_line(given.command_line, reading);
  read_modes(environment, reading, settings);
  effective(reading, settings);
  return settings;
}

std::string nearest(std::string_view wrong, std::span<const std::string> candidates) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  };
  constexpr std::size_t longest_worth_comparing = 100;
  if (wrong.size() > longest_worth_comparing) return "";
  std::string best;
  std::size_t closest = std::max<std::size_t>(2, wrong.size() / 4) + 1;
  for (const std::string& candidate : candidates)
    if (const auto steps = distance(wrong, candidate); steps < closest) {
      closest = steps;
      best = candidate;
    }
  return best;
}

std::string masked_url(std::string_view url) {
  // A word that could be no address holds no password: "false", "sqlite:bot.db", "bot.db".
  if (url.starts_with("sqlite:") || url.find_first_of(":@=?%") == std::string_view::npos) return std::string{url};
  return shown_address(url);
}

std::vector<std::string> url_passwords(std::string_view url) {
  return url.starts_with("sqlite:") ? std::vector<std::string>{} : passwords_of(url);
}

namespace {

// ---- The file ----------------------------------------------------------------------------------

void read_file(const std::string& path, bool trusted_only, Reading& reading) {
  Wanted wanted{.most_bytes = largest_file, .pipes = Wanted::Pipes::inherited, .trusted = std::nullopt};
  if (trusted_only) wanted.trusted = Trusted{};
  auto text = text_of_file(path, wanted);
  if (!text) {
    reading.faults.push_back(path + ": " + text.error().text());
    return;
  }
  std::istringstream in{std::move(*text)};
  std::map<std::string, int> lines;
  each_key(in, path, reading, [&](const FileKey& key) {
    const std::string place = path + ":" + std::to_string(key.line);
    const std::string full = full_name(key.section, key.name);
    const auto [first, is_new] = lines.emplace(full, key.line);
    if (!is_new) {
      reading.faults.push_back(place + ": " + full + ": is given twice, first in line " +
                               std::to_string(first->second));
      return;
    }
    take(reading, key.section, key.name, key.value, place, place);
    const auto row = std::ranges::find_if(
        keys(), [&](const Key& k) { return k.is_path && k.section == key.section && k.name == key.name; });
    if (const auto given = reading.given.find(full); row != keys().end() && given != reading.given.end())
      given->second.value = beside_file(path, key.value);
  });
}

// A path of the file means the same file from wherever the run is started; cron starts it at home.
std::string beside_file(const std::string& file, std::string_view value) {
  const std::string_view scheme = value.starts_with("sqlite:") ? "sqlite:" : "";
  if (value.empty() || value.find("://") != std::string_view::npos) return std::string{value};
  const auto folder = std::filesystem::path{file}.parent_path();
  return std::string{scheme} + (folder / value.substr(scheme.size())).string();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A # in the middle of a word is part of it: passwords and channel names have them.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') return line.substr(0, at);
  return line;
}

template <class Found>
void each_key(std::istream& in, const std::string& path, Reading& reading, Found found) {
  std::string section;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string place = path + ":" + std::to_string(number) + ": ";
    const auto refuse = [&](const std::string& why) { reading.faults.push_back(place + why); };
    std::string_view rest = line;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (number == 1 && rest.starts_with(byte_order_mark)) rest.remove_prefix(3);
    rest = trimmed(without_comment(rest));
    if (rest.empty()) continue;
    if (std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; })) {
      refuse("holds a control character");
      continue;
    }
    if (rest.front() == '[') {
      if (rest.back() != ']') {
        refuse("a section ends with ']'");
        continue;
      }
      section = trimmed(rest.substr(1, rest.size() - 2));
      continue;
    }
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse("is neither [section] nor key = value nor # comment: " + escape_value(rest.substr(0, 60)));
      continue;
    }
    if (section.empty()) {
      refuse("a key stands before the first [section]");
      continue;
    }
    found(FileKey{section, std::string{trimmed(rest.substr(0, equals))}, std::string{trimmed(rest.substr(equals + 1))},
                  number});
  }
}

// ---- Environment and command line --------------------------------------------------------------

bool is_secret(std::string_view name) {
  for (const SecretName secret : {SecretName::api_key, SecretName::api_secret, SecretName::telegram_token}) {
    const std::string_view value = environment_name(secret);
    if (name == value || (name.starts_with(value) && name.substr(value.size()) == "_FILE")) return true;
  }
  return false;
}

void read_environment(const Pairs& environment, Reading& reading) {
  std::vector<std::string> known;
  for (const Key& key : keys()) known.push_back(environment_name(key.section, key.name));
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(environment_prefix) || name.starts_with(test_environment_prefix) || is_secret(name)) continue;
    const std::string place = "environment " + name;
    if (name.starts_with(market_environment_prefix)) {
      const std::string_view rest = std::string_view{name}.substr(market_environment_prefix.size());
      const auto split = rest.rfind("__");
      if (split == std::string_view::npos) {
        reading.faults.push_back(place + ": a market's key is written " +
                                 market_environment_name("ETH_USDT", "notional"));
        continue;
      }
      take(reading, std::string{market_section_prefix} + std::string{rest.substr(0, split)},
           small_letters(rest.substr(split + 2)), value, place, place);
      continue;
    }
    // `known` stands in the order of the table.
    const auto row = keys().begin() + (std::ranges::find(known, name) - known.begin());
    if (row != keys().end()) {
      take(reading, std::string{row->section}, std::string{row->name}, value, place, place);
      continue;
    }
    // A limit that is spelled wrongly must not be a limit that is off.
    const std::string meant = nearest(name, known);
    reading.faults.push_back(place + ": unknown" + (meant.empty() ? "" : ", did you mean " + meant + "?"));
  }
}

void read_command_line(const Pairs& options, Reading& reading) {
  for (const auto& [option, value] : options) {
    const auto split = option.rfind('.');
    if (option == "store.url" && !url_passwords(value).empty()) {
      reading.faults.push_back(
          "command line: store.url: a password there can be read by everybody who lists processes; write the "
          "address without it, and the password to ~/.pgpass, PGPASSWORD or the configuration file");
      continue;
    }
    take(reading, option.substr(0, split), option.substr(split + 1), value, "command line", "command line");
  }
}

// ---- Judging -----------------------------------------------------------------------------------

std::string unknown_key(std::string_view section, std::string_view name) {
  std::vector<std::string> known;
  if (section.starts_with(market_section_prefix)) {
    for (const MarketKey& key : market_keys()) known.push_back(full_name(section, key.name));
  } else {
    for (const Key& key : keys()) known.push_back(full_name(key.section, key.name));
  }
  const std::string meant = nearest(full_name(section, name), known);
  return "unknown key" + (meant.empty() ? "" : ", did you mean " + meant + "?");
}

std::string refused(std::string_view section, std::string_view value, std::string_view expected) {
  // The store's address may hold a password, and a fault may end up in a mail.
  const std::string shown = section == "store" ? masked_url(value) : std::string{value};
  return (value.empty() ? "is empty" : escape_value(shown.substr(0, 100)) + " is refused") + ", expected " +
         std::string{expected};
}

// What was meant by milliseconds for seconds, or a ratio for a percentage: the same number in the key's
// unit, if the key takes it.
template <class Takes>
std::string in_the_right_unit(std::string_view value, Takes takes) {
  std::string meant;
  if (const auto span = parse_duration(value))
    meant = duration_text(*span / 1000);
  else if (const auto ratio = Decimal::parse(value); ratio && *ratio < Decimal{1})
    meant = Decimal::multiply(*ratio, Decimal{100}, Rounding::down).text();
  return !meant.empty() && meant != value && takes(meant) ? ", did you mean " + meant + "?" : "";
}

void take(Reading& reading, const std::string& section, const std::string& name, const std::string& value,
          const std::string& place, const std::string& source) {
  const std::string full = full_name(section, name);
  const auto refuse = [&](const std::string& why) { reading.faults.push_back(place + ": " + full + ": " + why); };
  if (section.starts_with(market_section_prefix)) {
    if (!Symbol::parse(std::string_view{section}.substr(market_section_prefix.size())))
      return refuse("the market is not a symbol, expected BASE_QUOTE in capitals, like ETH_USDT");
    const auto row = std::ranges::find(market_keys(), name, &MarketKey::name);
    if (row == market_keys().end()) return refuse(unknown_key(section, name));
    const auto takes = [&](std::string_view text) {
      MarketOptions scratch;
      return row->read(scratch, text);
    };
    if (!takes(value)) return refuse(refused(section, value, row->expected) + in_the_right_unit(value, takes));
  } else {
    const auto row =
        std::ranges::find_if(keys(), [&](const Key& key) { return key.section == section && key.name == name; });
    if (row == keys().end()) return refuse(unknown_key(section, name));
    const auto takes = [&](std::string_view text) {
      Settings scratch;
      return row->read(scratch, text);
    };
    if (!takes(value)) return refuse(refused(section, value, row->expected) + in_the_right_unit(value, takes));
  }
  reading.given[full] = {value, source};
}

// DRY_RUN and DEBUG_TRADING: anything that is not plainly yes or no stops the run, because whoever
// set it relies on it.
void read_modes(const Pairs& environment, Reading& reading, Settings& settings) {
  const auto switched_on = [&](std::string_view name, bool empty_is_off) {
    const std::string* value = find(environment, name);
    if (value == nullptr || *value == "0" || (empty_is_off && value->empty())) return false;
    if (*value != "1")
      reading.faults.push_back("environment " + std::string{name} + ": " +
                               (value->empty() ? "empty" : escape_value(value->substr(0, 100))) +
                               " is refused, expected 1, 0, or unset");
    return true;
  };
  settings.debug_trading = switched_on("DEBUG_TRADING", true);
  settings.dry_run = switched_on("DRY_RUN", false);

  const auto given = [&](const char* key) -> const Candidate* {
    const auto found = reading.given.find(key);
    return found == reading.given.end() ? nullptr : &found->second;
  };
  const Candidate* const kind = given("venue.kind");
  Settings file;
  for (const Key& key : keys())
    if (full_name(key.section, key.name) == "venue.kind") key.read(file, kind ? kind->value : key.fallback);
  settings.kind_of_file = file.kind;
  if (!settings.dry_run) return;

  const auto said_now = [](const Candidate& candidate) {
    return candidate.source == "command line" || candidate.source.starts_with("environment ");
  };
  if (kind != nullptr && kind->value != "paper" && said_now(*kind))
    reading.faults.push_back("environment DRY_RUN: 1 means paper, and " + kind->source +
                             " says venue.kind = " + kind->value);
  if (const Candidate* live = given("run.live"); live != nullptr && live->value == "true" && said_now(*live))
    reading.faults.push_back("environment DRY_RUN: 1 means paper, and " + live->source + " says run.live = true");
  reading.given["venue.kind"] = {"paper", "DRY_RUN=1"};
}

std::vector<Configuration::Entry> effective(const Reading& reading, Settings& settings) {
  std::vector<Configuration::Entry> entries;
  for (const Key& key : keys()) {
    const auto given = reading.given.find(full_name(key.section, key.name));
    const Candidate chosen =
        given != reading.given.end() ? given->second : Candidate{std::string{key.fallback}, "default"};
    if (!key.read(settings, chosen.value))
      throw std::logic_error{"the default of " + full_name(key.section, key.name) + " is refused"};
    entries.push_back({std::string{key.section}, std::string{key.name},
                       key.section == "store" ? masked_url(chosen.value) : chosen.value, chosen.source});
  }
  // The map is sorted, so the keys of one market stand together.
  for (const auto& [full, chosen] : reading.given) {
    if (!full.starts_with(market_section_prefix)) continue;
    const auto split = full.rfind('.');
    const std::string section = full.substr(0, split);
    const auto row = std::ranges::find(market_keys(), full.substr(split + 1), &MarketKey::name);
    const auto symbol = Symbol::parse(std::string_view{section}.substr(market_section_prefix.size()));
    row->read(settings.markets[*symbol], chosen.value);
    entries.push_back({section, std::string{row->name}, chosen.value, chosen.source});
  }
  return entries;
}

// What no value can be blamed for alone.
void judge_together(const Reading& reading, const Settings& settings, ConfigurationFaults& faults) {
  const auto place = [&](const char* key) {
    const auto given = reading.given.find(key);
    return (given == reading.given.end() ? std::string{"default"} : given->second.source) + ": " + key + ": ";
  };
  if (settings.hard_deadline < settings.deadline)
    faults.push_back(place("run.hard_deadline") + duration_text(settings.hard_deadline) +
                     " is refused, expected at least run.deadline, which is " + duration_text(settings.deadline));
  if (settings.notify == NotifyKind::file && settings.notify_file.empty())
    faults.push_back(place("notify.kind") + "file is refused, expected a path in notify.file beside it");
  if (settings.notify == NotifyKind::telegram && settings.telegram_chat_id.empty())
    faults.push_back(place("notify.kind") + "telegram is refused, expected a chat in telegram.chat_id beside it");
}

// FNV-1a: two configurations that differ show it in their logs; nobody attacks this.
std::string hash_of(const std::vector<Configuration::Entry>& entries) {
  std::uint64_t hash = 14695981039346656037U;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (const auto& entry : entries) {
    mix(entry.section);
    mix(".");
    mix(entry.name);
    mix("=");
    mix(entry.value);
    mix("\n");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex += digits[(hash >> shift) & 15];
  return hex;
}

}  // namespace
}  // namespace tradeguard::cli
