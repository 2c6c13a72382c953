// A request as the bytes of HTTP/1.1. Private to this room.
// Contract test: tests/net/https_transport_test.cpp
#pragma once

#include <string>

#include "tradeguard/http.hpp"

namespace tradeguard {

// False: a method, a target or a header that would become more than one line, or none.
bool well_formed(const HttpRequest& request);
std::string request_text(const BaseUrl& base, const HttpRequest& request);

}  // namespace tradeguard
