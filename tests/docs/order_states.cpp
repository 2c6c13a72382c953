// Prints the life of an order as a table: what next_step() says, cell by cell.
#include <iostream>

#include "tradeguard/order_state.hpp"

namespace {

using namespace tradeguard;

constexpr OrderState states[] = {OrderState::claimed, OrderState::placed, OrderState::closed, OrderState::refused,
                                 OrderState::lapsed};
constexpr OrderEvent events[] = {OrderEvent::accepted,  OrderEvent::refused,     OrderEvent::unsent,
                                 OrderEvent::seen_open, OrderEvent::seen_closed, OrderEvent::absent};

std::string_view word(Step step) {
  switch (step) {
    case Step::to_claimed:
      return "claimed";
    case Step::to_placed:
      return "placed";
    case Step::to_closed:
      return "closed";
    case Step::to_refused:
      return "refused";
    case Step::to_lapsed:
      return "lapsed";
    case Step::alarm:
      return "**!**";
    case Step::stale:
      return "dropped";
    case Step::not_asked:
      return "not asked";
  }
  return "";
}

}  // namespace

int main() {
  std::cout << "| from \\ event |";
  for (const OrderEvent event : events) std::cout << ' ' << text(event) << " |";
  std::cout << "\n|---|";
  for (std::size_t i = 0; i < std::size(events); ++i) std::cout << "---|";
  for (const OrderState state : states) {
    std::cout << "\n| **" << text(state) << "** |";
    for (const OrderEvent event : events) std::cout << ' ' << word(next_step(state, event)) << " |";
  }
  std::cout << '\n';
}
