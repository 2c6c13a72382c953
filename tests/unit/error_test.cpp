// An error that nobody looked at speaks when it is met, and is never mistaken for a value.
#include "tradeguard/error.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>

namespace tradeguard {
namespace {

TEST_CASE("the value of an error throws what was wrong and what was being done") {
  Result<int> result = tl::unexpected{Error{Fault::unreachable, "the disk is full"}.within("opening the store")};
  CHECK_THROWS_WITH(result.value(), "opening the store: the disk is full");
  CHECK_THROWS_WITH(std::move(result).value(), "opening the store: the disk is full");
  const Result<void> nothing = failed(Fault::data, "refused by a constraint");
  CHECK_THROWS_WITH(nothing.value(), "refused by a constraint");
}

TEST_CASE("the value of a result is what was put in, also when it can only be moved") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  CHECK(*result.value() == 7);
  CHECK(*std::move(result).value() == 7);
  const Result<int> constant = 3;
  CHECK(constant.value() == 3);
  const Result<void> done;
  CHECK_NOTHROW(done.value());
}

TEST_CASE("a copy of a result is that result, whatever it holds") {
  Result<bool> no = false;
  Result<bool> copy{no};
  CHECK(copy.has_value());
  CHECK_FALSE(copy.value());
  Result<std::optional<int>> none = std::optional<int>{};
  Result<std::optional<int>> other(none);
  CHECK(other.has_value());
  CHECK_FALSE(other.value().has_value());
}

}  // namespace
}  // namespace tradeguard
