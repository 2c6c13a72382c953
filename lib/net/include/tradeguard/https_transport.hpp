// HttpsTransport: HTTPS over Asio, Beast and OpenSSL. Certificate and host name are always verified.
// Contract test: tests/net/https_transport_test.cpp
#pragma once

#include <cstddef>
#include <memory>

#include "tradeguard/clock.hpp"
#include "tradeguard/http.hpp"

namespace tradeguard {

struct HttpsSettings {
  BaseUrl base;
  std::optional<Proxy> proxy;  // the way to the host, by CONNECT; never used without TLS
  std::string ca_file;         // PEM, trusted besides the system's directory; empty: none
  bool ca_only = false;        // trust ca_file and nothing else
  // Without TLS: also a port of this machine that another user serves. Else such a request is unsent.
  bool insecure_loopback = false;
  std::size_t connections = 32;          // open to the host at a time
  std::size_t body_limit = 8u << 20;     // bytes of an answer's body
  std::size_t header_limit = 64u << 10;  // bytes of an answer's head
  std::vector<RateLimit> limits;
  Micros longest_turn = 20s;  // what has not had its turn by then was not sent
};

// TLS 1.2 or newer with forward secrecy, SNI, the alternative names of certificates only, the
// system's certificates from the hashed directory. Nothing is resolved, read
// or connected before the first exchange; connections are kept open between exchanges and die with
// the transport. Of a name with several addresses the next is tried where one refuses, fails in TLS or
// keeps silent for a share of the patience; the one that worked is the first choice from then on. For
// one thread. Not for use on both sides of a fork.
class HttpsTransport final : public HttpTransport {
 public:
  explicit HttpsTransport(HttpsSettings settings, Clock& clock);
  ~HttpsTransport() override;
  std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros patience) override;

 private:
  class Wire;
  std::unique_ptr<Wire> wire_;
};

}  // namespace tradeguard
