#include "request_text.hpp"

#include <algorithm>

namespace tradeguard {

// A line break in a key from the environment would begin a header of its own.
bool well_formed(const HttpRequest& request) {
  const auto word = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  };
  const auto value = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); });
  };
  return word(request.method) && word(request.target) &&
         std::all_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
           return word(header.first) && header.first.find(':') == std::string::npos && value(header.second);
         });
}

std::string request_text(const BaseUrl& base, const HttpRequest& request) {
  const bool brackets = base.host.find(':') != std::string::npos;
  const bool usual_port = base.port == (base.tls ? "443" : "80");
  std::size_t size = 256 + base.path.size() + request.target.size() + request.body.size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;

  std::string text;
  text.reserve(size);  // so that growing leaves no copies of a key behind
  text.append(request.method).append(" ").append(base.path).append(request.target);
  text.append(" HTTP/1.1\r\nHost: ");
  text.append(brackets ? "[" : "").append(base.host).append(brackets ? "]" : "");
  if (!usual_port) text.append(":").append(base.port);
  // A body that comes compressed would not be read.
  text.append("\r\nUser-Agent: tradeguard\r\nAccept-Encoding: identity\r\n");
  for (const auto& [name, value] : request.headers) text.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  text.append("\r\n").append(request.body);
  return text;
}

}  // namespace tradeguard
