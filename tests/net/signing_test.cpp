// Signatures against values computed elsewhere: by the exchanges' own documents and the openssl
// command.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <tradeguard/signing.hpp>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

using namespace tradeguard;

namespace {

struct Freed {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed>;

Secret secret(std::string_view text) { return Secret{std::string{text}}; }

std::string pem(EVP_PKEY* key, const char* password = nullptr) {
  const std::unique_ptr<BIO, Freed> bio{BIO_new(BIO_s_mem())};
  const auto length = password != nullptr ? static_cast<int>(std::char_traits<char>::length(password)) : 0;
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, password != nullptr ? EVP_aes_256_cbc() : nullptr, password,
                                        length, nullptr, nullptr) == 1);
  std::string text(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

bool verifies(EVP_PKEY* key, std::string_view message, const std::string& base64) {
  std::vector<unsigned char> signature(base64.size());
  const int length = EVP_DecodeBlock(signature.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
  if (length != 66 || !base64.ends_with("==")) return false;  // 64 bytes and two of padding
  const std::unique_ptr<EVP_MD_CTX, Freed> context{EVP_MD_CTX_new()};
  REQUIRE(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1);
  return EVP_DigestVerify(context.get(), signature.data(), 64, reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace

TEST_CASE("HMAC-SHA256 is what the openssl command says it is") {
  CHECK(hmac_sha256_hex(secret("Jefe"), "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_sha256_hex(secret("k"), "") == "8bb990c40a7d61cb97597a942125025be50ac8beb74436e3735b98893a7f6620");
  // Longer than a block, so that the key itself is hashed first.
  CHECK(hmac_sha256_hex(secret(std::string(131, 'a')), "Test Using Larger Than Block-Size Key") ==
        "b4e96b7e2a0c8281ed52c6bc2cc47bb5f2e22c3bc0d0489ee47ea4f304a1e0f2");
  CHECK(hmac_sha256_hex(secret("k"), std::string_view{"a\0b", 3}) ==
        "982872ff8422d2d84de2d26d7900850ff9f3b3275079b02813b572f9ff0ef0b2");
}

TEST_CASE("HMAC-SHA256 signs Binance's own example") {
  const Secret key = secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j");
  CHECK(hmac_sha256_hex(key,
                        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&"
                        "recvWindow=5000&timestamp=1499827319559") ==
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
}

TEST_CASE("HMAC-SHA256 signs Crypto.com's payloads") {
  const Secret key = secret("test_api_secret");
  CHECK(hmac_sha256_hex(key, "private/user-balance1test_api_key1767225600000") ==
        "3421148d7cd7d4434d99189d096a852a78448e758df3adafd061ba85da44d935");
  CHECK(hmac_sha256_hex(key,
                        "private/create-order4test_api_keyclient_oidguard-0003instrument_name"
                        "BTC_USDTnotional50sideBUYtypeMARKET1767225600000") ==
        "a4192c2c3ee513d9670c4bfc2b934739a73c39249a63432fae84510f07336159");
  CHECK(hmac_sha256_hex(key,
                        "private/create-order-list7test_api_keycontingency_typeLISTorder_list"
                        "client_oidl1instrument_nameCRO_USDprice0.12quantity10sideSELLtypeLIMIT"
                        "client_oidl2instrument_nameCRO_USDprice0.122quantity20sideSELLtypeLIMIT"
                        "1767225600000") == "d4c0a7f44286373816c4b9d80baaec7310d4636ac5fa67e8322ad71a812675d0");
}

TEST_CASE("an Ed25519 signature is verified by the public key and by no other message") {
  const Key pair{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  const auto key = Ed25519Key::from_pem(Secret{pem(pair.get())});
  REQUIRE(key);
  const std::string message = "symbol=BTCUSDT&timestamp=1767225600000";
  const std::string signature = key->sign_base64(message);
  CHECK(signature.size() == 88);
  CHECK(verifies(pair.get(), message, signature));
  CHECK_FALSE(verifies(pair.get(), message + "1", signature));
  CHECK(key->sign_base64(message) == signature);  // Ed25519 draws no random numbers
  CHECK(verifies(pair.get(), "", key->sign_base64("")));
}

TEST_CASE("an Ed25519 signature is what RFC 8032 and the openssl command say it is") {
  // RFC 8032's first key, wrapped as PKCS#8: a value everybody knows, and no secret.
  const auto key = Ed25519Key::from_pem(
      secret("-----BEGIN PRIVATE "
             "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END "
             "PRIVATE KEY-----\n"));
  REQUIRE(key);
  CHECK(key->sign_base64("") ==
        "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==");
  CHECK(key->sign_base64("timestamp=1767225600000") ==
        "cL0KYnrMVWx6+1jzj8ZGnuthiR3yzqy8RSNJS1QmjxuCGtixFsrAxMBiEh2oGzES9dz39kkykwggQ2CtnokSDw==");
}

TEST_CASE("a moved Ed25519 key still signs") {
  const Key pair{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  auto first = Ed25519Key::from_pem(Secret{pem(pair.get())});
  REQUIRE(first);
  const Ed25519Key second = std::move(*first);
  CHECK(verifies(pair.get(), "m", second.sign_base64("m")));
}

TEST_CASE("what is no Ed25519 key is a configuration error that does not show it") {
  const auto wrong_with = [](std::string text) {
    const auto key = Ed25519Key::from_pem(Secret{std::move(text)});
    REQUIRE_FALSE(key);
    CHECK(key.error().fault == Fault::configuration);
    return key.error().what;
  };
  const std::string no_pem = "the private key is not an unencrypted PEM key (PKCS#8, BEGIN PRIVATE KEY)";
  CHECK(wrong_with("") == no_pem);
  CHECK(wrong_with("hunter2") == no_pem);
  CHECK(wrong_with("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n") == no_pem);

  const Key other{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  CHECK(wrong_with(pem(other.get())) == "the private key is not an Ed25519 key");

  // Without asking the terminal for its password: cron has none.
  const Key pair{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  CHECK(wrong_with(pem(pair.get(), "password")) == no_pem);
}
