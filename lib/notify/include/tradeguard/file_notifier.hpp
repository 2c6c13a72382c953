// A notifier that appends to a file: for a machine without a network, and beside another notifier.
// Contract test: tests/contract/notifier_contract.cpp, backend "file"
#pragma once

#include <string>

#include "tradeguard/notice.hpp"

namespace tradeguard {

// The file is opened at every message, so that a log rotation needs no signal, and made with mode
// 0600: what a bot holds is nobody else's business. One message is one write; many processes may
// share it.
class FileNotifier final : public Notifier {
 public:
  explicit FileNotifier(std::string path) : path_{std::move(path)} {}
  Delivery deliver(const Notice& notice, Micros budget) noexcept override;
  bool immediate() const override { return true; }

 private:
  std::string path_;
};

}  // namespace tradeguard
