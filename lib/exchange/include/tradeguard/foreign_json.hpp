// ForeignJson: an answer in JSON as an exchange wrote it, read without a number passing through a double.
// Contract tests: tests/exchange/foreign_json_test.cpp
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/amounts.hpp"
#include "tradeguard/json.hpp"

namespace tradeguard::exchange {

// A value in an answer, or nothing: what is missing is asked like what is there, and answers "absent". Points
// into the ForeignJson it came from, which outlives it.
class Node {
 public:
  Node() = default;
  explicit Node(const json::Value* value) : value_{value} {}

  explicit operator bool() const { return value_ != nullptr; }
  bool is_null() const { return value_ != nullptr && value_->IsNull(); }
  bool is_text() const { return value_ != nullptr && value_->IsString(); }  // a number too
  bool is_list() const { return value_ != nullptr && value_->IsArray(); }
  bool is_object() const { return value_ != nullptr && value_->IsObject(); }
  // Of a list or an object; 0 of anything else.
  std::size_t size() const;

  // The member of that name. Absent if it is no object, or if the name stands in it twice: then it says two
  // things, which is saying nothing.
  Node operator[](std::string_view name) const;
  bool holds(std::string_view name) const;  // once or more

  // The elements of a list, or the members' values of an object; none of anything else.
  template <class Visit>
  void for_each(Visit visit) const {
    if (is_list())
      for (const json::Value& element : value_->GetArray()) visit(std::string_view{}, Node{&element});
    if (is_object())
      for (const auto& member : value_->GetObject())
        visit(std::string_view{member.name.GetString(), member.name.GetStringLength()}, Node{&member.value});
  }
  std::vector<Node> elements() const;  // of a list; none of anything else

  // A text, a number as the characters it was written in, or "true" and "false". nullopt: anything else.
  std::optional<std::string_view> scalar() const;
  std::string_view text() const { return scalar().value_or(std::string_view{}); }
  std::optional<std::int64_t> whole_number() const;
  std::optional<bool> flag() const;
  std::optional<Decimal> decimal() const;
  // Zero or more. A negative amount is an exchange's way to say that it does not know.
  template <class Amount>
  std::optional<Amount> amount() const {
    const auto read = decimal();
    return read && !read->is_negative() ? std::optional{Amount{*read}} : std::nullopt;
  }
  // More than zero: zero stands where an order has no such price.
  std::optional<Price> price() const;

 private:
  const json::Value* value_ = nullptr;
};

// A body taken apart. What is not whole, valid JSON is absent: not UTF-8, over 16 MiB, cut off, or with more
// behind its end. Nesting costs heap and not stack. May throw std::bad_alloc.
class ForeignJson {
 public:
  explicit ForeignJson(std::string_view body);
  bool whole() const { return whole_; }
  Node root() const { return whole_ ? Node{&document_} : Node{}; }

 private:
  json::Document document_;
  bool whole_ = false;
};

std::optional<std::int64_t> whole_number(std::string_view characters);

}  // namespace tradeguard::exchange
