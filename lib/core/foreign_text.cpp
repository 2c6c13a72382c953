#include "tradeguard/foreign_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "tradeguard/log.hpp"

namespace tradeguard {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t length;
};

// Strict UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
std::optional<CodePoint> decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return CodePoint{first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return std::nullopt;
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return std::nullopt;
  return CodePoint{value, length};
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
// Controls, blanks that are no U+0020, invisibles, changes of direction, tags, noncharacters.
constexpr std::array<Range, 15> unprintable{{
    {0x0000, 0x001f},
    {0x007f, 0x00a0},
    {0x00ad, 0x00ad},
    {0x061c, 0x061c},
    {0x1680, 0x1680},
    {0x180b, 0x180f},
    {0x2000, 0x200f},
    {0x2028, 0x202f},
    {0x205f, 0x206f},
    {0x3000, 0x3000},
    {0xfdd0, 0xfdef},
    {0xfeff, 0xfeff},
    {0xfff0, 0xfffb},
    {0xfffe, 0xffff},
    {0xe0000, 0x10ffff},
}};

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '"' || c == '\\') {
    out.append("\\").append(1, c);
  } else {
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15U]);
  }
}

bool is_special(char c) { return c == ' ' || c == '"' || c == '=' || c == '\\'; }

// The byte behind a backslash that was just taken, and what it stands for.
std::optional<char> take_escape(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == '"' || kind == '\\') return kind;
  if (kind == 'n') return '\n';
  if (kind == 't') return '\t';
  if (kind != 'x' || text.size() < 2) return std::nullopt;
  unsigned byte = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + 2, byte, 16);
  if (fault != std::errc{} || stop != text.data() + 2) return std::nullopt;
  text.remove_prefix(2);
  return static_cast<char>(byte);
}

std::optional<std::string> take_quoted(std::string_view& text) {
  text.remove_prefix(1);
  std::string value;
  while (!text.empty()) {
    if (text.front() == '"') {
      text.remove_prefix(1);
      return value;
    }
    if (text.front() == '\\') {
      text.remove_prefix(1);
      const auto c = take_escape(text);
      if (!c) return std::nullopt;
      value += *c;
      continue;
    }
    const auto length = printable_length(text, 0);
    if (length == 0) return std::nullopt;
    value += text.substr(0, length);
    text.remove_prefix(length);
  }
  return std::nullopt;  // the closing quote is missing
}

}  // namespace

std::size_t character_length(std::string_view text, std::size_t at) {
  const auto character = at < text.size() ? decode(text, at) : std::nullopt;
  return character ? character->length : 0;
}

std::string_view cut_between_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::size_t printable_length(std::string_view text, std::size_t at) {
  const auto point = decode(text, at);
  if (!point) return 0;
  const bool hidden = std::any_of(unprintable.begin(), unprintable.end(), [&](const Range& range) {
    return range.first <= point->value && point->value <= range.last;
  });
  return hidden ? 0 : point->length;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = printable_length(text, at);
    if (length == 0)
      append_escaped(out, text[at]);
    else
      out += text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += printable(text.substr(0, end));
    if (end == text.size()) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string replaced(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = printable_length(text, at);
    const bool control = static_cast<unsigned char>(text[at]) < 0x20;
    if (length != 0)
      out += text.substr(at, length);
    else
      out += control ? std::string(1, text[at]) : "\uFFFD";
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string escape_value(std::string_view value) {
  bool quoted = value.empty();
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const char c = value[at];
    const auto length = printable_length(value, at);
    quoted = quoted || length == 0 || is_special(c);
    if (length == 0 || c == '"' || c == '\\')
      append_escaped(out, c);
    else
      out += value.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return quoted ? "\"" + out + "\"" : out;
}

std::optional<std::string> take_value(std::string_view& text) {
  if (!text.empty() && text.front() == '"') return take_quoted(text);
  std::size_t end = 0;
  while (end < text.size() && !is_special(text[end])) {
    const auto length = printable_length(text, end);
    if (length == 0) return std::nullopt;
    end += length;
  }
  if (end == 0) return std::nullopt;
  std::string value{text.substr(0, end)};
  text.remove_prefix(end);
  return value;
}

}  // namespace tradeguard
