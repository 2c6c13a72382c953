#include "telegram_wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "tradeguard/foreign_text.hpp"
#include "tradeguard/json.hpp"

namespace tradeguard::telegram {
namespace {

// ---- a text and its form
// -------------------------------------------------------------------------

enum class Style { plain, bold, code };
struct Piece {
  Style style;
  std::string text;  // valid UTF-8 without a newline
};
using TextLine = std::vector<Piece>;
using Block = std::vector<TextLine>;  // stays in one message if it fits one

std::vector<Block> blocks_of(const Notice& notice, std::size_t room);
std::vector<Message> packed(const std::vector<Block>& blocks);

// ---- an answer
// -----------------------------------------------------------------------------------

struct Reply {
  bool understood = false;  // it is Telegram's own JSON
  bool ok = false;
  std::string description;  // for a person: bounded, without the token
  std::optional<Micros> retry_after;
  std::optional<std::string> moved_to;
};
Reply read_reply(const HttpResponse& response, std::string_view token);
std::string cleaned(std::string_view foreign, std::string_view token);
bool mentions(std::string_view text, std::string_view words);
bool mentions_any(std::string_view text, std::span<const std::string_view> words);
std::optional<Micros> wait_in(std::string_view words);

std::string well_formed(std::string_view text);
std::optional<std::int64_t> whole_number(std::string_view text);

constexpr Micros usual_wait = 30s;

// What Telegram says of a text, and of nothing else.
constexpr std::array<std::string_view, 9> about_the_text{
    "message is too long",       "text is too long", "message_too_long",    "text is empty", "text must be non-empty",
    "message must be non-empty", "message_empty",    "be encoded in utf-8", "text_invalid"};
constexpr std::array<std::string_view, 4> about_the_markup{"can't parse entities", "unsupported parse_mode",
                                                           "entities_too_long", "entity_"};
constexpr std::array<std::string_view, 4> about_the_topic{"thread", "topic", "not a forum", "not_a_forum"};

}  // namespace

std::vector<Message> messages_of(const Notice& notice) {
  // How many characters a value may have: the most that keeps the whole within a few messages.
  constexpr std::array<std::size_t, 5> all_rooms{4 * most_units, 1000, 300, 80, 20};
  constexpr std::size_t few = 5;
  const auto rooms = std::span{all_rooms}.subspan(notice.type == NoticeType::digest ? 2 : 0);
  std::vector<Message> messages;
  for (const std::size_t room : rooms) {
    messages = packed(blocks_of(notice, room));
    if (messages.size() <= few) break;
  }
  return messages;
}

bool is_token(std::string_view token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ':' || c == '_' ||
           c == '-';
  });
}

HttpRequest build_message(const Address& address, const Message& message, Markup markup, std::string_view token) {
  json::Buffer buffer;
  json::Writer json{buffer};
  const auto string = [&](std::string_view text) {
    json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  json.StartObject();
  string("chat_id");
  if (const auto number = whole_number(address.chat_id))
    json.Int64(*number);
  else
    string(well_formed(address.chat_id));
  // The General topic has the number 1 and is "not found" under it.
  if (address.topic && *address.topic != 1) {
    string("message_thread_id");
    json.Int64(*address.topic);
  }
  string("text");
  string(markup == Markup::html ? message.html : message.plain);
  if (markup == Markup::html) {
    string("parse_mode");
    string("HTML");
  }
  string("link_preview_options");
  json.StartObject();
  string("is_disabled");
  json.Bool(true);
  json.EndObject();
  json.EndObject();

  HttpRequest request;
  request.method = "POST";
  request.target.reserve(token.size() + 20);  // one block: what is wiped later is all of it
  request.target.append("/bot").append(token).append("/sendMessage");
  request.headers = {{"Content-Type", "application/json"}};
  request.body.assign(buffer.GetString(), buffer.GetSize());
  request.limit = chat_limit;
  return request;
}

Answer read_answer(const HttpResult& result, std::string_view token) {
  if (!result) {
    // With bytes on the way the message may have arrived, and its event id says so to a reader who
    // sees it twice.
    const bool sent = result.error().sent;
    const std::string_view doubt = sent ? " (it may have arrived)" : "";
    return TryLater{usual_wait, "Telegram did not answer: " + cleaned(result.error().what, token) + std::string{doubt},
                    false, sent};
  }
  const int status = result->status;
  const Reply reply = read_reply(*result, token);
  const std::string why = "Telegram answered " + std::to_string(status) + ": " + reply.description;
  if (status == 200 && reply.ok) return Delivered{};
  const bool said_no = status >= 300 && status < 500 && status != 408;
  if (reply.understood && !reply.ok && said_no) {
    const std::string& words = reply.description;
    const auto wait = reply.retry_after ? reply.retry_after : wait_in(words);
    if (wait) return AskedToWait{*wait, why};
    if (reply.moved_to) return MovedTo{*reply.moved_to};
    const bool bad_request = status == 400;
    if (bad_request && mentions_any(words, about_the_markup)) return MarkupRefused{why};
    if (bad_request && mentions_any(words, about_the_text)) return Undeliverable{why};
    if ((bad_request || status == 403) && mentions_any(words, about_the_topic)) return ThreadGone{why};
  }
  if (status == 429 || status == 420) return AskedToWait{reply.retry_after.value_or(usual_wait), why};
  // Telegram's server at fault, or what stands before it.
  return TryLater{reply.retry_after.value_or(usual_wait), why, said_no, false};
}

namespace {

std::string well_formed(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0)
      out += "\xEF\xBF\xBD";  // U+FFFD, the sign for what cannot be read
    else if (byte < 0x20 || byte == 0x7f)
      out += ' ';
    else
      out += text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

// At most `room` characters, and a sign that some are missing.
std::string shortened(std::string_view text, std::size_t room) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size() && count < room; ++count)
    end += std::max<std::size_t>(character_length(text, end), 1);
  std::string out{text.substr(0, end)};
  if (end < text.size()) out += "…";
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(well_formed(text.substr(0, end)));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

// ---- what a notice looks like
// --------------------------------------------------------------------

// A value is code: what looks like a link, a name or a command in it stays what it is.
TextLine fact_line(std::string_view line, std::size_t room) {
  constexpr std::string_view colon = ": ";
  const std::size_t key_end = line.find(colon);
  if (key_end == std::string_view::npos) return {{Style::code, shortened(line, room)}};
  const std::size_t value = key_end + colon.size();
  return {{Style::plain, std::string{line.substr(0, value)}}, {Style::code, shortened(line.substr(value), room)}};
}

// "reason: " is no reason.
bool says_something(std::string_view fact) { return !fact.ends_with(": "); }

// One of the notices of a digest: its title, its facts in one line, its event id.
Block compact(std::string_view notice, std::size_t room) {
  std::vector<std::string> lines = lines_of(notice);
  Block block{TextLine{}, TextLine{{Style::bold, lines.front()}}};
  std::string event;
  if (lines.size() > 1 && lines.back().starts_with("event: ")) {
    event = std::move(lines.back());
    lines.pop_back();
  }
  std::string facts;
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (says_something(lines[i])) facts.append(facts.empty() ? "" : ", ").append(lines[i]);
  if (!facts.empty()) block.push_back({{Style::code, shortened(facts, room)}});
  if (!event.empty()) block.push_back(fact_line(event, event.size()));
  return block;
}

std::vector<Block> blocks_of(const Notice& notice, std::size_t room) {
  const bool digest = notice.type == NoticeType::digest;
  // A digest's facts are whole messages, and their newlines are to stay.
  std::vector<std::string_view> told;
  Notice own = notice;
  if (digest) {
    for (const auto& [key, value] : notice.facts)
      if (key == "notice") told.push_back(value);
    std::erase_if(own.facts, [](const auto& fact) { return fact.first == "notice"; });
    own.notices.clear();  // they are told below, and plain_text would tell them once more
  }
  const std::vector<std::string> lines = lines_of(plain_text(own));
  std::string title = lines.front();
  if (!told.empty()) title += ", " + std::to_string(told.size()) + " notices";

  std::vector<Block> blocks;
  Block block{{{Style::bold, std::move(title)}}};
  for (std::size_t i = 1; i + 1 < lines.size(); ++i)
    if (says_something(lines[i])) block.push_back(fact_line(lines[i], room));
  const TextLine event = fact_line(lines.back(), lines.back().size());
  if (told.empty()) {
    block.push_back(event);
    blocks.push_back(std::move(block));
    return blocks;
  }
  blocks.push_back(std::move(block));
  for (const std::string_view one : told) blocks.push_back(compact(one, room));
  blocks.push_back({TextLine{}, event});
  return blocks;
}

// ---- cutting it into messages
// --------------------------------------------------------------------

struct Size {
  std::size_t units = 0;
  std::size_t bytes = 0;
  std::size_t entities = 0;
  Size& operator+=(const Size& other) {
    units += other.units;
    bytes += other.bytes;
    entities += other.entities;
    return *this;
  }
  friend Size operator+(Size one, const Size& other) { return one += other; }
  bool fits() const { return units <= most_units && bytes <= most_bytes && entities <= most_entities; }
};

std::string_view opening(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "<b>";
    case Style::code:
      return "<code>";
  }
  return "";
}

std::string_view closing(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "</b>";
    case Style::code:
      return "</code>";
  }
  return "";
}

std::string_view escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return "";
  }
}

Size size_of_character(std::string_view character) {
  const std::string_view entity = escaped(character.front());
  // Four bytes of UTF-8 are two units of UTF-16.
  return {.units = character.size() == 4 ? 2U : 1U, .bytes = entity.empty() ? character.size() : entity.size()};
}

Size size_of_form(Style style) {
  return {.bytes = opening(style).size() + closing(style).size(), .entities = style == Style::plain ? 0U : 1U};
}

Size size_of(const Piece& piece) {
  Size size = size_of_form(piece.style);
  for (std::size_t at = 0; at < piece.text.size();) {
    const std::size_t length = character_length(piece.text, at);
    size += size_of_character(std::string_view{piece.text}.substr(at, length));
    at += length;
  }
  return size;
}

constexpr Size newline{.units = 1, .bytes = 1};

Size size_of(const TextLine& line) {
  Size size = newline;
  for (const Piece& piece : line) size += size_of(piece);
  return size;
}

Size size_of(const Block& block) {
  Size size;
  for (const TextLine& line : block) size += size_of(line);
  return size;
}

class Packer {
 public:
  void add(const Block& block) {
    const Size size = size_of(block);
    if (!(used_ + size).fits() && size.fits()) flush();
    for (const TextLine& line : block) add(line);
  }
  std::vector<Message> take() {
    flush();
    return std::move(messages_);
  }

 private:
  void add(const TextLine& line) {
    const Size size = size_of(line);
    if (!(used_ + size).fits()) flush();
    if (!now_.plain.empty()) {
      now_.plain += '\n';
      now_.html += '\n';
      used_ += newline;
    }
    for (const Piece& piece : line) cut_in(piece);
  }

  // As much of the piece as the message takes, the rest in the next ones.
  void cut_in(const Piece& piece) {
    std::string_view rest = piece.text;
    while (!rest.empty()) {
      Size size = size_of_form(piece.style);
      std::size_t end = 0;
      while (end < rest.size()) {
        const std::size_t length = character_length(rest, end);
        const Size more = size + size_of_character(rest.substr(end, length));
        if (!(used_ + more).fits()) break;
        size = more;
        end += length;
      }
      if (end == 0) {
        flush();
        continue;
      }
      now_.html += opening(piece.style);
      for (const char c : rest.substr(0, end)) {
        const std::string_view entity = escaped(c);
        entity.empty() ? now_.html.append(1, c) : now_.html.append(entity);
      }
      now_.html += closing(piece.style);
      now_.plain += rest.substr(0, end);
      used_ += size;
      rest.remove_prefix(end);
    }
  }

  void flush() {
    // A message of nothing but blanks is an empty one for Telegram, and refused.
    if (now_.plain.find_first_not_of(" \n") != std::string::npos) messages_.push_back(std::move(now_));
    now_ = {};
    used_ = {};
  }

  Message now_;
  Size used_;
  std::vector<Message> messages_;
};

std::vector<Message> packed(const std::vector<Block>& blocks) {
  Packer packer;
  for (const Block& block : blocks) packer.add(block);
  return packer.take();
}

// ---- reading an answer
// ---------------------------------------------------------------------------

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

const json::Value* member(const json::Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string_view text_of(const json::Value& value) { return {value.GetString(), value.GetStringLength()}; }

// A number, or a string of one: emulators of the API write both.
std::optional<std::int64_t> number_in(const json::Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->IsInt64()) return value->GetInt64();
  if (value->IsUint64()) return INT64_MAX;
  return value->IsString() ? whole_number(text_of(*value)) : std::nullopt;
}

// A wait nobody means must not silence an alarm for good.
Micros believable(std::int64_t seconds) { return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 1, 3600)}; }

Reply read_reply(const HttpResponse& response, std::string_view token) {
  Reply reply;
  reply.description = "not in Telegram's form";
  if (const auto wait = header(response, "retry-after"))
    if (const auto seconds = whole_number(*wait)) reply.retry_after = believable(*seconds);

  // A NUL ends the text for RapidJSON, whatever stands behind it.
  if (response.body.find('\0') != std::string::npos) return reply;
  json::Document json;
  // Iterative: how deep an answer is nested is the other side's choice, and our stack is not.
  json.Parse<rapidjson::kParseIterativeFlag>(response.body.data(), response.body.size());
  if (json.HasParseError()) return reply;
  const auto* ok = member(json, "ok");
  if (ok == nullptr || !ok->IsBool()) return reply;
  reply.understood = true;
  reply.ok = ok->GetBool();
  const auto* description = member(json, "description");
  const bool said = description != nullptr && description->IsString();
  reply.description = said ? cleaned(text_of(*description), token) : "no description";
  const auto* parameters = member(json, "parameters");
  if (parameters == nullptr) return reply;
  if (const auto seconds = number_in(member(*parameters, "retry_after"))) reply.retry_after = believable(*seconds);
  const auto* target = member(*parameters, "migrate_to_chat_id");
  const auto chat = number_in(target);
  if (chat && *chat != 0 && !target->IsUint64()) reply.moved_to = std::to_string(*chat);
  return reply;
}

// One short line for the log and the store. The token goes first: cut in two it would not be found.
std::string cleaned(std::string_view foreign, std::string_view token) {
  constexpr std::size_t longest = 200;
  constexpr std::size_t shortest_secret = 6;
  std::string text{foreign};
  const auto hide = [&](std::string_view secret) {
    if (secret.size() < shortest_secret) return;
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) text.replace(at, secret.size(), "***");
  };
  hide(token);
  // What stands behind the colon is the secret; in a URL the colon itself may be encoded.
  hide(token.substr(std::min(token.size(), token.find(':') + 1)));
  return shortened(well_formed(text), longest);
}

bool mentions_any(std::string_view text, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view one) { return mentions(text, one); });
}

// "SLOWMODE_WAIT_10", "FLOOD_WAIT_31", "retry after 5": where it is said in words only.
std::optional<Micros> wait_in(std::string_view words) {
  for (const std::string_view before : {"WAIT_", "retry after "}) {
    const std::size_t at = words.find(before);
    if (at == std::string_view::npos) continue;
    std::string_view digits = words.substr(at + before.size());
    digits = digits.substr(0, std::min(digits.find_first_not_of("0123456789"), digits.size()));
    if (const auto seconds = whole_number(digits)) return believable(*seconds);
  }
  return std::nullopt;
}

bool mentions(std::string_view text, std::string_view words) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::search(text.begin(), text.end(), words.begin(), words.end(),
                     [&](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

}  // namespace
}  // namespace tradeguard::telegram
