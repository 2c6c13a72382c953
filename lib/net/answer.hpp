// An answer as it comes over a connection: its head, its body, and whether another may follow.
#pragma once

#include "connection.hpp"
#include "tradeguard/https_transport.hpp"

namespace tradeguard::net {

struct Received {
  HttpResponse response;
  bool keep = false;  // the connection may carry another request
};
asio::awaitable<tl::expected<Received, std::string>> read_answer(Connection& connection, const HttpsSettings& settings,
                                                                 bool without_body);

std::string size_text(std::size_t bytes);

}  // namespace tradeguard::net
