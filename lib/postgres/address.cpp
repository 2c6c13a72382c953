#include "tradeguard/postgres_address.hpp"

#include "parsed_address.hpp"

namespace tradeguard {

namespace {

// libpq says itself which of its settings are passwords.
bool is_secret(const PQconninfoOption& option) { return std::string_view{option.dispchar} == "*"; }

// A password with / or @ in it that nobody escaped: libpq takes what comes before for a host or a port,
// and the rest of it for the name of the database.
bool is_ambiguous(std::string_view url, const PQconninfoOption& options) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos || url.find('\0') != std::string_view::npos) return true;
  const std::string_view rest = url.substr(scheme + 3);
  const auto at = rest.find('@');
  if (at != std::string_view::npos &&
      (rest.find('@', at + 1) != std::string_view::npos || rest.find_first_of("/?") < at))
    return true;
  for (const PQconninfoOption* option = &options; option->keyword != nullptr; ++option)
    if (std::string_view{option->keyword} == "port" && option->val != nullptr &&
        std::string_view{option->val}.find_first_not_of("0123456789,") != std::string_view::npos)
      return true;
  return false;
}

std::string escaped(std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view{"-._~/:,[]"}.find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

}  // namespace

std::string shown_address(std::string_view url) {
  const ParsedAddress options = parsed_address(url);
  if (!options || is_ambiguous(url, *options)) return "***";
  if (passwords_of(url).empty()) return std::string{url};
  std::string user;
  std::string host;
  std::string port;
  std::string database;
  std::string more;
  bool password = false;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    const std::string value = is_secret(*option) ? "***" : escaped(option->val);
    if (name == "user")
      user = value;
    else if (name == "host")
      host = value;
    else if (name == "port")
      port = value;
    else if (name == "dbname")
      database = value;
    else if (name == "password")
      password = true;
    else
      more += (more.empty() ? "?" : "&") + std::string{name} + "=" + value;
  }
  if (password) user += ":***";
  return "postgresql://" + user + (user.empty() ? "" : "@") + host + (port.empty() ? "" : ":" + port) +
         (database.empty() ? "" : "/" + database) + more;
}

std::vector<std::string> passwords_of(std::string_view url) {
  std::vector<std::string> found;
  const ParsedAddress options = parsed_address(url);
  if (!options) return found;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0' && is_secret(*option)) found.emplace_back(option->val);
  return found;
}

}  // namespace tradeguard
