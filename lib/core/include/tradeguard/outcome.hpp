// What became of a request to a venue. Every outcome must be visited; doubt is not failure.
// Contract test: tests/unit/outcome_test.cpp
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tradeguard/order.hpp"

namespace tradeguard {

// The venue took it. `record` is there only where the adapter declares its answer to be the
// venue's own record; else it is an acknowledgement and not a sighting.
struct Accepted {
  std::string venue_id;  // may be empty where only a list id comes back
  std::optional<Sighting> record;
};
// The venue looked at it and said no. No order exists.
struct Refused {
  std::string code;
  std::string message;  // foreign text
};
// No byte left, or the venue says that it did not look.
struct Unsent {
  enum class Why { not_connected, throttled, clock, too_late, shutting_down };
  Why why;
  std::string message;
};
// Bytes may have left and no answer settles it. To be looked up, never to be sent again.
struct InDoubt {
  std::string message;
};
using PlaceOutcome = std::variant<Accepted, Refused, Unsent, InDoubt>;

struct CancelAcknowledged {};  // believed only when read back
struct CancelGone {};          // the venue says there is nothing to cancel; read back why
using CancelOutcome = std::variant<CancelAcknowledged, CancelGone, Unsent, InDoubt>;

// What one complete reading of every view of the venue showed for one client id.
struct Lookup {
  std::vector<Sighting> found;   // more than one: twins
  bool every_view_read = false;  // false: emptiness proves nothing
  Instant read_began;            // venue time
};

// What the words of a venue's no are about: it alone knows, and says it in codes and sentences of its own. What is
// neither about money nor about permission may be about its rules.
enum class Complaint { rules, balance, permission };
Complaint complaint_in(std::string_view foreign_words);

std::string describe(const PlaceOutcome& outcome);  // "refused 306: ...", for log and reason

}  // namespace tradeguard
