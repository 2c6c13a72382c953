#include "forwarder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace tradeguard::kills {

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// With a reset instead of a goodbye.
void reset(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket);
}

// false: there is nothing more to carry.
bool carry_over(int from, int to) {
  std::array<char, 65536> buffer{};
  const auto size = ::recv(from, buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  for (ssize_t sent = 0; sent < size;) {
    const auto part = ::send(to, buffer.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (part <= 0) return false;
    sent += part;
  }
  return true;
}

}  // namespace

Forwarder::Forwarder(int to) : to_{to} {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  constexpr int waiting = 64;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, waiting) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"no port to forward from"};
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { carry(); }};
}

Forwarder::~Forwarder() {
  over_ = true;
  thread_.join();
  reset_all();
  ::close(listener_);
}

void Forwarder::set(Wire wire) {
  wanted_ = wire;
  while (reached_ != wire) std::this_thread::yield();
}

void Forwarder::carry() {
  constexpr int glance_in_ms = 2;
  while (!over_) {
    const Wire wire = wanted_;
    if (wire == Wire::cut) reset_all();
    reached_ = wire;
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
    if (wire == Wire::whole)
      for (const auto& [client, server] : pairs_) {
        waiting.push_back({client, POLLIN, 0});
        waiting.push_back({server, POLLIN, 0});
      }
    if (::poll(waiting.data(), waiting.size(), glance_in_ms) <= 0) continue;
    // What was asked for meanwhile comes first: nothing gets through a wire that is cut.
    if (wanted_ != wire) continue;
    for (std::size_t i = pairs_.size(); wire == Wire::whole && i-- > 0;) {
      auto& [client, server] = pairs_[i];
      bool lives = true;
      if (waiting[1 + 2 * i].revents != 0) lives = carry_over(client, server);
      if (lives && waiting[2 + 2 * i].revents != 0) lives = carry_over(server, client);
      if (lives) continue;
      ::close(client);
      ::close(server);
      pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[0].revents != 0) accept_one();
  }
}

void Forwarder::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  if (wanted_ == Wire::cut) return reset(client);
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(to_);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(server);
    return reset(client);
  }
  pairs_.emplace_back(client, server);
}

void Forwarder::reset_all() {
  for (const auto& [client, server] : pairs_) {
    reset(client);
    reset(server);
  }
  pairs_.clear();
}

}  // namespace tradeguard::kills
