#include "cli/serve_flags.h"

#include <CLI/CLI.hpp>

namespace hyprstream::cli {
namespace {

void RegisterDoor(CLI::App& verb, ServeFlags& flags) {
  verb.add_option("--host", flags.host, "Address to listen on (default 127.0.0.1)");
  verb.add_option("--port", flags.port, "0: any free one, which is printed (default 8080)");
  verb.add_option("--allowed-host", flags.allowed_hosts,
                  "Name besides localhost that requests on loopback may name (repeatable)")
      ->allow_extra_args(false);
  verb.add_option(
      "--api-key-file", flags.api_key_file,
      "Who may ask, teach and administer: one key a line, or sha256:HEX of it, a role and limits");
  CLI::Option* certificate =
      verb.add_option("--tls-cert", flags.tls_certificate, "Certificate and its chain, PEM");
  CLI::Option* key = verb.add_option("--tls-key", flags.tls_key, "Private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  verb.add_option("--tls-client-ca", flags.tls_client_ca,
                  "Clients must show a certificate of these, PEM")
      ->needs(certificate);
  verb.add_option("--tls-min-version", flags.tls_min_version, "1.2 or 1.3")
      ->check(CLI::IsMember({"1.2", "1.3"}));
}

void RegisterAdapters(CLI::App& verb, ServeFlags& flags) {
  verb.add_option("--lora,--lora-modules", flags.loras,
                  "NAME=PATH of an adapter to serve (repeatable)")
      ->allow_extra_args(false);
  verb.add_option("--lora-root", flags.lora_roots,
                  "Folder that /v1/load_lora_adapter may load from (repeatable)")
      ->allow_extra_args(false);
  verb.add_option("--adapter-limit", flags.adapter_limits,
                  "\"NAME rpm=60 tpm=20000\": what all together may ask of an adapter; NAME *: of "
                  "each that is not named (repeatable)")
      ->allow_extra_args(false);
  verb.add_option("--train-share", flags.train_share,
                  "Share of the time that training gets while requests are answered (default 0.3); "
                  "it gets all of the rest")
      ->check(CLI::Range(0.0, 0.9));
  verb.add_option("--train-min-samples", flags.min_samples,
                  "Samples that are waited for before training begins (default 10); corrections do "
                  "not wait")
      ->check(CLI::Range(1, 1000));
}

void RegisterProcess(CLI::App& verb, ServeFlags& flags) {
  verb.add_option("--max-waiting", flags.max_waiting,
                  "Requests that may wait; more are told to come later (default 256)")
      ->check(CLI::Range(1, 1'000'000));
  verb.add_option("--drain-timeout", flags.drain_seconds,
                  "Seconds that answers in progress get to end after SIGTERM (default 30)")
      ->check(CLI::Range(0, 86'400));
  verb.add_flag("--detach,-d", flags.detach, "Go on in the background once it is ready");
  verb.add_option("--pid-file", flags.pid_file, "Where to write the process's number");
  verb.add_option("--working-dir,--working-directory", flags.working_directory,
                  "Folder to work in; relative paths begin there");
  verb.add_option("--log-file", flags.log_file, "Where to log instead of standard error");
  verb.add_option("--log-format", flags.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  verb.add_option("--log-level", flags.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

}  // namespace

void ServeFlags::Register(CLI::App& verb) {
  verb.add_option("--model,-m", models, "Path or name of a model (repeatable)")
      ->allow_extra_args(false)
      ->required();
  verb.add_option("--name", names, "What a model is called in requests; in the order of --model")
      ->allow_extra_args(false);
  RegisterDoor(verb, *this);
  RegisterAdapters(verb, *this);
  RegisterProcess(verb, *this);
  engine.Register(verb);
}

}  // namespace hyprstream::cli
