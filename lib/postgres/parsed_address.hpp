// An address as libpq reads it. Private to this room.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace tradeguard {

using ParsedAddress = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// Null: libpq cannot read it. Its complaint may quote the address, and with it a password, so it is
// dropped.
inline ParsedAddress parsed_address(std::string_view url) {
  char* complaint = nullptr;
  ParsedAddress options{PQconninfoParse(std::string{url}.c_str(), &complaint), &PQconninfoFree};
  PQfreemem(complaint);
  return options;
}

}  // namespace tradeguard
