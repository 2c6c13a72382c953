// A certificate authority of the fake's own and a leaf for 127.0.0.1, ::1 and localhost, kept in a
// folder.
#pragma once

#include <string>

namespace tradeguard::fake {

struct Certificates {
  std::string ca;  // paths of PEM files
  std::string chain;
  std::string key;
};
// Those of the folder, made when they are not there. Throws std::runtime_error.
Certificates certificates_in(const std::string& folder);

}  // namespace tradeguard::fake
