// Bots as processes: many at one account, and one over a server that is restarted.
#include <unistd.h>

#include <fstream>
#include <map>

#include "processes.hpp"
#include "stores.hpp"
#include "story.hpp"

namespace tradeguard::desk_tests {
namespace {

using namespace contract;

std::map<std::string, int> orders_in(const stores::ScratchFolder& folder) {
  std::map<std::string, int> orders;
  std::ifstream all{folder.file("exchange")};
  for (std::string side, id, quantity; all >> side >> id >> quantity;) orders[id] += 1;
  return orders;
}

void crowd_at(const std::string& store, const stores::ScratchFolder& folder) {
  constexpr int signals = 12;
  // Once, so that its epoch is known before anybody speaks.
  REQUIRE(support::run_program({DESK_BOT, store, folder.path().string(), "0", "tend"}) == 0);
  std::vector<std::unique_ptr<support::Fork>> bots;
  for (int i = 0; i < 4; ++i)
    bots.push_back(std::make_unique<support::Fork>([&](support::Fork::Parent&) {
      ::execl(DESK_BOT, DESK_BOT, store.c_str(), folder.path().c_str(), "2", "crowd", "8",
              std::to_string(signals).c_str(), static_cast<char*>(nullptr));
    }));
  for (const auto& bot : bots) CHECK(bot->wait() == 0);
  const auto orders = orders_in(folder);
  CHECK(orders.size() == signals);
  for (const auto& [id, times] : orders) CHECK(times == 1);
}

TEST_CASE("four processes of eight threads each at one account enter each signal once, on SQLite") {
  OnSqlite store;
  crowd_at(store.database.file, store.database.folder);
}
TEST_CASE("four processes of eight threads each at one account enter each signal once, on PostgreSQL") {
  OnPostgres store;
  const stores::ScratchFolder folder;
  crowd_at(store.database.database.url(), folder);
}

}  // namespace
}  // namespace tradeguard::desk_tests
