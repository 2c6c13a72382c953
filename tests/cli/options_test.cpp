#include <catch2/catch.hpp>

#include "options.hpp"
#include "scratch.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

namespace {

Configuration read_well(const Given& given) {
  const auto read = read_configuration(given);
  for (const auto& fault : read ? ConfigurationFaults{} : read.error()) UNSCOPED_INFO(fault);
  REQUIRE(read);
  return *read;
}

ConfigurationFaults faults_of(const Given& given) {
  const auto read = read_configuration(given);
  REQUIRE_FALSE(read);
  return read.error();
}

ConfigurationFaults faults_in(std::string_view ini) {
  const Scratch folder;
  auto faults = faults_of({folder.write("bot.ini", ini), {}, {}});
  for (auto& fault : faults) {
    REQUIRE(fault.starts_with(folder.path() + "/"));
    fault.erase(0, folder.path().size() + 1);
  }
  return faults;
}

Settings settings_of(std::string_view ini) {
  const Scratch folder;
  return read_well({folder.write("bot.ini", ini), {}, {}}).settings;
}

const Configuration::Entry& entry(const Configuration& configuration, std::string_view full) {
  for (const auto& e : configuration.entries)
    if (e.section + "." + e.name == full) return e;
  throw std::runtime_error{"no entry " + std::string{full}};
}

// The sample of the contract, as a user copies it out of the manual.
std::string sample() {
  std::ifstream in{TRADEGUARD_FIXTURES "/contract.ini"};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

TEST_CASE("the defaults are those of the contract") {
  const Settings s = read_well({}).settings;
  CHECK(s.store_url == "sqlite:tradeguard.db");
  CHECK(s.lock_id == 123456);
  CHECK(s.deadline == 50s);
  CHECK(s.hard_deadline == 150s);
  CHECK(s.stuck_after == 180s);
  CHECK(s.log_file.empty());
  CHECK_FALSE(s.live);
  CHECK(s.kind == VenueKind::paper);
  CHECK(s.account == "main");
  CHECK(s.policy.max_age == 300s);
  CHECK(s.policy.cooldown.cooldown == 300s);
  CHECK(s.policy.cooldown.after_stop == 300s);
  CHECK(s.policy.max_order_notional == *Money::parse("100"));
  CHECK(s.policy.max_open_positions == 10);
  CHECK(s.policy.max_entries_per_day == 0);
  CHECK(s.max_slippage_percent == Decimal{1});
  CHECK(s.plan == ProtectionPlan{});
  CHECK(s.telegram_at.base_url == "https://api.telegram.org");
  CHECK(s.markets.empty());
  CHECK_FALSE(s.dry_run);
  CHECK_FALSE(s.debug_trading);
}

TEST_CASE("the sample configuration of the contract says what the defaults say, and its market") {
  const Settings s = settings_of(sample());
  CHECK(s.policy.max_open_positions == 10);
  CHECK(s.plan == ProtectionPlan{});
  const auto market = s.markets.find(*Symbol::parse("ETH_USDT"));
  REQUIRE(market != s.markets.end());
  CHECK(market->second.cycle.notional == *Money::parse("50"));
  CHECK(market->second.cycle.stop_loss_percent == *Decimal::parse("2.5"));
  CHECK_FALSE(market->second.cycle.take_profit_percent);
}

TEST_CASE("who speaks last wins, and the source of each value is remembered") {
  const Scratch folder;
  const std::string file = folder.write("bot.ini",
                                        "[run]\ndeadline = 40s\n[cooldown]\nseconds=10\n"
                                        "[limits]\nmax_open_positions = 3\n[market.ETH_USDT]\nnotional = 50\n");
  const auto configuration =
      read_well({file,
                 {{"TRADEGUARD_COOLDOWN_SECONDS", "20s"},
                  {"TRADEGUARD_LIMITS_MAX_OPEN_POSITIONS", "4"},
                  {"TRADEGUARD_MARKET__ETH_USDT__NOTIONAL", "60"},
                  {"PATH", "/bin"}},
                 {{"limits.max_open_positions", "5"}, {"market.ETH_USDT.stop_loss_percent", "2"}}});
  CHECK(configuration.settings.policy.max_open_positions == 5);
  CHECK(configuration.settings.policy.cooldown.cooldown == 20s);
  CHECK(configuration.settings.deadline == 40s);
  CHECK(configuration.settings.markets.at(*Symbol::parse("ETH_USDT")).cycle.notional == *Money::parse("60"));
  CHECK(entry(configuration, "limits.max_open_positions").source == "command line");
  CHECK(entry(configuration, "cooldown.seconds").source == "environment TRADEGUARD_COOLDOWN_SECONDS");
  CHECK(entry(configuration, "run.deadline").source == file + ":2");
  CHECK(entry(configuration, "run.lock_id").source == "default");
  CHECK(entry(configuration, "market.ETH_USDT.notional").source == "environment TRADEGUARD_MARKET__ETH_USDT__NOTIONAL");
}

TEST_CASE("a wrong value is refused with its place, what is wrong and what is expected") {
  CHECK(faults_in("[run]\ndeadline = soon\n") ==
        ConfigurationFaults{"bot.ini:2: run.deadline: soon is refused, expected a duration above 20s, to 1h: "
                            "no entry is sent in its last 20 s"});
  CHECK(faults_in("[run]\n\ndeadline = 20s\n").front().starts_with("bot.ini:3: run.deadline: 20s is refused"));
  CHECK(faults_in("[limits]\nmax_open_positions = -1\n").front() ==
        "bot.ini:2: limits.max_open_positions: -1 is refused, expected a whole number, 0 for off");
  CHECK(faults_in("[limits]\nmax_order_notional = 1e30\n").size() == 1);
  CHECK(faults_in("[protection]\nstop_loss_percent = 100\n").size() == 1);
  CHECK(faults_in("[protection]\nstop_loss_percent = 0\n").size() == 1);
  CHECK(faults_in("[protection]\non_breach = panic\n").front().ends_with("expected alarm or flatten"));
  CHECK(faults_in("[venue]\naccount = Main\n").size() == 1);
  CHECK(faults_in("[venue]\nkind =\n").front() ==
        "bot.ini:2: venue.kind: is empty, expected paper, cryptocom or binance");
  CHECK(faults_in("[run]\nlock_id = 0\n").size() == 1);
  CHECK(faults_in("[run]\nlive = yes\n").size() == 1);
  CHECK(faults_in("[store]\nurl = mysql://x\n").size() == 1);
  CHECK(faults_in("[store]\nurl = sqlite::memory:\n").size() == 1);
  CHECK(faults_in("[run]\nhard_deadline = 30s\n").front() ==
        "bot.ini:2: run.hard_deadline: 30s is refused, expected at least run.deadline, which is 50s");
  CHECK(faults_in("[notify]\nkind = file\n").size() == 1);
  for (const char* chat : {"my chat", "bot", "@", "-", "12x", "https://t.me/me", "@a#b"})
    CHECK(faults_in(std::string{"[telegram]\nchat_id = "} + chat + "\n")
              .front()
              .ends_with("expected a number, or @channel"));
  for (const char* chat : {"4242", "-1001234567890", "@my_channel"})
    CHECK(settings_of(std::string{"[telegram]\nchat_id = "} + chat + "\n").telegram_chat_id == chat);
}

TEST_CASE("nothing unknown is passed over") {
  CHECK(faults_in("[limits]\nmax_order_notionl = 5\n") ==
        ConfigurationFaults{"bot.ini:2: limits.max_order_notionl: unknown key, did you mean "
                            "limits.max_order_notional?"});
  CHECK(faults_in("[market.ETH_USDT]\nnotonal = 5\n") ==
        ConfigurationFaults{"bot.ini:2: market.ETH_USDT.notonal: unknown key, did you mean "
                            "market.ETH_USDT.notional?"});
  CHECK(faults_in("[market.eth_usdt]\nnotional = 5\n").front().find("BASE_QUOTE in capitals") != std::string::npos);
  CHECK(faults_in("[nonsense]\nx = 5\n") == ConfigurationFaults{"bot.ini:2: nonsense.x: unknown key"});
  CHECK(faults_of({std::nullopt, {{"TRADEGUARD_LIMITS_MAX_ORDER_NOTIONL", "5"}}, {}}) ==
        ConfigurationFaults{"environment TRADEGUARD_LIMITS_MAX_ORDER_NOTIONL: unknown, did you mean "
                            "TRADEGUARD_LIMITS_MAX_ORDER_NOTIONAL?"});
  CHECK(faults_of({std::nullopt, {{"TRADEGUARD_MARKET__ETH_USDT", "5"}}, {}}).size() == 1);
  CHECK(faults_of({std::nullopt, {{"TRADEGUARD_MARKET__ETHUSDT__NOTIONAL", "5"}}, {}}).size() == 1);
}

TEST_CASE("all faults are reported at once") {
  CHECK(faults_in("[run]\ndeadline = x\nnope = 1\nhard_deadline\n= 7\n").size() == 4);
}

TEST_CASE("a key given twice in a file is refused with both places") {
  CHECK(faults_in("[run]\ndeadline = 40s\n[cooldown]\n[run]\ndeadline = 50s\n") ==
        ConfigurationFaults{"bot.ini:5: run.deadline: is given twice, first in line 2"});
}

TEST_CASE("a # starts a comment only at the start of a line or after a blank") {
  const auto configuration = [](std::string_view ini) {
    const Scratch folder;
    return read_well({folder.write("bot.ini", ini), {}, {}});
  };
  CHECK(configuration("# all\n[telegram] # here\nchat_id = @a_b # not this\n").settings.telegram_chat_id == "@a_b");
  CHECK(configuration("[store]\nurl = postgresql://bot:p#w@h/db\t# it\n").settings.store_url ==
        "postgresql://bot:p#w@h/db");
  CHECK(configuration("[telegram]\n  # indented\nchat_id = # empty\n").settings.telegram_chat_id.empty());
}

TEST_CASE("windows line ends, a byte order mark and a missing last newline are no fault") {
  CHECK(settings_of("\xEF\xBB\xBF[run]\r\nlock_id = 7\r\n[limits]\r\nmax_open_positions=2").lock_id == 7);
}

TEST_CASE("lines that are nothing are refused") {
  CHECK(faults_in("deadline = 40s\n") == ConfigurationFaults{"bot.ini:1: a key stands before the first [section]"});
  CHECK(faults_in("[run\ndeadline = 40s\n").size() == 2);
  CHECK(faults_in("[run]\ndead\n").size() == 1);
  CHECK(faults_in(std::string_view{"[run]\nlog_file = a\0b\n", 21}).front() == "bot.ini:2: holds a control character");
}

TEST_CASE("a configuration file that is not there, or is a folder, is a fault and not a default") {
  const Scratch folder;
  CHECK(faults_of({folder.file("none.ini"), {}, {}}) ==
        ConfigurationFaults{folder.file("none.ini") + ": there is no such file"});
  CHECK(faults_of({folder.path(), {}, {}}).size() == 1);
}

TEST_CASE("a path in the file means the same file from wherever the run is started") {
  const Scratch folder;
  const std::string file = folder.write("bot.ini",
                                        "[store]\nurl = sqlite:sub/bot.db\n[run]\nlog_file = bot.log\n"
                                        "[venue]\nca_file = /etc/ca.pem\n");
  const Settings s = read_well({file, {}, {}}).settings;
  CHECK(s.store_url == "sqlite:" + folder.file("sub/bot.db"));
  CHECK(s.log_file == folder.file("bot.log"));
  CHECK(s.venue_at.ca_file == "/etc/ca.pem");
  // What is typed is meant from where it is typed.
  CHECK(read_well({file, {}, {{"store.url", "sqlite:here.db"}}}).settings.store_url == "sqlite:here.db");
}

TEST_CASE("DRY_RUN=1 overrides the file's venue and says so") {
  const Scratch folder;
  const std::string file = folder.write("bot.ini", "[venue]\nkind = binance\n[run]\nlive = true\n");
  const auto configuration = read_well({file, {{"DRY_RUN", "1"}}, {}});
  CHECK(configuration.settings.dry_run);
  CHECK(configuration.settings.kind == VenueKind::paper);
  CHECK(configuration.settings.kind_of_file == VenueKind::binance);
  CHECK(entry(configuration, "venue.kind").value == "paper");
  CHECK(entry(configuration, "venue.kind").source == "DRY_RUN=1");
  CHECK(read_well({file, {{"DRY_RUN", "0"}}, {}}).settings.kind == VenueKind::binance);
}

TEST_CASE("DRY_RUN=1 against a venue said on the command line or in the environment is an error") {
  CHECK(faults_of({std::nullopt, {{"DRY_RUN", "1"}}, {{"venue.kind", "binance"}}}) ==
        ConfigurationFaults{"environment DRY_RUN: 1 means paper, and command line says venue.kind = binance"});
  CHECK(faults_of({std::nullopt, {{"DRY_RUN", "1"}, {"TRADEGUARD_VENUE_KIND", "cryptocom"}}, {}}).size() == 1);
  CHECK(faults_of({std::nullopt, {{"DRY_RUN", "1"}}, {{"run.live", "true"}}}).size() == 1);
  CHECK(read_well({std::nullopt, {{"DRY_RUN", "1"}}, {{"venue.kind", "paper"}}}).settings.dry_run);
}

TEST_CASE("any value of DRY_RUN but 0, 1 and unset is an error") {
  for (const char* value : {"true", "yes", "", "2", " 1", "1 "}) {
    INFO(value);
    CHECK(faults_of({std::nullopt, {{"DRY_RUN", value}}, {}}).size() == 1);
  }
  CHECK_FALSE(read_well({std::nullopt, {{"DRY_RUN", "0"}}, {}}).settings.dry_run);
}

TEST_CASE("DEBUG_TRADING switches the twins on, a misunderstanding is an error") {
  CHECK(read_well({std::nullopt, {{"DEBUG_TRADING", "1"}}, {}}).settings.debug_trading);
  CHECK_FALSE(read_well({std::nullopt, {{"DEBUG_TRADING", ""}}, {}}).settings.debug_trading);
  CHECK(faults_of({std::nullopt, {{"DEBUG_TRADING", "yes"}}, {}}).size() == 1);
}

TEST_CASE("a password in the store's address is never shown") {
  const auto configuration = read_well(
      {std::nullopt, {{"TRADEGUARD_STORE_URL", "postgresql://bot:s3cr3t@host:5432/db?sslmode=verify-full"}}, {}});
  CHECK(configuration.settings.store_url == "postgresql://bot:s3cr3t@host:5432/db?sslmode=verify-full");
  CHECK(entry(configuration, "store.url").value == "postgresql://bot:***@host:5432/db?sslmode=verify-full");
  CHECK(url_passwords(configuration.settings.store_url) == std::vector<std::string>{"s3cr3t"});
  CHECK(masked_url("postgresql://host/db") == "postgresql://host/db");
  CHECK(masked_url("postgresql://bot@h%6Fst/db") == "postgresql://bot@h%6Fst/db");
  CHECK(masked_url("sqlite:bot:x@y.db") == "sqlite:bot:x@y.db");
  CHECK(masked_url("bot.db") == "bot.db");
  for (const auto& fault : faults_of({std::nullopt, {{"TRADEGUARD_STORE_URL", "pg://bot:s3cr3t@host/db"}}, {}}))
    CHECK(fault.find("s3cr3t") == std::string::npos);
}

TEST_CASE("a password is found as libpq finds it, and an address that libpq cannot read is not shown at all") {
  for (const auto& [url, shown] : std::initializer_list<std::pair<std::string, std::string>>{
           {"postgresql://bot:s3cr3t@host/db", "postgresql://bot:***@host/db"},
           {"postgres://bot:s3c%2Fr3t@host:5432/db", "postgresql://bot:***@host:5432/db"},
           {"postgresql://host/db?password=s3cr3t", "postgresql://:***@host/db"},
           {"postgresql://bot@host/db?pass%77ord=s3cr3t", "postgresql://bot:***@host/db"},
           {"postgresql://bot@host/db?sslmode=require&password=s3cr3t#x",
            "postgresql://bot:***@host/db?sslmode=require"},
           {"postgresql://bot:other1@host/db?password=s3cr3t", "postgresql://bot:***@host/db"},
           {"postgresql://bot@host/db?sslpassword=s3cr3t", "postgresql://bot@host/db?sslpassword=***"},
           {"postgresql://bot:s3cr3t@a:1,b:2/db", "postgresql://bot:***@a,b:1,2/db"},
           // With a slash in it libpq takes what comes before it for a host.
           {"postgresql://bot:s3/cr3t@host/db", "***"},
           {"postgresql://bot:p@s3cr3t@host/db", "***"},
           {"postgresql://bot@host/db?PASSWORD=s3cr3t", "***"},
           {"postgresql://bot:s3cr3t%zz@host/db", "***"},
           {"postgresql://bot:s3cr3t@[::1/db", "***"}}) {
    INFO(url);
    const std::string masked = masked_url(url);
    CHECK(masked.find("s3c") == std::string::npos);
    CHECK(masked.find("cr3t") == std::string::npos);
    CHECK(masked == shown);
  }
}

TEST_CASE("a password on the command line is refused, because everybody who lists processes reads it") {
  for (const char* url : {"postgresql://bot:s3cr3t@host/db", "postgresql://bot@host/db?pass%77ord=s3cr3t",
                          "postgresql://bot@host/db?sslpassword=s3cr3t"}) {
    const auto faults = faults_of({std::nullopt, {}, {{"store.url", url}}});
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find("command line: store.url: a password there") == 0);
    CHECK(faults[0].find("~/.pgpass") != std::string::npos);
    CHECK(faults[0].find("s3cr3t") == std::string::npos);
  }
  CHECK(read_well({std::nullopt, {}, {{"store.url", "postgresql://bot@host/db"}}}).settings.store_url ==
        "postgresql://bot@host/db");
}

TEST_CASE("store.insecure has to be written") {
  CHECK_FALSE(read_well({}).settings.store_insecure);
  CHECK(read_well({std::nullopt, {}, {{"store.insecure", "true"}}}).settings.store_insecure);
}

TEST_CASE("the hash is of what is effective: the same by any way of saying it, another by content") {
  const auto plain = read_well({}).hash;
  CHECK(plain.size() == 16);
  CHECK(read_well({std::nullopt, {}, {{"cooldown.seconds", "300s"}}}).hash == plain);
  CHECK(read_well({std::nullopt, {}, {{"cooldown.seconds", "301s"}}}).hash != plain);
  const auto with_password = [](const char* password) {
    return read_well({std::nullopt, {{"TRADEGUARD_STORE_URL", std::string{"postgresql://b:"} + password + "@h/d"}}, {}})
        .hash;
  };
  CHECK(with_password("one111") == with_password("two222"));
}

TEST_CASE(
    "every key of the table has a default it accepts itself, and a name of its own in the "
    "environment") {
  std::set<std::string> names;
  for (const Key& key : keys()) {
    INFO(key.section << "." << key.name);
    Settings scratch;
    CHECK(key.read(scratch, key.fallback));
    CHECK(names.insert(environment_name(key.section, key.name)).second);
    CHECK(std::string_view{key.meaning}.size() > 5);
  }
}

namespace {

// "a duration from 1s to 24h, like 300s" -> {"1s", "24h"}
std::optional<std::pair<std::string, std::string>> range_in(std::string_view expected) {
  std::istringstream words{std::string{expected}};
  std::string article, what, from, least, to, most;
  words >> article >> what >> from >> least >> to >> most;
  const bool measured = what == "duration" || what == "percentage";
  if (!measured || from != "from" || to != "to" || most == "below") return std::nullopt;
  if (most.ends_with(',')) most.pop_back();
  return std::pair{least, most};
}

bool is_taken(const Key& key, const std::string& value) {
  Settings scratch;
  return key.read(scratch, value);
}

}  // namespace

TEST_CASE("each duration and percentage takes what its expected= says, and nothing beyond it") {
  int ranges = 0;
  for (const Key& key : keys()) {
    const bool measured = key.expected.starts_with("a duration") || key.expected.starts_with("a percentage");
    if (!measured) continue;
    INFO(key.section << "." << key.name << ": " << key.expected);
    const auto range = range_in(key.expected);
    if (!range) {
      CHECK((key.expected.starts_with("a duration above 20s, to 1h") ||
             key.expected.starts_with("a percentage from 0.1 to below 100")));
      continue;
    }
    ++ranges;
    CHECK(is_taken(key, range->first));
    CHECK(is_taken(key, range->second));
    CHECK(is_taken(key, "0") == (key.expected.find("or 0") != std::string_view::npos));
    if (const auto least = parse_duration(range->first); least && key.expected.starts_with("a duration")) {
      CHECK_FALSE(is_taken(key, duration_text(*least - Micros{1})));
      CHECK_FALSE(is_taken(key, duration_text(*parse_duration(range->second) + Micros{1})));
    } else {
      CHECK_FALSE(is_taken(key, (*Decimal::parse(range->first) - Decimal::from_units(1)).text()));
      CHECK_FALSE(is_taken(key, (*Decimal::parse(range->second) + Decimal::from_units(1)).text()));
    }
  }
  CHECK(ranges > 20);
}

TEST_CASE("milliseconds for seconds and a ratio for a percentage are refused, with what was meant") {
  CHECK(faults_in("[signals]\nmax_age = 300000\n").front() ==
        "bot.ini:2: signals.max_age: 300000 is refused, expected a duration from 1s to 24h, like 300s, "
        "did you mean 300s?");
  CHECK(faults_in("[clock]\nmax_offset = 1000s\n").front().ends_with("did you mean 1s?"));
  CHECK(faults_in("[protection]\nflatten_after = 120000\n").front().ends_with("did you mean 120s?"));
  CHECK(faults_in("[run]\nstuck_after = 180000s\n").front().ends_with("did you mean 180s?"));
  CHECK(faults_in("[notify]\nbudget = 10000\n").front().ends_with("did you mean 10s?"));
  CHECK(faults_in("[net]\npatience = 2000\n").front().ends_with("did you mean 2s?"));
  CHECK(faults_in("[venue]\nhighest_fee_percent = 0.005\n").front().ends_with("did you mean 0.5?"));
  CHECK(faults_in("[limits]\nmax_slippage_percent = 0.01\n").front().ends_with("did you mean 1?"));
  CHECK(faults_in("[market.ETH_USDT]\nstop_loss_percent = 0.03\n").front().ends_with("did you mean 3?"));
  CHECK(faults_in("[cooldown]\nseconds = 300ms\n").size() == 1);
}
