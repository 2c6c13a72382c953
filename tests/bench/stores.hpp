// The two stores as a run opens them, and what each of them says about its work.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tradeguard/run_lock.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard::bench {

class Store {
 public:
  struct Opened {
    std::unique_ptr<SqlSession> session;
    std::unique_ptr<RunLock> lock;
    std::int64_t round_trips;  // that connecting has made
    // CPU nanoseconds of the server's process behind the session; 0 where there is no server.
    std::function<std::int64_t()> server_cpu;
  };
  virtual ~Store() = default;
  virtual Opened open() = 0;
  // Durable commits so far, counted by the database and not by us; nothing else may write.
  // No session may be opened or closed between two countings.
  virtual std::int64_t commits() = 0;
  // Before a session whose commits are counted is used.
  virtual void make_countable(SqlSession& session) = 0;
  // What the server does by itself sooner or later: autovacuum, a checkpoint.
  virtual void let_settle() = 0;
  virtual std::string name() const = 0;
};

// A new store with the paper book's tables, in a file of its own in `folder`.
std::unique_ptr<Store> sqlite_store(const std::string& folder, const std::string& name);
// A new database on the server of scripts/with-postgres, gone with the object.
std::unique_ptr<Store> postgres_store();

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::string why = result.error().what;
    for (const std::string& doing : result.error().chain) why = doing + ": " + why;
    throw std::runtime_error{why};
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
SqlRows must_run(SqlSession& session, const std::string& sql);

}  // namespace tradeguard::bench
