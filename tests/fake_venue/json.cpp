#include "json.hpp"

#include <rapidjson/reader.h>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace tradeguard::fake {

namespace {

class Builder {
 public:
  using Ch = char;
  bool Null() { return put({}); }
  bool Bool(bool value) { return put({Json::Kind::boolean, value ? "true" : "false", {}, {}}); }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return put({Json::Kind::number, std::string(text, size), {}, {}});
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return put({Json::Kind::text, std::string(text, size), {}, {}});
  }
  bool StartObject() { return enter(Json::Kind::object); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    keys_.back().assign(text, size);
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return leave(); }
  bool StartArray() { return enter(Json::Kind::array); }
  bool EndArray(rapidjson::SizeType) { return leave(); }

  Json done;

 private:
  bool enter(Json::Kind kind) {
    open_.push_back({kind, {}, {}, {}});
    keys_.emplace_back();
    return true;
  }
  bool leave() {
    Json ended = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return put(std::move(ended));
  }
  bool put(Json value) {
    if (open_.empty()) {
      done = std::move(value);
    } else if (open_.back().kind == Json::Kind::array) {
      open_.back().items.push_back(std::move(value));
    } else {
      open_.back().members.emplace_back(keys_.back(), std::move(value));
    }
    return true;
  }

  std::vector<Json> open_;
  std::vector<std::string> keys_;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

const Json& Json::at(std::string_view name) const {
  if (const auto* found = find(name)) return *found;
  throw std::out_of_range{"no member " + std::string{name}};
}

std::string Json::text_of(std::string_view name) const {
  const auto* found = find(name);
  return found ? found->scalar : std::string{};
}

std::optional<Json> parse_json(std::string_view text) {
  const std::string whole{text};
  rapidjson::StringStream stream{whole.c_str()};
  rapidjson::Reader reader;
  Builder builder;
  constexpr unsigned flags =
      rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  if (!reader.Parse<flags>(stream, builder)) return std::nullopt;
  return std::move(builder.done);
}

void JsonText::comma() {
  if (out_.empty()) return;
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':') out_ += ',';
}

JsonText& JsonText::open(char bracket) {
  comma();
  out_ += bracket;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  out_ += bracket;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  text(name);
  out_ += ':';
  return *this;
}

JsonText& JsonText::raw(std::string_view value) {
  comma();
  out_ += value;
  return *this;
}

JsonText& JsonText::text(std::string_view value) {
  comma();
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out_ += escaped.data();
    } else {
      out_ += c;
    }
  }
  out_ += '"';
  return *this;
}

}  // namespace tradeguard::fake
