// The bots' own REST client, as many have one: JSON over TLS, ids as text, and an exception when no
// answer came. It knows nothing of tradeguard.
#pragma once

#include <openssl/ssl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

class RestClient {
 public:
  struct Answer {
    int status;
    std::string body;
    // "filled":"0.25" -> 0.25. No JSON library for three fields.
    std::string field(const std::string& name) const {
      const std::string key = "\"" + name + "\": \"";
      const auto at = body.find(key);
      if (at == std::string::npos) return "";
      const auto begin = at + key.size();
      return body.substr(begin, body.find('"', begin) - begin);
    }
  };
  RestClient(std::string host, const std::string& authority)
      : host_{std::move(host)}, context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free} {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_load_verify_file(context_.get(), authority.c_str());
  }
  Answer post(const std::string& path, const std::string& body) {
    return call("POST " + path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  }
  Answer get(const std::string& path) { return call("GET " + path, "", ""); }

 private:
  Answer call(const std::string& what, const std::string& head, const std::string& body) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> line{BIO_new_ssl_connect(context_.get()),
                                                             BIO_free_all};
    BIO_set_conn_hostname(line.get(), host_.c_str());
    if (BIO_do_connect(line.get()) != 1) throw std::runtime_error{"not connected"};
    const std::string text = what + " HTTP/1.1\r\nHost: " + host_ +
                             "\r\nX-Pid: " + std::to_string(::getpid()) + "\r\n" + head + "\r\n" +
                             body;
    if (BIO_write(line.get(), text.data(), static_cast<int>(text.size())) <= 0)
      throw std::runtime_error{"not sent"};
    std::string answer;
    char buffer[4096];
    for (int size = 0; (size = BIO_read(line.get(), buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(size));
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string::npos) throw std::runtime_error{"no answer"};
    return {std::atoi(answer.c_str() + answer.find(' ')), answer.substr(end + 4)};
  }
  std::string host_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};
