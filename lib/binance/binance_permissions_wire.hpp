// What the account may do, as /api/v3/account says it. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace tradeguard::binance {

struct Permissions {
  std::optional<bool> trade;  // nullopt: not said
  std::optional<bool> withdraw;
};
Permissions read_permissions(std::string_view body);

}  // namespace tradeguard::binance
