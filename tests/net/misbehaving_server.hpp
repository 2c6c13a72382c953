// A TLS server on 127.0.0.1 that does to its client whatever a test wants. Each connection has a
// thread of its own and runs the test's script; nothing in it sleeps, it reacts to what it reads.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "certificates.hpp"

namespace net_test {

struct Heard {
  std::string method;
  std::string target;
  std::string head;  // request line and headers as they came
  std::string body;
  std::chrono::nanoseconds at{};  // when the kernel had its last bytes (plain http only)
};

// One connection, seen from the server.
class Peer {
 public:
  // The next whole request; nullopt: the client is gone.
  std::optional<Heard> hear();
  bool say(std::string_view bytes);  // false: the client is gone
  void answer(std::string_view body, int status = 200);
  void say_goodbye();                // ends TLS properly, then the connection
  void hang_up();                    // ends the connection and lets TLS wonder
  void stop_talking(bool properly);  // the same, without waiting for the client to go
  void reset();                      // RST, at the end of the script
  void wait_for_bytes();             // of the client's, without reading them
  bool give_tickets();               // TLS 1.3: one more session ticket; false: the client is gone
  void relay_to(int port);           // bytes both ways, to 127.0.0.1, until one side ends
  bool wait_for_end(std::chrono::milliseconds at_most = std::chrono::seconds{10});
  bool resumed() const { return tls_ != nullptr && SSL_session_reused(tls_) == 1; }
  std::string name_asked_for() const;  // SNI; empty: none
  std::string tls_version() const { return tls_ != nullptr ? SSL_get_version(tls_) : ""; }
  int number() const { return number_; }  // of the connection, from 1

 private:
  friend class MisbehavingServer;
  Peer(int descriptor, SSL* tls, int number) : fd_{descriptor}, tls_{tls}, number_{number} {}
  bool read_more();

  int fd_;
  SSL* tls_;
  int number_;
  std::string unread_;
  std::chrono::nanoseconds last_arrival_{};
};

struct ServerOptions {
  std::optional<Identity> identity;  // none: plain http
  int newest_tls = 0;                // 0: the newest there is
  std::string ciphers;               // of TLS 1.2; empty: OpenSSL's
  std::optional<unsigned> uid;       // who listens; none: the user of the tests
  std::string before_handshake;      // said as soon as the connection is there, instead of TLS
  std::string address = "127.0.0.1";
  int port = 0;                      // 0: any
  std::function<void()> before_tls;  // called before the handshake is answered
};

class MisbehavingServer {
 public:
  using Script = std::function<void(Peer&)>;
  MisbehavingServer(ServerOptions options, Script script);
  ~MisbehavingServer();
  MisbehavingServer(const MisbehavingServer&) = delete;
  MisbehavingServer& operator=(const MisbehavingServer&) = delete;

  std::string url(std::string_view host = "127.0.0.1") const;
  int port() const { return port_; }
  int connections() const { return connections_; }
  int most_at_once() const { return most_at_once_; }
  int heard() const { return heard_; }  // scripts count with count_one()
  void count_one() { ++heard_; }

 private:
  void accept_all();
  void serve(int descriptor, int number);

  ServerOptions options_;
  Script script_;
  std::shared_ptr<SSL_CTX> context_;
  int listening_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> now_open_{0};
  std::atomic<int> most_at_once_{0};
  std::atomic<int> heard_{0};
  std::mutex mutex_;
  std::vector<int> open_;  // descriptors of connections being served
  bool ending_ = false;
  std::vector<std::thread> served_;
  std::thread accepting_;
};

// A port of this machine where nobody listens.
int refused_port();

}  // namespace net_test
