#include "binance_permissions_wire.hpp"

#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>

namespace tradeguard::binance {

Permissions read_permissions(std::string_view body) {
  rapidjson::Document document;
  rapidjson::MemoryStream stream{body.data(), body.size()};
  document.ParseStream<rapidjson::kParseIterativeFlag>(stream);
  if (document.HasParseError() || !document.IsObject()) return {};
  const auto said = [&](const char* name) -> std::optional<bool> {
    const auto found = document.FindMember(name);
    if (found != document.MemberEnd() && found->value.IsBool()) return found->value.GetBool();
    return std::nullopt;
  };
  return {said("canTrade"), said("canWithdraw")};
}

}  // namespace tradeguard::binance
