// How a failing test shows our values, and short ways to write them.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "tradeguard/amounts.hpp"
#include "tradeguard/order.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard {

// In a test a number that cannot be read is a mistake of the test.
inline Decimal dec(std::string_view text) { return Decimal::parse(text).value(); }
inline Price price(std::string_view text) { return Price{dec(text)}; }
inline Quantity qty(std::string_view text) { return Quantity{dec(text)}; }
inline Money money(std::string_view text) { return Money{dec(text)}; }
inline Instant at(std::string_view iso) { return parse_iso(iso).value(); }
inline Symbol symbol(std::string_view text) { return Symbol::parse(text).value(); }

}  // namespace tradeguard

namespace Catch {

template <>
struct StringMaker<tradeguard::Decimal> {
  static std::string convert(tradeguard::Decimal value) { return value.text(); }
};
template <class Tag>
struct StringMaker<tradeguard::Amount<Tag>> {
  static std::string convert(tradeguard::Amount<Tag> value) { return value.text(); }
};
template <>
struct StringMaker<tradeguard::Instant> {
  static std::string convert(tradeguard::Instant value) { return tradeguard::iso_micros(value); }
};
template <>
struct StringMaker<tradeguard::Micros> {
  static std::string convert(tradeguard::Micros value) { return tradeguard::duration_text(value); }
};
template <>
struct StringMaker<tradeguard::Symbol> {
  static std::string convert(const tradeguard::Symbol& value) { return value.text(); }
};
template <class T>
struct StringMaker<std::optional<T>> {
  static std::string convert(const std::optional<T>& value) { return value ? Detail::stringify(*value) : "nullopt"; }
};

}  // namespace Catch
