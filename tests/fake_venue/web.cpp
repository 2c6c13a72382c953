#include "web.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>

namespace tradeguard::fake {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

EVP_PKEY* raw(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

std::shared_ptr<void> owned(EVP_PKEY* key) {
  return {key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
}

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
Context context() { return {EVP_MD_CTX_new(), EVP_MD_CTX_free}; }

std::optional<std::string> base64_decoded(std::string_view text) {
  std::string decoded(text.size() / 4 * 3, '\0');
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()), bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  decoded.resize(static_cast<std::size_t>(size) - padding);
  return decoded;
}

}  // namespace

std::string Request::header(std::string_view name) const { return value_of(headers, name).value_or(""); }

Pairs parse_query(std::string_view query) {
  Pairs pairs;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    pairs.emplace_back(percent_decoded(part.substr(0, equals)), percent_decoded(value));
  }
  return pairs;
}

std::optional<std::string> value_of(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return std::nullopt;
}

bool is_percent_encoded(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || std::string_view{"-_.~=&+"}.find(c) != std::string_view::npos) continue;
    if (c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      i += 2;
      continue;
    }
    return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string upper(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(message), message.size(), sum.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[sum[i] >> 4];
    hex += digits[sum[i] & 15];
  }
  return hex;
}

Ed25519Pair Ed25519Pair::fresh() {
  Ed25519Pair pair;
  pair.key_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!pair.key_) throw std::runtime_error{"no Ed25519 key"};
  return pair;
}

std::optional<Ed25519Pair> Ed25519Pair::from_pem(const std::string& private_pem) {
  BIO* const bio = BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size()));
  Ed25519Pair pair;
  pair.key_ = owned(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  if (!pair.key_ || EVP_PKEY_get_id(raw(pair.key_)) != EVP_PKEY_ED25519) return std::nullopt;
  return pair;
}

std::string Ed25519Pair::private_pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, raw(key_), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string Ed25519Pair::sign_base64(std::string_view message) const {
  const auto signing = context();
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(signing.get(), nullptr, nullptr, nullptr, raw(key_)) != 1 ||
      EVP_DigestSign(signing.get(), signature.data(), &size, bytes(message), message.size()) != 1)
    throw std::runtime_error{"Ed25519 does not sign"};
  std::array<unsigned char, 96> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), signature.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

bool Ed25519Pair::signed_by_it(std::string_view message, std::string_view signature_base64) const {
  const auto signature = base64_decoded(signature_base64);
  if (!signature) return false;
  const auto checking = context();
  return EVP_DigestVerifyInit(checking.get(), nullptr, nullptr, nullptr, raw(key_)) == 1 &&
         EVP_DigestVerify(checking.get(), bytes(*signature), signature->size(), bytes(message), message.size()) == 1;
}

}  // namespace tradeguard::fake
