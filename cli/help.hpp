// The words of --help, made from the tables, so that they cannot say what is not so.
// Tests: tests/cli/help_test.cpp
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands.hpp"

namespace tradeguard::cli {

std::string overview();                        // `tradeguard --help`
std::string help_for(const Command& command);  // `tradeguard help run`
// `tradeguard help configuration`, ...; nullopt: no such topic.
std::optional<std::string> help_topic(std::string_view topic);

}  // namespace tradeguard::cli
