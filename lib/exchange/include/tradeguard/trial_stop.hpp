// The stop that an examination of an exchange tries out.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include "tradeguard/order.hpp"
#include "tradeguard/rules.hpp"

namespace tradeguard::exchange {

// The smallest stop that may be worth selling at this trigger, so that no other filter is in the way of the answer.
// Its id is not one of a trade: nobody takes it for an order that lost its row.
Order trial_stop(const InstrumentRules& rules, const ProtectionPlan& plan, Price trigger, Instant stamp,
                 Micros good_for);

}  // namespace tradeguard::exchange
