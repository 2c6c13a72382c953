// A wish as the guard takes it, without the moment at which it is claimed.
#pragma once

#include "tradeguard/desk.hpp"

namespace tradeguard {

Result<EntryRequest> request_of(const Wish& wish, const Desk::Settings& settings);

}  // namespace tradeguard
