#include "processes.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace tradeguard::support {

namespace {

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn(const std::vector<std::string>& arguments) {
  std::vector<char*> raw;
  for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  pid_t pid = -1;
  if (const int fault = ::posix_spawnp(&pid, raw[0], nullptr, nullptr, raw.data(), environ))
    throw std::runtime_error{arguments[0] + " cannot be started: " + std::to_string(fault)};
  return pid;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

void Fork::Parent::say(const std::string& line) const {
  const std::string whole = line + "\n";
  if (::write(descriptor_, whole.data(), whole.size()) < 0) ::_exit(99);
}

void Fork::Parent::park() {
  for (;;) ::pause();
}

Fork::Fork(const std::function<void(Parent&)>& story) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error{"no fork"};
  if (pid_ == 0) {
    ::close(ends[0]);
    Parent parent{ends[1]};
    try {
      story(parent);
    } catch (const std::exception& thrown) {
      parent.say(std::string{"threw: "} + thrown.what());
      ::_exit(98);
    }
    // Nothing of the test framework is told twice.
    ::_exit(0);
  }
  ::close(ends[1]);
  descriptor_ = ends[0];
}

Fork::~Fork() {
  if (pid_ > 0) kill_and_wait();
  ::close(descriptor_);
}

std::string Fork::hear() {
  for (;;) {
    if (const auto end = heard_.find('\n'); end != std::string::npos) {
      const std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      return line;
    }
    char buffer[512];
    const auto size = ::read(descriptor_, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::exchange(heard_, "");
    heard_.append(buffer, static_cast<std::size_t>(size));
  }
}

void Fork::kill(int signal) const { ::kill(pid_, signal); }

void Fork::kill_and_wait() {
  ::kill(pid_, SIGKILL);
  wait();
}

int Fork::wait() {
  const int code = wait_for(pid_);
  pid_ = -1;
  return code;
}

Program::Program(const std::vector<std::string>& arguments) : pid_{spawn(arguments)} {}

Program::~Program() {
  ::kill(pid_, SIGTERM);
  wait_for(pid_);
}

int run_program(const std::vector<std::string>& arguments) { return wait_for(spawn(arguments)); }

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  if (!bound) throw std::runtime_error{"no free port"};
  return ntohs(address.sin_port);
}

bool wait_for_listener(int port) {
  constexpr int tries = 500;
  constexpr int pause_in_ms = 10;
  for (int i = 0; i < tries; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool reached = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (reached) return true;
    // Another program starts at its own pace; there is nothing to listen to before it listens.
    ::poll(nullptr, 0, pause_in_ms);
  }
  return false;
}

}  // namespace tradeguard::support
