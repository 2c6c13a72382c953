#include "pooler.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "processes.hpp"
#include "scratch_database.hpp"

namespace tradeguard::support {

Pooler::Pooler(Mode mode, Options options) : folder_{"/tmp/tradeguard-pooler-XXXXXX"} {
  if (!::mkdtemp(folder_.data())) throw std::runtime_error{"no temporary folder"};
  ::chmod(folder_.c_str(), 0755);
  port_ = free_port();
  const std::string server = test_server();
  const auto port_at = server.rfind(':') + 1;
  const std::string server_port = server.substr(port_at, server.rfind('/') - port_at);
  std::ofstream{folder_ + "/users"} << "\"postgres\" \"\"\n";
  std::ofstream{folder_ + "/pgbouncer.ini"}
      << "[databases]\n* = host=127.0.0.1 port=" << server_port << "\n[pgbouncer]\n"
      << "listen_addr = 127.0.0.1\nlisten_port = " << port_ << "\nunix_socket_dir =\n"
      << "auth_type = trust\nauth_file = " << folder_ << "/users\n"
      << "pool_mode = " << (mode == Mode::session ? "session" : "transaction") << "\n"
      << (options == Options::ignored ? "ignore_startup_parameters = options\n" : "");
  std::vector<std::string> arguments{"pgbouncer", "-q"};
  if (::geteuid() == 0) {
    // It refuses to run as root, as the server does.
    const char* user = std::getenv("TRADEGUARD_TEST_PGUSER_OS");
    arguments.insert(arguments.end(), {"-u", user ? user : "postgres"});
  }
  arguments.push_back(folder_ + "/pgbouncer.ini");
  program_ = std::make_unique<Program>(arguments);
  if (!wait_for_listener(port_)) throw std::runtime_error{"PgBouncer did not start"};
}

Pooler::~Pooler() {
  program_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Pooler::url(const std::string& database) const {
  return test_server({.database = database, .port = port_});
}

}  // namespace tradeguard::support
