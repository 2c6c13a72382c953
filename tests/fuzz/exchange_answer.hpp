// An exchange's answer made of an input: the first line is the HTTP status, the rest the body.
// Without a status there was no answer, and an odd length says that bytes had left.
#pragma once

#include "fuzz.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::fuzz {

inline HttpResult answer_of(Bytes& bytes) {
  HttpResponse response;
  for (const char c : bytes.line().substr(0, 3))
    if (c >= '0' && c <= '9') response.status = response.status * 10 + (c - '0');
  if (response.status == 0) return tl::unexpected{HttpFailure{bytes.rest().size() % 2 == 1, "no answer"}};
  response.body = bytes.rest();
  response.sent = Instant{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};
  response.answered = response.sent + 100ms;
  response.headers = {{"date", "Wed, 01 Jan 2025 12:00:00 GMT"},
                      {"retry-after", std::string{bytes.rest().substr(0, 3)}}};
  return response;
}

inline void check_foreign(const std::string& text) { require(text.size() < 1000, "what the exchange says is bounded"); }

inline void check_outcome(const HttpResult& answer, const PlaceOutcome& outcome) {
  if (!answer) {
    require(std::holds_alternative<Unsent>(outcome) != answer.error().sent,
            "unsent is what did not leave, and nothing else");
  } else if (answer->body.find('{') == std::string::npos) {
    require(!std::holds_alternative<Accepted>(outcome), "nobody accepts without saying so");
  }
  std::visit(overloaded{
                 [](const Accepted&) {},
                 [](const Refused& refused) { check_foreign(refused.code + refused.message); },
                 [](const Unsent& unsent) { check_foreign(unsent.message); },
                 [](const InDoubt& doubt) { check_foreign(doubt.message); },
             },
             outcome);
}

}  // namespace tradeguard::fuzz
