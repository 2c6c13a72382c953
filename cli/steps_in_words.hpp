// What `init` is doing, on standard error, for whoever waits longer than a second.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "tradeguard/clock.hpp"

namespace tradeguard::cli {

class StepsInWords {
 public:
  void begin(std::string_view step, std::size_t number, std::size_t of) {
    step_ = "step " + std::to_string(number) + " of " + std::to_string(of) + ", " + std::string{step};
    still();
  }
  // Said after the first second, and then every five.
  void still() {
    const Micros now = clock_.monotonic();
    if (now < next_) return;
    next_ = now + Micros{std::chrono::seconds{5}};
    const std::string line = "tradeguard: migrating the store, " + step_ + ", " +
                             std::to_string((now - begun_).count() / 1'000'000) +
                             " s so far; broken off now it changes nothing\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

 private:
  SystemClock clock_;
  Micros begun_ = clock_.monotonic();
  Micros next_ = begun_ + Micros{std::chrono::seconds{1}};
  std::string step_ = "looking at it";
};

}  // namespace tradeguard::cli
