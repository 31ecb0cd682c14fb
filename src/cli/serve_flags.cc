#include "cli/serve_flags.h"

#include <CLI/CLI.hpp>

namespace hyprstream::cli {

void ServeFlags::Register(CLI::App& verb) {
  verb.add_option("--model,-m", models, "Path or name of a model (repeatable)")
      ->allow_extra_args(false)
      ->required();
  verb.add_option("--name", names, "What a model is called in requests; in the order of --model")
      ->allow_extra_args(false);
  verb.add_option("--host", host, "Address to listen on (default 127.0.0.1)");
  verb.add_option("--port", port, "0: any free one, which is printed (default 8080)");
  verb.add_option(
      "--api-key-file", api_key_file,
      "Who may ask, teach and administer: one key a line, or sha256:HEX of it, and a role");
  CLI::Option* certificate =
      verb.add_option("--tls-cert", tls_certificate, "Certificate and its chain, PEM");
  CLI::Option* key = verb.add_option("--tls-key", tls_key, "Private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  verb.add_option("--tls-client-ca", tls_client_ca, "Clients must show a certificate of these, PEM")
      ->needs(certificate);
  verb.add_option("--tls-min-version", tls_min_version, "1.2 or 1.3")
      ->check(CLI::IsMember({"1.2", "1.3"}));
  engine.Register(verb);
}

}  // namespace hyprstream::cli
