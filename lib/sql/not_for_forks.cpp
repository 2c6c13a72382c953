#include "tradeguard/not_for_forks.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>

namespace tradeguard {

namespace {

constexpr std::size_t most = 64;
std::array<std::atomic<int>, most> kept{};  // 0: free; else descriptor + 1

void exchange_in_child() {
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (auto& place : kept)
    if (const int descriptor = place.exchange(0) - 1; descriptor >= 0)
      if (nowhere < 0 || ::dup3(nowhere, descriptor, O_CLOEXEC) < 0) ::close(descriptor);
  if (nowhere >= 0) ::close(nowhere);
}

}  // namespace

NotForForks::NotForForks(int descriptor) : descriptor_{descriptor} {
  static const int registered = ::pthread_atfork(nullptr, nullptr, exchange_in_child);
  (void)registered;
  for (auto& place : kept) {
    int free = 0;
    if (place.compare_exchange_strong(free, descriptor + 1)) {
      place_ = &place;
      return;
    }
  }
}

NotForForks::~NotForForks() {
  int mine = descriptor_ + 1;
  if (place_) place_->compare_exchange_strong(mine, 0);
}

}  // namespace tradeguard
