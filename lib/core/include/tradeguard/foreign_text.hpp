// Text that others wrote: which of it may be shown as it is, and how the rest is written and read.
// Contract tests: tests/unit/log_test.cpp, notice_test.cpp and foreign_text_test.cpp. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tradeguard {

// The length of the character at `at` if a terminal, a log and a chat show it as itself; 0 if it
// is a control, an invisible, a foreign kind of blank, a change of direction, or no UTF-8.
std::size_t printable_length(std::string_view text, std::size_t at);

// The length of the UTF-8 character at `at`, whatever it shows as; 0: what stands there is no UTF-8.
std::size_t character_length(std::string_view text, std::size_t at);

// `text`, or as much of its beginning as has `most` bytes without half a character at its end.
std::string_view cut_between_characters(std::string_view text, std::size_t most);

// One line of valid UTF-8 for a person: what is not printable becomes \n, \t or \xNN.
std::string printable(std::string_view text);

// The same of a text of several lines: its ends of lines stay.
std::string printable_lines(std::string_view text);

// For a format with an escape of its own, such as JSON: only what no terminal shows as itself and no
// such format escapes is replaced, by U+FFFD.
std::string replaced(std::string_view text);

// Takes one value, as escape_value writes it, from the front of `text`. An unquoted one ends
// before the next blank or '='. nullopt: there is none.
std::optional<std::string> take_value(std::string_view& text);

}  // namespace tradeguard
