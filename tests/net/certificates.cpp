#include "certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace net_test {
namespace {

void must(bool worked, const char* what) {
  if (!worked) throw std::runtime_error{std::string{"certificates: "} + what};
}

std::shared_ptr<EVP_PKEY> new_key() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  must(key != nullptr, "no key");
  return {key, Freed{}};
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  must(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Valid since two days ago, so that one that expired yesterday was valid once.
std::shared_ptr<X509> new_certificate(EVP_PKEY* key, const std::string& name, std::chrono::seconds valid_for) {
  static std::atomic<long> serial{1};
  std::shared_ptr<X509> certificate{X509_new(), Freed{}};
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * 86400L);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_for.count());
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

Authority::Authority(const std::string& name) {
  own_.key = new_key();
  own_.certificate = new_certificate(own_.key.get(), name, std::chrono::hours{24});
  X509* mine = own_.certificate.get();
  X509_set_issuer_name(mine, X509_get_subject_name(mine));
  extend(mine, mine, NID_basic_constraints, "critical,CA:TRUE");
  extend(mine, mine, NID_key_usage, "critical,keyCertSign,cRLSign");
  must(X509_sign(mine, own_.key.get(), EVP_sha256()) > 0, "not signed");

  file_ = std::filesystem::temp_directory_path() / "tradeguard-test-ca-XXXXXX";
  const int descriptor = ::mkstemp(file_.data());
  must(descriptor >= 0, "no file");
  std::FILE* out = ::fdopen(descriptor, "w");
  must(PEM_write_X509(out, mine) == 1, "not written");
  std::fclose(out);
}

Authority::~Authority() { ::unlink(file_.c_str()); }

namespace {
constexpr const char* no_name = "a server of the tests";
constexpr std::chrono::hours a_day{24};
}  // namespace

Identity Authority::issue(const std::string& names, std::chrono::seconds valid_for) const {
  return signed_leaf(new_key(), no_name, names, valid_for);
}

Identity Authority::issue_by_subject(const std::string& name) const { return signed_leaf(new_key(), name, "", a_day); }

Identity Authority::issue_rsa(const std::string& names) const {
  constexpr std::size_t bits = 2048;
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits);
  must(key != nullptr, "no key");
  return signed_leaf({key, Freed{}}, no_name, names, a_day);
}

Identity Authority::signed_leaf(std::shared_ptr<EVP_PKEY> key, const std::string& subject, const std::string& names,
                                std::chrono::seconds valid_for) const {
  Identity leaf;
  leaf.key = std::move(key);
  leaf.certificate = new_certificate(leaf.key.get(), subject, valid_for);
  X509* issuer = own_.certificate.get();
  X509_set_issuer_name(leaf.certificate.get(), X509_get_subject_name(issuer));
  if (!names.empty()) extend(leaf.certificate.get(), issuer, NID_subject_alt_name, names);
  must(X509_sign(leaf.certificate.get(), own_.key.get(), EVP_sha256()) > 0, "not signed");
  return leaf;
}

}  // namespace net_test
