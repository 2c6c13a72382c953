#include "misbehaving_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace net_test {
namespace {

int listener(int& port, const std::string& at = "127.0.0.1", const std::optional<unsigned>& uid = std::nullopt) {
  // A socket belongs to whom this thread is, for files, when it is made.
  const int before = uid ? ::setfsuid(*uid) : 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (uid) ::setfsuid(static_cast<uid_t>(before));
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, at.c_str(), &address.sin_addr);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 256) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"the test server cannot listen"};
  port = ntohs(address.sin_port);
  return fd;
}

std::chrono::nanoseconds nanoseconds_of(const timespec& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

}  // namespace

MisbehavingServer::MisbehavingServer(ServerOptions options, Script script)
    : options_{std::move(options)}, script_{std::move(script)} {
  if (options_.identity) {
    context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    // Old versions are spoken at this level only.
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    if (options_.newest_tls != 0) SSL_CTX_set_max_proto_version(context_.get(), options_.newest_tls);
    if (!options_.ciphers.empty()) SSL_CTX_set_cipher_list(context_.get(), options_.ciphers.c_str());
    SSL_CTX_use_certificate(context_.get(), options_.identity->certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), options_.identity->key.get());
  }
  port_ = options_.port;
  listening_ = listener(port_, options_.address, options_.uid);
  accepting_ = std::thread{[this] { accept_all(); }};
}

MisbehavingServer::~MisbehavingServer() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(listening_, SHUT_RDWR);
  accepting_.join();
  ::close(listening_);
  for (std::thread& thread : served_) thread.join();
}

std::string MisbehavingServer::url(std::string_view host) const {
  return (context_ ? "https://" : "http://") + std::string{host} + ":" + std::to_string(port_);
}

void MisbehavingServer::accept_all() {
  // What OpenSSL writes to a client that is gone raises SIGPIPE in the thread that writes. The
  // client's thread keeps its signals: there it would be a defect.
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock{mutex_};
    if (fd < 0 || ending_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    open_.push_back(fd);
    const int number = ++connections_;
    served_.emplace_back([this, fd, number] { serve(fd, number); });
  }
}

void MisbehavingServer::serve(int fd, int number) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
  const int now_open = ++now_open_;
  for (int most = most_at_once_; now_open > most;)
    if (most_at_once_.compare_exchange_weak(most, now_open)) break;

  SSL* tls = nullptr;
  bool up = true;
  if (!options_.before_handshake.empty()) {
    Peer{fd, nullptr, number}.say(options_.before_handshake);
    up = false;
  } else if (context_) {
    if (options_.before_tls) options_.before_tls();
    tls = SSL_new(context_.get());
    SSL_set_fd(tls, fd);
    up = SSL_accept(tls) == 1;
  }
  Peer peer{fd, tls, number};
  if (up) script_(peer);

  {
    const std::lock_guard lock{mutex_};
    std::erase(open_, fd);
  }
  if (tls != nullptr) SSL_set_quiet_shutdown(tls, 1);
  SSL_free(tls);
  --now_open_;
  ::close(fd);
}

bool Peer::read_more() {
  char bytes[16384];
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int count = SSL_read(tls_, bytes, sizeof bytes);
    if (count <= 0) return false;
    unread_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  // The kernel's time of arrival: how late this thread gets to read says nothing.
  iovec piece{bytes, sizeof bytes};
  alignas(cmsghdr) char control[256];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(fd_, &message, 0);
  if (count <= 0) return false;
  unread_.append(bytes, static_cast<std::size_t>(count));
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  if (const cmsghdr* stamp = CMSG_FIRSTHDR(&message); stamp != nullptr && stamp->cmsg_type == SCM_TIMESTAMPNS)
    std::memcpy(&time, CMSG_DATA(stamp), sizeof time);
  last_arrival_ = nanoseconds_of(time);
  return true;
}

std::optional<Heard> Peer::hear() {
  std::size_t end;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos)
    if (!read_more()) return std::nullopt;
  Heard heard;
  heard.head = unread_.substr(0, end + 2);
  unread_.erase(0, end + 4);
  const std::size_t first = heard.head.find(' ');
  heard.method = heard.head.substr(0, first);
  heard.target = heard.head.substr(first + 1, heard.head.find(' ', first + 1) - first - 1);
  std::size_t length = 0;
  if (const std::size_t at = heard.head.find("Content-Length: "); at != std::string::npos)
    length = std::stoul(heard.head.substr(at + 16));
  while (unread_.size() < length)
    if (!read_more()) return std::nullopt;
  heard.body = unread_.substr(0, length);
  unread_.erase(0, length);
  heard.at = last_arrival_;
  return heard;
}

bool Peer::say(std::string_view bytes) {
  if (tls_ != nullptr) {
    ERR_clear_error();
    return SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Peer::give_tickets() {
  ERR_clear_error();
  // That a ticket could not be written is no error to OpenSSL.
  pollfd gone{fd_, POLLRDHUP, 0};
  return SSL_new_session_ticket(tls_) == 1 && SSL_do_handshake(tls_) == 1 && ::poll(&gone, 1, 0) == 0;
}

void Peer::answer(std::string_view body, int status) {
  say("HTTP/1.1 " + std::to_string(status) + " As Asked\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + std::string{body});
}

void Peer::say_goodbye() {
  stop_talking(true);
  wait_for_end();
}

void Peer::hang_up() {
  stop_talking(false);
  wait_for_end();
}

void Peer::stop_talking(bool properly) {
  if (tls_ != nullptr && properly) SSL_shutdown(tls_);
  ::shutdown(fd_, SHUT_WR);
}

// Linger zero makes the close at the end of the script a reset; what was read does not matter.
void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Peer::wait_for_bytes() {
  pollfd poll{fd_, POLLIN, 0};
  ::poll(&poll, 1, 10'000);
}

void Peer::relay_to(int port) {
  const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    pollfd both[2] = {{fd_, POLLIN, 0}, {other, POLLIN, 0}};
    char bytes[16384];
    for (bool open = true; open && ::poll(both, 2, 10'000) > 0;)
      for (const int from : {0, 1}) {
        if (both[from].revents == 0) continue;
        const ssize_t count = ::recv(both[from].fd, bytes, sizeof bytes, 0);
        open = open && count > 0 &&
               ::send(both[1 - from].fd, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
      }
  }
  ::close(other);
}

bool Peer::wait_for_end(std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd poll{fd_, POLLIN | POLLRDHUP, 0};
    // Looks at least once, also when there is no time to wait.
    if (::poll(&poll, 1, static_cast<int>(std::max<long>(left.count(), 0))) <= 0) return false;
    char bytes[4096];
    if (::recv(fd_, bytes, sizeof bytes, 0) <= 0) return true;
  }
}

std::string Peer::name_asked_for() const {
  const char* name = tls_ != nullptr ? SSL_get_servername(tls_, TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? name : "";
}

int refused_port() {
  int port = 0;
  ::close(listener(port));
  return port;
}

}  // namespace net_test
