#include "tradeguard/http.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tradeguard {
namespace {

constexpr std::string_view expected_form = "expected https://host[:port][/path], or http:// for a loopback address";

// The address itself is not repeated: what is wrong with it may be that it holds a password.
tl::unexpected<Error> bad_url(std::string_view what) {
  return failed(Fault::configuration, std::string{what} + "; " + std::string{expected_form});
}

std::optional<Instant> date_in(std::string_view text);
std::string lower_case(std::string_view text);
tl::unexpected<Error> bad_proxy(std::string_view what);
bool excepted(const BaseUrl& base, std::string_view no_proxy);
std::optional<std::string> percent_decoded(std::string_view text);
std::string base64(std::string_view bytes);
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

std::optional<Instant> http_date(const HttpResponse& response) {
  const auto date = header(response, "date");
  return date ? date_in(*date) : std::nullopt;
}

std::optional<Micros> retry_after(const HttpResponse& response) {
  constexpr Micros longest = 72h;
  const auto value = header(response, "retry-after");
  if (!value || value->empty()) return std::nullopt;
  const bool digits = value->find_first_not_of("0123456789") == std::string_view::npos;
  if (digits) {
    const auto seconds = number(*value);
    return seconds ? std::min<Micros>(std::chrono::seconds{*seconds}, longest) : longest;
  }
  const auto until = date_in(*value);
  const auto now = http_date(response);
  if (!until || !now) return std::nullopt;
  return std::clamp<Micros>(*until - *now, Micros{0}, longest);
}

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT: the one form RFC 9110 lets a server send.
std::optional<Instant> date_in(std::string_view text) {
  if (text.size() != 29) return std::nullopt;
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
  return Instant{std::chrono::sys_days{ymd}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second};
}

}  // namespace

Result<BaseUrl> parse_base_url(std::string_view url) {
  for (const char c : url)
    if (c <= ' ' || c > '~') return bad_url("a blank, control or non-ASCII character in the URL");
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return bad_url("no scheme in the URL");

  BaseUrl base;
  const std::string scheme = lower_case(url.substr(0, colon));
  if (scheme != "https" && scheme != "http") return bad_url("a scheme that is not https in the URL");
  base.tls = scheme == "https";
  base.port = base.tls ? "443" : "80";

  std::string_view rest = url.substr(colon + 3);
  if (rest.find('@') != std::string_view::npos) return bad_url("a user name or password in the URL");
  if (rest.find_first_of("?#") != std::string_view::npos) return bad_url("a query or fragment in the URL");
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
    if (!value || *value < 1 || *value > 65535) return bad_url("a port that is not between 1 and 65535 in the URL");
    base.port = std::to_string(*value);
  }
  if (!base.tls && !loopback(base.host)) return bad_url("http without TLS to a host that is not this machine");
  return base;
}

Result<std::optional<Proxy>> proxy_for(const BaseUrl& base, std::string_view https_proxy, std::string_view no_proxy) {
  if (https_proxy.empty() || !base.tls || loopback(base.host) || excepted(base, no_proxy))
    return std::optional<Proxy>{};
  std::string_view rest = https_proxy;
  if (const std::size_t colon = rest.find("://"); colon != std::string_view::npos) {
    const std::string scheme = lower_case(rest.substr(0, colon));
    if (scheme != "http") return bad_proxy("a proxy whose scheme is not http is not supported");
    rest.remove_prefix(colon + 3);
  }
  Proxy proxy;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    auto login = percent_decoded(rest.substr(0, at));
    if (!login) return bad_proxy("the user name or password has a % without two hexadecimal digits");
    proxy.authorization = std::make_shared<const Secret>(base64(*login));
    wipe(*login);
    rest.remove_prefix(at + 1);
  }
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  // The rest is a host and its port, spelled as in any other address.
  const auto where = parse_base_url("https://" + std::string{rest});
  if (!where || !where->path.empty()) return bad_proxy("there is no proxy's host and port in it");
  const std::size_t port = rest.rfind(':');
  if (port == std::string_view::npos || rest.find(']', port) != std::string_view::npos)
    return bad_proxy("it names no port");
  proxy.host = where->host;
  proxy.port = where->port;
  return std::optional{std::move(proxy)};
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
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

// The value is not repeated: it may hold a password.
tl::unexpected<Error> bad_proxy(std::string_view what) {
  return failed(Fault::configuration,
                "HTTPS_PROXY: " + std::string{what} +
                    ", and nothing was sent; expected http://[user:password@]host:port, or name the "
                    "host that is to be reached without a proxy in NO_PROXY");
}

// "example.com" and ".example.com" are that host and all below it; "*" is everybody.
bool excepted(const BaseUrl& base, std::string_view no_proxy) {
  while (!no_proxy.empty()) {
    const std::size_t end = std::min(no_proxy.find(','), no_proxy.size());
    std::string entry = lower_case(no_proxy.substr(0, end));
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
    std::erase_if(entry, [](char c) { return c == ' ' || c == '\t' || c == '[' || c == ']'; });
    if (entry == "*") return true;
    const std::size_t port = entry.rfind(':');
    if (port != std::string::npos && entry.find(':') == port) {
      if (entry.substr(port + 1) != base.port) continue;
      entry.resize(port);
    }
    while (entry.starts_with('.')) entry.erase(0, 1);
    if (!entry.empty() && (base.host == entry || base.host.ends_with("." + entry))) return true;
  }
  return false;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text.size() - i < 3) return std::nullopt;
    const auto [stopped, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc{} || stopped != digits + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve(bytes.size() / 3 * 4 + 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    const std::size_t taken = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < taken ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= taken ? letters[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
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
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
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
