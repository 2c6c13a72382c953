#include "tradeguard/foreign_json.hpp"

#include <rapidjson/memorystream.h>

#include <charconv>

namespace tradeguard::exchange {

ForeignJson::ForeignJson(std::string_view body) {
  constexpr std::size_t largest = 16U << 20;
  constexpr unsigned flags =
      rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  // The parser takes a NUL for the end and would believe what stands before it to be whole.
  if (body.size() > largest || body.find('\0') != std::string_view::npos) return;
  rapidjson::MemoryStream stream{body.data(), body.size()};
  document_.ParseStream<flags>(stream);
  whole_ = !document_.HasParseError();
}

std::size_t Node::size() const {
  if (is_list()) return value_->Size();
  return is_object() ? value_->MemberCount() : 0;
}

Node Node::operator[](std::string_view name) const {
  Node found;
  bool twice = false;
  if (is_object())
    for_each([&](std::string_view member, Node value) {
      if (member != name) return;
      twice = twice || found;
      found = value;
    });
  return twice ? Node{} : found;
}

bool Node::holds(std::string_view name) const {
  bool held = false;
  if (is_object()) for_each([&](std::string_view member, Node) { held = held || member == name; });
  return held;
}

std::vector<Node> Node::elements() const {
  std::vector<Node> elements;
  if (is_list()) for_each([&](std::string_view, Node element) { elements.push_back(element); });
  return elements;
}

std::optional<std::string_view> Node::scalar() const {
  if (value_ == nullptr) return std::nullopt;
  if (value_->IsBool()) return value_->GetBool() ? "true" : "false";
  if (!value_->IsString()) return std::nullopt;
  return std::string_view{value_->GetString(), value_->GetStringLength()};
}

std::optional<std::int64_t> Node::whole_number() const {
  const auto characters = scalar();
  return characters ? exchange::whole_number(*characters) : std::nullopt;
}

std::optional<bool> Node::flag() const {
  const auto word = scalar();
  if (word == "true") return true;
  if (word == "false") return false;
  return std::nullopt;
}

std::optional<Decimal> Node::decimal() const {
  const auto characters = scalar();
  return characters ? Decimal::parse(*characters) : std::nullopt;
}

std::optional<Price> Node::price() const {
  const auto price = amount<Price>();
  return price && price->is_positive() ? price : std::nullopt;
}

std::optional<std::int64_t> whole_number(std::string_view characters) {
  std::int64_t number = 0;
  const char* const end = characters.data() + characters.size();
  const auto [stopped, error] = std::from_chars(characters.data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace tradeguard::exchange
