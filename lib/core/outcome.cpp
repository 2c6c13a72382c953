#include "tradeguard/outcome.hpp"

#include "tradeguard/error.hpp"

namespace tradeguard {
namespace {

std::string_view text(Unsent::Why why) {
  switch (why) {
    case Unsent::Why::not_connected:
      return "not_connected";
    case Unsent::Why::throttled:
      return "throttled";
    case Unsent::Why::clock:
      return "clock";
    case Unsent::Why::too_late:
      return "too_late";
    case Unsent::Why::shutting_down:
      return "shutting_down";
  }
  return "";
}

// "head tail: message", each part only if there is one.
std::string sentence(std::string head, std::string_view tail, std::string_view message) {
  if (!tail.empty()) head.append(" ").append(tail);
  if (!message.empty()) head.append(": ").append(message);
  return head;
}

}  // namespace

std::string describe(const PlaceOutcome& outcome) {
  return std::visit(overloaded{
                        [](const Accepted& o) { return sentence("accepted", o.venue_id, ""); },
                        [](const Refused& o) { return sentence("refused", o.code, o.message); },
                        [](const Unsent& o) { return sentence("unsent", text(o.why), o.message); },
                        [](const InDoubt& o) { return sentence("in doubt", "", o.message); },
                    },
                    outcome);
}

}  // namespace tradeguard
