#include "tradeguard/memory_notifier.hpp"

#include <exception>

namespace tradeguard {

Delivery MemoryNotifier::deliver(const Notice& notice, Micros) noexcept {
  std::lock_guard lock{mutex_};
  try {
    Delivery answer = answer_ ? answer_(notice) : Delivery{Delivered{}};
    if (std::holds_alternative<Delivered>(answer)) told_.push_back(notice);
    return answer;
  } catch (const std::exception& thrown) {
    return TryLater{1s, thrown.what()};
  } catch (...) {
    return TryLater{1s, "the answer threw"};
  }
}

std::vector<Notice> MemoryNotifier::told() const {
  std::lock_guard lock{mutex_};
  return told_;
}

void MemoryNotifier::forget() {
  std::lock_guard lock{mutex_};
  told_.clear();
}

void MemoryNotifier::answer_with(std::function<Delivery(const Notice&)> answer) {
  std::lock_guard lock{mutex_};
  answer_ = std::move(answer);
}

}  // namespace tradeguard
