// The arguments of `serve`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/engine_flags.h"

namespace hyprstream::cli {

struct ServeFlags {
  std::vector<std::string> models;
  std::vector<std::string> names;  // of the models, in their order
  std::optional<std::string> host;
  std::optional<int64_t> port;
  std::vector<std::string> allowed_hosts;
  std::string api_key_file;
  std::vector<std::string> adapter_limits;  // "NAME rpm=60 tpm=20000"
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  std::string tls_min_version = "1.2";
  std::vector<std::string> lora_roots;
  std::vector<std::string> loras;  // "NAME=PATH"
  std::optional<double> train_share;
  int64_t min_samples = 10;
  int64_t max_waiting = 256;
  int64_t drain_seconds = 30;
  bool detach = false;
  std::string pid_file;
  std::string log_file;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string working_directory;
  EngineFlags engine;

  void Register(CLI::App& verb);
};

}  // namespace hyprstream::cli
