// The stores a desk stands on in its tests, and a way between that loses answers.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "databases.hpp"
#include "tradeguard/desk.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/postgres_store.hpp"
#include "tradeguard/sqlite_store.hpp"

namespace tradeguard::desk_tests {

struct InMemory {
  OpenStore opener() { return at_memory(store); }
  void restored() { store.restored_as("another epoch"); }
  MemoryStore store;
};
struct OnSqlite {
  OnSqlite() { contract::must(init_schema(*database.for_init())); }
  OpenStore opener() { return at_sqlite(database.file); }
  stores::SqliteDatabase database;
};
struct OnPostgres {
  OnPostgres() { contract::must(init_schema(*database.for_init())); }
  // The stories tell their own time.
  OpenStore opener() { return at_postgres(database.database.url(), {.server_clock = false}); }
  stores::PostgresDatabase database;
};

// What becomes of the next claims: done and answered; done and the answer lost; the store not there at all.
enum class Way { fine, answer_lost, away };

// A guard at the end of a bad line.
class FarGuard final : public IdempotencyGuard {
 public:
  FarGuard(IdempotencyGuard& inner, std::function<Way()> way) : inner_{inner}, way_{std::move(way)} {}
  const Pen* pen() const override { return inner_.pen(); }
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override {
    const Way way = way_();
    if (way == Way::away) return failed(Fault::unreachable, "the line is down");
    auto judged = inner_.claim(entries, policy, now);
    if (way == Way::answer_lost) return failed(Fault::unreachable, "the line went down");
    return judged;
  }
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override {
    return inner_.settle(id, outcome, now);
  }

 private:
  IdempotencyGuard& inner_;
  std::function<Way()> way_;
};

class FarStore final : public Store {
 public:
  FarStore(std::shared_ptr<Store> inner, std::function<Way()> way) : inner_{std::move(inner)}, way_{std::move(way)} {}
  std::unique_ptr<Account> open(const AccountKey& key) override {
    struct Parts {
      std::unique_ptr<Account> account;
      Pen pen;
      std::unique_ptr<FarGuard> guard;
    };
    auto parts = std::make_shared<Parts>();
    parts->account = inner_->open(key);
    parts->pen = parts->account->pen();
    parts->guard = std::make_unique<FarGuard>(parts->account->guard(), way_);
    Account& inner = *parts->account;
    return std::make_unique<Account>(parts->pen, inner.lock(), inner.journal(), *parts->guard, nullptr, parts);
  }

 private:
  std::shared_ptr<Store> inner_;
  std::function<Way()> way_;
};

inline OpenStore over(OpenStore near, std::function<Way()> way) {
  return [near = std::move(near), way = std::move(way)]() -> Result<std::shared_ptr<Store>> {
    auto store = near();
    if (!store) return relayed(store);
    return std::make_shared<FarStore>(std::move(*store), way);
  };
}

}  // namespace tradeguard::desk_tests
