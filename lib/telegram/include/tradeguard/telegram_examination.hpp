// examine_telegram: is the token a bot's? Nothing is told to anybody.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include "tradeguard/http.hpp"
#include "tradeguard/secret.hpp"
#include "tradeguard/venue_check.hpp"

namespace tradeguard {

Finding examine_telegram(HttpTransport& transport, const Secret& token, Micros patience);

}  // namespace tradeguard
