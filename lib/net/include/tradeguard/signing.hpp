// Signatures of requests: HMAC-SHA256 and Ed25519.
// Contract test: tests/net/signing_test.cpp
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tradeguard/error.hpp"
#include "tradeguard/secret.hpp"

namespace tradeguard {

// Lower-case hexadecimal.
std::string hmac_sha256_hex(const Secret& key, std::string_view message);

// An Ed25519 private key in PEM (PKCS#8). For one thread.
class Ed25519Key {
 public:
  // Fault::configuration: no such key. The error does not show it.
  static Result<Ed25519Key> from_pem(const Secret& pem);
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  ~Ed25519Key();
  std::string sign_base64(std::string_view message) const;

 private:
  struct Key;
  explicit Ed25519Key(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

}  // namespace tradeguard
