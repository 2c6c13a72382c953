// Fails or crashes a run at its n-th durable or outward step, before or after the step was done.
#pragma once

#include <string>
#include <vector>

#include "../cycle/world.hpp"

namespace tradeguard::crash_test {

enum class Mode { none, fail_before, fail_after, crash_before, crash_after };
inline constexpr Mode modes[] = {Mode::fail_before, Mode::fail_after, Mode::crash_before, Mode::crash_after};
std::string text(Mode mode);

// What a process that was killed looks like from inside: nothing catches it, no destructor sends.
struct Crash {
  std::string step;
};

struct Saboteur {
  Mode mode = Mode::none;
  int at = 0;  // which step, from 1
  int counted = 0;
  std::string hit;  // the step that was hit; empty: the run had fewer

  template <class Do, class Fail>
  auto step(const char* name, Do&& act, Fail&& failure) -> decltype(act()) {
    if (++counted != at || mode == Mode::none) return act();
    hit = name;
    if (mode == Mode::crash_before) throw Crash{name};
    if (mode == Mode::fail_before) return failure();
    auto result = act();
    if (mode == Mode::crash_after) throw Crash{name};
    return failure();
  }
};

// Everything between the cycle and the world, sabotaged. Lives as long as the run.
class Sabotaged {
 public:
  Sabotaged(cycle_test::World::Wrapped& ports, Saboteur& saboteur);
  ~Sabotaged();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tradeguard::crash_test
