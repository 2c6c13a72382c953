// fake_venue --dir DIR [--port N] [--admin-port N] [--control '/path?query']... [--outlive-parent]
//
// Both exchanges and Telegram on one TLS port of 127.0.0.1, controls on another without TLS. DIR
// holds the certificates, made when they are not there. Prints one line when it is ready, and ends
// on SIGTERM, SIGINT, or with the process that started it.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>

#include "server.hpp"

namespace {

using tradeguard::fake::Ed25519Pair;

Ed25519Pair key_in(const std::string& folder) {
  const auto path = folder + "/ed25519.pem";
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  if (auto key = Ed25519Pair::from_pem(text.str())) return *key;
  const auto key = Ed25519Pair::fresh();
  std::ofstream{path} << key.private_pem();
  ::chmod(path.c_str(), 0600);
  return key;
}

int usage() {
  std::cerr << "usage: fake_venue --dir DIR [--port N] [--admin-port N] [--control '/path?query']... "
               "[--outlive-parent]\n";
  return 64;
}

}  // namespace

int main(int count, char** arguments) try {
  std::string dir;
  unsigned short port = 0;
  unsigned short admin_port = 0;
  bool outlives = false;
  std::vector<std::string> controls;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--outlive-parent") {
      outlives = true;
      continue;
    }
    if (++i == count) return usage();
    const std::string value = arguments[i];
    if (name == "--dir")
      dir = value;
    else if (name == "--port")
      port = static_cast<unsigned short>(std::stoi(value));
    else if (name == "--admin-port")
      admin_port = static_cast<unsigned short>(std::stoi(value));
    else if (name == "--control")
      controls.push_back(value);
    else
      return usage();
  }
  if (dir.empty()) return usage();
  if (!outlives) {
    const auto parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) return 0;  // it went meanwhile
  }
  ::signal(SIGPIPE, SIG_IGN);

  const auto certificates = tradeguard::fake::certificates_in(dir);
  tradeguard::fake::Server server{certificates, key_in(dir), port, admin_port};
  for (const auto& control : controls) {
    tradeguard::fake::Request request;
    const auto mark = control.find('?');
    request.method = "POST";
    request.path = control.substr(0, mark);
    if (mark != std::string::npos) request.query = control.substr(mark + 1);
    const auto reply = server.control(request);
    if (reply.status != 200) {
      std::cerr << control << ": " << reply.body << "\n";
      return 64;
    }
  }
  std::cout << "READY tls=" << server.port() << " admin=" << server.admin_port() << " ca=" << certificates.ca
            << std::endl;
  server.run();
  return 0;
} catch (const std::exception& failure) {
  std::cerr << "fake_venue: " << failure.what() << "\n";
  return 70;
}
