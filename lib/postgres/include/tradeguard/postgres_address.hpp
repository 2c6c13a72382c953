// The address of a PostgreSQL database, as libpq reads it: what of it may be shown, and what is secret.
// Tests: tests/cli/options_test.cpp
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tradeguard {

// The address with *** for every password in it, however it is written; "***" for one that libpq cannot
// read, because then nobody knows where its password stands.
std::string shown_address(std::string_view url);

// Every password in the address, decoded; empty if it has none, or cannot be read.
std::vector<std::string> passwords_of(std::string_view url);

}  // namespace tradeguard
