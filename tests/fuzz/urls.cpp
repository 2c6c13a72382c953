// Addresses of services and proxies, as configurations and environments have them.
#include "fuzz.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/secret.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c > '~') return false;
  return true;
}

void check_base(const BaseUrl& base) {
  require(!base.host.empty() && is_plain(base.host), "a host is a word");
  require(base.host.find_first_of("/@?#\\") == std::string::npos, "a host is nothing but a host");
  require(!base.port.empty() && base.port.find_first_not_of("0123456789") == std::string::npos, "a port is a number");
  require(is_plain(base.path), "a path ends no line of a request");
  if (!base.tls)
    require(base.host == "localhost" || base.host == "::1" || base.host.starts_with("127."),
            "a secret does not leave the machine in clear");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const std::string_view url = bytes.line();
  const std::string_view https_proxy = bytes.line();
  const std::string_view no_proxy = bytes.line();
  for (const char c : percent_encoded(url)) require(c > ' ' && c <= '~', "encoded text is plain");
  if (const auto alone = parse_base_url(url)) check_base(*alone);
  const auto base = parse_base_url("https://" + std::string{url});
  if (!base) return 0;
  check_base(*base);
  const auto proxy = proxy_for(*base, https_proxy, no_proxy);
  if (!proxy) {
    require(proxy.error().what.find('\n') == std::string::npos, "a refusal is one line");
    return 0;
  }
  if (!*proxy) return 0;
  require(!(*proxy)->host.empty() && is_plain((*proxy)->host), "a proxy's host is a word");
  if ((*proxy)->authorization)
    require(is_plain((*proxy)->authorization->reveal()), "authorization begins no header of its own");
  return 0;
}
