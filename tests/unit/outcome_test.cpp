// What became of a request, in words for the log and the reason of an order.
#include "tradeguard/outcome.hpp"

#include "shown.hpp"

namespace tradeguard {

TEST_CASE("an outcome is described by its kind first") {
  CHECK(describe(Accepted{"12345", {}}) == "accepted 12345");
  CHECK(describe(Accepted{"", {}}) == "accepted");
  CHECK(describe(Refused{"306", "INSUFFICIENT_AVAILABLE_BALANCE"}) == "refused 306: INSUFFICIENT_AVAILABLE_BALANCE");
  CHECK(describe(Refused{"140001", ""}) == "refused 140001");
  CHECK(describe(Refused{"", "no"}) == "refused: no");
  CHECK(describe(InDoubt{"no answer within 2s"}) == "in doubt: no answer within 2s");
  CHECK(describe(InDoubt{""}) == "in doubt");
}

TEST_CASE("what was not sent says why") {
  CHECK(describe(Unsent{Unsent::Why::not_connected, "connection refused"}) ==
        "unsent not_connected: connection refused");
  CHECK(describe(Unsent{Unsent::Why::throttled, "429"}) == "unsent throttled: 429");
  CHECK(describe(Unsent{Unsent::Why::clock, ""}) == "unsent clock");
  CHECK(describe(Unsent{Unsent::Why::too_late, ""}) == "unsent too_late");
  CHECK(describe(Unsent{Unsent::Why::shutting_down, ""}) == "unsent shutting_down");
}

}  // namespace tradeguard
