// A bad day is the same each time: which occasion is spoilt follows from the script alone.
#include "tradeguard/fault_script.hpp"
#include "orders.hpp"

namespace Catch {
template <>
struct StringMaker<tradeguard::Mishap> {
  static std::string convert(tradeguard::Mishap mishap) { return std::string{tradeguard::text(mishap)}; }
};
}  // namespace Catch

namespace tradeguard {
namespace {

TEST_CASE("a rule spoils the occasions it names and no others") {
  FaultScript script;
  script.on(VenueVerb::place, Mishap::dropped, {.symbol = eth(), .from = 2, .times = 2});
  const auto btc = symbol("BTC_USDT");
  const auto eth_usdt = eth();
  const auto place = [&](const Symbol& of) { return script.next(VenueVerb::place, &of, Leg::entry); };
  CHECK(place(eth_usdt) == std::nullopt);
  CHECK(place(btc) == std::nullopt);
  CHECK(script.next(VenueVerb::find, &eth_usdt, Leg::entry) == std::nullopt);
  CHECK(place(eth_usdt) == Mishap::dropped);
  CHECK(place(btc) == std::nullopt);
  CHECK(place(eth_usdt) == Mishap::dropped);
  CHECK(place(eth_usdt) == std::nullopt);
}

TEST_CASE("zero times is from then on, and the first rule whose turn it is decides") {
  FaultScript script;
  script.on(VenueVerb::protect, Mishap::throttled, {.leg = Leg::stop, .from = 2, .times = 1})
      .on(VenueVerb::protect, Mishap::refused_auth, {.times = 0});
  const auto eth_usdt = eth();
  const auto protect = [&](Leg leg) { return script.next(VenueVerb::protect, &eth_usdt, leg); };
  CHECK(protect(Leg::stop) == Mishap::refused_auth);
  CHECK(protect(Leg::target) == Mishap::refused_auth);
  CHECK(protect(Leg::stop) == Mishap::throttled);
  CHECK(protect(Leg::stop) == Mishap::refused_auth);
}

TEST_CASE("every mishap has a name of its own that is read back") {
  std::set<std::string_view> names;
  for (const auto mishap : mishaps()) {
    CHECK(parse_mishap(text(mishap)) == mishap);
    names.insert(text(mishap));
  }
  CHECK(names.size() == mishaps().size());
  CHECK(mishaps().back() == Mishap::left_out);
  CHECK(mishaps().size() == static_cast<std::size_t>(Mishap::left_out) + 1);
}

TEST_CASE("a script is read from text, and a line that is none is named") {
  auto script = parse_fault_script(
      "# a bad day\n\nplace accepted_dropped symbol=ETH_USDT from=2\nfind unknown_order leg=stop "
      "times=0\n",
      "day.txt");
  REQUIRE(script);
  const auto eth_usdt = eth();
  CHECK(script->next(VenueVerb::place, &eth_usdt, Leg::entry) == std::nullopt);
  CHECK(script->next(VenueVerb::place, &eth_usdt, Leg::entry) == Mishap::accepted_dropped);
  CHECK(script->next(VenueVerb::find, &eth_usdt, Leg::stop) == Mishap::unknown_order);
  CHECK(script->next(VenueVerb::find, &eth_usdt, Leg::entry) == std::nullopt);

  for (const char* line : {"sell dropped", "place", "place explode", "place dropped twice", "place dropped leg=arm",
                           "place dropped symbol=eth", "place dropped from=0", "place dropped times=-1",
                           "place dropped times=2x", "place dropped when=now"}) {
    INFO(line);
    const auto bad = parse_fault_script(std::string{"# first\n"} + line + "\n", "day.txt");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().fault == Fault::configuration);
    CHECK_THAT(bad.error().what, Catch::StartsWith("day.txt:2: "));
  }
}

TEST_CASE("a fault from the last countable time on counts without running over") {
  auto script = parse_fault_script("balances read_fails from=2147483647 times=2147483647\n", "faults");
  REQUIRE(script);
  CHECK_FALSE(script->next(VenueVerb::balances, nullptr, std::nullopt));
}

}  // namespace
}  // namespace tradeguard
