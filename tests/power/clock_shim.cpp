// Loaded into the program under test: its wall clock is CLOCK_AHEAD_MS ahead of everybody else's.
#include <dlfcn.h>
#include <time.h>

#include <cstdlib>

namespace {

long ahead_ms() {
  static const long ahead = [] {
    const char* said = std::getenv("CLOCK_AHEAD_MS");
    return said != nullptr ? std::atol(said) : 0;
  }();
  return ahead;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  using Real = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int done = real(clock, now);
  if (done == 0 && clock == CLOCK_REALTIME) {
    constexpr long second = 1'000'000'000;
    const long nanoseconds = now->tv_nsec + ahead_ms() % 1000 * 1'000'000;
    now->tv_sec += ahead_ms() / 1000 + nanoseconds / second;
    now->tv_nsec = nanoseconds % second;
  }
  return done;
}
