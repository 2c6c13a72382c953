#include "telegram_api.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tradeguard::fake {

namespace {

constexpr std::size_t most_characters = 4096;
constexpr std::size_t most_bytes = 32768;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A number and not the name of a method that happens to stand behind "bot".
bool well_formed(const std::string& token) {
  const auto colon = token.find(':');
  return colon != std::string::npos && colon > 0 &&
         std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return c >= '0' && c <= '9'; });
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

// Behind '&'; the number of characters it took, 0 when it is no entity.
std::size_t read_entity(std::string_view text, std::string& seen) {
  const auto end = text.find(';');
  if (end == std::string_view::npos || end > 10) return 0;
  const auto name = text.substr(0, end);
  if (name == "amp")
    seen += '&';
  else if (name == "lt")
    seen += '<';
  else if (name == "gt")
    seen += '>';
  else if (name == "quot")
    seen += '"';
  else if (name.size() > 1 && name[0] == '#') {
    const bool hex = name[1] == 'x' || name[1] == 'X';
    const auto digits = name.substr(hex ? 2 : 1);
    std::uint32_t point = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), point, hex ? 16 : 10);
    if (error != std::errc{} || stop != digits.data() + digits.size() || point == 0 || point > 0x10FFFF) return 0;
    append_utf8(seen, point);
  } else {
    return 0;
  }
  return end + 1;
}

}  // namespace

std::optional<std::string> read_telegram_html(std::string_view text, std::string& why) {
  static const std::set<std::string> tags{"b",   "strong", "i",          "em",       "u",          "ins",
                                          "s",   "strike", "del",        "span",     "tg-spoiler", "a",
                                          "pre", "code",   "blockquote", "tg-emoji", "tg-time"};
  std::string seen;
  std::vector<std::string> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&') {
      const auto size = read_entity(text.substr(i + 1), seen);
      if (size == 0) seen += '&';
      i += size;
      continue;
    }
    if (text[i] != '<') {
      seen += text[i];
      continue;
    }
    const auto end = text.find('>', i);
    if (end == std::string_view::npos) {
      why = "Unclosed start tag at byte offset " + std::to_string(i);
      return std::nullopt;
    }
    auto tag = text.substr(i + 1, end - i - 1);
    const bool closes = tag.starts_with('/');
    if (closes) tag.remove_prefix(1);
    const auto name = lower(tag.substr(0, tag.find_first_of(" \n")));
    if (tags.count(name) == 0) {
      why = "Unsupported start tag \"" + name + "\" at byte offset " + std::to_string(i);
      return std::nullopt;
    }
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      why = "Unmatched end tag at byte offset " + std::to_string(i);
      return std::nullopt;
    } else {
      open.pop_back();
    }
    i = end;
  }
  if (open.empty()) return seen;
  why = "Can't find end tag corresponding to start tag \"" + open.back() + "\"";
  return std::nullopt;
}

struct TelegramApi::Failed {
  int code;
  std::string description;
  std::int64_t retry_after = 0;
};

std::string TelegramApi::endpoint(const Request& request) const {
  const auto slash = request.path.find('/', 1);
  const auto method = slash == std::string::npos ? "" : request.path.substr(slash + 1);
  for (const std::string known : {"sendMessage", "getMe", "getChat"}) {
    if (lower(method) == lower(known)) return known;
  }
  return method;
}

namespace {

Pairs fields_of(const Request& request) {
  auto fields = parse_query(request.query);
  const auto type = lower(request.header("content-type"));
  if (type.starts_with("application/json")) {
    if (const auto body = parse_json(request.body)) {
      for (const auto& [name, value] : body->members) fields.emplace_back(name, value.scalar);
    }
  } else if (type.starts_with("application/x-www-form-urlencoded")) {
    for (auto& pair : parse_query(request.body)) fields.push_back(std::move(pair));
  }
  return fields;
}

}  // namespace

std::vector<std::string> TelegramApi::clients(const Request& request) {
  return {value_of(fields_of(request), "text").value_or("")};
}

void TelegramApi::forget() {
  messages_.clear();
  windows_.clear();
}

Reply TelegramApi::answer(const Request& request, const Fault* fault, Instant now) {
  Reply reply;
  JsonText text;
  try {
    const auto slash = request.path.find('/', 1);
    const auto token = request.path.substr(4, slash == std::string::npos ? slash : slash - 4);
    if (!well_formed(token) || slash == std::string::npos) throw Failed{404, "Not Found"};
    if (token != bot_token) {
      ++ground_.stats.bad_signatures;
      throw Failed{401, "Unauthorized"};
    }
    if (request.method != "GET" && request.method != "POST") throw Failed{405, "Method Not Allowed"};
    if (fault && fault->has("code")) {
      throw Failed{static_cast<int>(fault->number("code")), fault->text("message"), fault->number("retry_after")};
    }
    const auto method = endpoint(request);
    if (method != "sendMessage" && method != "getMe" && method != "getChat")
      throw Failed{404, "Not Found: method not found"};
    text.open('{').with_raw("ok", "true").key("result");
    if (method == "getMe") {
      text.open('{').with_raw("id", "123456789").with_raw("is_bot", "true");
      text.with("first_name", "fake").with("username", "fake_venue_bot").close('}');
    } else if (method == "getChat") {
      auto fields = parse_query(request.query);
      for (auto& pair : fields_of(request)) fields.push_back(std::move(pair));
      const auto chat = value_of(fields, "chat_id").value_or("");
      if (!is_known(chat)) throw Failed{400, "Bad Request: chat not found"};
      text.open('{').with_raw("id", chat).with("type", "private").close('}');
    } else {
      text.raw(send(fields_of(request), now, request.arrived));
    }
    text.close('}');
  } catch (const Failed& failed) {
    ++ground_.stats.codes["telegram " + std::to_string(failed.code)];
    reply.status = failed.code;
    auto description = failed.description;
    if (description.empty() && failed.code == 429)
      description = "Too Many Requests: retry after " + std::to_string(failed.retry_after);
    text = JsonText{};
    text.open('{').with_raw("ok", "false").with_raw("error_code", std::to_string(failed.code));
    text.with("description", description);
    if (failed.retry_after > 0) {
      const auto seconds = std::to_string(failed.retry_after);
      text.key("parameters").open('{').with_raw("retry_after", seconds).close('}');
      reply.headers.emplace_back("Retry-After", seconds);
    }
    text.close('}');
  }
  reply.body = text.str();
  return reply;
}

bool TelegramApi::is_known(const std::string& chat) const {
  const auto known = "," + std::string{chat_id} + "," + ground_.settings.text("group_chats") + ",";
  return known.find("," + chat + ",") != std::string::npos;
}

std::string TelegramApi::send(const Pairs& fields, Instant now, Micros arrived) {
  const auto chat = value_of(fields, "chat_id").value_or("");
  if (chat.empty()) throw Failed{400, "Bad Request: chat_id is empty"};
  if (!is_known(chat)) throw Failed{400, "Bad Request: chat not found"};
  if (value_of(fields, "message_thread_id")) throw Failed{400, "Bad Request: message thread not found"};

  const auto raw = value_of(fields, "text").value_or("");
  auto seen = raw;
  const auto mode = value_of(fields, "parse_mode").value_or("");
  if (raw.size() > most_bytes) throw Failed{400, "Bad Request: text is too long"};
  if (lower(mode) == "html") {
    std::string why;
    const auto read = read_telegram_html(raw, why);
    if (!read) throw Failed{400, "Bad Request: can't parse entities: " + why};
    seen = *read;
  } else if (!mode.empty() && lower(mode) != "none") {
    throw Failed{400, "Bad Request: unsupported parse_mode"};
  }
  if (seen.find_first_not_of(" \n\t\r") == std::string::npos) throw Failed{400, "Bad Request: message text is empty"};
  if (characters(seen) > most_characters) throw Failed{400, "Bad Request: message is too long"};

  auto& window = windows_.try_emplace(chat, 1, Micros{1s}).first->second;
  if (window.over(arrived)) {
    ++ground_.stats.over["sendMessage"];
    if (ground_.settings.on("enforce_limits")) {
      window.take_back(1);
      throw Failed{429, "", 1};
    }
  }
  messages_.push_back({chat, raw, seen, mode, now});
  JsonText text;
  text.open('{').with_raw("message_id", std::to_string(messages_.size()));
  text.with_raw("date", std::to_string(to_micros(now) / 1'000'000));
  text.key("chat").open('{').with_raw("id", chat).with("type", "private").close('}');
  return text.with("text", seen).close('}').str();
}

}  // namespace tradeguard::fake
