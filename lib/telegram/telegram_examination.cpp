#include "tradeguard/telegram_examination.hpp"

#include "telegram_wire.hpp"

namespace tradeguard {

using namespace telegram;

Finding examine_telegram(HttpTransport& transport, const Secret& token, Micros patience) {
  if (!is_token(token.reveal()))
    return {"telegram", Judgement::problem, "the token has no token's form",
            "copy it again from BotFather: digits, a colon, and letters"};
  HttpRequest request;
  request.method = "GET";
  request.target.reserve(token.reveal().size() + 16);  // grown later, it would leave a copy behind
  request.target.append("/bot").append(token.reveal()).append("/getMe");
  const auto results = transport.exchange({&request, 1}, patience);
  wipe(request.target);
  const auto later = [](const std::string& why) {
    return Finding{"telegram", Judgement::problem, why,
                   "look at telegram.base_url and at the network; notices wait until it answers",
                   Fault::unreachable};
  };
  const auto never = [](const std::string& why) {
    return Finding{"telegram", Judgement::problem, why, "ask BotFather for a new token"};
  };
  return std::visit(
      overloaded{[](const Delivered&) {
                   return Finding{"telegram", Judgement::ok, "the token is a bot's", ""};
                 },
                 [&](const TryLater& answer) { return later(answer.why); },
                 [&](const Undeliverable& answer) { return never(answer.why); },
                 [&](const MovedTo&) { return later("an answer to another question"); },
                 [&](const MarkupRefused& answer) { return later(answer.why); },
                 [&](const ThreadGone& answer) { return later(answer.why); }},
      read_answer(results.at(0), token.reveal()));
}

}  // namespace tradeguard
