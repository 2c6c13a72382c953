// The power goes at each sync of a live cycle on SQLite. What was written and not synced since is
// lost, torn or out of order; then runs follow until nothing is left to do.
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "disk.hpp"
#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;
using namespace tradeguard::power;

namespace {

namespace fs = std::filesystem;

// A bot whose store lies on a disk that forgets.
struct Powered {
  explicit Powered(const std::string& venue)
      : bot{{venue, "sqlite"}},
        folder{fs::canonical(bot.trading.folder().path()).string()},
        disk{folder + "/disk", folder + "/bot.db"} {}

  // A cycle that ends, or is cut off at that sync.
  Ran cycle(const std::string& signals, long cut_at) {
    LiveBot& b = bot;
    b.set("LD_PRELOAD", POWER_SHIM);
    b.set("POWER_FILES", disk.files());
    b.set("POWER_DISK", disk.folder());
    b.set("POWER_CUT_AT", std::to_string(cut_at));
    Ran ran = b.cycle(signals);
    for (const char* name : {"LD_PRELOAD", "POWER_FILES", "POWER_DISK", "POWER_CUT_AT"}) b.set(name, "");
    return ran;
  }

  // The store as it was when `saved` was taken, all of it synced.
  void save() {
    fs::remove_all(folder + "/saved");
    fs::create_directories(folder + "/saved");
    for (const auto& entry : fs::directory_iterator{folder})
      if (entry.path().string().starts_with(disk.files()))
        fs::copy_file(entry.path(), folder + "/saved/" + entry.path().filename().string());
  }
  void go_back() {
    std::vector<fs::path> old;
    for (const auto& entry : fs::directory_iterator{folder})
      if (entry.path().string().starts_with(disk.files())) old.push_back(entry.path());
    for (const fs::path& file : old) fs::remove(file);
    for (const auto& entry : fs::directory_iterator{folder + "/saved"})
      fs::copy_file(entry.path(), folder + "/" + entry.path().filename().string());
    disk.all_is_synced();
  }

  // Orders at the exchange that the store does not know.
  std::set<std::string> unclaimed() {
    std::set<std::string> ids;
    for (const Json& order : bot.orders()) ids.insert(order.text_of("client_id"));
    for (const std::string& id : std::set<std::string>{ids})
      if (bot.trading.sql("SELECT count(*) FROM exchange_orders WHERE client_id = '" + id + "'").starts_with("1"))
        ids.erase(id);
    return ids;
  }

  // What a run that cannot open the store will believe: "open=1 at=...".
  std::string marker() const {
    for (const auto& entry : fs::directory_iterator{folder})
      if (entry.path().string().starts_with(disk.files()) && entry.path().extension() == ".marker")
        return bot.trading.folder().read(entry.path().filename().string());
    return "";
  }

  LiveBot bot;
  std::string folder;
  Disk disk;
};

void put_money_on(FakeVenueProcess& venue) {
  venue.reset();
  for (const char* exchange : {"cryptocom", "binance"})
    venue.post("/balance", {{"currency", "USD"}, {"amount", "10000"}, {"exchange", exchange}});
}

const char* word(Loss loss) {
  switch (loss) {
    case Loss::dropped:
      return "dropped";
    case Loss::torn:
      return "torn";
    case Loss::reordered:
      return "reordered";
  }
  return "";
}

}  // namespace

TEST_CASE("the power goes at any sync of a cycle that buys: one order, protected, and none before its claim") {
  const std::string venue = GENERATE(as<std::string>{}, "cryptocom", "binance");
  Powered power{venue};
  LiveBot& bot = power.bot;
  power.save();
  int cuts = 0;
  for (const Loss loss : {Loss::dropped, Loss::torn, Loss::reordered}) {
    for (long sync = 1;; ++sync) {
      INFO(venue << ", " << word(loss) << " at sync " << sync);
      put_money_on(bot.venue);
      power.go_back();
      const std::string signal = buy_eth();
      const Ran cut = power.cycle(signal, sync);
      INFO(cut.err);
      const bool went = cut.code == -SIGKILL;
      if (went) {
        power.disk.come_back(loss);
        CHECK(power.unclaimed() == std::set<std::string>{});
        if (!bot.entries().empty()) CHECK_FALSE(power.marker().starts_with("open=0 "));
      } else {
        REQUIRE(cut.code == 0);
      }
      std::string said;
      int code = -1;
      for (int run = 0; run < 4 && code != 0; ++run) {
        // What never arrived is proven absent when it cannot be carried out any more.
        if (run == 2) bot.venue.set_clock_offset(venue == "cryptocom" ? 100s : 40s);
        const Ran next = power.cycle(signal, 0);
        code = next.code;
        said += next.err;
      }
      bot.venue.set_clock_offset(0s);
      INFO(said);
      CHECK(code == 0);
      CHECK(said.find("NEW_EPOCH") == std::string::npos);
      CHECK(said.find("ORPHAN") == std::string::npos);
      CHECK(bot.entries().size() <= 1);
      CHECK(bot.covered());
      CHECK(bot.open_stops().size() == bot.entries().size());
      CHECK(bot.venue.conserved());
      if (!bot.entries().empty()) CHECK(count_of(bot.venue.messages(), "ETH_USDT") >= 1);
      if (!went) break;
      ++cuts;
    }
  }
  CHECK(cuts > 12);
}

TEST_CASE("the power goes at any sync of a cycle that sells: sold once, and never more than was held") {
  Powered power{"binance"};
  LiveBot& bot = power.bot;
  put_money_on(bot.venue);
  int cuts = 0;
  for (const Loss loss : {Loss::dropped, Loss::torn}) {
    for (long sync = 1;; ++sync) {
      INFO(word(loss) << " at sync " << sync);
      put_money_on(bot.venue);
      if (sync == 1 && loss == Loss::dropped) power.save();  // before anything was bought
      power.go_back();
      REQUIRE(power.cycle(buy_eth(), 0).code == 0);
      const std::string exit = cli::test::sell("ETH_USDT", cli::test::time_text(4));
      const Ran cut = power.cycle(exit, sync);
      const bool went = cut.code == -SIGKILL;
      if (went) {
        power.disk.come_back(loss);
        CHECK(power.unclaimed() == std::set<std::string>{});
      }
      std::string said = cut.err;
      int code = -1;
      for (int run = 0; run < 4 && code != 0; ++run) {
        if (run == 2) bot.venue.set_clock_offset(40s);
        const Ran next = power.cycle(exit, 0);
        code = next.code;
        said += next.err;
      }
      bot.venue.set_clock_offset(0s);
      INFO(said);
      CHECK(code == 0);
      CHECK(bot.open_stops().empty());
      CHECK(bot.open_targets().empty());
      CHECK(bot.covered());  // nothing held, nothing oversold
      CHECK(bot.venue.conserved());
      if (!went) break;
      ++cuts;
    }
  }
  CHECK(cuts > 8);
}
