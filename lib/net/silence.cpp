#include "tradeguard/silence.hpp"

#include <algorithm>

namespace tradeguard {

void Silence::asked(Micros length, std::string status) {
  const Micros until = clock_.monotonic() + std::min(length, longest_quiet);
  if (until <= until_) return;
  until_ = until;
  status_ = std::move(status);
}

void Silence::keep(const Quiet& quiet) {
  const Micros left = quiet.until - clock_.now();
  if (left > Micros{0} && left <= longest_quiet) asked(left, quiet.status);
}

std::optional<Quiet> Silence::quiet() const {
  const Micros left = until_ - clock_.monotonic();
  if (left <= Micros{0}) return std::nullopt;
  return Quiet{clock_.now() + left, status_};
}

std::optional<Error> Silence::why() const {
  if (not_served_) return Error{Fault::configuration, *not_served_};
  const auto asked_for = quiet();
  if (!asked_for) return std::nullopt;
  return Error{Fault::unreachable, "the exchange answered HTTP " + asked_for->status +
                                       ": nothing is sent to it before " + iso_seconds(asked_for->until) + "Z"};
}

}  // namespace tradeguard
