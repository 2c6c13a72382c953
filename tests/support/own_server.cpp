#include "own_server.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "processes.hpp"

namespace tradeguard::support {

namespace {

void shell(const std::string& command) {
  if (std::system((command + " >/dev/null 2>&1 </dev/null").c_str()) != 0)
    throw std::runtime_error{"failed: " + command};
}

std::string new_folder() {
  std::string folder = std::filesystem::temp_directory_path() / "tradeguard-server-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error{"no folder " + folder};
  return folder;
}

}  // namespace

OwnServer::OwnServer(const Plan& plan) : folder_{new_folder()}, port_{free_port()} {
  const std::string bin = std::getenv("TRADEGUARD_TEST_PGBIN");
  std::string as_owner;  // root may not be one
  if (::geteuid() == 0) {
    const std::string user = std::getenv("TRADEGUARD_TEST_PGUSER_OS");
    as_owner = "setpriv --reuid=" + user + " --regid=" + user + " --init-groups ";
    shell("chown " + user + " " + folder_);
  }
  const std::string data = folder_ + "/data";
  ctl_ = "cd / && " + as_owner + bin + "/pg_ctl -s -w -D " + data + " ";
  shell("cd / && " + as_owner + bin + "/initdb -D " + data + " -U postgres " + plan.initdb +
        " --no-sync --no-instructions");
  if (!plan.prepare.empty()) shell("cd " + data + " && " + as_owner + plan.prepare);
  shell(ctl_ + "-o '-c listen_addresses=127.0.0.1 " + plan.settings + " -p " + std::to_string(port_) + "' start -l " +
        data + "/log");
}

OwnServer::~OwnServer() {
  (void)!std::system((ctl_ + "-m immediate stop >/dev/null 2>&1").c_str());
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace tradeguard::support
