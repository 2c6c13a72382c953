// What Telegram is sent and what it answers, as values: no socket, no clock, nothing remembered.
// Private to this room; tests/telegram reads it, and the fuzz targets do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tradeguard/http.hpp"
#include "tradeguard/notice.hpp"

namespace tradeguard::telegram {

inline constexpr std::size_t most_units = 4096;    // UTF-16 units of a message, its markup read
inline constexpr std::size_t most_bytes = 32'768;  // of a message as it is sent
inline constexpr std::size_t most_entities = 100;  // what is beyond loses its form
inline constexpr std::string_view chat_limit = "telegram.chat";

// One message, with its markup and without: the same characters are seen.
struct Message {
  std::string html;
  std::string plain;
};
// The notice as messages, each within the limits, in the order in which they are read. A value that
// would fill a dozen messages is shortened, for a chat takes one a second; a title and an event id
// never are. What others wrote is escaped, and no part of it becomes a line, a tag or a link.
std::vector<Message> messages_of(const Notice& notice);

enum class Markup { html, none };
struct Address {
  std::string chat_id;
  std::optional<std::int64_t> topic;
};
// Its target holds the token: whoever has sent it wipes the target.
HttpRequest build_message(const Address& address, const Message& message, Markup markup, std::string_view token);
// The characters tokens are made of. Anything else would be another target, or another header.
bool is_token(std::string_view token);

// The bot or its chat is to be left alone for a while, whatever the message.
struct AskedToWait {
  Micros after;
  std::string why;
};
// Refusals with a remedy; the others are a Delivery already.
struct MovedTo {
  std::string chat_id;  // the group became a supergroup
};
struct MarkupRefused {
  std::string why;
};
struct ThreadGone {
  std::string why;  // the topic is closed, deleted or no topic of this chat
};
using Answer = std::variant<Delivered, TryLater, Undeliverable, AskedToWait, MovedTo, MarkupRefused, ThreadGone>;
// Undeliverable is only what Telegram itself refuses with words about the text of the message. All
// other refusals are of the way (token, chat, rights, a gateway): TryLater, `refused` where
// somebody said no and has to be asked why. No text holds the token.
Answer read_answer(const HttpResult& result, std::string_view token);

}  // namespace tradeguard::telegram
