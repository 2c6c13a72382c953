// examine_telegram: is the token a bot's, and does the bot know the chat? Nothing is told to anybody.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include <string>
#include <vector>

#include "tradeguard/http.hpp"
#include "tradeguard/secret.hpp"
#include "tradeguard/venue_check.hpp"

namespace tradeguard {

// Of a token that is not taken the chat is not asked about.
std::vector<Finding> examine_telegram(HttpTransport& transport, const Secret& token, const std::string& chat_id,
                                      Micros patience);

}  // namespace tradeguard
