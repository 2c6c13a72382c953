#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace tradeguard::fake {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void need(bool done, const char* what) {
  if (!done) throw std::runtime_error{std::string{"certificate: "} + what};
}

Key fresh_key() {
  Key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  need(key != nullptr, "no key");
  return key;
}

void extend(X509& certificate, X509& issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
  need(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

Certificate certificate(const char* name, long serial, EVP_PKEY& key) {
  Certificate made{X509_new(), X509_free};
  constexpr long day = 24 * 60 * 60;
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  // Tests set their clocks to the past; the machine's own is what TLS asks.
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -day);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 365 * day);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  need(X509_set_pubkey(made.get(), &key) == 1, "no public key");
  return made;
}

using File = std::unique_ptr<FILE, decltype(&std::fclose)>;
File file(const std::string& path) {
  File opened{std::fopen(path.c_str(), "w"), std::fclose};
  if (!opened) throw std::runtime_error{path + " cannot be written"};
  return opened;
}

}  // namespace

Certificates certificates_in(const std::string& folder) {
  ::mkdir(folder.c_str(), 0700);
  const Certificates paths{folder + "/ca.pem", folder + "/leaf.pem", folder + "/leaf-key.pem"};
  if (::access(paths.ca.c_str(), R_OK) == 0 && ::access(paths.chain.c_str(), R_OK) == 0 &&
      ::access(paths.key.c_str(), R_OK) == 0)
    return paths;

  const auto ca_key = fresh_key();
  const auto ca = certificate("tradeguard fake venue CA", 1, *ca_key);
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  extend(*ca, *ca, NID_basic_constraints, "critical,CA:TRUE");
  extend(*ca, *ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(*ca, *ca, NID_subject_key_identifier, "hash");
  need(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0, "CA not signed");

  const auto key = fresh_key();
  const auto leaf = certificate("localhost", 2, *key);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
  extend(*leaf, *ca, NID_basic_constraints, "critical,CA:FALSE");
  extend(*leaf, *ca, NID_ext_key_usage, "serverAuth");
  extend(*leaf, *ca, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  need(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) > 0, "leaf not signed");

  need(PEM_write_X509(file(paths.ca).get(), ca.get()) == 1, "CA not written");
  need(PEM_write_X509(file(paths.chain).get(), leaf.get()) == 1, "leaf not written");
  const auto key_file = file(paths.key);
  ::chmod(paths.key.c_str(), 0600);
  need(PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "key not written");
  return paths;
}

}  // namespace tradeguard::fake
