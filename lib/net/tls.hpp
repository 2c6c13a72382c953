// Whom this side trusts, and why a handshake did not please it.
#pragma once

#include <string>

#include "connection.hpp"
#include "tradeguard/https_transport.hpp"

namespace tradeguard::net {

// `trouble`: what is wrong with the settings; then nothing can be trusted.
Owned<SSL_CTX> tls_context(const HttpsSettings& settings, std::string& trouble);
std::string handshake_trouble(const Connection& connection);

}  // namespace tradeguard::net
