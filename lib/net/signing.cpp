#include "tradeguard/signing.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace tradeguard {
namespace {

struct Freed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// OpenSSL asks the terminal for the password of an encrypted key: a cron job would hang there.
int no_password(char*, int, int, void*) { return -1; }

std::string base64(const unsigned char* data, std::size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');  // EncodeBlock ends with a NUL of its own
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

std::string hmac_sha256_hex(const Secret& key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const std::string_view characters = key.reveal();
  if (HMAC(EVP_sha256(), characters.data(), static_cast<int>(characters.size()), bytes(message), message.size(),
           digest.data(), &size) == nullptr)
    throw std::runtime_error{"HMAC-SHA256 cannot be computed"};

  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

struct Ed25519Key::Key {
  std::unique_ptr<EVP_PKEY, Freed> pkey;
};

Ed25519Key::Ed25519Key(std::unique_ptr<Key> key) : key_{std::move(key)} {}
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;
Ed25519Key::~Ed25519Key() = default;

Result<Ed25519Key> Ed25519Key::from_pem(const Secret& pem) {
  const std::string_view text = pem.reveal();
  const std::unique_ptr<BIO, Freed> bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!bio) return failed(Fault::configuration, "the private key is empty");
  std::unique_ptr<EVP_PKEY, Freed> pkey{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  if (!pkey)
    return failed(Fault::configuration, "the private key is not an unencrypted PEM key (PKCS#8, BEGIN PRIVATE KEY)");
  if (EVP_PKEY_get_id(pkey.get()) != EVP_PKEY_ED25519)
    return failed(Fault::configuration, "the private key is not an Ed25519 key");
  return Ed25519Key{std::make_unique<Key>(Key{std::move(pkey)})};
}

std::string Ed25519Key::sign_base64(std::string_view message) const {
  const std::unique_ptr<EVP_MD_CTX, Freed> context{EVP_MD_CTX_new()};
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes(message), message.size()) != 1)
    throw std::runtime_error{"the Ed25519 signature cannot be computed"};
  return base64(signature.data(), size);
}

}  // namespace tradeguard
