// Messages to Telegram: within its limits, their markup whole, whatever a notice is made of.
#include <rapidjson/document.h>

#include "fuzz.hpp"
#include "telegram_wire.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

// What is seen of the markup; aborts where Telegram would refuse it.
std::string seen(std::string_view html) {
  std::string text;
  std::string_view open;
  while (!html.empty()) {
    const auto take = [&](std::string_view word) {
      const bool there = html.starts_with(word);
      if (there) html.remove_prefix(word.size());
      return there;
    };
    if (take("&amp;")) {
      text += '&';
    } else if (take("&lt;")) {
      text += '<';
    } else if (take("&gt;")) {
      text += '>';
    } else if (open.empty() && take("<b>")) {
      open = "</b>";
    } else if (open.empty() && take("<code>")) {
      open = "</code>";
    } else if (!open.empty() && take(open)) {
      open = {};
    } else {
      require(html.front() != '<' && html.front() != '>' && html.front() != '&', "nothing is open");
      text += html.front();
      html.remove_prefix(1);
    }
  }
  require(open.empty(), "every tag is closed");
  return text;
}

std::size_t units_of(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0U) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  Notice notice{};
  const auto types = notice_rows();
  const std::uint8_t head = bytes.byte();
  notice.type = head < 128 ? types[head % types.size()].type : NoticeType::digest;
  notice.severity = static_cast<Severity>(bytes.byte() % 3);
  // Short inputs make long texts.
  const std::size_t times = std::size_t{1} << (bytes.byte() % 11);
  notice.event_id = bytes.line();
  notice.symbol = bytes.line();
  std::size_t all = 0;
  while (!bytes.empty() && all < 30'000) {
    const std::string key{bytes.line()};
    std::string value;
    const std::string_view once = bytes.line();
    for (std::size_t i = 0; i < times && value.size() < 20'000; ++i) value += once;
    // A zero byte stands for the newlines of a digest.
    for (char& c : value) c = c == '\0' ? '\n' : c;
    all += value.size();
    notice.facts.emplace_back(key, value);
  }
  const auto messages = telegram::messages_of(notice);
  require(!messages.empty(), "every notice is a message");
  for (const telegram::Message& message : messages) {
    require(seen(message.html) == message.plain, "with and without markup the same is seen");
    require(units_of(message.plain) <= 4096, "a message is not too long");
    require(message.html.size() <= 32'768, "nor is its text");
    require(message.plain.find_first_not_of(" \n") != std::string::npos, "no message is empty");
    const auto request = telegram::build_message({"-1001", 1}, message, telegram::Markup::html, "1:a");
    rapidjson::Document body;
    body.Parse<rapidjson::kParseValidateEncodingFlag>(request.body.data(), request.body.size());
    require(!body.HasParseError(), "the body is JSON in valid UTF-8");
  }
  return 0;
}
