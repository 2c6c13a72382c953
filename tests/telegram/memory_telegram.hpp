// A Telegram in memory: keeps what it was sent, and has bad days on demand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/http.hpp"

namespace tradeguard::telegram_test {

inline constexpr const char* the_token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

// A sendMessage as it came in.
struct Received {
  std::string chat;  // a number's digits, or the string
  bool chat_is_number = false;
  std::optional<std::int64_t> topic;
  std::string text;
  std::string parse_mode;  // empty: none
  bool previews_off = false;
};
Received read_message(const std::string& body);

// What a reader sees of HTML: tags gone, entities read. nullopt: Telegram would refuse it.
std::optional<std::string> seen(const std::string& html);
std::size_t utf16_units(const std::string& text);

HttpResponse answer(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {});
HttpResponse refusal(int code, const std::string& description, const std::string& parameters = "");

class MemoryTelegram final : public HttpTransport {
 public:
  explicit MemoryTelegram(ManualClock& clock) : clock_{clock} {}
  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros patience) override;

  // The next request gets this instead of "ok"; further ones stand in line. It may move the clock.
  void next(std::function<HttpResult()> answer) { answers_.push_back(std::move(answer)); }
  void next(const HttpResponse& answer) {
    next([answer] { return HttpResult{answer}; });
  }

  std::vector<HttpRequest> requests;
  std::vector<Received> received;  // all of them, refused ones too
  std::vector<Micros> patiences;
  Micros takes{0};  // each exchange, on the clock

 private:
  ManualClock& clock_;
  std::deque<std::function<HttpResult()>> answers_;
};

}  // namespace tradeguard::telegram_test
