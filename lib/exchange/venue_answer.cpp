#include "tradeguard/venue_answer.hpp"

#include <algorithm>

#include "tradeguard/foreign_text.hpp"

namespace tradeguard::exchange {

std::string_view text(Call call) {
  switch (call) {
    case Call::create:
      return "create";
    case Call::cancel:
      return "cancel";
    case Call::read:
      return "read";
  }
  return "";
}

std::string_view text(Fate fate) {
  switch (fate) {
    case Fate::accepted:
      return "accepted";
    case Fate::refused:
      return "refused";
    case Fate::throttled:
      return "throttled";
    case Fate::clock:
      return "clock";
    case Fate::absent:
      return "absent";
    case Fate::archived:
      return "archived";
    case Fate::in_doubt:
      return "in_doubt";
    case Fate::not_connected:
      return "not_connected";
  }
  return "";
}

std::string bounded(std::string_view foreign) {
  constexpr std::size_t most = 200;
  constexpr std::size_t signature_like = 32;
  constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF";
  std::string out;
  for (std::size_t at = 0; at < foreign.size() && out.size() <= most;) {
    std::size_t end = at;
    while (end < foreign.size() && end - at <= most && hexadecimal.find(foreign[end]) != std::string_view::npos) ++end;
    if (end - at >= signature_like) {
      out += "***";
      while (end < foreign.size() && hexadecimal.find(foreign[end]) != std::string_view::npos) ++end;
      at = end;
    } else {
      end = std::max(end, at + 1);
      out += foreign.substr(at, end - at);
      at = end;
    }
  }
  return std::string{cut_between_characters(out, most)};
}

Ruling unanswered(const HttpFailure& failure) {
  Ruling ruling{.fate = failure.sent ? Fate::in_doubt : Fate::not_connected, .message = bounded(failure.what)};
  ruling.said = ruling.message;
  return ruling;
}

PlaceOutcome not_placed(const Ruling& ruling) {
  switch (ruling.fate) {
    case Fate::refused:
      return Refused{ruling.code, ruling.message};
    case Fate::throttled:
      return Unsent{Unsent::Why::throttled, ruling.said};
    case Fate::clock:
      return Unsent{Unsent::Why::clock, ruling.said};
    case Fate::not_connected:
      return Unsent{Unsent::Why::not_connected, ruling.said};
    case Fate::accepted:
    case Fate::absent:
    case Fate::archived:
    case Fate::in_doubt:
      return InDoubt{ruling.said};
  }
  return InDoubt{ruling.said};
}

CancelOutcome cancelled(const Ruling& ruling) {
  switch (ruling.fate) {
    case Fate::accepted:
      return CancelAcknowledged{};  // a record in it is not believed
    case Fate::absent:
    case Fate::archived:
      return CancelGone{};
    case Fate::throttled:
      return Unsent{Unsent::Why::throttled, ruling.said};
    case Fate::clock:
      return Unsent{Unsent::Why::clock, ruling.said};
    case Fate::not_connected:
      return Unsent{Unsent::Why::not_connected, ruling.said};
    case Fate::refused:
    case Fate::in_doubt:
      return InDoubt{ruling.said};
  }
  return InDoubt{ruling.said};
}

Error unread(const Ruling& ruling) {
  return Error{ruling.lasting ? Fault::configuration : Fault::unreachable, ruling.said};
}

}  // namespace tradeguard::exchange
