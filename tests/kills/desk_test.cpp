// A linked bot killed before every call that writes, sends or syncs, in claim, settle, filled, closed and tend: its
// signal is sent once at most, and one look later nothing is in doubt and nothing is left open.
#include <fstream>
#include <iostream>

#include "databases.hpp"
#include "tracer.hpp"

namespace tradeguard::kills {
namespace {

struct Found {
  int bought = 0;
  int sold = 0;
};
Found at_exchange(const stores::ScratchFolder& folder) {
  Found found;
  std::ifstream all{folder.file("exchange")};
  for (std::string side, id, quantity; all >> side >> id >> quantity;) (side == "BUY" ? found.bought : found.sold) += 1;
  return found;
}

template <class Database>
std::string address_of(const Database& store) {
  if constexpr (std::is_same_v<Database, stores::SqliteDatabase>)
    return store.file;
  else
    return store.database.url();
}

template <class Database>
void kill_a_bot_everywhere() {
  std::size_t calls = 0;
  int kills = 0;
  for (int number = 0; number == 0 || static_cast<std::size_t>(number) <= calls; ++number) {
    const Database store;
    const stores::ScratchFolder folder;
    contract::must(init_schema(*store.for_init()));
    const auto bot = [&](const char* at, const char* what, const char* output) {
      Start start;
      start.command = {DESK_BOT, address_of(store), folder.path().string(), at, what};
      for (const char* name : {"PATH", "HOME", "PGPASSFILE", "PGHOST"})
        if (const char* value = std::getenv(name)) start.environment.emplace_back(name, value);
      start.folder = folder.path().string();
      start.output = folder.file(output);
      start.errors = folder.file("errors");
      return start;
    };
    const Traced killed = trace(bot("2", "life", "out"), number == 0 ? At{} : kill_at(number, When::before));
    INFO("killed before call " << number << "\n" << killed.text());
    if (number == 0) {
      REQUIRE(killed.code == 0);
      calls = killed.calls.size();
      REQUIRE(calls > 20);
    } else {
      REQUIRE(killed.code == -9);
      ++kills;
    }
    const Found before = at_exchange(folder);
    // The next process a moment later, with the same signal; and one when the request cannot arrive any more.
    REQUIRE(trace(bot("4", "life", "out")).code == 0);
    REQUIRE(trace(bot("60", "tend", "last")).code == 0);
    const Found after = at_exchange(folder);
    CHECK(after.bought <= 1);
    CHECK(after.sold <= after.bought);
    CHECK(before.bought <= after.bought);
    std::ifstream last{folder.file("last")};
    std::string said;
    std::getline(last, said);
    const std::string open = after.bought == after.sold ? "0" : "1";
    CHECK(said == "in doubt 0, open " + open + ", alarms 0");
  }
  std::cout << "kill search, desk: " << calls << " calls that write, send or sync; " << kills << " kills\n";
}

TEST_CASE("a linked bot killed at any call, on SQLite") { kill_a_bot_everywhere<stores::SqliteDatabase>(); }
TEST_CASE("a linked bot killed at any call, on PostgreSQL") { kill_a_bot_everywhere<stores::PostgresDatabase>(); }

}  // namespace
}  // namespace tradeguard::kills
