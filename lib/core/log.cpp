#include "tradeguard/log.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "tradeguard/foreign_text.hpp"

namespace tradeguard {
namespace {

constexpr std::string_view twin_prefix = "[DEBUG_TRADING] ";
// A whole line, prefix and newline included, is at most 4096 bytes: what POSIX lets a pipe write in
// one piece. The prefix takes "2025-01-01T12:00:00.123456Z CRITICAL " and the newline.
constexpr std::size_t longest_prefix = 38;
constexpr std::size_t longest_line = 4096 - longest_prefix;
constexpr std::string_view cut_mark = " cut=1";
constexpr std::size_t shortest_secret = 6;

void append_field(std::string& fields, std::string_view key, std::string_view value) {
  fields.append(" ").append(key).append("=").append(escape_value(value));
}

// ---- Redaction --------------------------------------------------------------------------------

// A line, or what is left of it when escapes are taken off. Byte i stands for the bytes
// [begins[i], begins[i + 1]) of the line.
struct View {
  std::string bytes;
  std::vector<std::size_t> begins;
};

View view_of(const std::string& line) {
  View view{line, {}};
  for (std::size_t i = 0; i <= line.size(); ++i) view.begins.push_back(i);
  return view;
}

struct Unit {
  char byte;
  std::size_t length;
};

std::optional<char> hex_byte(std::string_view digits, std::size_t width) {
  if (digits.size() < width) return std::nullopt;
  unsigned value = 0;
  const auto* const end = digits.data() + width;
  const auto [stop, fault] = std::from_chars(digits.data(), end, value, 16);
  if (fault != std::errc{} || stop != end || value > 0xff) return std::nullopt;
  return static_cast<char>(value);
}

// One byte of text, written as itself, as %XX, or with a backslash as JSON or the log write it.
Unit unit_at(std::string_view text) {
  const Unit itself{text.front(), 1};
  if (text.size() < 2) return itself;
  if (text.front() == '%') {
    const auto byte = hex_byte(text.substr(1), 2);
    return byte ? Unit{*byte, 3} : itself;
  }
  if (text.front() != '\\') return itself;
  const char kind = text[1];
  if (kind == 'x') {
    if (const auto byte = hex_byte(text.substr(2), 2)) return {*byte, 4};
  }
  if (kind == 'u') {
    if (const auto byte = hex_byte(text.substr(2), 4)) return {*byte, 6};
  }
  return {kind == 'n' ? '\n' : kind == 't' ? '\t' : kind == 'r' ? '\r' : kind, 2};
}

// The view with one layer of escapes taken off.
View peeled(const View& view) {
  View result;
  const std::string_view bytes{view.bytes};
  for (std::size_t at = 0; at < bytes.size();) {
    const auto unit = unit_at(bytes.substr(at));
    result.bytes += unit.byte;
    result.begins.push_back(view.begins[at]);
    at += unit.length;
  }
  result.begins.push_back(view.begins.back());
  return result;
}

// Marks in `hidden` the bytes of the line that this view shows as part of a secret.
void mark(const View& view, const std::vector<Secret>& secrets, std::vector<bool>& hidden) {
  for (const Secret& kept : secrets) {
    const std::string_view secret = kept.reveal();
    for (auto at = view.bytes.find(secret); at != std::string::npos; at = view.bytes.find(secret, at + 1)) {
      for (auto i = view.begins[at]; i < view.begins[at + secret.size()]; ++i) hidden[i] = true;
    }
  }
}

std::string redacted(const std::string& line, const std::vector<Secret>& secrets) {
  if (secrets.empty()) return line;
  // A URL in a JSON text in a quoted value has three layers; one more is for luck.
  constexpr int layers = 4;
  std::vector<bool> hidden(line.size(), false);
  auto view = view_of(line);
  mark(view, secrets, hidden);
  for (int i = 0; i < layers && view.bytes.find_first_of("%\\") != std::string::npos; ++i) {
    view = peeled(view);
    mark(view, secrets, hidden);
  }
  std::string result;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!hidden[i])
      result += line[i];
    else if (i == 0 || !hidden[i - 1])
      result += "***";
  }
  return result;
}

// ---- The cut ----------------------------------------------------------------------------------

// How many bytes at `at` belong together: an escape in a quoted value, or a character.
std::size_t indivisible_length(std::string_view line, std::size_t at, bool quoted) {
  if (quoted && line[at] == '\\') return at + 1 < line.size() && line[at + 1] == 'x' ? 4 : 2;
  return std::max<std::size_t>(printable_length(line, at), 1);
}

// Ends a line that is too long inside its last value, or behind it, so that it can still be read.
std::string cut_to_fit(std::string line) {
  if (line.size() <= longest_line) return line;
  const std::size_t room = longest_line - cut_mark.size();
  std::size_t end = 0;      // the last place where the line may end ...
  bool end_quoted = false;  // ... and whether a quote is open there
  bool quoted = false;
  bool in_value = false;
  bool in_fields = false;
  for (std::size_t at = 0; at < room;) {
    const auto next = at + indivisible_length(line, at, quoted);
    const char c = line[at];
    const bool closes = quoted && c == '"';
    const bool opens = !quoted && c == '"';
    const bool separates = !quoted && (c == ' ' || (c == '=' && !in_value));
    if (closes || opens) quoted = opens;
    if (separates) {
      in_value = c == '=';
      in_fields = in_fields || in_value;
    }
    const bool in_key = in_fields && !in_value;
    if (!opens && !separates && !in_key && next + (quoted ? 1 : 0) <= room) {
      end = next;
      end_quoted = quoted;
    }
    at = next;
  }
  line.resize(end);
  if (end_quoted) line += '"';
  return line.append(cut_mark);
}

// ---- The grammar ------------------------------------------------------------------------------

bool is_word(std::string_view word) {
  for (std::size_t at = 0; at < word.size();) {
    const auto length = printable_length(word, at);
    if (length == 0 || word[at] == '"' || word[at] == '\\') return false;
    at += length;
  }
  return !word.empty();
}

bool is_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::string_view text(Level level) {
  switch (level) {
    case Level::debug:
      return "DEBUG";
    case Level::info:
      return "INFO";
    case Level::warn:
      return "WARN";
    case Level::error:
      return "ERROR";
    case Level::critical:
      return "CRITICAL";
  }
  return "";
}

Line& Line::add(std::string_view key, std::string_view value) {
  append_field(fields_, key, value);
  return *this;
}

Line& Line::add(std::string_view key, std::int64_t value) { return add(key, std::to_string(value)); }

Line& Line::words(std::string_view fixed) {
  name_.append(" ").append(fixed);
  return *this;
}

Line& Line::debug(std::string_view key, std::string_view value) {
  append_field(debug_fields_, key, value);
  return *this;
}

Line& Line::debug(std::string_view key, std::int64_t value) { return debug(key, std::to_string(value)); }

std::string Line::plain() const { return name_ + fields_; }

std::string Line::twin() const { return std::string{twin_prefix} + plain() + debug_fields_; }

std::optional<ParsedLine> parse_line(std::string_view bare) {
  ParsedLine line;
  bool more = !bare.empty();
  const auto end_of_token = [&] {
    more = !bare.empty();
    if (!more) return true;
    if (bare.front() != ' ') return false;
    bare.remove_prefix(1);
    return true;
  };
  while (more) {
    const auto word = bare.substr(0, bare.find_first_of(" ="));
    bare.remove_prefix(word.size());
    if (bare.empty() || bare.front() == ' ') {
      if (!line.fields.empty() || !is_word(word)) return std::nullopt;
      if (!line.name.empty()) line.name += ' ';
      line.name += word;
    } else {
      bare.remove_prefix(1);
      auto value = take_value(bare);
      if (!is_key(word) || !value) return std::nullopt;
      line.fields.emplace_back(word, std::move(*value));
    }
    if (!end_of_token()) return std::nullopt;
  }
  return line.name.empty() ? std::nullopt : std::optional{line};
}

void Log::write(const Line& line) noexcept { write(line, line); }

void Log::write(const Line& line, const Line& twin) noexcept {
  try {
    const std::lock_guard guard{mutex_};
    emit(line.level(), line.plain());
    if (twins_) emit(Level::debug, twin.twin());
  } catch (...) {
    // A log that fails changes nothing: the order it would have told of is live all the same.
  }
}

void Log::write_twin_first(const Line& line) noexcept {
  try {
    const std::lock_guard guard{mutex_};
    if (twins_) emit(Level::debug, line.twin());
    emit(line.level(), line.plain());
  } catch (...) {
    // As above.
  }
}

void Log::keep_secret(std::string_view secret) {
  if (secret.size() < shortest_secret) return;
  const std::lock_guard guard{mutex_};
  secrets_.emplace_back(std::string{secret});
}

void Log::emit(Level level, const std::string& line) noexcept {
  try {
    // The cut last: half a secret at the end of a line would not be recognised.
    sink_(level, clock_.now(), cut_to_fit(redacted(line, secrets_)));
  } catch (...) {
    ++lost_;  // The twin behind this line is still worth writing.
  }
}

std::int64_t Log::lost_lines() noexcept {
  try {
    const std::lock_guard guard{mutex_};
    if (flush_) lost_ += flush_();
  } catch (...) {
    // A flush that fails knows of nothing more.
  }
  return lost_;
}

std::string formatted(Level level, Instant at, std::string_view line, bool bare) {
  std::string out;
  if (!bare) out.append(iso_micros(at)).append(" ").append(text(level)).append(" ");
  return out.append(line).append("\n");
}

}  // namespace tradeguard
