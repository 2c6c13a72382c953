// Who serves a port of this machine. Without TLS nothing else says to whom a key is sent: any login
// may listen on a free port, the one that a bot is configured for among them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tradeguard {

// nullopt: whoever listens at this loopback address and port is root or the user of this process.
// Else why a secret must not go there, as the end of a sentence. The owner of a listening socket is
// what the kernel says in /proc/net/tcp and tcp6; where they cannot be read, that is the reason.
// `address` is text: "127.0.0.1" or "::1".
std::optional<std::string> loopback_objection(const std::string& address, std::uint16_t port);

}  // namespace tradeguard
