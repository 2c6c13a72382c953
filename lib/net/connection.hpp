// One connection to a peer: TLS or plain, never waiting, and known to the byte what the kernel took of it.
#pragma once

#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace tradeguard::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t bite = 16u << 10;  // the most one TLS record holds

struct Freed {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* tls) const { SSL_free(tls); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

struct Connection {
  explicit Connection(asio::io_context& loop) : socket{loop} {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Without a goodbye OpenSSL marks the session as not to be resumed.
  ~Connection() {
    if (tls) SSL_set_shutdown(tls.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  tcp::socket socket;
  tcp::endpoint address;
  Owned<SSL> tls;  // none: plain http to this machine
  boost::beast::flat_buffer unread;
  bool late = false;           // it was given up
  bool used = false;           // a request was written to it
  std::size_t bytes_sent = 0;  // what the kernel took from us in all
  bool cut = false;            // the peer ended it, perhaps without saying so
  int broken = 0;              // errno
};

enum class Step { done, wait_to_read, wait_to_write, ended, failed };
struct Moved {
  Step step;
  std::size_t bytes = 0;
};
// Without waiting; TLS or plain alike.
Moved write_some(Connection& connection, std::string_view text);
Moved read_some(Connection& connection, char* into, std::size_t room);
bool still_open(Connection& connection);
asio::awaitable<bool> ready(Connection& connection, Step step);
asio::awaitable<bool> write_all(Connection& connection, std::string_view text);
std::string why_lost(const Connection& connection);

// OpenSSL's way to the socket, which counts what the kernel takes.
Owned<BIO_METHOD> counting_socket();

// "Connection refused" as it stands in the middle of a sentence.
std::string spoken(std::string text);

}  // namespace tradeguard::net
