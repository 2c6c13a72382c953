// What a base URL may be, what stands in an answer's head, and percent-encoding.
#include <tradeguard/http.hpp>

#include <catch2/catch.hpp>

using namespace tradeguard;

namespace {
std::string wrong_with(std::string_view url) {
  const auto base = parse_base_url(url);
  if (base) return "nothing: host " + base->host;
  CHECK(base.error().fault == Fault::configuration);
  CHECK_THAT(base.error().what, Catch::Contains("expected https://host[:port][/path]"));
  return base.error().what.substr(0, base.error().what.find(';'));
}
HttpResponse dated(std::string date) {
  HttpResponse response;
  response.headers = {{"server", "x"}, {"date", std::move(date)}, {"date", "another"}};
  return response;
}
}  // namespace

TEST_CASE(
    "a base URL has a host, the scheme's port unless it names one, and a path without its last "
    "slash") {
  const auto plain = parse_base_url("https://api.crypto.com");
  REQUIRE(plain);
  CHECK(plain->tls);
  CHECK(plain->host == "api.crypto.com");
  CHECK(plain->port == "443");
  CHECK(plain->path.empty());

  const auto full = parse_base_url("HTTPS://Uat-Api.3ona.CO:8443/exchange/v1/");
  REQUIRE(full);
  CHECK(full->host == "uat-api.3ona.co");
  CHECK(full->port == "8443");
  CHECK(full->path == "/exchange/v1");

  const auto six = parse_base_url("https://[2001:DB8::1]:444/");
  REQUIRE(six);
  CHECK(six->host == "2001:db8::1");
  CHECK(six->port == "444");
  CHECK(six->path.empty());
}

TEST_CASE("http without TLS is for this machine only") {
  for (const std::string_view here :
       {"http://127.0.0.1:8080", "http://127.9.8.7", "http://[::1]:80/x", "http://localhost", "http://LOCALHOST:1"}) {
    INFO(here);
    const auto base = parse_base_url(here);
    REQUIRE(base);
    CHECK_FALSE(base->tls);
  }
  CHECK(parse_base_url("http://localhost")->port == "80");
  for (const std::string_view elsewhere :
       {"http://api.crypto.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://127.example.com",
        "http://localhost.example.com", "http://[::2]", "http://127.1", "http://0.0.0.0"}) {
    INFO(elsewhere);
    CHECK(wrong_with(elsewhere) == "http without TLS to a host that is not this machine");
  }
}

TEST_CASE("what a base URL must not hold is named and not repeated") {
  CHECK(wrong_with("https://me:hunter2@host") == "a user name or password in the URL");
  CHECK(wrong_with("https://host/path?key=hunter2") == "a query or fragment in the URL");
  CHECK(wrong_with("https://host#top") == "a query or fragment in the URL");
  CHECK(wrong_with("ftp://host") == "a scheme that is not https in the URL");
  CHECK(wrong_with("host:443") == "no scheme in the URL");
  CHECK(wrong_with("") == "no scheme in the URL");
  CHECK(wrong_with("https://") == "no host in the URL");
  CHECK(wrong_with("https:///path") == "no host in the URL");
  CHECK(wrong_with("https://:443") == "no host in the URL");
  CHECK(wrong_with("https://ho_st!") == "a host name that cannot be one in the URL");
  CHECK(wrong_with("https://2001:db8::1") == "a port that is not between 1 and 65535 in the URL");
  CHECK(wrong_with("https://[::1") == "a bracket without its partner in the URL");
  CHECK(wrong_with("https://[host]") == "no IPv6 address between the brackets in the URL");
  CHECK(wrong_with("https://[::1]443") == "something other than a port after the brackets in the URL");
  CHECK(wrong_with("https://host\r\nX: y") == "a blank, control or non-ASCII character in the URL");
  CHECK(wrong_with("https://host/a b") == "a blank, control or non-ASCII character in the URL");
  for (const std::string_view port : {"", "0", "65536", "-1", "+1", "80x", "x", "000080", "1e3"}) {
    INFO(port);
    CHECK(wrong_with("https://host:" + std::string{port}) == "a port that is not between 1 and 65535 in the URL");
  }
  CHECK(parse_base_url("https://host:65535")->port == "65535");
  CHECK(parse_base_url("https://host:1")->port == "1");
}

TEST_CASE("the first header of a name is the one that counts") {
  const HttpResponse response = dated("first");
  CHECK(header(response, "date") == std::optional<std::string_view>{"first"});
  CHECK_FALSE(header(response, "content-type"));
}

TEST_CASE("a Date header is read in whole seconds of UTC") {
  const auto at = http_date(dated("Sun, 06 Nov 1994 08:49:37 GMT"));
  REQUIRE(at);
  CHECK(to_micros(*at) == 784'111'777'000'000);
  CHECK(iso_seconds(*http_date(dated("Thu, 29 Feb 2024 23:59:59 GMT"))) == "2024-02-29T23:59:59");
  CHECK(iso_seconds(*http_date(dated("Wed, 31 Dec 2025 00:00:00 GMT"))) == "2025-12-31T00:00:00");
}

TEST_CASE("a Date header that is not understood is none") {
  for (const char* date :
       {"", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2025 08:49:37 GMT",
        "Sun, 06 NOV 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 6  Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    INFO(date);
    CHECK_FALSE(http_date(dated(date)));
  }
  CHECK_FALSE(http_date(HttpResponse{}));
}

TEST_CASE("percent-encoding leaves the unreserved characters and nothing else") {
  CHECK(percent_encoded("AZaz09-_.~") == "AZaz09-_.~");
  CHECK(percent_encoded("a b+c/d=e&f%\n") == "a%20b%2Bc%2Fd%3De%26f%25%0A");
  CHECK(percent_encoded("１２") == "%EF%BC%91%EF%BC%92");
  CHECK(percent_encoded("") == "");
}

TEST_CASE("a pause is seconds or a date, and never longer than three days") {
  const auto asked = [](const std::string& value, const std::string& date = "") {
    HttpResponse response;
    response.headers = {{"retry-after", value}};
    if (!date.empty()) response.headers.emplace_back("date", date);
    return retry_after(response);
  };
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  CHECK(asked("7200") == 2h);
  CHECK(asked("0") == 0s);
  CHECK(asked("99999999999999999999") == 72h);
  CHECK(asked("Sun, 06 Nov 1994 08:51:37 GMT", date) == 120s);
  CHECK(asked("Sun, 06 Nov 1994 08:40:37 GMT", date) == 0s);
  CHECK(asked("Sun, 06 Nov 2094 08:40:37 GMT", date) == 72h);
  for (const char* nothing : {"", "soon", "-5", "1.5", " 7"}) CHECK_FALSE(asked(nothing, date));
  CHECK_FALSE(asked("Sun, 06 Nov 1994 08:51:37 GMT"));
  CHECK_FALSE(retry_after(HttpResponse{}));
}

TEST_CASE("a proxy is for hosts elsewhere, as HTTPS_PROXY and NO_PROXY say") {
  const auto proxy = [](const std::string& url, std::string_view https_proxy,
                        std::string_view no_proxy = "") -> std::string {
    const auto found = proxy_for(parse_base_url(url).value(), https_proxy, no_proxy);
    if (!found) return found.error().what;
    if (!*found) return "none";
    const auto& login = (*found)->authorization;
    return (*found)->host + " " + (*found)->port + (login ? " " + std::string{login->reveal()} : "");
  };
  const std::string exchange = "https://api.binance.com";
  CHECK(proxy(exchange, "") == "none");
  CHECK(proxy(exchange, "http://proxy.lan:3128") == "proxy.lan 3128");
  CHECK(proxy(exchange, "HTTP://proxy.lan:3128/") == "proxy.lan 3128");
  CHECK(proxy(exchange, "proxy.lan:8080") == "proxy.lan 8080");
  CHECK(proxy(exchange, "http://[fd00::1]:3128") == "fd00::1 3128");
  CHECK(proxy(exchange, "http://u:p@proxy.lan:1") == "proxy.lan 1 dTpw");
  CHECK(proxy(exchange, "http://u%3A:p%40%25@proxy.lan:1") == "proxy.lan 1 dTo6cEAl");

  for (const char* here : {"https://127.0.0.1:8443", "https://localhost", "https://[::1]:9", "http://127.0.0.1:80"})
    CHECK(proxy(here, "http://proxy.lan:3128") == "none");

  for (const char* list : {"*", "binance.com", ".binance.com", "other.test, api.binance.com", "API.BINANCE.COM:443"})
    CHECK(proxy(exchange, "http://proxy.lan:3128", list) == "none");
  for (const char* list : {"", "api", "inance.com", "other.test", "api.binance.com:8443", ",,"})
    CHECK(proxy(exchange, "http://proxy.lan:3128", list) == "proxy.lan 3128");
}

TEST_CASE("a proxy that cannot be used is refused by name, without its password") {
  const auto base = parse_base_url("https://api.binance.com").value();
  for (const char* url :
       {"socks5://u:geheim@proxy.lan:1080", "https://u:geheim@proxy.lan:443", "http://u:geheim@proxy.lan",
        "http://u:geheim@", "http://u:geheim%4@p:1", "http://u:geheim@proxy.lan:3128/path",
        "http://u:geheim@proxy lan:3128", "http://u:geheim@[fd00::1]", "http://u:geheim@proxy.lan:99999"}) {
    const auto refused = proxy_for(base, url, "");
    INFO(url);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::configuration);
    CHECK_THAT(refused.error().what, Catch::StartsWith("HTTPS_PROXY: ") && Catch::Contains("nothing was sent") &&
                                         Catch::Contains("NO_PROXY") && !Catch::Contains("geheim"));
  }
}
