// A notifier that remembers what it was told: for tests, simulations, bots that watch themselves.
// Contract test: tests/contract/notifier_contract.cpp, backend "memory"
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "tradeguard/notice.hpp"

namespace tradeguard {

class MemoryNotifier final : public Notifier {
 public:
  Delivery deliver(const Notice& notice, Micros budget) noexcept override;
  bool immediate() const override { return immediate_; }

  // What was delivered, in order. Refused and postponed notices are not among them.
  std::vector<Notice> told() const;
  void forget();

  // How it answers from now on: an outage, a 429, a chat that does not exist. nullptr: delivered.
  void answer_with(std::function<Delivery(const Notice&)> answer);
  // As a notifier over a network would say it.
  void pretend_slow() { immediate_ = false; }

 private:
  mutable std::mutex mutex_;
  std::vector<Notice> told_;
  std::function<Delivery(const Notice&)> answer_;
  bool immediate_ = true;
};

}  // namespace tradeguard
