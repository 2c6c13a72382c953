// NotForForks: a descriptor that a fork of this process does not have.
//
// Locks and connections end with their last descriptor, so a child that outlives the holder of a
// run lock would go on holding it. Programs it starts are served by close-on-exec; a plain fork by
// this. Contract tests: tests/stores/sqlite_lock_test.cpp, postgres_lock_test.cpp
#pragma once

#include <atomic>

namespace tradeguard {

class NotForForks {
 public:
  // As long as this lives, a fork finds /dev/null in the descriptor's place. It is put there before
  // anything else is done in the fork, so that the number is nobody else's when the fork's copy of
  // the owner says goodbye to it. Beyond 64 at a time forks keep the rest.
  explicit NotForForks(int descriptor);
  // Before the descriptor is closed: its number may be another thread's the moment after.
  ~NotForForks();
  NotForForks(const NotForForks&) = delete;
  NotForForks& operator=(const NotForForks&) = delete;

 private:
  int descriptor_;
  std::atomic<int>* place_ = nullptr;
};

}  // namespace tradeguard
