// A wish as the guard takes it.
#pragma once

#include "tradeguard/desk.hpp"

namespace tradeguard {

Result<EntryRequest> request_of(const Wish& wish, const Desk::Settings& settings, Instant now);

}  // namespace tradeguard
