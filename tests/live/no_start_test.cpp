// What keeps a run from starting while a live trade is open: told at once, once, by name; and the exit
// code says that somebody has to look.
#include <catch2/catch.hpp>
#include <csignal>
#include <functional>

#include "live_bot.hpp"
#include "scratch_database.hpp"

using namespace tradeguard;
using namespace tradeguard::live;
using cli::test::lines_with;
using cli::test::run_program;
using cli::test::Scratch;

namespace {

std::string all_messages(LiveBot& bot) {
  std::string all;
  for (const std::string& message : bot.venue.messages()) all += message + "\n\n";
  return all;
}

// With a trade open and everything told.
void open_a_trade(LiveBot& bot) {
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE(bot.covered());
}

// What a run that cannot start owes whoever owns the trade.
void check_reported(LiveBot& bot, const std::function<Ran()>& broken_run, const std::string& cause) {
  const auto before = count_of(bot.venue.messages(), "RUN_FAILED");
  const Ran first = broken_run();
  INFO(first.err);
  CHECK(first.code == 1);
  CHECK(lines_with(first.lines(), "RUN_FAILED reason=").size() == 1);
  CHECK(lines_with(first.lines(), "LIVE_POSITIONS_UNATTENDED trades=1 because=run_failed").size() == 1);
  CHECK(first.err.find(cause) != std::string::npos);
  const std::string told = all_messages(bot);
  INFO(told);
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
  CHECK(told.find(cause) != std::string::npos);
  CHECK(told.find("open trades: 1") != std::string::npos);
  CHECK(told.find("CRITICAL") != std::string::npos);
  CHECK(told.find(FakeVenueProcess::bot_token) == std::string::npos);
  // A minute later it is the same, and nobody needs to hear it again.
  const Ran second = broken_run();
  INFO(second.err);
  CHECK(second.code == 1);
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
}

void check_well_again(LiveBot& bot) {
  const auto before = count_of(bot.venue.messages(), "CLEARED");
  const Ran ran = bot.cycle();
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.lines().back().starts_with("RUN_END "));
  CHECK(bot.covered());
  CHECK(count_of(bot.venue.messages(), "CLEARED") == before + 1);
  CHECK(bot.cycle().code == 0);
  CHECK(count_of(bot.venue.messages(), "CLEARED") == before + 1);
}

std::vector<std::string> run_with(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"run", "--config", "bot.ini", "--signals", "/dev/null", "--log-format", "bare"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The command in a mount namespace of its own, behind what `prepare` does there; nullopt: this kernel
// gives none to this user.
std::optional<Ran> in_own_mounts(const LiveBot& bot, const std::string& prepare, const std::string& store_url,
                                 const std::string& state, int runs = 1) {
  const std::string folder = bot.trading.folder().path();
  if (run_program({"unshare", "-m", "true"}, folder).code != 0) {
    WARN("not tried: this kernel gives no mount namespaces to this user");
    return std::nullopt;
  }
  std::string run = "env XDG_STATE_HOME=" + state;
  for (const auto& [name, value] : bot.environment()) run += " '" + name + "=" + value + "'";
  run += std::string{" "} + TRADEGUARD_BINARY +
         " run --config bot.ini --signals /dev/null --log-format bare --store.url '" + store_url + "'";
  std::string command = "set -e; mount --make-rprivate /; " + prepare + "; ";
  for (int i = 1; i < runs; ++i) command += run + " || true; ";
  command += "exec " + run;
  return run_program({"unshare", "-m", "sh", "-c", command}, folder);
}

}  // namespace

TEST_CASE("no start: a secret that others can read is told with the trade that is open") {
  LiveBot bot{any_kind()};
  open_a_trade(bot);
  Environment environment = bot.environment();
  std::erase_if(environment, [](const auto& pair) { return pair.first == "TRADEGUARD_API_KEY"; });
  environment.emplace_back("TRADEGUARD_API_KEY_FILE",
                           bot.trading.folder().write("key", std::string{FakeVenueProcess::api_key}, 0644));
  check_reported(
      bot, [&] { return bot.trading.place().run(run_with(), environment); }, "0600");
  check_well_again(bot);
}

TEST_CASE("no start: what is wrong with the configuration or the command line is told with what of it is right") {
  LiveBot bot{any_kind()};
  open_a_trade(bot);
  const auto misread = [&](const std::vector<std::string>& arguments, const Environment& environment,
                           const std::string& cause) {
    const auto before = count_of(bot.venue.messages(), "RUN_FAILED");
    const Ran ran = bot.trading.place().run(arguments, environment);
    INFO(ran.err);
    CHECK(ran.code == 1);
    CHECK(mentions(ran, "LIVE_POSITIONS_UNATTENDED trades=1"));
    CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
    CHECK(all_messages(bot).find(cause) != std::string::npos);
    CHECK(bot.cycle().code == 0);
  };
  misread(run_with({"--limits.max_open_positions", "lots"}), bot.environment(), "lots is refused");
  misread({"run", "--config", "bot.ini"}, bot.environment(), "'run' needs --signals");
  misread(run_with({"--venue.kind", "kraken"}), bot.environment(), "kraken is refused");
  Environment doubtful = bot.environment();
  for (auto& [name, value] : doubtful)
    if (name == "DRY_RUN") value = "yes";
  misread(run_with(), doubtful, "yes is refused");
}

TEST_CASE("no start: a venue that is not traded without run.live is told when it has open trades") {
  LiveBot bot{any_kind()};
  open_a_trade(bot);
  check_reported(
      bot,
      [&] {
        return bot.cycle("", {"--run.live", "false"});
      },
      "run.live");
  check_well_again(bot);
}

TEST_CASE("no start: a store of an older schema is told with the command that mends it") {
  LiveBot bot{any_kind()};
  open_a_trade(bot);
  const std::string version =
      bot.trading.sql("SELECT value FROM tradeguard_meta WHERE key = 'schema_version'").substr(0, 1);
  bot.trading.sql("UPDATE tradeguard_meta SET value = '1' WHERE key = 'schema_version'");
  check_reported(
      bot, [&] { return bot.cycle(); }, "tradeguard init");
  bot.trading.sql("UPDATE tradeguard_meta SET value = '" + version + "' WHERE key = 'schema_version'");
  check_well_again(bot);
}

TEST_CASE("no start: a server that is away is told from what the marker remembers") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "postgres"}};
  open_a_trade(bot);
  check_reported(
      bot,
      [&] {
        return bot.cycle("", {"--store.url", "postgresql://127.0.0.1:1/" + std::string{"away"}});
      },
      "refused");
  check_well_again(bot);
}

TEST_CASE("no start: a role without rights in the database is told by name") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "postgres"}};
  open_a_trade(bot);
  bot.trading.sql("DROP ROLE IF EXISTS tradeguard_stranger; CREATE ROLE tradeguard_stranger LOGIN");
  const std::string url = bot.trading.url();
  const auto slashes = url.find("://") + 3;
  const auto at = url.find('@');
  const std::string host = url.substr(at == std::string::npos ? slashes : at + 1);
  check_reported(
      bot,
      [&] {
        return bot.cycle("", {"--store.url", url.substr(0, slashes) + "tradeguard_stranger@" + host});
      },
      "tradeguard_stranger");
  bot.trading.sql("DROP ROLE tradeguard_stranger");
  check_well_again(bot);
}

TEST_CASE("no start: a stranger on the run lock is reported at once though no trade is open, and once it is over") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "postgres"}};
  REQUIRE(bot.cycle().code == 0);
  bot.trading.sql("DROP ROLE IF EXISTS eve; CREATE ROLE eve LOGIN");
  const auto before = count_of(bot.venue.messages(), "RUN_FAILED");
  {
    const std::string database = bot.trading.url().substr(bot.trading.url().rfind('/') + 1);
    support::PlainConnection eve{support::test_server({.database = database, .user = "eve"})};
    eve.ask("SELECT pg_advisory_lock(123456)");
    for (int run = 0; run < 2; ++run) {
      const Ran ran = bot.cycle();
      INFO(ran.err);
      CHECK(ran.code == 75);
      CHECK(mentions(ran, "LOCK_STRANGER role=eve"));
      CHECK_FALSE(mentions(ran, "LIVE_POSITIONS_UNATTENDED"));
      CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
    }
    CHECK(all_messages(bot).find("the run lock is held by the role eve") != std::string::npos);
  }
  bot.trading.sql("DROP ROLE eve");
  const auto cleared = count_of(bot.venue.messages(), "CLEARED");
  CHECK(bot.cycle().code == 0);
  CHECK(count_of(bot.venue.messages(), "CLEARED") == cleared + 1);
}

// The role has the right that everybody has: to connect.
TEST_CASE("no start: a stranger who holds the run lock is told at once by name, and status and doctor say it") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "postgres"}};
  open_a_trade(bot);
  bot.trading.sql("DROP ROLE IF EXISTS mallory; CREATE ROLE mallory LOGIN");
  {
    const std::string database = bot.trading.url().substr(bot.trading.url().rfind('/') + 1);
    support::PlainConnection mallory{support::test_server({.database = database, .user = "mallory"}) +
                                     "?application_name=tradeguard"};
    mallory.ask("SELECT pg_advisory_lock(123456)");
    const auto before = count_of(bot.venue.messages(), "RUN_FAILED");
    const Ran first = bot.cycle();
    INFO(first.err);
    CHECK(first.code == 1);
    CHECK(lines_with(first.lines(), "RUN_LOCKED: ").size() == 1);
    CHECK(mentions(first,
                   "LOCK_STRANGER role=mallory application=tradeguard address=- pid=" + std::to_string(mallory.pid())));
    CHECK(mentions(first, "LIVE_POSITIONS_UNATTENDED trades=1 because=run_failed"));
    CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
    CHECK(all_messages(bot).find("the run lock is held by the role mallory") != std::string::npos);
    CHECK(bot.cycle().code == 1);
    CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == before + 1);
    CHECK(bot.command({"status"}).out.find("ATTENTION: the run lock is held by the role mallory") != std::string::npos);
    const Ran doctor = bot.command({"doctor"});
    INFO(doctor.out);
    CHECK(doctor.out.find("SELECT pg_terminate_backend(" + std::to_string(mallory.pid()) + ")") != std::string::npos);
    CHECK(doctor.out.find("REVOKE CONNECT") != std::string::npos);
  }
  bot.trading.sql("DROP ROLE mallory");
  check_well_again(bot);
}

TEST_CASE("no start: a folder that cannot be written is told, and not again a minute later") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "sqlite"}};
  open_a_trade(bot);
  const Scratch state;
  const auto run = [&] {
    return in_own_mounts(bot, "mount --bind . . && cd \"$PWD\" && mount -o remount,bind,ro .", "sqlite:bot.db",
                         state.path());
  };
  if (!run()) return;
  // Told already by the look above, and remembered where it can be.
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == 1);
  const auto again = run();
  INFO(again->err);
  CHECK(again->code == 1);
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == 1);
  CHECK(all_messages(bot).find("read-only") != std::string::npos);
  CHECK(all_messages(bot).find("open trades: 1") != std::string::npos);
  CHECK(bot.cycle().code == 0);
  CHECK(bot.covered());
}

TEST_CASE("no start: a full disk is told by its name, and not again a minute later") {
  LiveBot bot{{GENERATE(as<std::string>{}, "cryptocom", "binance"), "sqlite"}};
  open_a_trade(bot);
  const auto& folder = bot.trading.folder();
  REQUIRE(run_program({"sh", "-c", "mkdir disk saved && cp bot.db* saved"}, folder.path()).code == 0);
  const Scratch state;
  // Two minutes on a disk that stays full: the marker on it is overwritten in place.
  const auto ran = in_own_mounts(bot,
                                 "mount -t tmpfs -o size=4m,mode=0700 none disk && cp saved/* disk && "
                                 "(dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true)",
                                 "sqlite:disk/bot.db", state.path(), 2);
  if (!ran) return;
  INFO(ran->err);
  CHECK(ran->code == 1);
  CHECK(lines_with(ran->lines(), "LIVE_POSITIONS_UNATTENDED trades=1 because=run_failed").size() == 2);
  CHECK(ran->err.find("is full") != std::string::npos);
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == 1);
  CHECK(all_messages(bot).find("is full") != std::string::npos);
  CHECK(std::filesystem::is_empty(state.path()));
}

TEST_CASE(
    "no start: where nobody knows whether trades are open it is told all the same, and where none is, nobody is") {
  LiveBot bot{{"binance", "postgres"}};
  const std::vector<std::string> away{"--store.url", "postgresql://127.0.0.1:1/away"};
  // Nothing is open, and the first run of all has said so.
  const Ran idle = bot.cycle("", away);
  INFO(idle.err);
  CHECK(idle.code == 69);
  CHECK_FALSE(mentions(idle, "LIVE_POSITIONS_UNATTENDED"));
  CHECK(count_of(bot.venue.messages(), "RUN_FAILED") == 0);
  for (const auto& file : std::filesystem::directory_iterator(bot.trading.folder().path()))
    if (file.path().extension() == ".marker") std::filesystem::remove(file.path());
  const Ran unknown = bot.cycle("", away);
  INFO(unknown.err);
  CHECK(unknown.code == 69);
  CHECK(mentions(unknown, "LIVE_POSITIONS_UNATTENDED trades=?"));
  CHECK(all_messages(bot).find("open trades: not known") != std::string::npos);
}

TEST_CASE("a store that was lost and made anew is no all-clear for the trades of the one before") {
  LiveBot bot{{"binance", "sqlite"}};
  open_a_trade(bot);
  const std::filesystem::path folder = bot.trading.folder().path();
  std::string marker;
  std::vector<std::filesystem::path> store;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const std::string name = file.path().filename();
    if (name.ends_with(".marker"))
      marker = name;
    else if (name.starts_with("bot.db"))
      store.push_back(file.path());
  }
  REQUIRE(bot.trading.folder().read(marker).find("open=1") != std::string::npos);
  REQUIRE_FALSE(store.empty());
  for (const auto& file : store) std::filesystem::remove(file);

  const Ran made = bot.trading.command({"init"}, bot.environment());
  INFO(made.err);
  CHECK(made.code == 0);
  CHECK(made.err.find("a store that was here before had 1 live trades open") != std::string::npos);
  // The exchange does not answer, so nobody knows what is open there.
  const Ran away = bot.cycle("", {"--venue.base_url", "https://127.0.0.1:1"});
  INFO(away.err);
  CHECK(away.code == 69);
  CHECK(count_of(bot.venue.messages(), "CLEARED") == 0);
  CHECK(bot.trading.folder().read(marker).find("open=1") != std::string::npos);
  // It answers: the coins and the stop of the lost trade are there.
  const Ran back = bot.cycle();
  INFO(back.err);
  CHECK(back.code == 1);
}

TEST_CASE("a run that is killed with an entry on its way has noted before that a trade may be open") {
  LiveBot bot{{"binance", "postgres"}};
  bot.venue.fault(bot.endpoint(At::entry), {{"delay", "3000"}});
  Started run = bot.start_cycle(buy_eth());
  bot.wait_for_request(At::entry);
  run.send(SIGKILL);
  run.finish();
  const Ran away = bot.cycle("", {"--store.url", "postgresql://127.0.0.1:1/away"});
  INFO(away.err);
  CHECK(away.code == 1);
  CHECK(mentions(away, "LIVE_POSITIONS_UNATTENDED trades=1"));
}

TEST_CASE("a log file that cannot be opened is told once, and the run goes on with its log on standard error") {
  LiveBot bot{any_kind()};
  const std::vector<std::string> broken{"--run.log_file", "/nonexistent/bot.log"};
  const Ran first = bot.cycle(buy_eth(), broken);
  INFO(first.err);
  CHECK(first.code == 0);
  CHECK(mentions(first, "LOG_FILE_UNUSABLE file=/nonexistent/bot.log"));
  CHECK(mentions(first, "SLTP_PLACED symbol=ETH_USDT"));
  CHECK(first.lines().back().starts_with("RUN_END "));
  CHECK(bot.covered());
  CHECK(count_of(bot.venue.messages(), "LOG_UNUSABLE") == 1);
  CHECK(bot.cycle("", broken).code == 0);
  CHECK(count_of(bot.venue.messages(), "LOG_UNUSABLE") == 1);
  // Well again, and broken again: a new fault.
  CHECK(bot.cycle().code == 0);
  CHECK(bot.cycle("", broken).code == 0);
  CHECK(count_of(bot.venue.messages(), "LOG_UNUSABLE") == 2);
}
