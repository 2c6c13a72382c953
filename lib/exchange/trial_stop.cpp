#include "tradeguard/trial_stop.hpp"

#include <algorithm>

namespace tradeguard::exchange {

Order trial_stop(const InstrumentRules& rules, const ProtectionPlan& plan, Price trigger, Instant stamp,
                 Micros good_for) {
  Order stop{.symbol = rules.symbol};
  stop.client_id = "doctor-" + std::to_string(to_micros(stamp));
  stop.trade = stop.client_id;
  stop.leg = Leg::stop;
  stop.side = Side::sell;
  stop.type = rules.stop_market ? OrderType::stop_market : OrderType::stop_limit;
  stop.trigger = trigger;
  if (stop.type == OrderType::stop_limit) stop.price = stop_limit_price(trigger, plan, rules);
  const Price least = stop.price.value_or(trigger);
  const Decimal worth =
      Decimal::divide(rules.min_notional.value, least.value, Rounding::up).to_multiple(rules.step.value, Rounding::up);
  stop.quantity = Quantity{std::max({worth, rules.min_quantity.value, rules.step.value})};
  stop.stamp = stamp;
  stop.valid_until = stamp + good_for;
  return stop;
}

}  // namespace tradeguard::exchange
