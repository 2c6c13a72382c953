// Text that others wrote: which of it may be shown as it is, and how the rest is written and read.
// Private to core; tests/unit/log_test.cpp and notice_test.cpp test it through its users.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tradeguard {

// The length of the character at `at` if a terminal, a log and a chat show it as itself; 0 if it
// is a control, an invisible, a foreign kind of blank, a change of direction, or no UTF-8.
std::size_t printable_length(std::string_view text, std::size_t at);

// One line of valid UTF-8 for a person: what is not printable becomes \n, \t or \xNN.
std::string printable(std::string_view text);

// Takes one value, as escape_value writes it, from the front of `text`. An unquoted one ends
// before the next blank or '='. nullopt: there is none.
std::optional<std::string> take_value(std::string_view& text);

}  // namespace tradeguard
