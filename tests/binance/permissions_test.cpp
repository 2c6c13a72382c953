// What the account may do, as Binance says it: what is not said is not taken for no, nor for yes.
#include <catch2/catch.hpp>

#include "wire.hpp"

using tradeguard::binance::read_permissions;

TEST_CASE("permissions are read as they are said") {
  const auto all = read_permissions(R"({"canTrade":true,"canWithdraw":false,"canDeposit":true})");
  CHECK(all.trade == true);
  CHECK(all.withdraw == false);
}

TEST_CASE("a permission that is missing, of another kind, or in no object is not said") {
  for (const char* body : {"", "not json", "[true]", "{}", R"({"canTrade":"yes","canWithdraw":1})",
                           R"({"canTrade":null,"canWithdraw":{}})", R"({"canTrade":true)"}) {
    INFO(body);
    const auto said = read_permissions(body);
    CHECK_FALSE(said.trade.has_value());
    CHECK_FALSE(said.withdraw.has_value());
  }
  const auto half = read_permissions(R"({"canWithdraw":true})");
  CHECK_FALSE(half.trade.has_value());
  CHECK(half.withdraw == true);
}
