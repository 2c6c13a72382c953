// Every backend that has to keep the contracts. A suite is written once, against what stands here;
// a new backend is one line in backends.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard::contract {

inline const AccountKey the_account{"paper", "main"};

// What one process has of a store: its own connection and the five objects on it. All of them
// share `pen`. Destroying a session is a process that ends without a word to anybody.
class Session {
 public:
  explicit Session(AccountKey account) : pen{std::move(account), std::nullopt} {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  virtual RunLock& lock() = 0;
  virtual IdempotencyGuard& guard() = 0;
  virtual EntryHistory& history() = 0;
  virtual OrderJournal& journal() = 0;

  Pen pen;
};

// One store, empty when it is made and gone when it is destroyed.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  // Another process opens the store. Several may be open at once and be used from several threads,
  // each from one. A restart is destroying a session and opening another one.
  // The suites own the clock: a store with a clock of its own is opened as for a simulation, where
  // the `now` it is handed rules. That its clock overrules otherwise is for a test of its own.
  virtual std::unique_ptr<Session> open(const AccountKey& account = the_account) = 0;
};

struct StoreBackend {
  std::string name;  // first word of its tests' names
  std::function<std::unique_ptr<StoreUnderTest>()> fresh;
};
const std::vector<StoreBackend>& store_backends();

// A notifier and a way to see what the reader got.
class NotifierUnderTest {
 public:
  virtual ~NotifierUnderTest() = default;
  virtual Notifier& notifier() = 0;
  virtual std::string what_arrived() = 0;  // all of it, as text, in order of arrival
  // From now on nothing gets through; then it does again.
  virtual void break_the_way() = 0;
  virtual void mend_the_way() = 0;
  virtual bool network() const { return false; }
};

struct NotifierBackend {
  std::string name;
  std::function<std::unique_ptr<NotifierUnderTest>()> fresh;
};
const std::vector<NotifierBackend>& notifier_backends();

}  // namespace tradeguard::contract
