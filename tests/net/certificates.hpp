// Certificates for the tests' own server, made while they run: no private key is checked in.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>

namespace net_test {

struct Freed {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

struct Identity {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;
};

// Signs leaves, and lies in a file that a client can trust.
class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  // `names` as OpenSSL spells them: "DNS:localhost,IP:127.0.0.1".
  Identity issue(const std::string& names, std::chrono::seconds valid_for = std::chrono::hours{24}) const;
  // For this subject, without any alternative name.
  Identity issue_by_subject(const std::string& name) const;
  // With a key of RSA, with which TLS 1.2 can do without forward secrecy.
  Identity issue_rsa(const std::string& names) const;
  const std::string& file() const { return file_; }

 private:
  Identity signed_leaf(std::shared_ptr<EVP_PKEY> key, const std::string& subject, const std::string& names,
                       std::chrono::seconds valid_for) const;
  Identity own_;
  std::string file_;
};

}  // namespace net_test
