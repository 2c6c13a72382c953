// Mallory has a login on the bot's machine. She wants the bot to stop, or to forget what it bought.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "mallory.hpp"
#include "open_bot.hpp"
#include "stores.hpp"
#include "tradeguard/lock_holder.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

using namespace tradeguard;
using namespace tradeguard::cli::test;
using namespace tradeguard::security;

namespace {

const std::vector<std::string> files_of_a_store{"bot.db", "bot.db-wal", "bot.db-shm", "bot.db.paper.main.lock"};

class Umask {
 public:
  explicit Umask(mode_t mask) : before_{::umask(mask)} {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

}  // namespace

TEST_CASE(
    "S-1 a store, its log and its lock are nobody else's, whatever the umask, so that nobody else "
    "can lock them") {
  NEEDS_ROOT();
  const Umask mask{GENERATE(0000U, 0022U)};
  const OpenBot bot;
  const HeldSignals signals{bot.place()};
  Started run = bot.start_cycle(signals.path());
  signals.wait_for_reader();
  for (const std::string& name : files_of_a_store) {
    INFO(name);
    CHECK(mode_of(bot.file(name)) == 0600);
    CHECK(as_mallory([&] { return attempt_to_open(bot.file(name), O_RDONLY); }) == "Permission denied");
    CHECK(as_mallory([&] { return attempt_to_open(bot.file(name), O_RDWR); }) == "Permission denied");
    CHECK(as_mallory([&] { return attempt_to_lock(bot.file(name)); }) == "Permission denied");
  }
  run.send(SIGTERM);
  run.finish();
}

TEST_CASE(
    "S-1 the store of an older version is made its owner's alone by the next run, which says so "
    "once and trades") {
  NEEDS_ROOT();
  const OpenBot bot;
  REQUIRE(bot.cycle("").code == 0);
  for (const char* name : {"bot.db", "bot.db.paper.main.lock"}) ::chmod(bot.file(name).c_str(), 0644);
  CHECK(as_mallory([&] { return attempt_to_lock(bot.file("bot.db.paper.main.lock")); }) == "locked");
  // doctor changes nothing, and says who will.
  const Ran doctor = bot.command({"doctor"});
  CHECK(doctor.code == 0);
  CHECK(says(doctor.out, "can be read by others"));
  CHECK(says(doctor.out, "the next run sets its mode to 0600"));
  CHECK(mode_of(bot.file("bot.db")) == 0644);

  const Ran run = bot.cycle(buy("ETH_USDT", time_text()));
  INFO(run.err);
  CHECK(run.code == 0);
  const auto lines = lines_beginning(run.lines(), "STORE_TIGHTENED was=0644 mode=0600 ");
  REQUIRE(lines.size() == 1);
  CHECK(says(lines[0], "bot.db.paper.main.lock"));
  CHECK_FALSE(lines_beginning(run.lines(), "ORDER_PLACED").empty());
  CHECK(mode_of(bot.file("bot.db")) == 0600);
  CHECK(as_mallory([&] { return attempt_to_lock(bot.file("bot.db.paper.main.lock")); }) == "Permission denied");
  CHECK(lines_with(bot.cycle("").lines(), "STORE_TIGHTENED").empty());
}

TEST_CASE("S-1 store.mode = 0660 shares a store with the group of its folder, and with nobody else") {
  NEEDS_ROOT();
  constexpr gid_t traders = 65530;
  const OpenBot bot{"mode = 0660\n"};
  REQUIRE(::chown(bot.folder().path().c_str(), 0, traders) == 0);
  REQUIRE(::chmod(bot.folder().path().c_str(), 02775) == 0);
  REQUIRE(::chown(bot.file("bot.db").c_str(), 0, traders) == 0);
  const HeldSignals signals{bot.place()};
  Started run = bot.start_cycle(signals.path());
  signals.wait_for_reader();
  for (const std::string& name : files_of_a_store) {
    INFO(name);
    CHECK(mode_of(bot.file(name)) == 0660);
    CHECK(as_mallory([&] { return attempt_to_lock(bot.file(name)); }) == "Permission denied");
  }
  run.send(SIGTERM);
  const Ran ran = run.finish();
  INFO(ran.err);
  CHECK(lines_with(ran.lines(), "STORE_TIGHTENED").empty());
}

TEST_CASE(
    "S-1 a store or lock that others could write is looked at by a person: 78, nothing traded, and "
    "the command") {
  NEEDS_ROOT();
  const OpenBot bot;
  REQUIRE(bot.cycle("").code == 0);
  for (const char* name : {"bot.db", "bot.db.paper.main.lock"}) {
    INFO(name);
    ::chmod(bot.file(name).c_str(), 0666);
    const Ran run = bot.cycle(buy("ETH_USDT", time_text()));
    INFO(run.err);
    CHECK(run.code == 78);
    CHECK(lines_with(run.lines(), "ORDER_PLACED").empty());
    CHECK(says(run.err, "anybody can write it; to mend it: chmod 600 "));
    const Ran doctor = bot.command({"doctor"});
    CHECK(doctor.code == 78);
    CHECK(says(doctor.out, std::string{"chmod 600 "} + bot.file(name)));
    ::chmod(bot.file(name).c_str(), 0600);
    REQUIRE(::chown(bot.file(name).c_str(), mallory, mallory) == 0);
    const Ran foreign = bot.cycle("");
    CHECK(foreign.code == 78);
    CHECK(says(foreign.err, "belongs to uid 65533"));
    CHECK(says(foreign.err, "chown root "));
    REQUIRE(::chown(bot.file(name).c_str(), 0, 0) == 0);
  }
  CHECK(bot.cycle("").code == 0);
}

TEST_CASE(
    "S-1 who holds the lock is named with process, user and command, and another program is "
    "CRITICAL at once") {
  NEEDS_ROOT();
  const OpenBot bot;
  REQUIRE(bot.cycle("").code == 0);
  const std::string lock = bot.file("bot.db.paper.main.lock");
  {
    // From the time when everybody could read it.
    ::chmod(lock.c_str(), 0644);
    const Holding held{mallory, lock};
    const Ran run = bot.cycle(buy("ETH_USDT", time_text()));
    INFO(run.err);
    CHECK(run.code == 75);
    const auto lines = lines_beginning(run.lines(), "LOCK_HOLDER ");
    REQUIRE(lines.size() == 1);
    CHECK(says(lines[0], "pid=" + std::to_string(held.pid()) + " uid=65533 user=65533 command="));
    CHECK(says(lines[0], " tradeguard=0"));
    const Ran doctor = bot.command({"doctor"});
    CHECK(doctor.code == 75);
    CHECK(says(doctor.out, "NOT tradeguard, process " + std::to_string(held.pid()) + " of 65533"));
    const auto holders = lock_holders(lock);
    REQUIRE(holders.size() == 1);
    CHECK(holders[0].uid == mallory);
  }
  const HeldSignals signals{bot.place()};
  Started first = bot.start_cycle(signals.path());
  signals.wait_for_reader();
  const Ran second = bot.cycle("");
  INFO(second.err);
  CHECK(second.code == 75);
  // One run that keeps out another is no reason for more lines.
  CHECK(lines_beginning(second.lines(), "LOCK_HOLDER ").empty());
  const Ran doctor = bot.command({"doctor"});
  CHECK(says(doctor.out, "tradeguard, process " + std::to_string(first.pid()) + " of root: "));
  CHECK_FALSE(says(doctor.out, "NOT tradeguard"));
  first.send(SIGTERM);
  first.finish();
}

TEST_CASE("S-1 who keeps the database itself locked is named too") {
  NEEDS_ROOT();
  const OpenBot bot;
  // A backup program of root's that holds it for longer than a run waits.
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t holder = ::fork();
  REQUIRE(holder >= 0);
  if (holder == 0) {
    const int descriptor = ::open(bot.file("bot.db").c_str(), O_RDWR);
    struct flock all {};
    all.l_type = F_WRLCK;
    const char held = ::fcntl(descriptor, F_SETLK, &all) == 0 ? 'y' : 'n';
    (void)!::write(ends[1], &held, 1);
    for (;;) ::pause();
  }
  char held = 0;
  REQUIRE(::read(ends[0], &held, 1) == 1);
  CHECK(held == 'y');
  const Ran run = bot.cycle("");
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  INFO(run.err);
  CHECK(run.code == 69);
  const auto lines = lines_beginning(run.lines(), "LOCK_HOLDER pid=" + std::to_string(holder) + " uid=0 user=root ");
  REQUIRE(lines.size() == 1);
  CHECK(says(lines[0], " tradeguard=0"));
}

TEST_CASE(
    "S-8 in a folder where anybody can put files no run opens the store, and what mallory put "
    "there stays unread") {
  NEEDS_ROOT();
  const OpenBot bot;
  REQUIRE(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  const mode_t mode = GENERATE(01777U, 0777U);
  ::chmod(bot.folder().path().c_str(), mode);
  const std::string log = bot.file("bot.db-wal");
  REQUIRE(as_mallory([&] {
            const int made = ::open(log.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666);
            return made >= 0 && ::write(made, "mallory's", 9) == 9 ? std::string{"planted"}
                                                                   : std::string{std::strerror(errno)};
          }) == "planted");
  const Ran run = bot.cycle("");
  INFO(run.err);
  CHECK(run.code == 78);
  if (mode == 01777) {
    CHECK(says(run.err, "anybody can put files beside the store"));
    CHECK(says(run.err, "bot.db-wal: belongs to uid 65533"));
  } else {
    CHECK(says(run.err,
               "anybody can write it; to mend it: chmod go-w "));  // the configuration lies there too
  }
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"status"}, {"halt", "--reason", "r"}, {"init"}, {"prune"}}) {
    INFO(command.front());
    CHECK(bot.command(command).code == 78);
  }
  CHECK(bot.folder().read("bot.db-wal") == "mallory's");
  const Ran doctor = bot.command({"doctor"});
  INFO(doctor.out);
  CHECK(doctor.code == 78);
  CHECK(says(doctor.out, mode == 01777 ? "put the store into a folder of its own, of mode 0700" : "chmod go-w "));
  CHECK(bot.folder().read("bot.db-wal") == "mallory's");
  ::unlink(log.c_str());
  CHECK(bot.cycle("").code == 78);
  ::chmod(bot.folder().path().c_str(), 0755);
  CHECK(bot.cycle("").code == 0);
}

TEST_CASE(
    "S-9 a link, a pipe or a second name in the place of the lock file is refused at once, and not "
    "followed") {
  NEEDS_ROOT();
  const OpenBot bot;
  REQUIRE(bot.cycle("").code == 0);
  const std::string lock = bot.file("bot.db.paper.main.lock");
  const std::string precious = bot.folder().write("precious", "precious", 0600);
  REQUIRE(::unlink(lock.c_str()) == 0);
  const int kind = GENERATE(0, 1, 2);
  if (kind == 0) REQUIRE(::symlink(precious.c_str(), lock.c_str()) == 0);
  if (kind == 1) REQUIRE(::mkfifo(lock.c_str(), 0600) == 0);
  if (kind == 2) REQUIRE(::link(precious.c_str(), lock.c_str()) == 0);
  const Ran run = bot.cycle(buy("ETH_USDT", time_text()));
  INFO(run.err);
  CHECK(run.code == 78);
  CHECK(says(run.err, "rm " + lock));
  CHECK(bot.folder().read("precious") == "precious");
  CHECK(bot.command({"doctor"}).code == 78);
  CHECK(bot.folder().read("precious") == "precious");
}

TEST_CASE("S-9 the library's own lock does not follow links or wait for pipes either") {
  const OpenBot bot;
  const AccountKey account{"paper", "main"};
  const std::string lock_file = bot.file("bot.db.paper.main.lock");
  const std::string precious = bot.folder().write("precious", "precious", 0600);
  const auto session = SqliteSession::open(bot.file("bot.db"));
  REQUIRE(session);
  SqliteRunLock lock{**session};
  const auto refused = [&] {
    const auto taken = lock.try_acquire(account);
    const auto looked = lock.try_hold(account);
    ::unlink(lock_file.c_str());
    return !taken && !looked && taken.error().fault == Fault::configuration;
  };
  REQUIRE(::mkfifo(lock_file.c_str(), 0600) == 0);
  CHECK(refused());
  REQUIRE(::symlink(precious.c_str(), lock_file.c_str()) == 0);
  CHECK(refused());
  REQUIRE(::link(precious.c_str(), lock_file.c_str()) == 0);
  CHECK(refused());
  CHECK(bot.folder().read("precious") == "precious");
  CHECK(std::holds_alternative<RunLease>(lock.try_acquire(account).value()));
}

TEST_CASE("S-1 a lock that root makes beside the store of a bot is the bot's") {
  NEEDS_ROOT();
  const Ground ground;
  const std::string home = ground.folder("home", 0700, service, service);
  ground.write("home/bot.ini", "[store]\nurl = sqlite:bot.db\n", 0600, service, service);
  ground.write("home/signals", "", 0600, service, service);
  REQUIRE(run_as(service, ground, {"init", "--config", "home/bot.ini"}).code == 0);
  CHECK(run_as_root(ground, {"prune", "--config", "home/bot.ini"}).code == 0);
  CHECK(owner_of(home + "/bot.db.paper.main.lock") == service);
  const Ran run = run_as(service, ground, {"run", "--config", "home/bot.ini", "--signals", "home/signals"});
  INFO(run.err);
  CHECK(run.code == 0);
}
