#include "turns.hpp"

namespace tradeguard {

Turns::Turn Turns::take(Micros patience) {
  std::unique_lock lock{mutex_};
  const auto place = queue_.insert(queue_.end(), 0);
  if (changed_.wait_for(lock, patience, [&] { return place == queue_.begin(); })) return Turn{*this, place};
  queue_.erase(place);
  return {};
}

void Turns::leave(std::list<int>::iterator place) {
  const std::lock_guard lock{mutex_};
  queue_.erase(place);
  changed_.notify_all();
}

}  // namespace tradeguard
