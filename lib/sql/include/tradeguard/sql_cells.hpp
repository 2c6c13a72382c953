// How our types lie in a cell and are read back: times and spans as BIGINT microseconds, flags as 0 and 1, decimals and
// words as TEXT. Reading says false for what was never written by us.
// Contract test: tests/stores
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "tradeguard/order.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

// Text as every database takes it: valid UTF-8 without NUL. Foreign text (a venue's message) may be
// neither, and a row that says why an order was refused must be writable all the same.
std::string storable(std::string_view text);

inline SqlValue sql(std::string_view text) { return storable(text); }
inline SqlValue sql(const char* text) { return storable(text); }
inline SqlValue sql(const std::string& text) { return storable(text); }
inline SqlValue sql(std::int64_t number) { return number; }
inline SqlValue sql(int number) { return std::int64_t{number}; }
inline SqlValue sql(bool flag) { return std::int64_t{flag ? 1 : 0}; }
inline SqlValue sql(Instant at) { return to_micros(at); }
template <class T>
SqlValue sql(const std::optional<T>& value) {
  return value ? sql(*value) : SqlValue{};
}
template <class Tag>
SqlValue sql(const Amount<Tag>& amount) {
  return amount.text();
}
inline SqlValue sql(const Decimal& number) { return number.text(); }
inline SqlValue sql(Micros span) { return span.count(); }
inline SqlValue sql(const Symbol& symbol) { return symbol.text(); }
inline SqlValue sql(Side side) { return std::string{text(side)}; }
inline SqlValue sql(OrderType type) { return std::string{text(type)}; }

inline bool read(const SqlValue& cell, std::int64_t& value) {
  const auto* number = std::get_if<std::int64_t>(&cell);
  if (number) value = *number;
  return number != nullptr;
}
inline bool read(const SqlValue& cell, std::string& value) {
  const auto* text = std::get_if<std::string>(&cell);
  if (text) value = *text;
  return text != nullptr;
}
inline bool read(const SqlValue& cell, bool& value) {
  std::int64_t number = 0;
  if (!read(cell, number) || (number != 0 && number != 1)) return false;
  value = number == 1;
  return true;
}
inline bool read(const SqlValue& cell, int& value) {
  std::int64_t number = 0;
  if (!read(cell, number) || number < INT32_MIN || number > INT32_MAX) return false;
  value = static_cast<int>(number);
  return true;
}
inline bool read(const SqlValue& cell, Instant& value) {
  std::int64_t number = 0;
  if (!read(cell, number)) return false;
  value = from_micros(number);
  return true;
}
inline bool read(const SqlValue& cell, Micros& value) {
  std::int64_t number = 0;
  if (!read(cell, number)) return false;
  value = Micros{number};
  return true;
}

// The types that have a word or a text of their own, with the function that reads it.
template <class T>
bool read_word(const SqlValue& cell, T& value, std::optional<T> (*parse)(std::string_view)) {
  const auto* word = std::get_if<std::string>(&cell);
  auto parsed = word ? parse(*word) : std::nullopt;
  if (parsed) value = std::move(*parsed);
  return parsed.has_value();
}
template <class Tag>
bool read(const SqlValue& cell, Amount<Tag>& value) {
  return read_word(cell, value, &Amount<Tag>::parse);
}
inline bool read(const SqlValue& cell, Decimal& value) { return read_word(cell, value, &Decimal::parse); }
inline bool read(const SqlValue& cell, Symbol& value) { return read_word(cell, value, &Symbol::parse); }
inline bool read(const SqlValue& cell, Side& value) { return read_word(cell, value, &parse_side); }
inline bool read(const SqlValue& cell, OrderType& value) { return read_word(cell, value, &parse_order_type); }
template <class T>
requires std::default_initializable<T>
bool read(const SqlValue& cell, std::optional<T>& value) {
  value.reset();
  if (std::holds_alternative<std::monostate>(cell)) return true;
  T present{};
  if (!read(cell, present)) return false;
  value = std::move(present);
  return true;
}

// Reads the cells of a row from left to right. After the first that cannot be read the row is
// unreadable, and complaint() names the place.
class RowReader {
 public:
  RowReader(const SqlRow& row, std::string place) : row_{row}, place_{std::move(place)} {}

  template <class T>
  RowReader& operator>>(T& value) {
    const bool fine = next_ < row_.size() && read(row_[next_], value);
    if (!fine && complaint_.empty()) complaint_ = place_ + ": column " + std::to_string(next_ + 1) + " cannot be read";
    ++next_;
    return *this;
  }
  template <class T>
  T take() {
    T value{};
    *this >> value;
    return value;
  }
  bool readable() const { return complaint_.empty(); }
  const std::string& complaint() const { return complaint_; }

 private:
  const SqlRow& row_;
  std::string place_;
  std::size_t next_ = 0;
  std::string complaint_;
};

inline tl::unexpected<Error> unreadable(const std::string& complaint) {
  return failed(Fault::configuration, "the store was changed by something else: " + complaint);
}

}  // namespace tradeguard
