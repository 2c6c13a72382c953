#include "tradeguard/guard_lines.hpp"

#include <algorithm>

namespace tradeguard {

Line cooldown_line(const Symbol& symbol, const CooldownVerdict& verdict, const CooldownPolicy& policy, Instant now) {
  const auto* cooling = std::get_if<Cooling>(&verdict);
  if (cooling == nullptr) return Line{Event::guard_cooldown_passed}.add("symbol", symbol.text());
  const Micros left = std::min(cooling->until - now, std::max(policy.cooldown, policy.after_stop));
  return Line{Event::guard_cooldown_blocked}
      .add("symbol", symbol.text())
      .add("seconds_remaining", seconds_rounded_up(left))
      .debug("because", cooling->because);
}

Line key_line(const SignalKey& key, const Duplicate* known) {
  if (known == nullptr) return Line{Event::guard_idempotency_passed}.add("signal_key", key);
  Line line =
      Line{Event::guard_idempotency_blocked}.add("signal_key", key).add("existing_order_id", known->existing_order_id);
  if (!known->decided.empty()) line.add("decided", known->decided);
  if (known->differs) line.add("differs", "1");
  return line;
}

Line denied_line(const Symbol& symbol, const SignalKey& key, const Denied& denied) {
  Line line =
      Line{Event::entry_denied}.add("symbol", symbol.text()).add("signal_key", key).add("reason", spoken(denied));
  // What stands in the way of a signal that is well itself.
  if (is_of_others(denied)) line.add("because", denied.detail);
  if (spoken(denied) == denied.reason.str()) line.debug("detail", denied.detail);
  return line;
}

}  // namespace tradeguard
