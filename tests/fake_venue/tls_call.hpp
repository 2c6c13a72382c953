// One HTTPS request, as plainly as it can be made: for tests of the server, not by the code it will
// test.
#pragma once

#include <string>

#include "web.hpp"

namespace tradeguard::fake {

struct Answered {
  bool complete = false;  // all the bytes its head speaks of
  int status = 0;
  std::string head;
  std::string body;
};
// Connects to 127.0.0.1, checks the certificate against `ca_file`, sends, reads to the end. Nothing
// at all is an answer that is not complete.
Answered tls_call(int port, const std::string& ca_file, const std::string& method, const std::string& target,
                  const Pairs& headers = {}, const std::string& body = {});

}  // namespace tradeguard::fake
