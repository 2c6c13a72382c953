// A PostgreSQL of its own for one test, beside the one of scripts/with-postgres; gone when the test is.
#pragma once

#include <string>

namespace tradeguard::support {

class OwnServer {
 public:
  struct Plan {
    std::string initdb;        // more arguments: "-A trust"
    std::string prepare = {};  // a shell command in its data folder, before it starts
    std::string settings;      // of postgres: "-c ssl=on"
  };
  // Waits until it answers on 127.0.0.1. Throws when something fails, and names the command.
  explicit OwnServer(const Plan& plan);
  ~OwnServer();
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  int port() const { return port_; }
  const std::string& folder() const { return folder_; }  // where its unix socket may lie

 private:
  std::string folder_;
  int port_;
  std::string ctl_;
};

}  // namespace tradeguard::support
