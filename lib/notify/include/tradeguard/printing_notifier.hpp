// A notifier that prints: the dry run's, and the simplest own one.
// Contract test: tests/contract/notifier_contract.cpp, backend "printing"
#pragma once

#include <cstdio>
#include <functional>
#include <string_view>

#include "tradeguard/notice.hpp"

namespace tradeguard {

class PrintingNotifier final : public Notifier {
 public:
  // Takes one whole message, with its newline and an empty line behind it. False: it did not get
  // through, and the notice is tried again later.
  using Sink = std::function<bool(std::string_view message)>;

  explicit PrintingNotifier(Sink sink) : sink_{std::move(sink)} {}
  // Prints to an open stream, past its buffer. The stream outlives the notifier. Where the reader of
  // a pipe or a terminal has no room, the notice is tried again later; nothing waits for the reader.
  explicit PrintingNotifier(std::FILE* stream);

  Delivery deliver(const Notice& notice, Micros budget) noexcept override;
  bool immediate() const override { return true; }

 private:
  Sink sink_;
};

}  // namespace tradeguard
