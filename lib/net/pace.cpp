#include "pace.hpp"

namespace tradeguard {

std::optional<Moment> Pace::room_at(Moment now, int weight) {
  while (!sent_.empty() && sent_.front().first + length_ + margin_ <= now) sent_.pop_front();
  int used = promised_;
  for (const auto& [at, its_weight] : sent_) used += its_weight;
  if (used + weight <= weight_) return now;
  for (const auto& [at, its_weight] : sent_) {
    used -= its_weight;
    if (used + weight <= weight_) return at + length_ + margin_;
  }
  return std::nullopt;
}

void Pace::sent(Moment at, int weight) { sent_.emplace_back(at, weight); }

int Pace::near(Micros ahead) const {
  int used = promised_;
  for (const auto& [at, its_weight] : sent_) used += its_weight;
  const auto windows = 1 + ahead / std::max<Micros>(length_, 1us);
  const auto room = static_cast<std::int64_t>(weight_) * windows - used;
  return static_cast<int>(std::clamp<std::int64_t>(room, 0, 1'000'000));
}

}  // namespace tradeguard
