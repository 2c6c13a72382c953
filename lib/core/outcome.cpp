#include "tradeguard/outcome.hpp"

#include <array>

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

Complaint complaint_in(std::string_view foreign_words) {
  struct Sign {
    std::string_view word;  // without a first letter that one exchange writes large and another small
    Complaint complaint;
  };
  using enum Complaint;
  static constexpr std::array signs{
      Sign{"balance", balance},      Sign{"BALANCE", balance},       Sign{"nsufficient", balance},
      Sign{"NSUFFICIENT", balance},  Sign{"auth", permission},       Sign{"AUTH", permission},
      Sign{"ermission", permission}, Sign{"ERMISSION", permission},  Sign{"margin", permission},
      Sign{"MARGIN", permission},    Sign{"unsupported", permission}};
  for (const Sign& sign : signs)
    if (foreign_words.find(sign.word) != std::string_view::npos) return sign.complaint;
  return rules;
}

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
