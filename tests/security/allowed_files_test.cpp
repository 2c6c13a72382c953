// The list of what stays allowed: each of these worked safely before the files were looked at.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mallory.hpp"
#include "secrets.hpp"
#include "stores.hpp"

using namespace tradeguard;
using namespace tradeguard::cli::test;
using namespace tradeguard::security;

namespace {

// A service as Debian lays it out: configuration of root's in etc, everything else of the service
// in var.
struct Service {
  Ground ground;
  Service() {
    ground.folder("etc", 0755);
    ground.folder("var", 0755);
    ground.folder("var/bot", 0700, service, service);
    ground.write("etc/bot.ini", "[store]\nurl = sqlite:../var/bot/bot.db\n[run]\nlog_file = ../var/bot/bot.log\n");
    ground.write("var/bot/signals", "", 0600, service, service);
  }
  Ran init(const std::string& config = "etc/bot.ini") const {
    return run_as(service, ground, {"init", "--config", config});
  }
  Ran run(const std::string& config = "etc/bot.ini", const std::string& signals = "var/bot/signals") const {
    return run_as(service, ground, {"run", "--config", config, "--signals", signals, "--log-format", "bare"});
  }
  std::string log() const { return ground.read("var/bot/bot.log"); }
};

}  // namespace

TEST_CASE("allowed: a configuration of root's that everybody can read, run by a service user") {
  NEEDS_ROOT();
  const Service bot;
  REQUIRE(bot.init().code == 0);
  const Ran run = bot.run();
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK(says(bot.log(), "RUN_END"));
  const Ran doctor = run_as(service, bot.ground, {"doctor", "--config", "etc/bot.ini"});
  INFO(doctor.out);
  CHECK(doctor.code == 0);
  CHECK(says(doctor.out, "nobody else can write the store"));
}

TEST_CASE(
    "allowed: a credential of root's that its group can read, as systemd's LoadCredential gives "
    "it") {
  NEEDS_ROOT();
  const Ground ground;
  ground.folder("run", 0755);
  ground.folder("run/credentials", 0755);
  ground.folder("run/credentials/unit", 0550, 0, service);
  ground.write("run/credentials/unit/key", "provided\n", 0440, 0, service);
  CHECK(as_user(service, [&] {
          const auto read = cli::read_secret(cli::SecretName::api_key,
                                             {{"TRADEGUARD_API_KEY_FILE", ground.file("run/credentials/unit/key")}});
          return read ? std::string{read->reveal()} : read.error().what;
        }) == "provided");
}

TEST_CASE(
    "allowed: configuration and credentials behind links of root's in a sticky folder, as "
    "Kubernetes mounts them") {
  NEEDS_ROOT();
  const Service bot;
  const Ground& ground = bot.ground;
  ground.folder("mount", 01777);
  ground.folder("mount/..2025_01_01", 0755);
  ground.write("mount/..2025_01_01/bot.ini", ground.read("etc/bot.ini"));
  ground.write("mount/..2025_01_01/key", "provided", 0440, 0, service);
  ground.link("..2025_01_01", "mount/..data");
  ground.link("..data/bot.ini", "mount/bot.ini");
  ground.link("..data/key", "mount/key");
  REQUIRE(bot.init("mount/bot.ini").code == 0);
  const Ran run = bot.run("mount/bot.ini");
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(as_user(service, [&] {
          const auto read =
              cli::read_secret(cli::SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", ground.file("mount/key")}});
          return read ? std::string{read->reveal()} : read.error().what;
        }) == "provided");
}

TEST_CASE("allowed: links that the user who runs it made, to configuration, store and log") {
  NEEDS_ROOT();
  const Service bot;
  REQUIRE(bot.init().code == 0);
  bot.ground.write("elsewhere.log", "", 0640, service, service);
  bot.ground.link("../../etc/bot.ini", "var/bot/bot.ini", service);
  bot.ground.link(bot.ground.file("elsewhere.log"), "var/bot/link.log", service);
  bot.ground.link("bot.db", "var/bot/link.db", service);
  const Ran run = run_as(service, bot.ground,
                         {"run", "--config", "var/bot/bot.ini", "--signals", "var/bot/signals", "--store.url",
                          "sqlite:var/bot/link.db", "--run.log_file", "var/bot/link.log"});
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(says(bot.ground.read("elsewhere.log"), "RUN_END"));
}

TEST_CASE("allowed: a private group that can write, as the umask 002 of many distributions makes it") {
  NEEDS_ROOT();
  const Service bot;
  ::chmod(bot.ground.file("var/bot").c_str(), 0775);
  ::chmod(bot.ground.file("var/bot/signals").c_str(), 0664);
  bot.ground.write("var/bot/own.ini", "[store]\nurl = sqlite:bot.db\n", 0664, service, service);
  REQUIRE(bot.init("var/bot/own.ini").code == 0);
  const Ran run = bot.run("var/bot/own.ini");
  INFO(run.err);
  CHECK(run.code == 0);
}

TEST_CASE("allowed: root over folders of root's, and everything below a sticky folder such as /tmp") {
  NEEDS_ROOT();
  const Ground ground;
  ground.folder("tmp", 01777);
  ground.folder("tmp/bot", 0700);
  ground.write("tmp/bot.ini", "[store]\nurl = sqlite:bot/bot.db\n");
  ground.write("tmp/signals", "");
  REQUIRE(run_as_root(ground, {"init", "--config", "tmp/bot.ini"}).code == 0);
  const Ran run = run_as_root(ground, {"run", "--config", "tmp/bot.ini", "--signals", "tmp/signals"});
  INFO(run.err);
  CHECK(run.code == 0);
}

TEST_CASE(
    "allowed: operators' commands of root over the bot of another user, whose runs are refused to "
    "root") {
  NEEDS_ROOT();
  const Service bot;
  bot.ground.write("var/bot/own.ini", "[store]\nurl = sqlite:bot.db\n", 0600, service, service);
  REQUIRE(bot.init("var/bot/own.ini").code == 0);
  REQUIRE(bot.run("var/bot/own.ini").code == 0);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"status"}, {"doctor"}, {"halt", "--reason", "r"}, {"resume"}, {"config"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--config", "var/bot/own.ini"});
    const Ran ran = run_as_root(bot.ground, arguments);
    INFO(command.front() << ran.out << ran.err);
    CHECK(ran.code == 0);
  }
  const Ran run = run_as_root(bot.ground, {"run", "--config", "var/bot/own.ini", "--signals", "var/bot/signals"});
  CHECK(run.code == 78);
  CHECK(says(run.err, "expected root"));
  // And the bot goes on.
  CHECK(bot.run("var/bot/own.ini").code == 0);
}

TEST_CASE("allowed: pipes that the caller hands over, and /dev/null, as configuration, signals and log") {
  const Trading bot{"sqlite"};
  const auto shell = [&](const std::string& text) {
    return run_program({"bash", "-c", "export DRY_RUN=1; " + text}, bot.folder().path());
  };
  const std::string run = std::string{TRADEGUARD_BINARY} + " run --log-format bare ";
  for (const std::string& arguments :
       {std::string{"--config <(cat bot.ini) --store.url sqlite:bot.db --signals <(echo)"},
        std::string{"--config /dev/stdin --store.url sqlite:bot.db --signals /dev/null <bot.ini"},
        std::string{"--config bot.ini --signals - </dev/null"},
        std::string{"--config bot.ini --signals /dev/stdin </dev/null"},
        std::string{"--config bot.ini --signals /dev/null --run.log_file /dev/null"}}) {
    const Ran ran = shell(run + arguments);
    INFO(arguments << "\n" << ran.err);
    CHECK(ran.code == 0);
  }
  const Ran piped = shell(run + "--config bot.ini --signals /dev/null --run.log_file /dev/stdout | cat");
  CHECK(says(piped.out, "RUN_END"));
  CHECK_FALSE(says(piped.err, "LOG_FILE_UNUSABLE"));
}

TEST_CASE("allowed: signals of a strategy that runs as another user, if signals.from_uids names it") {
  NEEDS_ROOT();
  const Service bot;
  constexpr uid_t strategy = 65531;
  REQUIRE(bot.init().code == 0);
  bot.ground.folder("var/strategy", 0755, strategy, strategy);
  bot.ground.write("var/strategy/signals", buy("ETH_USDT", time_text()), 0644, strategy, strategy);
  const Ran refused = bot.run("etc/bot.ini", "var/strategy/signals");
  CHECK(refused.code == 78);
  CHECK(says(refused.err, "belongs to uid 65531"));
  const Ran taken = run_as(service, bot.ground,
                           {"run", "--config", "etc/bot.ini", "--signals", "var/strategy/signals",
                            "--signals.from_uids", "65531", "--log-format", "bare"});
  INFO(taken.err);
  CHECK(taken.code == 0);
  CHECK(says(bot.log(), "ORDER_PLACED"));
}
