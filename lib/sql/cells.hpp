// How our types lie in a cell and are read back: times and spans as BIGINT microseconds, flags as 0
// and 1, decimals and words as TEXT. Reading says false for what was never written by us. Private
// to this room.
#pragma once

#include <optional>
#include <string>

#include "draft.hpp"
#include "tradeguard/journal.hpp"

namespace tradeguard {

template <class Tag>
SqlValue sql(const Amount<Tag>& amount) {
  return amount.text();
}
inline SqlValue sql(Micros span) { return span.count(); }
inline SqlValue sql(const Symbol& symbol) { return symbol.text(); }
inline SqlValue sql(Side side) { return std::string{text(side)}; }
inline SqlValue sql(Leg leg) { return std::string{text(leg)}; }
inline SqlValue sql(OrderType type) { return std::string{text(type)}; }
inline SqlValue sql(OrderState state) { return std::string{text(state)}; }
template <class Enum>
SqlValue sql(const Word<Enum>& word) {
  return word.str();
}
inline SqlValue sql(Severity severity) { return std::string{text(severity)}; }
inline SqlValue sql(NoticeType type) { return std::string{text(type)}; }
inline SqlValue sql(const InstrumentRules& rules) { return stored_text(rules); }
inline SqlValue sql(const ProtectionPlan& plan) { return stored_text(plan); }

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

template <class Enum>
bool read(const SqlValue& cell, Word<Enum>& value) {
  std::string written;
  if (!read(cell, written)) return false;
  value = Word<Enum>::of(std::move(written));
  return true;
}

// A word of ours as a literal, and a list of them; they hold no quote.
inline std::string quoted(std::string_view word) { return "'" + std::string{word} + "'"; }
inline std::string among(const std::vector<std::string_view>& words) {
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "(" : ", ") + quoted(word);
  return list + ")";
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
inline bool read(const SqlValue& cell, Symbol& value) { return read_word(cell, value, &Symbol::parse); }
inline bool read(const SqlValue& cell, Side& value) { return read_word(cell, value, &parse_side); }
inline bool read(const SqlValue& cell, Leg& value) { return read_word(cell, value, &parse_leg); }
inline bool read(const SqlValue& cell, OrderType& value) { return read_word(cell, value, &parse_order_type); }
inline bool read(const SqlValue& cell, OrderState& value) { return read_word(cell, value, &parse_order_state); }
inline bool read(const SqlValue& cell, Severity& value) { return read_word(cell, value, &parse_severity); }
inline bool read(const SqlValue& cell, NoticeType& value) { return read_word(cell, value, &parse_notice_type); }

inline std::optional<InstrumentRules> parse_stored(std::string_view text, const std::optional<InstrumentRules>&) {
  return parse_rules(text);
}
inline std::optional<ProtectionPlan> parse_stored(std::string_view text, const std::optional<ProtectionPlan>&) {
  return parse_plan(text);
}
template <class T>
requires requires(std::string_view text, std::optional<T> value) { parse_stored(text, value); }
bool read(const SqlValue& cell, std::optional<T>& value) {
  value.reset();
  if (std::holds_alternative<std::monostate>(cell)) return true;
  const auto* text = std::get_if<std::string>(&cell);
  if (text) value = parse_stored(*text, value);
  return value.has_value();
}
template <class T>
requires std::default_initializable<T> &&(!requires(std::string_view text, std::optional<T> value) {
  parse_stored(text, value);
}) bool read(const SqlValue& cell, std::optional<T>& value) {
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
