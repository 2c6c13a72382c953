// A thousand signals of one minute, through the binary and a real store.
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

// The paper venue takes its time like any other: what it does not get in time it refuses as too late.
TEST_CASE("a thousand entries at once on paper are all protected in the run that bought them") {
  constexpr std::size_t many = 1000;
  const Trading bot{GENERATE(from_range(store_kinds())),
                    "[limits]\nmax_open_positions = 0\n"
                    "[paper]\nstart_balance = 1000000\n"};
  const std::string now = time_text();
  std::string signals;
  for (std::size_t i = 0; i < many; ++i) signals += buy("C" + std::to_string(i) + "_USDT", now, "250");
  const Ran ran = bot.cycle(signals);
  INFO(ran.err.substr(ran.err.size() > 3000 ? ran.err.size() - 3000 : 0));
  CHECK(ran.code == 0);
  CHECK(lines_beginning(ran.lines(), "ORDER_PLACED side=BUY").size() == many);
  CHECK(lines_beginning(ran.lines(), "SLTP_PLACED").size() == many);
  for (const char* never : {"UNPROTECTED", "ORDER_UNSENT", "SLTP_FAILED", "too_late"})
    CHECK(lines_with(ran.lines(), never).empty());
  const auto ends = lines_beginning(ran.lines(), "RUN_END");
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].find(" entries=1000 ") != std::string::npos);
  CHECK(ends[0].find(" protected=1000 open=1000 critical=0 ") != std::string::npos);
}
