// What travels between the wire and the fake exchanges, and the sums that HTTP APIs are signed
// with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/time.hpp"

namespace tradeguard::fake {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // "/exchange/v1/private/create-order"
  std::string query;   // as it came, without '?'
  Pairs headers;       // names in lower case
  std::string body;
  Micros arrived{0};  // on a clock that is never set

  std::string header(std::string_view name) const;  // "" when absent
};

struct Reply {
  enum class Ending { answer, drop, hang };
  int status = 200;
  std::string body;
  std::string type = "application/json";
  Pairs headers;
  Ending ending = Ending::answer;
  Micros delay{0};                       // between the deed and the answer
  std::optional<std::size_t> cut_after;  // bytes of the body that are sent before the end
};

Pairs parse_query(std::string_view query);  // percent-decoded
std::optional<std::string> value_of(const Pairs& pairs, std::string_view name);
// Only characters that a percent-encoded query or form consists of.
bool is_percent_encoded(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);

std::string hmac_sha256_hex(std::string_view key, std::string_view message);

// One side of Ed25519: makes a key pair, shows its private half as PEM, checks what it signed.
class Ed25519Pair {
 public:
  static Ed25519Pair fresh();
  static std::optional<Ed25519Pair> from_pem(const std::string& private_pem);
  std::string private_pem() const;
  std::string sign_base64(std::string_view message) const;
  bool signed_by_it(std::string_view message, std::string_view signature_base64) const;

 private:
  std::shared_ptr<void> key_;
};

}  // namespace tradeguard::fake
