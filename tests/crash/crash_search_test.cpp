// The crash search: every durable or outward step of the real cycle fails once and crashes once, before
// and after it was done, in two successive runs; then runs come until it is quiet, and the promises hold.
#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include "saboteur.hpp"

using namespace tradeguard;
using namespace tradeguard::crash_test;
using cycle_test::World;

namespace {

// Where a story is worth its time: most differ in what the venue does, not in what the store does.
enum class Stores { memory, embedded, all };

// One history: what happens in the two runs that are sabotaged, and before them.
struct Story {
  std::string name;
  std::function<void(World&)> before;  // settings, and runs without sabotage
  std::function<std::vector<Signal>(World&)> first;
  std::function<std::vector<Signal>(World&)> second;
  std::vector<std::string> symbols;
  Stores stores = Stores::memory;
};

std::vector<Story> stories();
void search_on(const std::string& backend);
void search(const contract::StoreBackend& backend, const Story& story);

struct Fault2 {
  Saboteur first;
  Saboteur second;
};
std::string tell_history(const Story& story, const std::string& backend, Fault2& fault,
                         std::shared_ptr<contract::StoreUnderTest> store, int number);
// Empty when the promises hold.
std::string broken_promise(World& world, const Story& story, RunReport last);

}  // namespace

// One case a backend, so that they can run side by side.
TEST_CASE("whatever step fails or crashes, in two successive runs, nothing is bought twice or left naked", "[memory]") {
  search_on("memory");
}

TEST_CASE("and so on SQLite", "[sqlite]") { search_on("sqlite"); }

TEST_CASE("and so on PostgreSQL", "[postgres]") { search_on("postgres"); }

namespace {

std::vector<Story> stories() {
  const auto nothing = [](World&) { return std::vector<Signal>{}; };
  const auto two_buys = [](World& w) { return std::vector{w.buy("ETH_USDT", "3350.5"), w.buy("BTC_USDT", "95000")}; };
  const auto same_again = [](World& w) {
    // The signals of a minute ago, and the same base in another pair.
    Signal eth = w.buy("ETH_USDT", "3350.5");
    Signal btc = w.buy("BTC_USDT", "95000");
    eth.time = btc.time = cycle_test::noon;
    return std::vector{eth, btc, w.buy("ETH_USD", "3350.5")};
  };
  const auto one_buy = [](World& w) { return std::vector{w.buy("ETH_USDT", "3350.5")}; };
  const auto one_sell = [](World& w) { return std::vector{w.sell("ETH_USDT")}; };
  const auto bought = [](World& w) {
    w.run({w.buy("ETH_USDT", "3350.5")});
    w.clock.advance(60s);
  };
  std::vector<Story> all;
  all.push_back({"two entries and their repeat",
                 [](World&) {},
                 two_buys,
                 same_again,
                 {"ETH_USDT", "BTC_USDT", "ETH_USD"},
                 Stores::all});
  all.push_back({"a SELL signal exits a trade", bought, one_sell, nothing, {"ETH_USDT"}, Stores::embedded});
  all.push_back({"a stop fires",
                 [bought](World& w) {
                   bought(w);
                   w.set_price("ETH_USDT", "3200");
                 },
                 nothing,
                 one_sell,
                 {"ETH_USDT"}});
  all.push_back({"an asynchronous venue without OCO",
                 [](World& w) {
                   w.paper.asynchronous = true;
                   w.paper.visible_after = 300ms;
                   w.paper.oco = false;
                   w.paper.stop_market = false;
                   w.paper.duplicate_ids_refused = false;
                 },
                 one_buy,
                 one_sell,
                 {"ETH_USDT"}});
  all.push_back({"an entry filled in parts",
                 [](World& w) {
                   w.paper.parts[Leg::entry] = 2;
                   w.settings.policy.max_order_notional = Money{Decimal{1000}};
                 },
                 [](World& w) {
                   Signal large = w.buy("ETH_USDT", "3350.5");
                   large.notional = Money{Decimal{500}};
                   return std::vector{large};
                 },
                 nothing,
                 {"ETH_USDT"}});
  all.push_back({"entries one at a time, each protected before the next",
                 [](World& w) {
                   w.paper.entries_at_a_time = 1;
                   w.paper.asynchronous = true;
                 },
                 two_buys,
                 same_again,
                 {"ETH_USDT", "BTC_USDT", "ETH_USD"}});
  return all;
}

void search_on(const std::string& name) {
  bool found = false;
  for (const contract::StoreBackend& backend : contract::store_backends()) {
    if (backend.name != name) continue;
    found = true;
    for (const Story& story : stories())
      if (story.stores == Stores::all || name == "memory" || (story.stores == Stores::embedded && name == "sqlite"))
        search(backend, story);
  }
  CHECK(found);
}

void search(const contract::StoreBackend& backend, const Story& story) {
  const char* const asked = std::getenv("TRADEGUARD_TEST_CRASHES");
  const bool everything = asked != nullptr && std::string_view{asked} == "all";
  std::shared_ptr<contract::StoreUnderTest> store = backend.fresh();
  // A store that writes takes the second fault at every second step, the slowest at every third, and others of them
  // for each first one.
  const int stride = everything || backend.name == "memory" ? 1 : backend.name == "postgres" ? 3 : 2;
  int schedules = 0;
  bool first_left = true;
  for (int i = 1; first_left; ++i) {
    first_left = false;
    for (const Mode mode : modes) {
      bool second_left = true;
      for (int j = 0; second_left; j = j == 0 ? 1 + i % stride : j + stride) {
        second_left = j == 0;  // step 0: the second run is left alone
        for (const Mode second_mode : modes) {
          if (j == 0 && second_mode != modes[0]) continue;
          // In memory every pair of modes is tried. A store that writes is many times slower; there the
          // second fault takes the modes in turn, unless everything is asked for (make crash).
          const std::size_t turn = static_cast<std::size_t>(i + j) % std::size(modes);
          if (j > 0 && backend.name != "memory" && !everything && second_mode != modes[turn]) continue;
          Fault2 fault{{mode, i}, {second_mode, j}};
          const std::string broken = tell_history(story, backend.name, fault, store, ++schedules);
          first_left = first_left || !fault.first.hit.empty();
          second_left = second_left || !fault.second.hit.empty();
          if (!broken.empty()) {
            FAIL_CHECK(backend.name << ", " << story.name << ": " << text(mode) << " at step " << i << " ("
                                    << fault.first.hit << "), then " << text(second_mode) << " at step " << j << " ("
                                    << fault.second.hit << "): " << broken);
            return;
          }
          if (fault.first.hit.empty()) second_left = false;
        }
      }
    }
  }
  std::printf("crash search, %s, %s: %d schedules\n", backend.name.c_str(), story.name.c_str(), schedules);
  CHECK(schedules > 200);
}

RunReport sabotaged_run(World& world, std::vector<Signal> signals, Saboteur& saboteur) {
  std::unique_ptr<Sabotaged> sabotage;
  world.wrap = [&](World::Wrapped& ports) { sabotage = std::make_unique<Sabotaged>(ports, saboteur); };
  RunReport report;
  try {
    report = world.run(std::move(signals));
  } catch (const Crash&) {
    report.verdict = RunVerdict::internal_error;
  }
  world.wrap = nullptr;
  return report;
}

std::string tell_history(const Story& story, const std::string& backend, Fault2& fault,
                         std::shared_ptr<contract::StoreUnderTest> store, int number) {
  const AccountKey account{"paper", "a" + std::to_string(number)};
  static_cast<void>(backend);
  World world{std::move(store), account};
  world.settings.policy.max_order_notional = Money{Decimal{100}};
  story.before(world);
  const auto with_log = [&](std::string broken) {
    if (!broken.empty())
      for (const std::string& line : world.log) broken += "\n    " + line;
    return broken;
  };
  const auto promise_kept = [&](const RunReport& report) -> std::string {
    for (const std::string& symbol : story.symbols) {
      const std::string wrong = world.what_is_wrong(symbol);
      const bool said_well = report.verdict == RunVerdict::ok || report.verdict == RunVerdict::some_rejected;
      if (wrong.starts_with("naked") && said_well) return symbol + " " + wrong + " in silence";
    }
    return "";
  };
  RunReport report = sabotaged_run(world, story.first(world), fault.first);
  if (auto broken = promise_kept(report); !broken.empty()) return with_log(broken);
  world.clock.advance(60s);
  report = sabotaged_run(world, story.second(world), fault.second);
  if (auto broken = promise_kept(report); !broken.empty()) return with_log(broken);
  // Quiet is a run that found everything in order and nothing left to do or to say.
  for (int quiet = 0; quiet < 4; ++quiet) {
    world.clock.advance(60s);
    report = world.run();
    if (auto broken = promise_kept(report); !broken.empty()) return with_log(broken);
    if (report.verdict == RunVerdict::ok && report.notices_sent == 0 && !world.said("SLTP")) break;
  }
  return with_log(broken_promise(world, story, report));
}

std::string broken_promise(World& world, const Story& story, RunReport last) {
  std::map<std::string, std::vector<Instant>> entries;  // by base
  std::size_t filled = 0;
  for (const std::string& symbol : story.symbols) {
    if (auto wrong = world.what_is_wrong(symbol); !wrong.empty()) return symbol + ": " + wrong;
    int buys = 0;
    Quantity bought;
    Quantity sold;
    for (const PaperOrder& order : world.venue_orders(symbol)) {
      (order.side == Side::buy ? bought : sold) += order.filled;
      if (order.side != Side::buy || !order.filled.is_positive()) continue;
      ++buys;
      ++filled;
      entries[cycle_test::symbol(symbol).base()].push_back(order.created_at);
    }
    if (buys > 1) return symbol + " was bought " + std::to_string(buys) + " times";
    if (sold > bought) return symbol + ": more sold than bought";
  }
  for (auto& [base, times] : entries) {
    std::sort(times.begin(), times.end());
    for (std::size_t i = 1; i < times.size(); ++i)
      if (times[i] - times[i - 1] < 300s) return base + " was entered twice inside the cooldown";
  }
  if (last.verdict != RunVerdict::ok) return "not quiet after four clean runs";
  if (static_cast<std::size_t>(world.times_told(NoticeType::order_created)) < filled) return "an entry was not told";
  if (static_cast<std::size_t>(world.times_told(NoticeType::order_filled)) < filled) return "a fill was not told";
  const auto session = world.store->open(world.account);
  if (const auto waiting = session->journal().waiting_notices(); !waiting || *waiting != 0)
    return "notices are still waiting";
  return "";
}

}  // namespace
