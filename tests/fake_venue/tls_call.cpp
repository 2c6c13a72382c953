#include "tls_call.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

namespace tradeguard::fake {

namespace {

int connected(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // Nobody waits for ever for a server that says nothing.
  const timeval patience{5, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

Answered read_answer(const std::string& text) {
  Answered answer;
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.head = text.substr(0, end);
  answer.body = text.substr(end + 4);
  answer.status = std::stoi(answer.head.substr(answer.head.find(' ') + 1));
  const auto length = lower(answer.head).find("content-length: ");
  answer.complete = length != std::string::npos && std::stoull(answer.head.substr(length + 16)) == answer.body.size();
  return answer;
}

}  // namespace

Answered tls_call(int port, const std::string& ca_file, const std::string& method, const std::string& target,
                  const Pairs& headers, const std::string& body) {
  const int socket = connected(port);
  if (socket < 0) return {};
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  if (SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1)
    throw std::runtime_error{"no CA in " + ca_file};
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context.get()), SSL_free};
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.get()), "127.0.0.1");
  SSL_set_fd(tls.get(), socket);
  std::string received;
  if (SSL_connect(tls.get()) == 1) {
    auto request = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
    for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    SSL_write(tls.get(), request.data(), static_cast<int>(request.size()));
    char buffer[4096];
    for (int size = 0; (size = SSL_read(tls.get(), buffer, sizeof buffer)) > 0;)
      received.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(socket);
  return read_answer(received);
}

}  // namespace tradeguard::fake
