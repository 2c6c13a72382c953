// The Bot API as far as a notifier needs it: token, chat, HTML, lengths, flood control. What was
// delivered is kept.
// Contract test: tests/fake_venue/process_test.cpp
#pragma once

#include "ground.hpp"
#include "json.hpp"

namespace tradeguard::fake {

class TelegramApi final : public Front {
 public:
  struct Message {
    std::string chat;
    std::string raw;   // as it was sent
    std::string text;  // as a reader sees it
    std::string mode;
    Instant at;
  };

  explicit TelegramApi(Ground ground) : ground_{ground} {}
  std::string endpoint(const Request& request) const override;
  std::vector<std::string> clients(const Request& request) override;  // the text, for a prefix of it
  Reply answer(const Request& request, const Fault* fault, Instant now) override;
  void forget() override;
  const std::vector<Message>& messages() const { return messages_; }

 private:
  struct Failed;
  bool is_known(const std::string& chat) const;
  std::string send(const Pairs& fields, Instant now, Micros arrived);

  Ground ground_;
  std::vector<Message> messages_;
  std::map<std::string, Window> windows_;
};

// What a reader sees of HTML; nullopt: tags that Telegram does not parse, `why` says what it minds.
std::optional<std::string> read_telegram_html(std::string_view text, std::string& why);

}  // namespace tradeguard::fake
