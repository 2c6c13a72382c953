// A request as bytes: what every one of them carries, and what would become more than one line.
#include "request_text.hpp"

#include <catch2/catch.hpp>

using namespace tradeguard;

namespace {

const BaseUrl base{.tls = true, .host = "api.example.com", .port = "443", .path = "/v1"};

std::string text_of(HttpRequest request, const BaseUrl& at = base) { return request_text(at, request); }

}  // namespace

TEST_CASE("an answer is asked for as it is, uncompressed, for a compressed one would not be read") {
  for (const char* method : {"GET", "POST", "DELETE"}) {
    HttpRequest request{.method = method, .target = "/time"};
    const std::string text = text_of(request);
    CHECK_THAT(text, Catch::StartsWith(std::string{method} + " /v1/time HTTP/1.1\r\nHost: api.example.com\r\n"));
    CHECK_THAT(text, Catch::Contains("\r\nAccept-Encoding: identity\r\n"));
    CHECK_THAT(text, Catch::Contains("\r\nUser-Agent: tradeguard\r\n"));
    CHECK(text.find("Accept-Encoding") == text.rfind("Accept-Encoding"));
  }
}

TEST_CASE("a body is announced by its length, an empty one where the method has one") {
  HttpRequest post{.method = "POST", .target = "/order"};
  CHECK_THAT(text_of(post), Catch::EndsWith("Content-Length: 0\r\n\r\n"));
  post.body = "{\"a\":1}";
  CHECK_THAT(text_of(post), Catch::EndsWith("Content-Length: 7\r\n\r\n{\"a\":1}"));
  CHECK_THAT(text_of({.method = "GET", .target = "/time"}), !Catch::Contains("Content-Length"));
}

TEST_CASE("a host is named with its port where that is not the usual one, and an IPv6 address in brackets") {
  CHECK_THAT(text_of({.method = "GET", .target = "/"}, {true, "::1", "8443", ""}),
             Catch::Contains("Host: [::1]:8443\r\n"));
  CHECK_THAT(text_of({.method = "GET", .target = "/"}, {false, "localhost", "80", ""}),
             Catch::Contains("Host: localhost\r\n"));
  CHECK_THAT(text_of({.method = "GET", .target = "/"}, {false, "localhost", "443", ""}),
             Catch::Contains("Host: localhost:443\r\n"));
}

TEST_CASE("what would become a line of its own is not well formed") {
  const auto with_header = [](std::string name, std::string value) {
    return HttpRequest{.method = "GET", .target = "/", .headers = {{std::move(name), std::move(value)}}};
  };
  CHECK(well_formed(with_header("X-Key", "a key, with\ta tab and \xc3\xa4")));
  for (const std::string& value :
       {std::string{"a\r\nX-Other: b"}, std::string{"a\n"}, std::string{"a\0b", 3}, std::string{"a\x7f"}})
    CHECK_FALSE(well_formed(with_header("X-Key", value)));
  CHECK_FALSE(well_formed(with_header("X-Key: b", "a")));
  CHECK_FALSE(well_formed(with_header("", "a")));
  CHECK_FALSE(well_formed({.method = "GET", .target = "/a b"}));
  CHECK_FALSE(well_formed({.method = "GET", .target = ""}));
  CHECK_FALSE(well_formed({.method = "G ET", .target = "/"}));
}
