// A wire between two programs that can be cut, or go silent, while they speak.
#pragma once

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace tradeguard::kills {

class Forwarder {
 public:
  enum class Wire {
    whole,
    cut,     // connections are reset, those that there are and those that come
    silent,  // nothing is closed, nothing arrives
  };
  // From a port of its own to this one of 127.0.0.1.
  explicit Forwarder(int to);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  int port() const { return port_; }
  // It is so when this returns.
  void set(Wire wire);

 private:
  void carry();
  void accept_one();
  void reset_all();

  int to_;
  int port_ = 0;
  int listener_ = -1;
  std::vector<std::pair<int, int>> pairs_;
  std::atomic<Wire> wanted_{Wire::whole};
  std::atomic<Wire> reached_{Wire::whole};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace tradeguard::kills
