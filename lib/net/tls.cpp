#include "tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace tradeguard::net {

namespace {

// SSL_CERT_FILE is usually the bundle that the directory holds in pieces: it is read only when an
// issuer is found nowhere else.
int issuer_from_file_too(X509** issuer, X509_STORE_CTX* context, X509* certificate) {
  const int found = X509_STORE_CTX_get1_issuer(issuer, context, certificate);
  const char* file = std::getenv("SSL_CERT_FILE");
  if (found != 0 || file == nullptr) return found;
  X509_STORE* store = X509_STORE_CTX_get0_store(context);
  X509_STORE_set_get_issuer(store, X509_STORE_CTX_get1_issuer);  // once is enough
  X509_STORE_load_file(store, file);
  return X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}

}  // namespace

Owned<SSL_CTX> tls_context(const HttpsSettings& settings, std::string& trouble) {
  Owned<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
  // Forward secrecy: who gets at the host's key one day cannot read what was recorded before.
  // Every suite of TLS 1.3 has it.
  constexpr const char* with_forward_secrecy = "ECDHE+AESGCM:ECDHE+CHACHA20";
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), with_forward_secrecy) != 1) {
    trouble = "not connected: TLS cannot be set up";
    return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  // Thirty idle connections need no buffers.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // A read comes back after each record. Else a host that sends session tickets without end would
  // keep us inside OpenSSL, where no patience is looked at.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  if (!settings.ca_only) {
    // The directory is read a certificate at a time, when one is looked for. The bundle is 20 ms.
    const char* directory = std::getenv("SSL_CERT_DIR");
    SSL_CTX_load_verify_dir(context.get(), directory != nullptr ? directory : "/etc/ssl/certs");
    if (std::getenv("SSL_CERT_FILE") != nullptr)
      X509_STORE_set_get_issuer(SSL_CTX_get_cert_store(context.get()), issuer_from_file_too);
  }
  if (!settings.ca_file.empty() && SSL_CTX_load_verify_file(context.get(), settings.ca_file.c_str()) != 1) {
    trouble = "not connected: the CA file cannot be read";
    context.reset();
  }
  ERR_clear_error();
  return context;
}

std::string handshake_trouble(const Connection& connection) {
  const long verdict = SSL_get_verify_result(connection.tls.get());
  if (verdict != X509_V_OK) return "certificate: " + spoken(X509_verify_cert_error_string(verdict));
  if (connection.broken != 0) return "not connected: " + spoken(std::generic_category().message(connection.broken));
  if (connection.cut) return "not connected: closed during the TLS handshake";
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return std::string{"not connected: TLS handshake: "} + (reason != nullptr ? reason : "refused");
}

}  // namespace tradeguard::net
