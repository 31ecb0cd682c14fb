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
  std::string api_key_file;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  std::string tls_min_version = "1.2";
  EngineFlags engine;

  void Register(CLI::App& verb);
};

}  // namespace hyprstream::cli
