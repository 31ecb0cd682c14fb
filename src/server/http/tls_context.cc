#include "server/http/tls_context.h"

#include <openssl/ssl.h>

#include <string>

#include "base/error.h"

namespace hyprstream::server {
namespace {

namespace ssl = boost::asio::ssl;

void Require(const boost::system::error_code& error, const char* what,
             const std::filesystem::path& file) {
  if (!error) return;
  throw Error(ErrorCode::kInvalidArgument, {.message = std::string("cannot use the ") + what,
                                            .found = error.message(),
                                            .where = file.string()});
}

}  // namespace

ssl::context MakeTlsContext(const TlsOptions& options) {
  ssl::context context(ssl::context::tls_server);
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(
      native, options.minimum == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  boost::system::error_code error;
  context.use_certificate_chain_file(options.certificate.string(), error);
  Require(error, "TLS certificate", options.certificate);
  context.use_private_key_file(options.key.string(), ssl::context::pem, error);
  Require(error, "TLS key", options.key);
  if (SSL_CTX_check_private_key(native) != 1) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "the TLS key does not fit the certificate",
                                              .where = options.key.string()});
  }
  if (!options.client_ca.empty()) {
    context.load_verify_file(options.client_ca.string(), error);
    Require(error, "authority of client certificates", options.client_ca);
    context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  }
  return context;
}

}  // namespace hyprstream::server
