// A name with several addresses of which not all work, and hosts behind a proxy.
#include <tradeguard/https_transport.hpp>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "misbehaving_server.hpp"

using namespace tradeguard;
using net_test::Authority;
using net_test::Identity;
using net_test::MisbehavingServer;
using net_test::Peer;
using net_test::ServerOptions;

namespace {

// What a name means, as a name server would say it. Written before the transport that asks.
std::map<std::string, std::vector<std::string>>& names() {
  static std::map<std::string, std::vector<std::string>> all;
  return all;
}

}  // namespace

// In the place of the C library's: names of these tests are answered here, with real addresses.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  using Resolver = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Resolver>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const auto known = names().find(node == nullptr ? "" : node);
  if (known == names().end()) return real(node, service, hints, found);
  addrinfo* first = nullptr;
  for (auto one = known->second.rbegin(); one != known->second.rend(); ++one) {
    addrinfo* entry = nullptr;
    addrinfo numeric{};
    numeric.ai_family = AF_INET;
    numeric.ai_socktype = SOCK_STREAM;
    numeric.ai_flags = AI_NUMERICHOST;
    if (const int trouble = real(one->c_str(), nullptr, &numeric, &entry); trouble != 0) return trouble;
    entry->ai_next = first;
    first = entry;
  }
  *found = first;
  return 0;
}

namespace {

constexpr Micros ample = 10s;

const Authority& authority() {
  static const Authority ours{"the tests' own authority"};
  return ours;
}
ServerOptions tls(std::string address = "127.0.0.1", int port = 0,
                  const std::string& for_name = "DNS:many.test,DNS:exchange.test") {
  ServerOptions options{.identity = authority().issue(for_name)};
  options.address = std::move(address);
  options.port = port;
  return options;
}
ServerOptions plain(std::string address, int port) {
  ServerOptions options;
  options.address = std::move(address);
  options.port = port;
  return options;
}

SystemClock& wall() {
  static SystemClock clock;
  return clock;
}

// To many.test, which has these addresses in this order.
HttpsSettings to_many(int port, std::vector<std::string> addresses) {
  names()["many.test"] = std::move(addresses);
  HttpsSettings settings;
  settings.base = parse_base_url("https://many.test:" + std::to_string(port)).value();
  settings.ca_file = authority().file();
  return settings;
}

HttpRequest get(std::string target = "/") { return {.method = "GET", .target = std::move(target)}; }
HttpResult ask(HttpsTransport& transport, Micros patience = ample) {
  const HttpRequest request = get();
  return transport.exchange({&request, 1}, patience).at(0);
}

void echo(Peer& peer) {
  while (const auto heard = peer.hear()) peer.answer(heard->target);
}
// One answer a connection.
void once(Peer& peer) {
  if (!peer.hear()) return;
  peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  peer.say_goodbye();
}
void keep_silent(Peer& peer) { peer.wait_for_end(); }
void reset_in_tls(Peer& peer) {
  peer.wait_for_bytes();
  peer.reset();
}

}  // namespace

TEST_CASE("an address that takes connections and says nothing is left for the next one") {
  MisbehavingServer good{tls("127.0.0.2"), once};
  MisbehavingServer silent{plain("127.0.0.1", good.port()), keep_silent};
  HttpsTransport transport{to_many(good.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  REQUIRE(ask(transport, 2s));
  CHECK(silent.connections() == 1);
  // The one that answered is the first choice from now on.
  REQUIRE(ask(transport, 2s));
  REQUIRE(ask(transport, 2s));
  CHECK(silent.connections() == 1);
  CHECK(good.connections() == 3);
}

TEST_CASE("an address that resets in TLS or refuses is left for the next one at once") {
  MisbehavingServer good{tls("127.0.0.3"), once};
  MisbehavingServer resetting{plain("127.0.0.1", good.port()), reset_in_tls};
  HttpsTransport transport{to_many(good.port(), {"127.0.0.1", "127.0.0.2", "127.0.0.3"}), wall()};
  REQUIRE(ask(transport));
  CHECK(resetting.connections() == 1);
  REQUIRE(ask(transport));
  CHECK(resetting.connections() == 1);
  CHECK(good.connections() == 2);
}

TEST_CASE("an address with somebody else's certificate is left for the next one, and never trusted") {
  MisbehavingServer good{tls("127.0.0.2"), once};
  MisbehavingServer other{tls("127.0.0.1", good.port(), "DNS:example.com"), [&](Peer& peer) {
                            if (peer.hear()) other.count_one();
                          }};
  HttpsTransport transport{to_many(good.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  REQUIRE(ask(transport));
  CHECK(other.heard() == 0);

  HttpsTransport only{to_many(good.port(), {"127.0.0.1", "127.0.0.3"}), wall()};
  const auto refused = ask(only);
  REQUIRE_FALSE(refused);
  CHECK_FALSE(refused.error().sent);
  CHECK(refused.error().what == "certificate: hostname mismatch");
}

TEST_CASE("addresses that all keep silent send nothing and take no longer than patience") {
  MisbehavingServer first{plain("127.0.0.1", 0), keep_silent};
  MisbehavingServer second{plain("127.0.0.2", first.port()), keep_silent};
  HttpsTransport transport{to_many(first.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  const auto result = ask(transport, 400ms);
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK(result.error().what == "not connected within 400ms");
  CHECK(first.connections() == 1);
  CHECK(second.connections() == 1);
}

TEST_CASE("an address that is only slow is not given up for the next one") {
  std::mutex mutex;
  std::condition_variable changed;
  bool second_tried = false;
  ServerOptions slow = tls("127.0.0.1");
  slow.before_tls = [&] {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return second_tried; });
  };
  MisbehavingServer first{slow, echo};
  MisbehavingServer second{plain("127.0.0.2", first.port()), [&](Peer& peer) {
                             {
                               const std::lock_guard lock{mutex};
                               second_tried = true;
                             }
                             changed.notify_all();
                             peer.wait_for_end();
                           }};
  HttpsTransport transport{to_many(first.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  CHECK(ask(transport));
  CHECK(second.connections() == 1);
}

TEST_CASE("a burst over a name whose first address is dead is answered whole") {
  MisbehavingServer good{tls("127.0.0.2"), echo};
  MisbehavingServer silent{plain("127.0.0.1", good.port()), keep_silent};
  HttpsTransport transport{to_many(good.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(get("/" + std::to_string(i)));
  const auto results = transport.exchange(requests, ample);
  for (int i = 0; i < 40; ++i) {
    REQUIRE(results[static_cast<std::size_t>(i)]);
    CHECK(results[static_cast<std::size_t>(i)]->body == "/" + std::to_string(i));
  }
  CHECK(good.connections() <= 32);
}

TEST_CASE("an address that lets everybody in and answers nobody is the last choice afterwards") {
  MisbehavingServer mute{tls("127.0.0.1"), [](Peer& peer) {
                           peer.hear();
                           peer.wait_for_end();
                         }};
  MisbehavingServer good{tls("127.0.0.2", mute.port()), once};
  HttpsTransport transport{to_many(mute.port(), {"127.0.0.1", "127.0.0.2"}), wall()};
  const auto lost = ask(transport, 300ms);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().sent);
  CHECK(ask(transport));
  CHECK(mute.connections() == 1);
}

// ------------------------------------------------------------------------------ behind a proxy

namespace {

// A proxy that makes its tunnels to this port, and writes down what it was asked.
struct TestProxy {
  std::string asked;
  MisbehavingServer server;
  explicit TestProxy(int to)
      : server{ServerOptions{}, [this, to](Peer& peer) {
                 const auto heard = peer.hear();
                 if (!heard) return;
                 asked = heard->head;
                 peer.say("HTTP/1.1 200 Connection established\r\nX-Via: test\r\n\r\n");
                 peer.relay_to(to);
               }} {}
};

HttpsSettings behind(int proxy_port, const std::string& login = "") {
  HttpsSettings settings;
  settings.base = parse_base_url("https://exchange.test").value();
  settings.ca_file = authority().file();
  const std::string url = "http://" + login + "127.0.0.1:" + std::to_string(proxy_port);
  settings.proxy = proxy_for(settings.base, url, "").value();
  return settings;
}

}  // namespace

TEST_CASE("a host behind a proxy is reached through a tunnel, its name known to the proxy alone") {
  std::string head;
  MisbehavingServer exchange{tls(), [&](Peer& peer) {
                               const auto heard = peer.hear();
                               if (!heard) return;
                               head = heard->head + peer.name_asked_for();
                               peer.answer("through");
                               peer.wait_for_end();
                             }};
  TestProxy proxy{exchange.port()};
  HttpsTransport transport{behind(proxy.server.port(), "me:p%40ss@"), wall()};
  const auto result = ask(transport);
  REQUIRE(result);
  CHECK(result->body == "through");
  CHECK_THAT(proxy.asked, Catch::StartsWith("CONNECT exchange.test:443 HTTP/1.1\r\n") &&
                              Catch::Contains("Host: exchange.test:443\r\n") &&
                              Catch::Contains("Proxy-Authorization: Basic bWU6cEBzcw==\r\n"));
  CHECK_THAT(head, !Catch::Contains("Proxy-") && Catch::Contains("Host: exchange.test\r\n") &&
                       Catch::EndsWith("exchange.test"));
}

TEST_CASE("behind a proxy the certificate is verified for the host") {
  MisbehavingServer exchange{tls("127.0.0.1", 0, "DNS:proxy.test,IP:127.0.0.1"), echo};
  TestProxy proxy{exchange.port()};
  HttpsTransport transport{behind(proxy.server.port()), wall()};
  const auto result = ask(transport);
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK(result.error().what == "certificate: hostname mismatch");
  CHECK_THAT(proxy.asked, !Catch::Contains("Proxy-Authorization"));
}

TEST_CASE("what a proxy refuses was not sent, and the words name the proxy and no password") {
  const auto [answer, words] = GENERATE(table<std::string, std::string>({
      {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", " wants a user name and password, or others (407)"},
      {"HTTP/1.1 403 p@ss\r\nContent-Length: 0\r\n\r\n", " refused with status 403"},
      {"SSH-2.0-OpenSSH_9.2 and more\r\n\r\n", " does not speak HTTP"},
      {"", " closed the connection"},
  }));
  MisbehavingServer server{ServerOptions{}, [answer = answer](Peer& peer) {
                             peer.hear();
                             peer.say(answer);
                             peer.stop_talking(true);
                             peer.wait_for_end();
                           }};
  HttpsTransport transport{behind(server.port(), "me:p%40ss@"), wall()};
  const auto result = ask(transport);
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK(result.error().what == "not connected: the proxy 127.0.0.1:" + std::to_string(server.port()) + words);
}

TEST_CASE("a proxy that is not there and one without a name were asked nothing") {
  HttpsTransport transport{behind(net_test::refused_port()), wall()};
  const auto refused = ask(transport);
  REQUIRE_FALSE(refused);
  CHECK_FALSE(refused.error().sent);
  CHECK(refused.error().what == "not connected: connection refused");
}
