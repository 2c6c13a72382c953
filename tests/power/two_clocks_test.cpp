// A machine whose clock is 90 s ahead of its database's, which rules.
#include <catch2/catch.hpp>

#include "../cli/program.hpp"
#include "../cli/stores.hpp"

using namespace tradeguard::cli::test;

namespace {

const Environment ahead{{"LD_PRELOAD", CLOCK_SHIM}, {"CLOCK_AHEAD_MS", "90000"}};

}  // namespace

TEST_CASE("a database whose clock is behind says so with each signal it rejects") {
  const Trading trading{"postgres"};
  const Ran ran = trading.cycle(buy("ETH_USDT", time_text(90)), {}, ahead);
  INFO(ran.err);
  CHECK(ran.code == 65);
  const auto rejected = lines_with(ran.lines(), "SIGNAL_REJECTED line=1 reason=future ahead_seconds=");
  REQUIRE(rejected.size() == 1);
  CHECK_THAT(rejected.front(), Catch::EndsWith("clock=store"));
}

TEST_CASE("doctor compares the clock of the database with this machine's") {
  const Trading trading{"postgres"};
  const Ran apart = trading.command({"doctor"}, ahead);
  INFO(apart.out);
  CHECK(apart.code != 0);
  CHECK_THAT(apart.out, Catch::Contains("store clock") && Catch::Contains("ms behind") &&
                            Catch::Contains("signals are judged by it"));
  const Ran together = trading.command({"doctor"});
  CHECK_THAT(together.out, !Catch::Contains("signals are judged by it"));
}
