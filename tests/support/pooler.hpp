// PgBouncer in front of the test server; gone when the test is.
#pragma once

#include <memory>
#include <string>

namespace tradeguard::support {

class Program;

class Pooler {
 public:
  enum class Mode { session, transaction };
  enum class Options {
    refused,  // as PgBouncer comes: startup options are an error
    ignored,  // as many set it up, since drivers send options
  };
  Pooler(Mode mode, Options options);
  ~Pooler();
  Pooler(const Pooler&) = delete;
  Pooler& operator=(const Pooler&) = delete;
  std::string url(const std::string& database) const;

 private:
  std::string folder_;
  int port_;
  std::unique_ptr<Program> program_;
};

}  // namespace tradeguard::support
