// Who gets the database's password: nobody but the server it is meant for.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "contract.hpp"
#include "own_server.hpp"
#include "processes.hpp"
#include "sessions.hpp"

namespace tradeguard::security_db {
namespace {

using namespace contract;
using namespace stores;
using Catch::Contains;
using Catch::StartsWith;

constexpr const char* the_password = "wide-open-sesame";

// Whoever took the port before PostgreSQL did: asks everybody for the password in clear, and writes down
// what he is told.
class FakeServer {
 public:
  explicit FakeServer(in_addr_t address = htonl(INADDR_LOOPBACK)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = address;
    socklen_t size = sizeof at;
    if (listening_ < 0 || ::bind(listening_, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        ::listen(listening_, 8) != 0 || ::getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error{"no fake server"};
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~FakeServer() {
    ::shutdown(listening_, SHUT_RDWR);
    thread_.join();
    ::close(listening_);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  int port() const { return port_; }
  std::string url(const std::string& more = "") const {
    return "postgresql://bot@127.0.0.1:" + std::to_string(port_) + "/store" + more;
  }
  // To be read when nobody is connected any more.
  const std::string& heard() const { return heard_; }

 private:
  void serve() {
    for (;;) {
      const int peer = ::accept(listening_, nullptr, nullptr);
      if (peer < 0) return;
      talk(peer);
      ::close(peer);
    }
  }
  void talk(int peer) {
    std::array<char, 4096> bytes{};
    constexpr std::string_view in_clear{"R\0\0\0\x08\0\0\0\x03", 9};
    bool asked = false;
    for (;;) {
      const ssize_t read = ::recv(peer, bytes.data(), bytes.size(), 0);
      if (read <= 0) return;
      heard_.append(bytes.data(), static_cast<std::size_t>(read));
      constexpr ssize_t a_question = 8;  // "may we encrypt?", by TLS or by Kerberos
      if (asked) continue;
      if (read == a_question) {
        if (::send(peer, "N", 1, MSG_NOSIGNAL) != 1) return;
        continue;
      }
      asked = true;
      if (::send(peer, in_clear.data(), in_clear.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
  int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::string heard_;
  std::thread thread_;
};

// The ways a password comes to libpq.
enum class Way { address, environment, file };
class Password {
 public:
  Password(Way way, const FakeServer& server) : way_{way} {
    ::unsetenv("PGPASSWORD");
    if (way == Way::environment) ::setenv("PGPASSWORD", the_password, 1);
    if (way != Way::file) return;
    const std::string path = folder_.file("pgpass");
    std::ofstream{path} << "127.0.0.1:" << server.port() << ":*:bot:" << the_password << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    ::setenv("PGPASSFILE", path.c_str(), 1);
  }
  ~Password() {
    ::unsetenv("PGPASSWORD");
    ::unsetenv("PGPASSFILE");
  }
  Password(const Password&) = delete;
  Password& operator=(const Password&) = delete;
  std::string in(const std::string& url) const {
    if (way_ != Way::address) return url;
    return std::string{url}.replace(url.find("bot@"), 4, std::string{"bot:"} + the_password + "@");
  }

 private:
  Way way_;
  ScratchFolder folder_;
};

TEST_CASE("a server of this machine that asks for the password in clear does not get it, wherever it comes from") {
  const Way way = GENERATE(Way::address, Way::environment, Way::file);
  const std::string more = GENERATE(as<std::string>{}, "", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer",
                                    "?sslmode=require", "?options=-c%20work_mem%3D5MB", "?application_name=x");
  INFO(more);
  std::string complaint;
  std::string heard;
  {
    FakeServer server;
    const Password password{way, server};
    complaint = complaint_of(PostgresSession::open(password.in(server.url(more))));
    heard = server.heard();
  }
  CHECK_THAT(complaint, StartsWith("configuration: ") && Contains("store.insecure") && Contains("unix socket"));
  CHECK_THAT(complaint, !Contains(the_password));
  CHECK(heard.find(the_password) == std::string::npos);
}

TEST_CASE("store.insecure is what it says: the password goes to whoever asks") {
  FakeServer server;
  const Password password{GENERATE(Way::address, Way::environment, Way::file), server};
  // Nobody answers to it, and the other side ends the session.
  std::thread opening{[&] {
    static_cast<void>(PostgresSession::open(password.in(server.url("?connect_timeout=2")), {.insecure = true}));
  }};
  opening.join();
  CHECK(server.heard().find(the_password) != std::string::npos);
}

TEST_CASE("without a password a server of this machine needs no encryption") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  CHECK(complaint_of(PostgresSession::open(database.url())).empty());
}

TEST_CASE("a server on another host has to show a certificate of its name") {
  for (const char* mode : {"disable", "allow", "require", "verify-ca"}) {
    INFO(mode);
    // 192.0.2.1 is nobody's: what is refused is refused before anything is sent.
    CHECK_THAT(complaint_of(PostgresSession::open(
                   std::string{"postgresql://bot@192.0.2.1/store?connect_timeout=2&sslmode="} + mode)),
               StartsWith("configuration: ") && Contains("verify-full") && Contains("store.insecure"));
    CHECK_THAT(
        complaint_of(PostgresSession::open(std::string{"postgresql://bot@localhost,db.example/store?sslmode="} + mode)),
        StartsWith("configuration: ") && Contains("verify-full"));
    CHECK_THAT(complaint_of(PostgresSession::open(
                   std::string{"postgresql://bot@localhost/store?hostaddr=192.0.2.1&sslmode="} + mode)),
               StartsWith("configuration: ") && Contains("verify-full"));
  }
}

// An address of this machine that others reach it by; nullopt: it has none.
std::optional<in_addr> own_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned{all, &::freeifaddrs};
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const in_addr address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    constexpr std::uint32_t loopback = 127;
    if (ntohl(address.s_addr) >> 24 != loopback) return address;
  }
  return std::nullopt;
}

TEST_CASE("where no sslmode is written a server on another host has to show its certificate all the same") {
  const auto address = own_address();
  if (!address) {
    WARN("not tried: this machine has no address but the loopback's");
    return;
  }
  const bool insecure = GENERATE(false, true);
  std::string heard;
  std::string complaint;
  {
    FakeServer server{htonl(INADDR_ANY)};
    const Password password{Way::environment, server};
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &*address, text.data(), text.size());
    complaint = complaint_of(PostgresSession::open("postgresql://bot@" + std::string{text.data()} + ":" +
                                                       std::to_string(server.port()) + "/store?connect_timeout=2",
                                                   {.insecure = insecure}));
    heard = server.heard();
  }
  INFO(complaint);
  CHECK((heard.find(the_password) != std::string::npos) == insecure);
  if (!insecure) CHECK_THAT(complaint, StartsWith("configuration: "));
}

// ---- the real server ---------------------------------------------------------------------------

// With passwords, and with or without TLS.
class ServerWithPasswords {
 public:
  explicit ServerWithPasswords(bool tls)
      : server_{{.initdb = "--auth-local=trust --auth-host=scram-sha-256",
                 .prepare = tls ? "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
                                  "-subj /CN=snakeoil -keyout server.key -out server.crt"
                                : "",
                 // The socket lies beside the data.
                 .settings = std::string{"-c unix_socket_directories=.. -c ssl="} + (tls ? "on" : "off")}} {
    support::PlainConnection server{"postgresql:///postgres?user=postgres&host=" + server_.folder() +
                                    "&port=" + port()};
    server.ask(std::string{"CREATE ROLE bot LOGIN PASSWORD '"} + the_password + "'");
    server.ask("CREATE DATABASE store OWNER bot");
  }
  std::string by_tcp() const {
    return std::string{"postgresql://bot:"} + the_password + "@127.0.0.1:" + port() + "/store";
  }
  std::string by_socket() const {
    return std::string{"postgresql://bot:"} + the_password + "@/store?host=" + server_.folder() + "&port=" + port();
  }

 private:
  std::string port() const { return std::to_string(server_.port()); }
  support::OwnServer server_;
};

TEST_CASE("a real server of this machine gets the proof of the password by TLS, and by its unix socket as ever") {
  const bool tls = GENERATE(true, false);
  const ServerWithPasswords server{tls};
  const PostgresOptions init{.mode = PostgresOptions::Mode::create};
  CHECK(complaint_of(PostgresSession::open(server.by_socket(), init)).empty());
  const std::string by_tcp = complaint_of(PostgresSession::open(server.by_tcp(), init));
  if (tls)
    CHECK(by_tcp.empty());
  else
    CHECK_THAT(by_tcp, StartsWith("configuration: ") && Contains("store.insecure"));
  CHECK(complaint_of(PostgresSession::open(server.by_tcp(), {.mode = PostgresOptions::Mode::create, .insecure = true}))
            .empty());
}

}  // namespace
}  // namespace tradeguard::security_db
