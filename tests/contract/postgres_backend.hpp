#pragma once

#include "backends.hpp"

namespace tradeguard::contract {

std::unique_ptr<StoreUnderTest> fresh_postgres_store();

}  // namespace tradeguard::contract
