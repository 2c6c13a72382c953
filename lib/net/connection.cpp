#include "connection.hpp"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <system_error>

namespace tradeguard::net {

namespace {

// Both take what the kernel takes, remember why not, and never raise SIGPIPE.
ssize_t to_kernel(Connection& connection, const char* bytes, std::size_t size) {
  const ssize_t taken = ::send(connection.socket.native_handle(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken > 0) connection.bytes_sent += static_cast<std::size_t>(taken);
  if (taken < 0 && errno != EAGAIN && errno != EINTR) connection.broken = errno;
  return taken;
}
ssize_t from_kernel(Connection& connection, char* bytes, std::size_t size) {
  const ssize_t taken = ::recv(connection.socket.native_handle(), bytes, size, MSG_DONTWAIT);
  if (taken == 0) connection.cut = true;
  if (taken < 0 && errno != EAGAIN && errno != EINTR) connection.broken = errno;
  return taken;
}

int bio_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  auto& connection = *static_cast<Connection*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t taken = to_kernel(connection, bytes, size);
  *written = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  if (taken < 0 && connection.broken == 0) BIO_set_retry_write(bio);
  return taken > 0 ? 1 : 0;
}
int bio_read(BIO* bio, char* bytes, std::size_t size, std::size_t* read) {
  auto& connection = *static_cast<Connection*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t taken = from_kernel(connection, bytes, size);
  *read = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  if (taken < 0 && connection.broken == 0) BIO_set_retry_read(bio);
  return taken > 0 ? 1 : 0;
}
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

}  // namespace

Owned<BIO_METHOD> counting_socket() {
  Owned<BIO_METHOD> method{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")};
  if (!method) throw std::bad_alloc{};
  BIO_meth_set_write_ex(method.get(), bio_write);
  BIO_meth_set_read_ex(method.get(), bio_read);
  BIO_meth_set_ctrl(method.get(), bio_control);
  return method;
}

Step tls_step(const Connection& connection, int outcome) {
  switch (SSL_get_error(connection.tls.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      return Step::wait_to_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::wait_to_write;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;  // it said goodbye: nothing was cut off
    default:
      return Step::failed;
  }
}

Moved write_some(Connection& connection, std::string_view text) {
  if (connection.tls) {
    std::size_t bytes = 0;
    ERR_clear_error();
    const int outcome = SSL_write_ex(connection.tls.get(), text.data(), text.size(), &bytes);
    return outcome == 1 ? Moved{Step::done, bytes} : Moved{tls_step(connection, outcome)};
  }
  const ssize_t taken = to_kernel(connection, text.data(), text.size());
  if (taken >= 0) return {Step::done, static_cast<std::size_t>(taken)};
  return {connection.broken != 0 ? Step::failed : Step::wait_to_write};
}

Moved read_some(Connection& connection, char* into, std::size_t room) {
  if (connection.tls) {
    std::size_t bytes = 0;
    ERR_clear_error();
    const int outcome = SSL_read_ex(connection.tls.get(), into, room, &bytes);
    return outcome == 1 ? Moved{Step::done, bytes} : Moved{tls_step(connection, outcome)};
  }
  const ssize_t taken = from_kernel(connection, into, room);
  if (taken > 0) return {Step::done, static_cast<std::size_t>(taken)};
  if (taken == 0) return {Step::ended};
  return {connection.broken != 0 ? Step::failed : Step::wait_to_read};
}

// Nothing may come on a connection where nothing was asked: what can be read is its end, or bytes
// that would be taken for the next answer. Session tickets are read on the way.
bool still_open(Connection& connection) {
  constexpr int most_tickets = 16;
  for (int record = 0; record < most_tickets; ++record) {
    char byte = 0;
    if (read_some(connection, &byte, 1).step != Step::wait_to_read) return false;
    pollfd more{connection.socket.native_handle(), POLLIN, 0};
    if (::poll(&more, 1, 0) == 0) return true;
  }
  return false;
}

// False: it was given up while it waited.
asio::awaitable<bool> ready(Connection& connection, Step step) {
  error_code stopped;
  co_await connection.socket.async_wait(step == Step::wait_to_read ? tcp::socket::wait_read : tcp::socket::wait_write,
                                        asio::redirect_error(asio::use_awaitable, stopped));
  co_return !stopped && connection.socket.is_open();
}

asio::awaitable<bool> write_all(Connection& connection, std::string_view text) {
  while (!text.empty()) {
    const Moved moved = write_some(connection, text);
    if (moved.step == Step::done) {
      text.remove_prefix(moved.bytes);
      continue;
    }
    if (moved.step == Step::ended || moved.step == Step::failed) co_return false;
    const bool go_on = co_await ready(connection, moved.step);
    if (!go_on) co_return false;
  }
  co_return true;
}

std::string why_lost(const Connection& connection) {
  if (connection.broken != 0) return "connection lost: " + spoken(std::generic_category().message(connection.broken));
  return "connection lost";
}

// "Connection refused" in the middle of a sentence.
std::string spoken(std::string text) {
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace tradeguard::net
