#include "tradeguard/telegram_examination.hpp"

#include "telegram_wire.hpp"

namespace tradeguard {

using namespace telegram;

namespace {

HttpResult ask(HttpTransport& transport, const Secret& token, std::string_view method, Micros patience);
// Telegram's own words, without the token.
std::string words_of(const HttpResult& result, const Secret& token);
bool is_refusal(const HttpResult& result);
Finding not_answering(const std::string& why);

}  // namespace

std::vector<Finding> examine_telegram(HttpTransport& transport, const Secret& token, const std::string& chat_id,
                                      Micros patience) {
  if (!is_token(token.reveal()))
    return {{"telegram", Judgement::problem, "the token is malformed",
             "copy it again from BotFather: digits, a colon, and letters"}};
  const HttpResult bot = ask(transport, token, "/getMe", patience);
  if (is_refusal(bot)) return {{"telegram", Judgement::problem, words_of(bot, token), "ask BotFather for a new token"}};
  if (const std::string words = words_of(bot, token); !words.empty()) return {not_answering(words)};
  std::vector<Finding> findings{{"telegram", Judgement::ok, "the token is a bot's", ""}};
  const HttpResult chat = ask(transport, token, "/getChat?chat_id=" + percent_encoded(chat_id), patience);
  if (is_refusal(chat))
    findings.push_back(
        {"chat", Judgement::problem,
         "the bot cannot write to telegram.chat_id = " + chat_id + ": " + words_of(chat, token),
         "write /start to the bot, or add it to the group, and set telegram.chat_id to that chat's number"});
  else if (const std::string words = words_of(chat, token); !words.empty())
    findings.push_back(not_answering(words));
  else
    findings.push_back({"chat", Judgement::ok, "the bot knows the chat " + chat_id, ""});
  return findings;
}

namespace {

HttpResult ask(HttpTransport& transport, const Secret& token, std::string_view method, Micros patience) {
  HttpRequest request;
  request.method = "GET";
  request.target.reserve(token.reveal().size() + method.size() + 8);  // grown later, it would leave a copy behind
  request.target.append("/bot").append(token.reveal()).append(method);
  auto results = transport.exchange({&request, 1}, patience);
  wipe(request.target);
  return std::move(results.at(0));
}

std::string words_of(const HttpResult& result, const Secret& token) {
  return std::visit(overloaded{[](const Delivered&) { return std::string{}; },
                               [](const MovedTo&) { return std::string{"the group has moved"}; },
                               [](const auto& other) { return other.why; }},
                    read_answer(result, token.reveal()));
}

// Of Telegram itself: a gateway on the way has no word about the token.
bool is_refusal(const HttpResult& result) {
  return result && result->body.find("\"ok\"") != std::string::npos &&
         (result->status == 400 || result->status == 401 || result->status == 403 || result->status == 404);
}

Finding not_answering(const std::string& why) {
  return {"telegram", Judgement::problem, why,
          "look at telegram.base_url and at the network; notices wait until it answers", Fault::unreachable};
}

}  // namespace
}  // namespace tradeguard
