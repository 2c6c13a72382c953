// HttpTransport: what an adapter needs of HTTPS, and no more. Requests and answers are plain values.
// Contract tests: tests/net/https_transport_test.cpp
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/error.hpp"
#include "tradeguard/secret.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard {

struct HttpRequest {
  std::string method;  // "GET", "POST", "DELETE"
  std::string target;  // "/exchange/v1/private/create-order?…", without scheme and host
  // Besides Host, User-Agent, Accept-Encoding, Connection and Content-Length: the transport's.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string limit;  // name of the RateLimit it counts against; empty: none
  int weight = 1;     // how much of that limit it uses up
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, as they came
  Instant sent;                                              // this machine's clock when the first byte left
  Instant answered;                                          // and when the last byte was here
};
// The first header of that name (lower case); nullopt: none.
std::optional<std::string_view> header(const HttpResponse& response, std::string_view name);
// The Date header, in whole seconds; nullopt: none, or not understood.
std::optional<Instant> http_date(const HttpResponse& response);
// What Retry-After asks for: seconds, or a date less the answer's own. nullopt: nothing, or not understood.
// Never negative, at most three days.
std::optional<Micros> retry_after(const HttpResponse& response);

// No complete answer. `sent` false is certain: no byte of the request left this process.
struct HttpFailure {
  bool sent = true;
  std::string what;  // without address, target and header values: they may hold secrets
};
using HttpResult = tl::expected<HttpResponse, HttpFailure>;

// At most `weight` of requests in any window of this length. Kept on the wire: a request waits after
// its connection is up, until the window has room.
struct RateLimit {
  std::string name;
  int weight = 1;
  Micros window = 1s;
};

// One transport speaks to one host. Each request is sent at most once: no retry, no redirect, whatever happens.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // All requests at once, as connections and limits allow, in the order given; results stand in that
  // order. `patience` runs for each request from its turn (its limit has room and it may connect) to the
  // last byte of its answer: resolving, connecting, TLS, sending, waiting, reading.
  virtual std::vector<HttpResult> exchange(std::span<const HttpRequest> requests, Micros patience) = 0;
};

// Where a host is: "https://host[:port][/path]". Plain http is taken for a loopback address only
// (127.0.0.0/8, ::1, localhost): a secret never leaves the machine in clear.
struct BaseUrl {
  bool tls = true;
  std::string host;
  std::string port;
  std::string path;  // in front of every target, without a slash at its end
};
Result<BaseUrl> parse_base_url(std::string_view url);

// A proxy that makes tunnels.
struct Proxy {
  std::string host;
  std::string port;
  std::shared_ptr<const Secret> authorization;  // "user:password" in base64; null: none
};
// What the variables HTTPS_PROXY and NO_PROXY mean for this host; nullopt: no proxy. Never one for a
// loopback address. Fault::configuration, without the address's user and password: a proxy of another
// kind than http://[user:password@]host[:port], which is the only one spoken to.
Result<std::optional<Proxy>> proxy_for(const BaseUrl& base, std::string_view https_proxy, std::string_view no_proxy);

// Percent-encoding of RFC 3986 for query values: everything but A-Z a-z 0-9 - _ . ~ is encoded.
std::string percent_encoded(std::string_view text);

}  // namespace tradeguard
