#include "memory_telegram.hpp"

#include <rapidjson/document.h>

#include <stdexcept>

namespace tradeguard::telegram_test {

Received read_message(const std::string& body) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseValidateEncodingFlag>(body.data(), body.size());
  if (json.HasParseError() || !json.IsObject()) throw std::runtime_error{"no JSON object: " + body};
  Received message;
  for (const auto& [name, value] : json.GetObject()) {
    const std::string key = name.GetString();
    if (key == "chat_id") {
      message.chat_is_number = value.IsInt64();
      message.chat = value.IsInt64() ? std::to_string(value.GetInt64()) : value.GetString();
    } else if (key == "message_thread_id") {
      message.topic = value.GetInt64();
    } else if (key == "text") {
      message.text.assign(value.GetString(), value.GetStringLength());
    } else if (key == "parse_mode") {
      message.parse_mode = value.GetString();
    } else if (key == "link_preview_options") {
      message.previews_off = value["is_disabled"].GetBool();
    } else {
      throw std::runtime_error{"a parameter nobody asked for: " + key};
    }
  }
  return message;
}

std::optional<std::string> seen(const std::string& html) {
  std::string text;
  std::string open;  // none of our tags stands within another
  for (std::size_t at = 0; at < html.size();) {
    const auto take = [&](std::string_view word) {
      const bool there = html.compare(at, word.size(), word) == 0;
      if (there) at += word.size();
      return there;
    };
    if (take("&amp;")) {
      text += '&';
    } else if (take("&lt;")) {
      text += '<';
    } else if (take("&gt;")) {
      text += '>';
    } else if (html[at] == '&' || html[at] == '>') {
      return std::nullopt;
    } else if (html[at] != '<') {
      text += html[at++];
    } else if (open.empty() && take("<b>")) {
      open = "</b>";
    } else if (open.empty() && take("<code>")) {
      open = "</code>";
    } else if (!open.empty() && take(open)) {
      open.clear();
    } else {
      return std::nullopt;
    }
  }
  return open.empty() ? std::optional{text} : std::nullopt;
}

std::size_t utf16_units(const std::string& text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0U) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

HttpResponse answer(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

HttpResponse refusal(int code, const std::string& description, const std::string& parameters) {
  return answer(code, R"({"ok":false,"error_code":)" + std::to_string(code) + R"(,"description":")" + description +
                          "\"" + (parameters.empty() ? "" : R"(,"parameters":)" + parameters) + "}");
}

std::vector<HttpResult> MemoryTelegram::exchange(std::span<const HttpRequest> asked, Micros patience) {
  std::vector<HttpResult> results;
  for (const HttpRequest& request : asked) {
    requests.push_back(request);
    received.push_back(read_message(request.body));
    patiences.push_back(patience);
    clock_.advance(takes);
    if (answers_.empty()) {
      results.emplace_back(answer(200, R"({"ok":true,"result":{"message_id":)" + std::to_string(requests.size()) +
                                           R"(,"chat":{"id":-1001234567890},"date":1735732800}})"));
      continue;
    }
    results.push_back(answers_.front()());
    answers_.pop_front();
  }
  return results;
}

}  // namespace tradeguard::telegram_test
