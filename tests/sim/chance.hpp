// Chance: the only source of accidents in a simulation. The same seed gives the same numbers with every
// compiler and library, which the distributions of <random> do not promise.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace tradeguard::sim {

// One step of splitmix64: a good hash of a number, and a generator when it is called in a chain.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

constexpr std::uint64_t hashed(std::string_view text, std::uint64_t start = 0xcbf29ce484222325U) {
  std::uint64_t hash = start;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

class Chance {
 public:
  // Two streams of one seed have nothing to do with each other: what one of them is asked does not
  // move the other.
  explicit Chance(std::uint64_t seed, std::string_view stream = "") : state_{mixed(seed ^ hashed(stream))} {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    return mixed(state_);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::uint64_t>(high - low) + 1)); }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  template <class Container>
  auto& one_of(Container& all) {
    return all[static_cast<std::size_t>(below(std::size(all)))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace tradeguard::sim
