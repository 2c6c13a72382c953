// Another account of the exchange behind the same name: somebody changed the key.
#include <catch2/catch.hpp>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// A venue that says whose account it is, with every answer or only when orders are read.
class Named final : public ForwardingVenue {
 public:
  Named(World::Wrapped& ports, std::string id) : ForwardingVenue{*ports.placer, *ports.protector}, id_{std::move(id)} {}
  Result<std::string> account_id() override { return id_; }
  std::string seen_account() const override { return id_; }

 private:
  std::string id_;
};

struct Story {
  World world;
  std::string id = "account-1";
  std::optional<Named> venue;
  Story() {
    world.wrap = [this](World::Wrapped& ports) {
      venue.emplace(ports, id);
      ports.placer = &*venue;
      ports.protector = &*venue;
    };
  }
  RunReport next_run(std::vector<Signal> signals = {}) {
    world.clock.advance(60s);
    for (Signal& signal : signals) signal.time = world.clock.now();
    return world.run(std::move(signals));
  }
};

}  // namespace

TEST_CASE(
    "under another account of the exchange nothing is entered until the old one is back, and stops are placed as "
    "ever") {
  Story story;
  World& world = story.world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.said("ACCOUNT_CHANGED"));

  story.id = "account-2";
  RunReport report = story.next_run({world.buy("BTC_USDT", "95000")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("ACCOUNT_CHANGED account=paper/main seen=account-2 known=account-1"));
  CHECK(world.times_told(NoticeType::account_changed) == 1);
  CHECK(world.said("ENTRY_DENIED symbol=BTC_USDT"));
  CHECK(world.said("because=\"ACCOUNT_CHANGED paper/main\""));
  CHECK(world.entries_of("BTC_USDT") == 0);

  // Once a run is enough, and once is enough for a message until it is reminded of.
  report = story.next_run();
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.times_said("ACCOUNT_CHANGED account=") == 2);
  CHECK(world.times_told(NoticeType::account_changed) == 1);

  // Protection is not what waits: a stop that somebody cancelled is placed again.
  {
    PaperVenue venue{world.clock, world.book, world.paper};
    std::vector<CancelRequest> requests;
    for (const PaperOrder& order : world.open_orders("ETH_USDT"))
      requests.push_back({order.client_id, std::to_string(order.number), order.symbol, Leg::stop});
    venue.cancel(requests);
  }
  story.next_run();
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  story.id = "account-1";
  report = story.next_run({world.buy("BTC_USDT", "95000")});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.said("CLEARED kind=ACCOUNT_CHANGED"));
  CHECK(world.entries_of("BTC_USDT") == 1);
}

TEST_CASE("an account whose id is seen later than its store was made is known from then on") {
  Story story;
  World& world = story.world;
  story.id = "";  // a venue that shows it with an order only
  world.run();
  story.next_run({world.buy("ETH_USDT", "3350.5")});
  story.id = "account-1";
  CHECK(story.next_run().verdict == RunVerdict::ok);
  CHECK_FALSE(world.said("NEW_EPOCH"));
  // What it does not say says nothing.
  story.id = "";
  CHECK(story.next_run({world.buy("BTC_USDT", "95000")}).verdict == RunVerdict::ok);
  CHECK(world.entries_of("BTC_USDT") == 1);
  story.id = "account-2";
  CHECK(story.next_run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("ACCOUNT_CHANGED account=paper/main seen=account-2 known=account-1"));
  // It stands where no answer shows the account, too.
  story.id = "";
  story.next_run({world.buy("SOL_USDT", "200")});
  CHECK(world.entries_of("SOL_USDT") == 0);
}
