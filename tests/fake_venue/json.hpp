// JSON as the fake exchange needs it: a number keeps its characters, because they are what was
// signed, and is not text, because an exchange minds the difference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tradeguard::fake {

struct Json {
  enum class Kind { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  std::string scalar;  // of a number, a text, a boolean
  std::vector<Json> items;
  struct Member;
  std::vector<Member> members;

  bool is(Kind other) const { return kind == other; }
  const Json* find(std::string_view name) const;
  // A member that must be there, for tests: throws std::out_of_range.
  const Json& at(std::string_view name) const;
  // Its scalar; "" when there is none of that name.
  std::string text_of(std::string_view name) const;
};
struct Json::Member {
  Member(std::string n, Json v) : name{std::move(n)}, value{std::move(v)} {}
  std::string name;
  Json value;
};
// nullopt: not JSON.
std::optional<Json> parse_json(std::string_view text);

// Writes JSON from left to right; commas come by themselves.
class JsonText {
 public:
  JsonText& open(char bracket);  // '{' or '['
  JsonText& close(char bracket);
  JsonText& key(std::string_view name);
  JsonText& text(std::string_view value);
  JsonText& raw(std::string_view value);  // a number, true, null, or JSON written before
  JsonText& with(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonText& with_raw(std::string_view name, std::string_view value) { return key(name).raw(value); }
  const std::string& str() const { return out_; }

 private:
  void comma();
  std::string out_;
};

}  // namespace tradeguard::fake
