#include "binance_permissions_wire.hpp"

#include <rapidjson/memorystream.h>

#include "tradeguard/json.hpp"

namespace tradeguard::binance {

Permissions read_permissions(std::string_view body) {
  json::Document document;
  rapidjson::MemoryStream stream{body.data(), body.size()};
  document.ParseStream<rapidjson::kParseIterativeFlag>(stream);
  if (document.HasParseError() || !document.IsObject()) return {};
  const json::Value& answer = document;
  const auto said = [&](const char* name) -> std::optional<bool> {
    const auto found = answer.FindMember(name);
    if (found == answer.MemberEnd() || !found->value.IsBool()) return std::nullopt;
    return found->value.GetBool();
  };
  return {said("canTrade"), said("canWithdraw")};
}

}  // namespace tradeguard::binance
