// How the journal's own types lie in a cell, beside those of sql_cells.hpp. Private to this room.
#pragma once

#include <optional>
#include <string>

#include "draft.hpp"
#include "tradeguard/journal.hpp"

namespace tradeguard {

inline SqlValue sql(Leg leg) { return std::string{text(leg)}; }
inline SqlValue sql(OrderState state) { return std::string{text(state)}; }
template <class Enum>
SqlValue sql(const Word<Enum>& word) {
  return word.str();
}
inline SqlValue sql(Severity severity) { return std::string{text(severity)}; }
inline SqlValue sql(NoticeType type) { return std::string{text(type)}; }
inline SqlValue sql(const InstrumentRules& rules) { return stored_text(rules); }
inline SqlValue sql(const ProtectionPlan& plan) { return stored_text(plan); }

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

inline bool read(const SqlValue& cell, Leg& value) { return read_word(cell, value, &parse_leg); }
inline bool read(const SqlValue& cell, OrderState& value) { return read_word(cell, value, &parse_order_state); }
inline bool read(const SqlValue& cell, Severity& value) { return read_word(cell, value, &parse_severity); }
inline bool read(const SqlValue& cell, NoticeType& value) { return read_word(cell, value, &parse_notice_type); }

// Rules without a market are none, so there is nothing to read them into.
inline bool read(const SqlValue& cell, std::optional<InstrumentRules>& value) {
  value.reset();
  const auto* const text = std::get_if<std::string>(&cell);
  if (text != nullptr) value = parse_rules(*text);
  return std::holds_alternative<std::monostate>(cell) || value;
}
inline bool read(const SqlValue& cell, ProtectionPlan& value) { return read_word(cell, value, &parse_plan); }

}  // namespace tradeguard
