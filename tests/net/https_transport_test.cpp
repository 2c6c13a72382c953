// Each request once, certain about whether it left, verified to whom, and never longer than
// patience.
#include <tradeguard/https_transport.hpp>

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <map>

#include "misbehaving_server.hpp"

using namespace tradeguard;
using net_test::Authority;
using net_test::Heard;
using net_test::Identity;
using net_test::MisbehavingServer;
using net_test::Peer;
using net_test::ServerOptions;

namespace {

constexpr Micros ample = 10s;         // for what answers at once, however busy the machine is
constexpr Micros short_wait = 250ms;  // for what never answers

const Authority& authority() {
  static const Authority ours{"the tests' own authority"};
  return ours;
}
ServerOptions tls(const std::string& names = "IP:127.0.0.1,DNS:localhost") {
  static std::map<std::string, Identity> issued;
  if (!issued.contains(names)) issued.emplace(names, authority().issue(names));
  return {.identity = issued.at(names)};
}
ServerOptions plain() { return {}; }

HttpsSettings to(const std::string& url) {
  HttpsSettings settings;
  settings.base = parse_base_url(url).value();
  settings.ca_file = authority().file();
  return settings;
}

HttpRequest get(std::string target = "/") { return {.method = "GET", .target = std::move(target)}; }
HttpRequest post(std::string target, std::string body) {
  return {.method = "POST", .target = std::move(target), .body = std::move(body)};
}

SystemClock& wall() {
  static SystemClock clock;
  return clock;
}

// One request over a transport of its own.
HttpResult ask(HttpsSettings settings, Micros patience = ample, const HttpRequest& request = get()) {
  HttpsTransport transport{std::move(settings), wall()};
  return transport.exchange({&request, 1}, patience).at(0);
}
HttpResult ask(const MisbehavingServer& server, Micros patience = ample, const HttpRequest& request = get()) {
  return ask(to(server.url()), patience, request);
}
HttpResult ask(HttpsTransport& transport, const HttpRequest& request = get(), Micros patience = ample) {
  return transport.exchange({&request, 1}, patience).at(0);
}

void check_unsent(const HttpResult& result, const std::string& what) {
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK(result.error().what == what);
}
void check_lost(const HttpResult& result, const std::string& what) {
  REQUIRE_FALSE(result);
  CHECK(result.error().sent);
  CHECK(result.error().what == what);
}

// Answers every request with its own target.
void echo(Peer& peer) {
  while (const auto heard = peer.hear()) peer.answer(heard->target);
}
// Answers the first request with these bytes and ends TLS properly.
MisbehavingServer::Script says(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    if (!peer.hear()) return;
    peer.say(bytes);
    peer.say_goodbye();
  };
}

}  // namespace

// -------------------------------------------------------------------------- what is asked and
// answered

TEST_CASE("a request arrives whole, and its answer comes back whole") {
  Heard heard;
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             heard = peer.hear().value();
                             peer.say(
                                 "HTTP/1.1 201 Created\r\nContent-LENGTH: 2\r\nX-Twice: 1\r\nx-twice: 2\r\n"
                                 "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nok");
                             peer.wait_for_end();
                           }};
  HttpRequest request = post("/private/order?a=1", "{\"quantity\":\"1\"}");
  request.headers = {{"Content-Type", "application/json"}, {"X-KEY", "k"}};
  const Instant before = wall().now();
  const auto result = ask(to(server.url() + "/v1"), ample, request);
  REQUIRE(result);
  CHECK(result->status == 201);
  CHECK(result->body == "ok");
  CHECK(header(*result, "content-length") == std::optional<std::string_view>{"2"});
  CHECK(std::count_if(result->headers.begin(), result->headers.end(),
                      [](const auto& one) { return one.first == "x-twice"; }) == 2);
  CHECK(iso_seconds(http_date(*result).value()) == "1994-11-06T08:49:37");
  CHECK(before <= result->sent);
  CHECK(result->sent <= result->answered);
  CHECK(result->answered <= wall().now());

  CHECK(heard.method == "POST");
  CHECK(heard.target == "/v1/private/order?a=1");
  CHECK(heard.body == "{\"quantity\":\"1\"}");
  const std::string host = server.url().substr(8);
  CHECK_THAT(heard.head,
             Catch::Contains("Host: " + host + "\r\n") && Catch::Contains("Content-Type: application/json\r\n") &&
                 Catch::Contains("X-KEY: k\r\n") && Catch::Contains("User-Agent: tradeguard") &&
                 Catch::Contains("Accept-Encoding: identity\r\n") && Catch::Contains("Content-Length: 16\r\n"));
}

TEST_CASE("a body comes together from the oddest pieces") {
  const std::string body(100'000, 'b');
  const auto server_says = GENERATE(0, 1, 2);
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             peer.hear();
                             std::string bytes = "HTTP/1.1 200 OK\r\n";
                             if (server_says == 0) {  // announced, in pieces of 1, 2, 3, … bytes
                               bytes += "Content-Length: 100000\r\n\r\n" + body;
                             } else if (server_says == 1) {  // chunks of all lengths, with extensions and a trailer
                               bytes += "Transfer-Encoding: chunked\r\n\r\n";
                               char length[32];
                               for (std::size_t at = 0, size = 1; at < body.size(); at += size++) {
                                 size = std::min(size, body.size() - at);
                                 std::snprintf(length, sizeof length, "%zX;x=y\r\n", size);
                                 bytes += length + body.substr(at, size) + "\r\n";
                               }
                               bytes += "0\r\nX-Trailer: 1\r\n\r\n";
                             } else {  // until the end of the connection
                               bytes += "\r\n" + body;
                             }
                             for (std::size_t at = 0, size = 1; at < bytes.size(); at += size++)
                               peer.say(std::string_view{bytes}.substr(at, size));
                             if (server_says == 2) peer.say_goodbye();
                             peer.wait_for_end();
                           }};
  const auto result = ask(server);
  REQUIRE(result);
  CHECK(result->body == body);
}

TEST_CASE("answers without a body have none, and those with 1xx only announce one") {
  CHECK(ask(MisbehavingServer{tls(), says("HTTP/1.1 204 No Content\r\n\r\n")})->status == 204);
  CHECK(ask(MisbehavingServer{tls(), says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")})->body == "");
  const HttpRequest head{.method = "HEAD", .target = "/"};
  const auto headed =
      ask(MisbehavingServer{tls(), says("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")}, ample, head);
  REQUIRE(headed);
  CHECK(headed->body.empty());
  const auto announced =
      ask(MisbehavingServer{tls(), says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n"
                                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")});
  REQUIRE(announced);
  CHECK(announced->status == 200);
  CHECK(announced->body == "ok");
  CHECK(announced->headers.size() == 1);
}

TEST_CASE("the interim answers to one request are eight at most") {
  constexpr const char* interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const auto after = [&](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += interim;
    return ask(MisbehavingServer{tls(), says(bytes + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")});
  };
  CHECK(after(8)->body == "ok");
  check_lost(after(9), "more than 8 interim answers");
  // Without end, as fast as they can be read.
  check_lost(ask(MisbehavingServer{tls(),
                                   [&](Peer& peer) {
                                     if (peer.hear())
                                       while (peer.say(interim)) {
                                       }
                                   }}),
             "more than 8 interim answers");
}

TEST_CASE("an answer of which more is always there outlives neither patience nor its limit") {
  SECTION("pieces wrapped in more than they hold") {
    MisbehavingServer server{tls(), [](Peer& peer) {
                               const std::string piece = "1;" + std::string(60'000, 'x') + "\r\na\r\n";
                               if (peer.hear() && peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
                                 while (peer.say(piece)) {
                                 }
                             }};
    const auto result = ask(server);
    REQUIRE_FALSE(result);
    CHECK(result.error().sent);
    CHECK(result.error().what == "answer larger than 8 MiB");
  }
  SECTION("session tickets, which are no part of it") {
    MisbehavingServer server{tls(), [](Peer& peer) {
                               if (peer.hear())
                                 while (peer.give_tickets()) {
                                 }
                             }};
    check_lost(ask(server, short_wait), "no answer within 250ms");
  }
}

TEST_CASE("HTTP/1.0 is understood, and its connection is not used again") {
  MisbehavingServer server{tls(), [](Peer& peer) {
                             while (peer.hear()) peer.say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
                           }};
  HttpsTransport transport{to(server.url()), wall()};
  CHECK(ask(transport)->body == "ok");
  CHECK(ask(transport)->body == "ok");
  CHECK(server.connections() == 2);
}

TEST_CASE("a redirect is an answer like any other") {
  MisbehavingServer elsewhere{tls(), echo};
  MisbehavingServer server{
      tls(), says("HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url() + "/\r\nContent-Length: 0\r\n\r\n")};
  const auto result = ask(server);
  REQUIRE(result);
  CHECK(result->status == 302);
  CHECK(header(*result, "location") == std::optional<std::string_view>{elsewhere.url() + "/"});
  CHECK(server.connections() == 1);
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("errors of the server are answers, not failures") {
  const int status = GENERATE(400, 401, 418, 429, 500, 503);
  MisbehavingServer server{tls(), [status](Peer& peer) {
                             while (peer.hear()) {
                               peer.answer("{}", status);
                             }
                           }};
  CHECK(ask(server)->status == status);
  CHECK(server.connections() == 1);
}

TEST_CASE("a key with a line break in it sends nothing") {
  MisbehavingServer server{tls(), echo};
  HttpRequest request = get();
  request.headers = {{"X-KEY", "k\r\nX-Other: 1"}};
  const std::string why = "the request holds a control character or a blank in its head";
  check_unsent(ask(server, ample, request), why);
  check_unsent(ask(server, ample, get("/a b")), why);
  check_unsent(ask(server, ample, get("/a\r\nb")), why);
  check_unsent(ask(server, ample, get("")), why);
  CHECK(server.connections() == 0);
}

// ------------------------------------------------------------------------------------ to whom

TEST_CASE("the certificate must be for the host's name, and the name is asked for") {
  std::string asked_for;
  MisbehavingServer server{tls("DNS:localhost"), [&](Peer& peer) {
                             asked_for = peer.name_asked_for();
                             echo(peer);
                           }};
  CHECK(ask(to(server.url("localhost"))));
  CHECK(asked_for == "localhost");
  check_unsent(ask(to(server.url("127.0.0.1"))), "certificate: IP address mismatch");

  MisbehavingServer other{tls("DNS:example.com,IP:127.0.0.2"), echo};
  check_unsent(ask(to(other.url("localhost"))), "certificate: hostname mismatch");
  check_unsent(ask(to(other.url("127.0.0.1"))), "certificate: IP address mismatch");
}

TEST_CASE("an address is verified as an address and is no name to ask for") {
  std::string asked_for = "?";
  MisbehavingServer server{tls("IP:127.0.0.1"), [&](Peer& peer) {
                             asked_for = peer.name_asked_for();
                             echo(peer);
                           }};
  CHECK(ask(server));
  CHECK(asked_for.empty());
  MisbehavingServer by_name{tls("DNS:127.0.0.1"), echo};
  check_unsent(ask(by_name), "certificate: IP address mismatch");
}

TEST_CASE("an authority nobody trusts is refused before a byte of the request leaves") {
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             if (peer.hear()) server.count_one();
                           }};
  HttpsSettings settings = to(server.url());
  settings.ca_file.clear();
  check_unsent(ask(settings), "certificate: unable to get local issuer certificate");
  const Authority another{"the tests' own authority"};
  settings.ca_file = another.file();
  REQUIRE_FALSE(ask(settings));
  CHECK_THAT(ask(settings).error().what, Catch::StartsWith("certificate: "));
  CHECK(server.heard() == 0);
}

TEST_CASE("a certificate that expired is refused") {
  MisbehavingServer server{{.identity = authority().issue("IP:127.0.0.1", -1h)}, echo};
  check_unsent(ask(server), "certificate: certificate has expired");
}

TEST_CASE("a CA file that cannot be read connects to nobody") {
  MisbehavingServer server{tls(), echo};
  HttpsSettings settings = to(server.url());
  settings.ca_file = "/nowhere/ca.pem";
  check_unsent(ask(settings), "not connected: the CA file cannot be read");
}

TEST_CASE("an authority in SSL_CERT_FILE is trusted as long as it is named there") {
  MisbehavingServer server{tls(), echo};
  HttpsSettings settings = to(server.url());
  settings.ca_file.clear();
  REQUIRE_FALSE(ask(settings));
  ::setenv("SSL_CERT_FILE", authority().file().c_str(), 1);
  CHECK(ask(settings));
  ::unsetenv("SSL_CERT_FILE");
  CHECK_FALSE(ask(settings));
}

TEST_CASE("a certificate that names the host in its subject only is for nobody") {
  MisbehavingServer server{{.identity = authority().issue_by_subject("localhost")}, echo};
  const auto result = ask(to(server.url("localhost")));
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK(result.error().what == "certificate: hostname mismatch");
}

TEST_CASE("with its own authority only, the system's are not trusted") {
  MisbehavingServer server{tls(), echo};
  ::setenv("SSL_CERT_FILE", authority().file().c_str(), 1);
  HttpsSettings settings = to(server.url());
  settings.ca_only = true;
  CHECK(ask(settings));
  const Authority another{"another authority"};
  settings.ca_file = another.file();
  const auto result = ask(settings);
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  settings.ca_only = false;
  CHECK(ask(settings));
  ::unsetenv("SSL_CERT_FILE");
}

TEST_CASE("a server that can only speak without forward secrecy gets no request") {
  ServerOptions options{.identity = authority().issue_rsa("IP:127.0.0.1"), .newest_tls = TLS1_2_VERSION};
  CHECK(ask(MisbehavingServer{options, echo}));
  options.ciphers = "AES256-GCM-SHA384:AES128-SHA";
  const auto result = ask(MisbehavingServer{options, echo});
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
}

TEST_CASE("a port that another user of this machine serves gets no request without TLS") {
  if (::geteuid() != 0) {
    WARN("not tried: only root can listen as another user");
    return;
  }
  constexpr unsigned somebody = 65533;
  int asked = 0;
  const auto script = [&](Peer& peer) { asked += peer.hear() ? 1 : 0; };
  for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
    MisbehavingServer theirs{{.uid = somebody, .address = address}, script};
    check_unsent(ask(theirs), "not connected: port " + std::to_string(theirs.port()) +
                                  " is served by uid 65533, which is neither root nor this user");
  }
  CHECK(asked == 0);
  MisbehavingServer theirs{{.uid = somebody}, echo};
  HttpsSettings settings = to(theirs.url());
  settings.insecure_loopback = true;
  CHECK(ask(settings)->body == "/");
  // With TLS the certificate says who it is.
  ServerOptions options = tls();
  options.uid = somebody;
  CHECK(ask(MisbehavingServer{options, echo})->body == "/");
}

TEST_CASE("TLS 1.2 is spoken, TLS 1.1 is not") {
  ServerOptions options = tls();
  std::string version;
  const auto script = [&](Peer& peer) {
    version = peer.tls_version();
    echo(peer);
  };
  options.newest_tls = TLS1_2_VERSION;
  CHECK(ask(MisbehavingServer{options, script}));
  CHECK(version == "TLSv1.2");
  options.newest_tls = TLS1_1_VERSION;
  const auto result = ask(MisbehavingServer{options, script});
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK_THAT(result.error().what,
             Catch::StartsWith("not connected: TLS handshake: ") && Catch::Contains("protocol version"));
}

TEST_CASE("a peer that does not speak TLS gets no request") {
  ServerOptions options = tls();
  options.before_handshake = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  check_unsent(ask(MisbehavingServer{options, echo}), "not connected: TLS handshake: wrong version number");
}

TEST_CASE("plain http to this machine works the same way") {
  MisbehavingServer server{plain(), echo};
  CHECK(ask(server, ample, get("/x"))->body == "/x");
  HttpsTransport transport{to(server.url("localhost")), wall()};
  CHECK(ask(transport, get("/a"))->body == "/a");
  CHECK(ask(transport, get("/b"))->body == "/b");
  CHECK(server.connections() == 2);
}

// ------------------------------------------------------------------------------ whether a byte
// left

TEST_CASE("a refused connection sent nothing") {
  check_unsent(ask(to("https://127.0.0.1:" + std::to_string(net_test::refused_port()))),
               "not connected: connection refused");
}

TEST_CASE("a name that does not exist sent nothing") {
  const auto result = ask(to("https://nowhere.invalid"));
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().sent);
  CHECK_THAT(result.error().what, Catch::StartsWith("host name not resolved"));
}

TEST_CASE("a server that does not finish its handshake is given up, and nothing was sent") {
  // The listener's thread never reads: the handshake waits for it.
  MisbehavingServer server{plain(), [](Peer& peer) { peer.wait_for_end(); }};
  HttpsSettings settings = to("https://" + server.url().substr(7));
  check_unsent(ask(settings, short_wait), "not connected within 250ms");
}

TEST_CASE("a server that ends the handshake sent for nothing") {
  MisbehavingServer server{plain(), [](Peer& peer) { peer.hang_up(); }};
  check_unsent(ask(to("https://" + server.url().substr(7))), "not connected: closed during the TLS handshake");
}

TEST_CASE("an answer that never comes leaves doubt") {
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             while (peer.hear()) server.count_one();
                           }};
  const Micros began = wall().monotonic();
  check_lost(ask(server, short_wait), "no answer within 250ms");
  const Micros took = wall().monotonic() - began;
  CHECK(took >= short_wait);
  CHECK(took < 5s);
  CHECK(server.heard() == 1);
}

TEST_CASE("an answer that drips does not outlive patience") {
  MisbehavingServer server{tls(), [](Peer& peer) {
                             peer.hear();
                             peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
                             while (!peer.wait_for_end(5ms)) peer.say("x");
                           }};
  check_lost(ask(server, short_wait), "no answer within 250ms");
}

TEST_CASE("a connection that ends before the answer, or within it, leaves doubt and is not tried again") {
  struct End {
    const char* before;
    void (Peer::*how)();
    const char* why;
  };
  const auto end = GENERATE(
      End{"", &Peer::say_goodbye, "connection closed without an answer"},
      End{"", &Peer::hang_up, "connection closed without an answer"},
      End{"HTTP/1.1 2", &Peer::say_goodbye, "connection closed within the answer"},
      End{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", &Peer::say_goodbye, "connection closed within the answer"},
      End{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", &Peer::say_goodbye,
          "connection closed within the answer"},
      // Without a length only a proper goodbye tells the end from a cut.
      End{"HTTP/1.1 200 OK\r\n\r\nhello", &Peer::hang_up, "connection closed within the answer"},
      End{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", &Peer::hang_up, "connection closed within the answer"},
      End{"", &Peer::reset, "connection lost: connection reset by peer"});
  INFO(end.before);
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             if (!peer.hear()) return;
                             server.count_one();
                             peer.say(end.before);
                             (peer.*end.how)();
                           }};
  check_lost(ask(server), end.why);
  CHECK(server.heard() == 1);
  CHECK(server.connections() == 1);
}

TEST_CASE("what is not HTTP leaves doubt") {
  const auto bytes = GENERATE(as<std::string>{}, "garbage\r\n\r\n", "SSH-2.0-x\r\n\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
  INFO(bytes);
  check_lost(ask(MisbehavingServer{tls(), says(bytes)}), "not HTTP");
}

TEST_CASE("an answer over the limit is not read to its end") {
  const auto endless = [](std::string head, std::string piece) {
    return [head = std::move(head), piece = std::move(piece)](Peer& peer) {
      peer.hear();
      peer.say(head);
      while (!peer.wait_for_end(0ms)) peer.say(piece);
    };
  };
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'c') + "\r\n";
  HttpsSettings settings;
  const auto asked = [&](const MisbehavingServer& server) {
    settings = to(server.url());
    settings.body_limit = 1u << 20;
    return ask(settings);
  };
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", chunk)}),
             "answer larger than 1 MiB");
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk)}),
             "answer larger than 1 MiB");
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\n\r\n", chunk)}), "answer larger than 1 MiB");
  const std::string field = "X-Field: " + std::string(2000, 'h') + "\r\n";
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\n", field)}), "answer's head larger than 64 KiB");
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\nX: ", std::string(5000, 'l'))}),
             "answer's head larger than 64 KiB");
  check_lost(asked({tls(), endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", std::string(5000, 'x'))}),
             "answer's head larger than 64 KiB");
}

TEST_CASE("an answer exactly at the limit is read") {
  MisbehavingServer server{tls(), [](Peer& peer) {
                             while (peer.hear()) peer.answer(std::string(1000, 'b'));
                           }};
  HttpsSettings settings = to(server.url());
  settings.body_limit = 1000;
  CHECK(ask(settings)->body.size() == 1000);
  settings.body_limit = 999;
  check_lost(ask(settings), "answer larger than 999 bytes");
}

TEST_CASE("a request that the server stops reading is given up, and part of it has left") {
  std::promise<void> given_up;
  MisbehavingServer server{tls(), [&](Peer&) { given_up.get_future().wait(); }};
  check_lost(ask(server, 300ms, post("/", std::string(32u << 20, 'b'))), "no answer within 300ms");
  given_up.set_value();
}

TEST_CASE("a server that is gone in the middle of a request does not end this process") {
  // Its end, then a reset for what it did not read: writing to that raises SIGPIPE by default.
  MisbehavingServer server{tls(), [](Peer& peer) {
                             peer.wait_for_bytes();
                             peer.stop_talking(false);
                           }};
  check_lost(ask(server, ample, post("/", std::string(32u << 20, 'b'))), "connection lost: broken pipe");
}

// ------------------------------------------------------------------------------------- connections

TEST_CASE("connections are kept within an exchange and between exchanges") {
  MisbehavingServer server{tls(), echo};
  HttpsTransport transport{to(server.url()), wall()};
  for (int i = 0; i < 5; ++i) CHECK(ask(transport, get("/" + std::to_string(i)))->body == "/" + std::to_string(i));
  CHECK(server.connections() == 1);
}

TEST_CASE("an answer that says close, or has more bytes than it should, ends its connection") {
  const auto bytes = GENERATE(as<std::string>{}, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                              "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             while (peer.hear()) peer.say(bytes);
                           }};
  HttpsTransport transport{to(server.url()), wall()};
  CHECK(ask(transport)->body == "ok");
  CHECK(ask(transport)->body == "ok");
  CHECK(server.connections() == 2);
}

TEST_CASE("a kept connection that the server has closed since is not used") {
  const bool properly = GENERATE(true, false);
  std::promise<void> closed;
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             if (!peer.hear()) return;
                             peer.answer("ok");
                             if (peer.number() == 1) {
                               peer.stop_talking(properly);
                               closed.set_value();
                             }
                             peer.wait_for_end();
                           }};
  HttpsTransport transport{to(server.url()), wall()};
  CHECK(ask(transport)->body == "ok");
  closed.get_future().wait();
  CHECK(ask(transport)->body == "ok");
  CHECK(server.connections() == 2);
}

TEST_CASE(
    "a kept connection that ends instead of answering leaves doubt, and the request is not sent "
    "again") {
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             while (peer.hear()) {
                               server.count_one();
                               if (server.heard() == 2) return peer.say_goodbye();
                               peer.answer("ok");
                             }
                           }};
  HttpsTransport transport{to(server.url()), wall()};
  CHECK(ask(transport)->body == "ok");
  check_lost(ask(transport, post("/order", "{}")), "connection closed without an answer");
  CHECK(server.heard() == 2);
  CHECK(server.connections() == 1);
  CHECK(ask(transport)->body == "ok");
}

TEST_CASE("a server that hangs up on every connection is not called again and again") {
  MisbehavingServer server{tls(), [](Peer& peer) { peer.reset(); }};
  const auto result = ask(server);
  REQUIRE_FALSE(result);
  CHECK(server.connections() == 1);
}

TEST_CASE("the second connection resumes the session of the first") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ServerOptions options = tls();
  options.newest_tls = version;
  std::atomic<int> resumed{0};
  MisbehavingServer server{options, [&](Peer& peer) {
                             if (peer.resumed()) ++resumed;
                             if (!peer.hear()) return;
                             peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
                             peer.hang_up();
                           }};
  HttpsTransport transport{to(server.url()), wall()};
  for (int i = 0; i < 4; ++i) CHECK(ask(transport)->body == "ok");
  CHECK(server.connections() == 4);
  CHECK(resumed == 3);
}

TEST_CASE("200 requests over 8 connections arrive once each, and the answers stand in their order") {
  std::mutex mutex;
  std::map<std::string, int> arrived;
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             while (const auto heard = peer.hear()) {
                               {
                                 const std::lock_guard lock{mutex};
                                 ++arrived[heard->target + heard->body];
                               }
                               peer.answer(heard->target);
                             }
                           }};
  HttpsSettings settings = to(server.url());
  settings.connections = 8;
  HttpsTransport transport{settings, wall()};
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(post("/" + std::to_string(i), "b"));
  const auto results = transport.exchange(requests, ample);
  REQUIRE(results.size() == 200);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE(results[i]);
    CHECK(results[i]->body == "/" + std::to_string(i));
  }
  CHECK(arrived.size() == 200);
  CHECK(std::all_of(arrived.begin(), arrived.end(), [](const auto& one) { return one.second == 1; }));
  CHECK(server.connections() <= 8);
}

TEST_CASE("requests are on the wire together, as many as there are connections") {
  // Nobody is answered until four have asked: one after the other would never end.
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             while (const auto heard = peer.hear()) {
                               std::unique_lock lock{mutex};
                               ++here;
                               all_here.notify_all();
                               all_here.wait_for(lock, 5s, [&] { return here >= 4; });
                               lock.unlock();
                               peer.answer(heard->target);
                             }
                           }};
  HttpsSettings settings = to(server.url());
  settings.connections = 4;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(4, get());
  const Micros began = wall().monotonic();
  for (const auto& result : transport.exchange(requests, ample)) CHECK(result);
  CHECK(wall().monotonic() - began < 4s);
  CHECK(server.most_at_once() == 4);
}

TEST_CASE("one that hangs holds up nobody else") {
  MisbehavingServer server{tls(), [](Peer& peer) {
                             while (const auto heard = peer.hear()) {
                               if (heard->target == "/hang") {
                                 peer.wait_for_end();
                                 return;
                               }
                               peer.answer(heard->target);
                             }
                           }};
  HttpsSettings settings = to(server.url());
  settings.connections = 2;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests{get("/1"), get("/hang"), get("/2"), get("/3"), get("/4")};
  const auto results = transport.exchange(requests, 1s);
  check_lost(results[1], "no answer within 1s");
  for (const std::size_t i : {0u, 2u, 3u, 4u}) CHECK(results[i]);
}

TEST_CASE("patience runs for each request from its turn, not from the start of the exchange") {
  // Three hang one after the other over one connection: each gets its own 250 ms.
  MisbehavingServer server{tls(), [](Peer& peer) {
                             if (peer.hear()) peer.wait_for_end();
                           }};
  HttpsSettings settings = to(server.url());
  settings.connections = 1;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(3, get());
  const Micros began = wall().monotonic();
  for (const auto& result : transport.exchange(requests, short_wait)) check_lost(result, "no answer within 250ms");
  CHECK(wall().monotonic() - began >= 3 * short_wait);
}

TEST_CASE("what had no turn in time was not sent") {
  MisbehavingServer server{tls(), [&](Peer& peer) {
                             if (!peer.hear()) return;
                             server.count_one();
                             peer.wait_for_end();
                           }};
  HttpsSettings settings = to(server.url());
  settings.connections = 1;
  settings.longest_turn = 50ms;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(3, get());
  const auto results = transport.exchange(requests, 300ms);
  check_lost(results[0], "no answer within 300ms");
  check_unsent(results[1], "no turn within 50ms");
  check_unsent(results[2], "no turn within 50ms");
  CHECK(server.heard() == 1);
}

TEST_CASE("an exchange of nothing connects to nobody") {
  MisbehavingServer server{tls(), echo};
  HttpsTransport transport{to(server.url()), wall()};
  CHECK(transport.exchange({}, ample).empty());
  CHECK(server.connections() == 0);
}

// ---------------------------------------------------------------------------------------------
// pace

namespace {

// When each request arrived, by the kernel's own clock. Plain http, so that the kernel can tell.
struct Arrivals {
  std::mutex mutex;
  std::vector<std::pair<std::chrono::nanoseconds, std::string>> all;

  MisbehavingServer::Script script() {
    return [this](Peer& peer) {
      while (const auto heard = peer.hear()) {
        {
          const std::lock_guard lock{mutex};
          all.emplace_back(heard->at, heard->target);
        }
        peer.answer(heard->target);
      }
    };
  }
  // The most weight in any window of this length, each request weighing its target's digits.
  int most_within(std::chrono::nanoseconds window) {
    std::sort(all.begin(), all.end());
    int most = 0;
    for (std::size_t first = 0; first < all.size(); ++first) {
      int weight = 0;
      for (std::size_t i = first; i < all.size() && all[i].first < all[first].first + window; ++i)
        weight += std::stoi(all[i].second.substr(1));
      most = std::max(most, weight);
    }
    return most;
  }
};

HttpRequest weighing(int weight, std::string limit = "orders") {
  HttpRequest request = get("/" + std::to_string(weight));
  request.limit = std::move(limit);
  request.weight = weight;
  return request;
}

}  // namespace

TEST_CASE("never more than the limit arrives in any window, over exchanges too") {
  Arrivals arrivals;
  MisbehavingServer server{plain(), arrivals.script()};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"orders", 5, 50ms}};
  HttpsTransport transport{settings, wall()};
  const Micros began = wall().monotonic();
  for (const std::size_t count : {3u, 12u, 7u})
    for (const auto& result : transport.exchange(std::vector<HttpRequest>(count, weighing(1)), ample)) CHECK(result);
  CHECK(arrivals.all.size() == 22);
  CHECK(arrivals.most_within(50ms) == 5);
  const Micros took = wall().monotonic() - began;
  CHECK(took >= 200ms);  // 22 in fives: four windows lie between the first and the last
  CHECK(took < 2s);
}

TEST_CASE("weights count, and a light request does not slip past a heavy one") {
  Arrivals arrivals;
  MisbehavingServer server{plain(), arrivals.script()};
  HttpsSettings settings = to(server.url());
  settings.connections = 1;  // so that the order of arrival is the order of sending
  settings.limits = {{"orders", 10, 50ms}};
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests{weighing(7), weighing(8), weighing(1), weighing(2)};
  for (const auto& result : transport.exchange(requests, ample)) CHECK(result);
  CHECK(arrivals.most_within(50ms) <= 10);
  std::vector<std::string> order;
  for (const auto& one : arrivals.all) order.push_back(one.second);
  CHECK(order == std::vector<std::string>{"/7", "/8", "/1", "/2"});
}

TEST_CASE("a limit that the server says was passed all the same is kept with more room afterwards") {
  MisbehavingServer server{plain(), [](Peer& peer) {
                             while (peer.hear()) peer.answer("{}", 429);
                           }};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"orders", 1, 200ms}};
  HttpsTransport transport{settings, wall()};
  const auto first = ask(transport, weighing(1));
  const auto second = ask(transport, weighing(1));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(second->sent - first->sent >= 295ms);  // the window, and twice a quarter of it
}

TEST_CASE("limits do not hold up each other, nor what has none") {
  Arrivals arrivals;
  MisbehavingServer server{plain(), arrivals.script()};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"slow", 1, 600ms}, {"quick", 100, 50ms}};
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests{weighing(1, "slow"), weighing(1, "slow"), weighing(2, "quick"),
                                          weighing(3, "")};
  const auto results = transport.exchange(requests, ample);
  for (const auto& result : results) REQUIRE(result);
  CHECK(results[1]->sent - results[0]->sent >= 600ms);
  CHECK(results[2]->sent - results[0]->sent < 550ms);
  CHECK(results[3]->sent - results[0]->sent < 550ms);
}

TEST_CASE("waiting for the limit is not patience, and what waits too long was not sent") {
  Arrivals arrivals;
  MisbehavingServer server{plain(), arrivals.script()};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"orders", 1, 1s}};
  settings.longest_turn = 1900ms;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(4, weighing(1));
  const auto results = transport.exchange(requests, 900ms);
  CHECK(results[0]);
  CHECK(results[1]);  // its turn came after a second, longer than its patience
  check_unsent(results[2], "no turn within 1900ms");
  check_unsent(results[3], "no turn within 1900ms");
}

TEST_CASE("a slow limit does not open connections it cannot use") {
  Arrivals arrivals;
  MisbehavingServer server{plain(), arrivals.script()};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"orders", 1, 600ms}};
  settings.longest_turn = 100ms;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(20, weighing(1));
  CHECK(transport.exchange(requests, ample).at(0));
  CHECK(server.connections() == 1);
}

TEST_CASE(
    "an unknown limit, or a request heavier than its limit, is a broken invariant and sends "
    "nothing") {
  MisbehavingServer server{plain(), echo};
  HttpsSettings settings = to(server.url());
  settings.limits = {{"orders", 5, 50ms}};
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> unknown{get(), weighing(1, "ordres")};
  CHECK_THROWS_AS(transport.exchange(unknown, ample), std::logic_error);
  const std::vector<HttpRequest> heavy{get(), weighing(6)};
  CHECK_THROWS_AS(transport.exchange(heavy, ample), std::logic_error);
  CHECK(server.connections() == 0);
  CHECK(ask(transport, weighing(5)));
}

TEST_CASE("what was refused a connection uses up nothing of its limit") {
  HttpsSettings settings = to("http://127.0.0.1:" + std::to_string(net_test::refused_port()));
  settings.limits = {{"orders", 1, 5s}};
  settings.longest_turn = 2s;
  HttpsTransport transport{settings, wall()};
  const std::vector<HttpRequest> requests(10, weighing(1));
  for (const auto& result : transport.exchange(requests, ample))
    check_unsent(result, "not connected: connection refused");
}
