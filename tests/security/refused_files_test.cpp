// What decides what is traded is not taken from somebody who could have written anything, and what
// is no file holds up nobody.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "mallory.hpp"
#include "open_bot.hpp"
#include "run_marker.hpp"
#include "secrets.hpp"
#include "signal_file.hpp"
#include "stores.hpp"

using namespace tradeguard;
using namespace tradeguard::cli::test;
using namespace tradeguard::security;

TEST_CASE(
    "S-7 a configuration that others could have written trades nothing, and doctor names the "
    "command") {
  NEEDS_ROOT();
  const OpenBot bot;
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()));
  const auto refused = [&](std::string_view why, std::string_view command) {
    const Ran run = bot.run();
    INFO(run.err);
    CHECK(run.code == 78);
    CHECK(lines_with(run.lines(), "ORDER_PLACED").empty());
    CHECK(says(run.err, why));
    CHECK(says(run.err, command));
    const Ran doctor = bot.command({"doctor"});
    INFO(doctor.out);
    CHECK(doctor.code == 78);
    CHECK(says(doctor.out, why));
    CHECK(says(doctor.out, command));
  };
  const std::string ini = bot.file("bot.ini");
  ::chmod(ini.c_str(), 0666);
  CHECK(as_mallory([&] { return attempt_to_open(ini, O_WRONLY); }) == "opened");
  refused("anybody can write it", "chmod go-w bot.ini");
  ::chmod(ini.c_str(), 0644);
  SECTION("it is hers") {
    REQUIRE(::chown(ini.c_str(), mallory, mallory) == 0);
    const Ran run = bot.run();
    CHECK(run.code == 78);
    CHECK(says(run.err, "belongs to uid 65533"));
    CHECK(says(run.err, "chown root bot.ini"));
  }
  SECTION("its folder is for everybody") {
    ::chmod(bot.folder().path().c_str(), 0777);
    refused("anybody can write it", "chmod go-w " + bot.folder().path());
  }
  SECTION("its folder is hers") {
    REQUIRE(::chown(bot.folder().path().c_str(), mallory, mallory) == 0);
    refused("belongs to uid 65533", "chown root " + bot.folder().path());
  }
  SECTION("a group with others in it can write it") {
    constexpr gid_t daemon = 1;
    REQUIRE(::chown(ini.c_str(), 0, daemon) == 0);
    ::chmod(ini.c_str(), 0664);
    refused("daemon is in it", "chmod g-w bot.ini");
  }
  SECTION("it is reached through a link of hers") {
    const Ground ground;
    ground.folder("tmp", 01777);
    ground.link(ini, "tmp/bot.ini", mallory);
    const Ran run = bot.place().run(
        {"run", "--config", ground.file("tmp/bot.ini"), "--signals", "signals.jsonl", "--log-format", "bare"});
    CHECK(run.code == 78);
    CHECK(says(run.err, "is reached through the link "));
  }
  CHECK(says(bot.sql("SELECT count(*) FROM exchange_orders"), "0"));
}

TEST_CASE("S-7 signals, prices and faults that others could have written are not read") {
  NEEDS_ROOT();
  const OpenBot bot;
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()), 0666);
  const Ran run = bot.run();
  INFO(run.err);
  CHECK(run.code == 78);
  // Protection goes on.
  CHECK_FALSE(lines_beginning(run.lines(), "RUN_START").empty());
  CHECK_FALSE(lines_beginning(run.lines(), "SIGNALS_UNREADABLE").empty());
  CHECK(says(run.err, "chmod go-w signals.jsonl"));
  bot.folder().write("signals.jsonl", "");
  for (const char* key : {"--paper.prices", "--paper.faults"}) {
    bot.folder().write("given", says(key, "prices") ? "time,symbol,open,high,low,close\n" : "", 0666);
    const Ran refused = bot.run({key, "given"});
    INFO(refused.err);
    CHECK(refused.code == 78);
    CHECK(says(refused.err, "chmod go-w given"));
    const Ran doctor = bot.command({"doctor", key, "given"});
    CHECK(doctor.code == 78);
    CHECK(says(doctor.out, "chmod go-w given"));
    ::chmod(bot.file("given").c_str(), 0644);
    CHECK(bot.run({key, "given"}).code == 0);
  }
}

TEST_CASE(
    "S-7 a certificate authority that others could have written is not trusted, and nobody is "
    "connected to") {
  NEEDS_ROOT();
  const OpenBot bot;
  bot.folder().write("ca.pem", "-----BEGIN CERTIFICATE-----\n", 0666);
  bot.folder().write("signals.jsonl", "");
  const Ran run =
      bot.place().run({"run", "--config", "bot.ini", "--signals", "signals.jsonl", "--venue.kind", "binance",
                       "--run.live", "true", "--notify.kind", "printing", "--venue.ca_file", "ca.pem"},
                      {{"DRY_RUN", "0"},
                       {"TRADEGUARD_API_KEY", "key-of-sixteen-characters"},
                       {"TRADEGUARD_API_SECRET", "secret-of-sixteen-characters"}});
  INFO(run.err);
  CHECK(run.code == 78);
  CHECK(says(run.err, "ca_file: ca.pem belongs to root"));
  CHECK(says(run.err, "chmod go-w ca.pem"));
}

TEST_CASE(
    "S-9 what is not a regular file is refused as configuration, prices, faults or secret, and "
    "waited for by nobody") {
  NEEDS_ROOT();
  const OpenBot bot;
  bot.folder().write("signals.jsonl", "");
  REQUIRE(::mkfifo(bot.file("pipe").c_str(), 0600) == 0);
  for (const std::string& what : {bot.file("pipe"), std::string{"/dev/zero"}, bot.folder().path()}) {
    INFO(what);
    for (const char* command : {"run", "config", "doctor"}) {
      std::vector<std::string> arguments{command, "--config", what};
      if (std::string_view{command} == "run") arguments.insert(arguments.end(), {"--signals", "signals.jsonl"});
      const Ran ran = bot.place().run(arguments);
      CHECK(ran.code == 78);
      CHECK(says(ran.err, "expected a regular file"));
    }
    CHECK(bot.run({"--paper.prices", what}).code == 78);
    CHECK(bot.run({"--paper.faults", what}).code == 78);
    const auto secret = cli::read_secret(cli::SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", what}});
    REQUIRE_FALSE(secret);
    CHECK(says(secret.error().what, "expected a regular file"));
  }
}

TEST_CASE("S-15 a configuration or fault script beyond its cap is refused and not kept in memory") {
  const OpenBot bot;
  bot.folder().write("signals.jsonl", "");
  bot.folder().write("large", std::string((1U << 20) + 1, '#'));
  for (const Ran& ran : {bot.place().run({"config", "--config", "large"}), bot.run({"--paper.faults", "large"})}) {
    INFO(ran.err);
    CHECK(ran.code == 78);
    CHECK(says(ran.err, "is larger than 1 MiB"));
  }
}

TEST_CASE("S-9 a secret is not read through a link that another user made, nor from her folder") {
  NEEDS_ROOT();
  const Ground ground;
  ground.folder("tmp", 01777);
  ground.write("key", "the-key", 0600);
  ground.link(ground.file("key"), "tmp/key", mallory);
  const auto linked = cli::read_secret(cli::SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", ground.file("tmp/key")}});
  REQUIRE_FALSE(linked);
  CHECK(says(linked.error().what, "is reached through the link"));
  ground.folder("hers", 0755, mallory, mallory);
  ground.write("hers/key", "her-key", 0600);
  const auto placed =
      cli::read_secret(cli::SecretName::api_key, {{"TRADEGUARD_API_KEY_FILE", ground.file("hers/key")}});
  REQUIRE_FALSE(placed);
  CHECK(says(placed.error().what, "belongs to uid 65533"));
}

TEST_CASE("S-9 messages are not written through a link or into a file that another user made") {
  NEEDS_ROOT();
  const OpenBot bot;
  const Ground ground;
  ground.folder("tmp", 01777);
  const std::string precious = ground.write("precious", "precious\n", 0600);
  ground.link(precious, "tmp/link", mallory);
  ground.write("tmp/hers", "", 0666, mallory, mallory);
  bot.folder().write("signals.jsonl", "");
  for (const char* name : {"tmp/link", "tmp/hers"}) {
    const Ran run = bot.place().run({"run", "--config", "bot.ini", "--signals", "signals.jsonl", "--notify.kind",
                                     "file", "--notify.file", ground.file(name)},
                                    {{"DRY_RUN", "0"}});
    INFO(run.err);
    CHECK(run.code == 78);
    CHECK(says(run.err, "notify.file: " + ground.file(name)));
  }
  CHECK(ground.read("precious") == "precious\n");
}

TEST_CASE(
    "S-7 with live trades open a configuration or store that others could change is a CRITICAL, "
    "told without using either") {
  NEEDS_ROOT();
  const OpenBot bot{"[venue]\nkind = binance\n[run]\nlive = true\n[notify]\nkind = file\nfile = messages\n"};
  bot.folder().write("signals.jsonl", "");
  REQUIRE(cli::RunMarker{{{bot.file("bot.db.binance.main.marker")}}}.note_open_trades(2, SystemClock{}.now()));
  const auto run = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"run", "--config", "bot.ini", "--signals", "signals.jsonl"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return bot.place().run(arguments, {{"DRY_RUN", "0"},
                                       {"TRADEGUARD_API_KEY", "key-of-sixteen-characters"},
                                       {"TRADEGUARD_API_SECRET", "secret-of-sixteen-characters"}});
  };
  const auto attended = [](const Ran& ran) {
    INFO(ran.err);
    CHECK(ran.code == 1);
    CHECK(says(ran.err, "LIVE_POSITIONS_UNATTENDED trades=2 because=run_failed"));
  };
  ::chmod(bot.file("bot.ini").c_str(), 0666);
  const Ran written = run();
  attended(written);
  CHECK(says(written.out, "CRITICAL RUN FAILED"));
  // Whoever wrote the file says whom to tell, and not which file is written to.
  CHECK_FALSE(std::filesystem::exists(bot.file("messages")));
  ::chmod(bot.file("bot.ini").c_str(), 0644);

  // The marker says that it was told, and another cause is told after some minutes.
  ::chmod(bot.file("bot.db").c_str(), 0666);
  attended(run({"--notify.kind", "printing"}));
  CHECK(mode_of(bot.file("bot.db")) == 0666);
}

TEST_CASE(
    "S-9 a log is not written through a link, into a pipe or a second name that another user made, "
    "and the run goes on") {
  NEEDS_ROOT();
  const OpenBot bot;
  const Ground ground;
  ground.folder("tmp", 01777);
  const std::string precious = ground.write("precious", "precious\n", 0600);
  ground.link(precious, "tmp/link.log", mallory);
  ground.pipe("tmp/pipe.log", 0666, mallory);
  ground.write("tmp/hers.log", "", 0666, mallory, mallory);
  REQUIRE(::link(precious.c_str(), ground.file("tmp/second.log").c_str()) == 0);
  ground.write("tmp/open.log", "", 0666);
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()));
  for (const char* name : {"link.log", "pipe.log", "hers.log", "second.log", "open.log"}) {
    const std::string log = ground.file(std::string{"tmp/"} + name);
    const Ran run = bot.run({"--run.log_file", log});
    INFO(run.err);
    CHECK(run.code == 0);
    CHECK(lines_beginning(run.lines(), "LOG_FILE_UNUSABLE file=" + log).size() == 1);
    CHECK(lines_beginning(run.lines(), "RUN_END ").size() == 1);
    if (std::string_view{name} != "pipe.log") CHECK_FALSE(says(ground.read(std::string{"tmp/"} + name), "RUN_END"));
  }
  CHECK(ground.read("precious") == "precious\n");
}

TEST_CASE("S-7 the marker of another user does not say that no trade is open") {
  NEEDS_ROOT();
  const Ground ground;
  ground.folder("state", 01777);
  const cli::RunMarker marker{{{ground.file("state/a.marker")}}};
  const Instant noon = *parse_iso("2025-01-01T12:00:00Z");
  REQUIRE(marker.note_open_trades(0, noon));
  CHECK(mode_of(ground.file("state/a.marker")) == 0600);
  CHECK(marker.open_trades() == 0);
  REQUIRE(::chown(ground.file("state/a.marker").c_str(), mallory, mallory) == 0);
  CHECK_FALSE(marker.open_trades());
  CHECK_FALSE(marker.note_open_trades(1, noon));
}

TEST_CASE(
    "S-5 a pipe that drips is left when patience is over, and at once when the run is asked to "
    "stop") {
  const OpenBot bot;
  REQUIRE(::mkfifo(bot.file("pipe").c_str(), 0600) == 0);
  const Dripping writer{bot.file("pipe")};
  SystemClock clock;
  const auto batch = cli::SignalFile{bot.file("pipe"), clock, 200ms}.read();
  REQUIRE(batch);
  REQUIRE(batch->rejected.size() == 1);
  CHECK(says(batch->rejected[0].reason, "still open after 200ms"));

  Started run = bot.start_cycle(bot.file("pipe"));
  run.wait_for("RUN_START");
  run.send(SIGTERM);
  const Ran ran = run.finish();
  INFO(ran.err);
  const auto rejected = lines_beginning(ran.lines(), "SIGNAL_REJECTED");
  REQUIRE(rejected.size() == 1);
  CHECK(says(rejected[0], "asked to stop"));
  CHECK(ran.code == 65);
}

TEST_CASE("S-5 what never ends is left after 16 MiB, and a device is no signal file") {
  const OpenBot bot;
  const Ran device = bot.place().run({"run", "--config", "bot.ini", "--signals", "/dev/zero", "--log-format", "bare"});
  INFO(device.err);
  CHECK(device.code == 65);
  CHECK(says(device.err, "/dev/zero: is a device"));
  const std::string command = std::string{"exec env DRY_RUN=1 "} + TRADEGUARD_BINARY +
                              " run --config bot.ini --signals - --log-format bare </dev/zero";
  const Ran endless = run_program({"sh", "-c", command}, bot.folder().path());
  INFO(endless.err);
  CHECK(endless.code == 65);
  CHECK(says(endless.err, "more than 16 MiB came through a pipe"));
}
