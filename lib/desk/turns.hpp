// Calls of many threads, one after the other in the order in which they came, and none waits for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

#include "tradeguard/time.hpp"

namespace tradeguard {

class Turns {
 public:
  // Whoever has it works alone. Empty: its patience was over first.
  class Turn {
   public:
    Turn() = default;
    Turn(Turns& turns, std::list<int>::iterator place) : turns_{&turns}, place_{place} {}
    Turn(Turn&& other) noexcept : turns_{std::exchange(other.turns_, nullptr)}, place_{other.place_} {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->leave(place_);
    }
    explicit operator bool() const { return turns_ != nullptr; }

   private:
    Turns* turns_ = nullptr;
    std::list<int>::iterator place_;
  };

  // Real time: who waits here waits for other threads.
  Turn take(Micros patience);

 private:
  void leave(std::list<int>::iterator place);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<int> queue_;
};

}  // namespace tradeguard
