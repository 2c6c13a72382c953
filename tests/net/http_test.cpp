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
       {"http://127.0.0.1:8080", "http://127.9.8.7", "http://[::1]:80/x", "http://localhost",
        "http://LOCALHOST:1"}) {
    INFO(here);
    const auto base = parse_base_url(here);
    REQUIRE(base);
    CHECK_FALSE(base->tls);
  }
  CHECK(parse_base_url("http://localhost")->port == "80");
  for (const std::string_view elsewhere :
       {"http://api.crypto.com", "http://10.0.0.1", "http://127.0.0.1.example.com",
        "http://127.example.com", "http://localhost.example.com", "http://[::2]", "http://127.1",
        "http://0.0.0.0"}) {
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
  CHECK(wrong_with("https://[::1]443") ==
        "something other than a port after the brackets in the URL");
  CHECK(wrong_with("https://host\r\nX: y") == "a blank, control or non-ASCII character in the URL");
  CHECK(wrong_with("https://host/a b") == "a blank, control or non-ASCII character in the URL");
  for (const std::string_view port : {"", "0", "65536", "-1", "+1", "80x", "x", "000080", "1e3"}) {
    INFO(port);
    CHECK(wrong_with("https://host:" + std::string{port}) ==
          "a port that is not between 1 and 65535 in the URL");
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
  for (const char* date : {"", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 29 Feb 2025 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT",
                           "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 6  Nov 1994 08:49:37 GMT",
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
