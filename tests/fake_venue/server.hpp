// Sockets and TLS around the fake: one TLS port that carries the three APIs by path, one plain port
// on loopback that carries the controls. One thread. Contract test:
// tests/fake_venue/process_test.cpp
#pragma once

#include <memory>
#include <string>

#include "certificates.hpp"
#include "web.hpp"

namespace tradeguard::fake {

class Server {
 public:
  Server(const Certificates& certificates, const Ed25519Pair& key, unsigned short port, unsigned short admin_port);
  ~Server();
  unsigned short port() const;
  unsigned short admin_port() const;
  Reply control(const Request& request);  // the controls, without a socket
  void run();                             // until SIGTERM or SIGINT

 private:
  struct Sockets;
  std::unique_ptr<Sockets> sockets_;
};

}  // namespace tradeguard::fake
