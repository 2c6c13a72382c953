// Facts as JSON, for --json: a writer that keeps the order in which it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tradeguard/foreign_text.hpp"
#include "tradeguard/json.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::cli {

class Json {
 public:
  Json() { writer_.StartObject(); }

  Json& object(std::string_view key = "") { return name(key), writer_.StartObject(), *this; }
  Json& end_object() { return writer_.EndObject(), *this; }
  Json& array(std::string_view key) { return name(key), writer_.StartArray(), *this; }
  Json& end_array() { return writer_.EndArray(), *this; }

  Json& field(std::string_view key, std::string_view value) { return name(key), string(value), *this; }
  Json& field(std::string_view key, const char* value) { return field(key, std::string_view{value}); }
  Json& field(std::string_view key, std::int64_t value) { return name(key), writer_.Int64(value), *this; }
  Json& field(std::string_view key, int value) { return field(key, std::int64_t{value}); }
  Json& field(std::string_view key, bool value) { return name(key), writer_.Bool(value), *this; }
  // Of an array.
  Json& element(std::string_view value) { return string(value), *this; }
  // Times as the log has them.
  Json& time(std::string_view key, Instant value) { return field(key, iso_micros(value)); }
  // What is not there is null.
  Json& maybe_time(std::string_view key, const std::optional<Instant>& value) {
    return value ? time(key, *value) : null(key);
  }
  Json& maybe(std::string_view key, const std::optional<std::string>& value) {
    return value ? field(key, *value) : null(key);
  }
  Json& null(std::string_view key) { return name(key), writer_.Null(), *this; }

  // The whole text with a newline. Nothing is written afterwards.
  std::string text() {
    writer_.EndObject();
    return std::string{buffer_.GetString(), buffer_.GetSize()} + "\n";
  }

 private:
  void name(std::string_view key) {
    if (!key.empty()) string(key);
  }
  // Whatever others wrote, what comes out is JSON, and harmless to a terminal.
  void string(std::string_view foreign) {
    const std::string value = replaced(foreign);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  json::Buffer buffer_;
  json::Writer writer_{buffer_};
};

}  // namespace tradeguard::cli
