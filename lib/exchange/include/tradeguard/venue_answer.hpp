// What an exchange's answer comes to, in the words that every adapter uses.
// Contract tests: tests/exchange/venue_answer_test.cpp, and the table of outcomes of each exchange
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/http.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::exchange {

// What is asked decides what an answer means: the same words leave a creation in doubt and a reading unread.
enum class Call { create, cancel, read };
std::string_view text(Call call);

enum class Fate {
  accepted,       // taken; of a reading: answered. Whether it holds what was asked is the reader's to say
  refused,        // looked at and not executed; of a reading: not answered, and asking again is no help
  throttled,      // not looked at: too much was asked
  clock,          // not looked at: the request's time is off
  absent,         // no such order here, now
  archived,       // an order that ended unfilled long ago and is no longer shown
  in_doubt,       // whether it was executed is not known; of a reading: not answered, asking later may succeed
  not_connected,  // no byte left
};
std::string_view text(Fate fate);

// What an answer says of being asked at all, besides what it answers.
struct Hush {
  Micros length{0};          // nothing is to be asked for so long
  bool orders_only = false;  // and only new orders are meant
  std::string not_served;    // this country or address is served nothing, and why; empty: it is
};

struct Ruling {
  Fate fate = Fate::in_doubt;
  int http = 0;            // the status; 0: no answer
  std::string code;        // the exchange's; empty: none
  std::string message;     // what it means, with what they say; at most 200 bytes of foreign text
  std::string said;        // code and message, for people
  bool understood = true;  // false: nothing documents such an answer
  bool lasting = false;    // no later run gets around it: the key, its address, its account, or the country
  Hush hush;
};

// An answer that was not understood, for its VENUE_ANSWER line. `text` is foreign and bounded.
struct Oddity {
  int http = 0;
  std::string code;  // as it came; empty: none
  std::string text;
};

struct Heard {
  Ruling ruling;
  std::vector<Oddity> oddities;
};
// What was read, how the call ended, and what of it was not understood.
template <class T>
struct Read : Heard {
  T it;
};

// At most 200 bytes of what others wrote, whole characters, and nothing that looks like a signature.
std::string bounded(std::string_view foreign);

// How a call ended that never came to an answer.
Ruling unanswered(const HttpFailure& failure);
// What an order came to that was not accepted: Accepted is said by whoever read the order's id.
PlaceOutcome not_placed(const Ruling& ruling);
// A cancellation has no "no": what it did is read back like any other.
CancelOutcome cancelled(const Ruling& ruling);
// Why nothing was read.
Error unread(const Ruling& ruling);

}  // namespace tradeguard::exchange
