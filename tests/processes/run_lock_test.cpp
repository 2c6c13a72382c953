// Who shares a lock and who does not, whatever way a process came to the store.
#include <catch2/catch.hpp>
#include <filesystem>

#include "pooler.hpp"
#include "processes.hpp"
#include "scratch_database.hpp"
#include "witness.hpp"

namespace tradeguard::processes {
namespace {

using support::Pooler;

const std::string locked_out = "RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #";

void check_locked_out(const Ran& ran) {
  INFO(ran.err);
  CHECK(ran.code == 75);
  CHECK(ran.lines().size() == 1);
  CHECK(ran.err.starts_with(locked_out));
  CHECK(ran.out.empty());
}

// A psql that does as it is told, and then stays connected.
class Psql {
 public:
  explicit Psql(const Trading& bot)
      : commands_{bot.place()}, program_{{"psql", bot.url(), "-q", "-o", "/dev/null", "-f", commands_.path()}} {}
  void tell(const std::string& sql) const { commands_.write(sql + ";\n"); }

 private:
  HeldSignals commands_;
  support::Program program_;
};

TEST_CASE("advisory lock 123456 held by psql: RUN_LOCKED, and the exchange is not asked anything") {
  const Trading bot{"postgres"};
  CHECK(bot.cycle(signal_for("ETH_USDT")).code == 0);
  const auto before = everything_in(bot);
  {
    const Psql original{bot};
    original.tell("SELECT pg_advisory_lock(123456)");
    wait_until("psql's lock", [&] {
      return number(bot,
                    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
                    "WHERE locktype = 'advisory' AND objid = 123456 AND granted "
                    "AND datname = current_database()") == 1;
    });
    const Ran ran = bot.cycle(signal_for("BTC_USDT"));
    check_locked_out(ran);
    CHECK(ran.lines()[0] == locked_out + "2");
    check_nothing_written_since(before, bot);
  }
  // psql is gone, and so is its lock.
  CHECK(cycle_behind_the_dead(bot, signal_for("BTC_USDT")).code == 0);
  check_entered_once_and_protected(bot, "BTC_USDT");
}

TEST_CASE("advisory lock 123456 held by psql before the very first run: RUN_LOCKED, and nothing is bought") {
  const Trading bot{"postgres"};
  const Psql original{bot};
  original.tell("SELECT pg_advisory_lock(123456)");
  wait_until("psql's lock", [&] {
    return number(bot,
                  "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
                  "WHERE locktype = 'advisory' AND objid = 123456 AND granted "
                  "AND datname = current_database()") == 1;
  });
  check_locked_out(bot.cycle(signal_for("ETH_USDT")));
  CHECK(entries(bot) == 0);
  CHECK(number(bot, "SELECT (SELECT count(*) FROM paper_accounts) + (SELECT count(*) FROM exchange_orders)") == 0);
}

TEST_CASE("PgBouncer in between is refused by name, whatever its mode, and nothing is bought") {
  const Trading bot{"postgres"};
  const auto mode = GENERATE(Pooler::Mode::transaction, Pooler::Mode::session);
  const auto options = GENERATE(Pooler::Options::refused, Pooler::Options::ignored);
  const Pooler pooler{mode, options};
  const std::string database = bot.url().substr(bot.url().rfind('/') + 1);
  const auto before = everything_in(bot);
  const Ran ran = bot.cycle(signal_for("ETH_USDT"), {"--store.url", pooler.url(database)});
  INFO(ran.err);
  CHECK(ran.code == 78);
  REQUIRE(ran.lines().size() == 1);
  CHECK(ran.err.starts_with("RUN_FAILED reason="));
  CHECK(ran.err.find("PgBouncer") != std::string::npos);
  CHECK(bot.command({"init", "--store.url", pooler.url(database)}).code == 78);
  check_nothing_written_since(before, bot);
}

TEST_CASE("the lock file unlinked under its holder: the next run takes the account, the old holder does nothing more") {
  const Trading bot{"sqlite"};
  HeldRun holder{bot};
  holder.pause();
  REQUIRE(std::filesystem::remove(bot.folder().file("bot.db.paper.main.lock")));
  // A store without its lock file may be an older copy: what is said before that moment is not entered.
  const Ran first = bot.cycle("");
  CHECK_FALSE(lines_with(first.lines(), "NEW_EPOCH").empty());
  const Ran next = bot.cycle(buy("ETH_USDT", time_text(2)));
  INFO(next.err);
  CHECK(next.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  const auto before = everything_in(bot);

  holder.write(signal_for("BTC_USDT"));
  check_cut_off(holder.finish());
  check_nothing_written_since(before, bot);
}

TEST_CASE("a lock file unlinked under its holder stops it, though nobody else has come") {
  const Trading bot{"sqlite"};
  HeldRun holder{bot};
  REQUIRE(std::filesystem::remove(bot.folder().file("bot.db.paper.main.lock")));
  const auto before = everything_in(bot);
  holder.write(signal_for("BTC_USDT"));
  check_cut_off(holder.finish());
  check_nothing_written_since(before, bot);
}

TEST_CASE("a database reached through symbolic links from other folders has the one lock") {
  const Trading bot{"sqlite"};
  const Place elsewhere{{{"DRY_RUN", "1"}}};
  std::filesystem::create_symlink(bot.folder().file("bot.db"), elsewhere.folder().file("link.db"));
  std::filesystem::create_directory_symlink(bot.folder().path(), elsewhere.folder().file("folder"));
  elsewhere.folder().write("signals.jsonl", signal_for("ETH_USDT"));
  const auto run_over = [&](const std::string& url) {
    return elsewhere.run({"run", "--store.url", url, "--signals", "signals.jsonl", "--log-format", "bare"});
  };
  const std::vector<std::string> ways{"sqlite:link.db", "sqlite:folder/bot.db", "sqlite:./link.db",
                                      "sqlite:" + bot.folder().file("bot.db")};
  {
    HeldRun holder{bot};
    holder.pause();
    for (const std::string& way : ways) check_locked_out(run_over(way));
    CHECK(holder.finish().code == 0);
  }
  CHECK(run_over(ways[0]).code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  // The same again the other way round: held through the link, asked for by name.
  HeldSignals signals{elsewhere};
  Started holder =
      elsewhere.start({"run", "--store.url", ways[0], "--signals", signals.path(), "--log-format", "bare"});
  holder.wait_for("RUN_START ");
  check_locked_out(bot.cycle(""));
}

TEST_CASE("two accounts on one store do not exclude each other") {
  const Trading bot{GENERATE(from_range(store_kinds()))};
  HeldRun first{bot, {"--venue.account", "one"}};
  HeldRun second{bot, {"--venue.account", "two"}};
  // Each is there, and each has its own.
  first.pause();
  second.pause();
  check_locked_out(bot.cycle("", {"--venue.account", "one"}));
  check_locked_out(bot.cycle("", {"--venue.account", "two"}));
  const std::string signal = signal_for("ETH_USDT");
  second.write(signal);
  CHECK(second.finish().code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT", "two");
  CHECK(entries(bot, "ETH_USDT", "one") == 0);
  // Neither the other's cooldown nor its key is in the way, and nobody was fenced.
  first.write(signal);
  CHECK(first.finish().code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT", "one");
  check_entered_once_and_protected(bot, "ETH_USDT", "two");
}

}  // namespace
}  // namespace tradeguard::processes
