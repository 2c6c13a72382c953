#include "tradeguard/http.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tradeguard {
namespace {

constexpr std::string_view expected_form =
    "expected https://host[:port][/path], or http:// for a loopback address";

// The address itself is not repeated: what is wrong with it may be that it holds a password.
tl::unexpected<Error> bad_url(std::string_view what) {
  return failed(Fault::configuration, std::string{what} + "; " + std::string{expected_form});
}

std::string lower_case(std::string_view text);
bool loopback(const std::string& host);
bool is_ipv6(const std::string& host);
bool is_host_name(std::string_view host);
std::optional<int> number(std::string_view digits);
std::optional<unsigned> month_of(std::string_view name);

}  // namespace

std::optional<std::string_view> header(const HttpResponse& response, std::string_view name) {
  for (const auto& [its_name, value] : response.headers)
    if (its_name == name) return value;
  return std::nullopt;
}

// Sun, 06 Nov 1994 08:49:37 GMT: the one form RFC 9110 lets a server send.
std::optional<Instant> http_date(const HttpResponse& response) {
  const auto date = header(response, "date");
  if (!date || date->size() != 29) return std::nullopt;
  const std::string_view text = *date;
  constexpr std::string_view shape = "www, dd mmm yyyy hh:mm:ss GMT";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool fixed = !('a' <= shape[i] && shape[i] <= 'z');
    if (fixed && text[i] != shape[i]) return std::nullopt;
  }
  const auto day = number(text.substr(5, 2));
  const auto month = month_of(text.substr(8, 3));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year{*year}, std::chrono::month{*month},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok()) return std::nullopt;
  return Instant{std::chrono::sys_days{ymd}} + std::chrono::hours{*hour} +
         std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

Result<BaseUrl> parse_base_url(std::string_view url) {
  for (const char c : url)
    if (c <= ' ' || c > '~') return bad_url("a blank, control or non-ASCII character in the URL");
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return bad_url("no scheme in the URL");

  BaseUrl base;
  const std::string scheme = lower_case(url.substr(0, colon));
  if (scheme != "https" && scheme != "http")
    return bad_url("a scheme that is not https in the URL");
  base.tls = scheme == "https";
  base.port = base.tls ? "443" : "80";

  std::string_view rest = url.substr(colon + 3);
  if (rest.find('@') != std::string_view::npos)
    return bad_url("a user name or password in the URL");
  if (rest.find_first_of("?#") != std::string_view::npos)
    return bad_url("a query or fragment in the URL");
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  rest = rest.substr(0, slash);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  base.path = path;

  std::optional<std::string_view> port;
  if (!rest.empty() && rest.front() == '[') {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return bad_url("a bracket without its partner in the URL");
    base.host = lower_case(rest.substr(1, end - 1));
    if (!is_ipv6(base.host)) return bad_url("no IPv6 address between the brackets in the URL");
    rest = rest.substr(end + 1);
    if (!rest.empty() && rest.front() != ':')
      return bad_url("something other than a port after the brackets in the URL");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t at = rest.find(':');
    base.host = lower_case(rest.substr(0, at));
    if (at != std::string_view::npos) port = rest.substr(at + 1);
    if (base.host.empty()) return bad_url("no host in the URL");
    if (!is_host_name(base.host)) return bad_url("a host name that cannot be one in the URL");
  }
  if (port) {
    const auto value = port->size() > 5 ? std::nullopt : number(*port);
    if (!value || *value < 1 || *value > 65535)
      return bad_url("a port that is not between 1 and 65535 in the URL");
    base.port = std::to_string(*value);
  }
  if (!base.tls && !loopback(base.host))
    return bad_url("http without TLS to a host that is not this machine");
  return base;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += digits[byte >> 4];
    encoded += digits[byte & 15];
  }
  return encoded;
}

namespace {

std::string lower_case(std::string_view text) {
  std::string lower{text};
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// Only what is an address in full: 127.example.com is somebody else's machine.
bool loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && host.starts_with("127.");
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_host_name(std::string_view host) {
  return host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_';
         });
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

std::optional<unsigned> month_of(std::string_view name) {
  constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto* at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return std::nullopt;
  return static_cast<unsigned>(at - names.begin()) + 1;
}

}  // namespace
}  // namespace tradeguard
