// TelegramNotifier: notices as messages of a Telegram bot.
// Contract tests: tests/contract/notifier_contract.cpp, tests/telegram
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard {

inline constexpr std::string_view telegram_base_url = "https://api.telegram.org";

struct TelegramSettings {
  std::string chat_id;                // a number, or @channel
  std::optional<std::int64_t> topic;  // of a forum group; 1, the General topic, is left out as the API wants it
};

// For HttpsSettings: one message a chat in `pace`; the API answers longer bursts than one a second with
// 429. Zero: no limit, for a server of one's own.
std::vector<RateLimit> telegram_limits(Micros pace = 1s);

// Delivered is HTTP 200 and "ok":true. A message that is too long is split between lines; where a
// later part fails, the whole is told again. The token stands in no error. For one thread.
class TelegramNotifier final : public Notifier {
 public:
  // `transport` and `clock` outlive it.
  TelegramNotifier(HttpTransport& transport, Secret token, TelegramSettings settings, Clock& clock);
  ~TelegramNotifier() override;
  Delivery deliver(const Notice& notice, Micros budget) noexcept override;
  bool immediate() const override { return false; }
  // A 429 or a slow mode is the whole chat's: what comes behind it is not sent before that is over.
  std::optional<Instant> quiet_until() const override;
  void keep_quiet(Instant until) override;
  // What Telegram said of the topic; from then on messages go to the group. nullopt: nothing.
  std::optional<std::string> topic_refused() const;
  // Where the group went that became a supergroup since this notifier was made; the configuration
  // wants the new id. nullopt: nowhere.
  std::optional<std::string> migrated_to() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tradeguard
