// What the binary printed with --json, read back. Values are compared as text: in C++20 RapidJSON's
// own comparison with a C++ value calls itself for ever.
#pragma once

#include <rapidjson/document.h>

#include <catch2/catch.hpp>
#include <string>

#include "program.hpp"

namespace tradeguard::cli::test {

inline rapidjson::Document json_of(const Ran& ran) {
  rapidjson::Document document;
  document.Parse(ran.out.c_str());
  INFO(ran.out << ran.err);
  REQUIRE_FALSE(document.HasParseError());
  return document;
}

inline std::string said(const rapidjson::Value& value) {
  if (value.IsString()) return value.GetString();
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (value.IsBool()) return value.GetBool() ? "true" : "false";
  return value.IsNull() ? "null" : "no plain value";
}

}  // namespace tradeguard::cli::test
