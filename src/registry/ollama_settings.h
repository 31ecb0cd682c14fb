// How this user reaches Ollama: its variables and their defaults. Read once; a value.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace hyprstream::registry {

struct OllamaSettings {
  std::string endpoint = "https://registry.ollama.ai";  // without a slash at the end
  bool insecure = false;         // http:// is allowed: the endpoint itself was given so
  std::filesystem::path models;  // the store of a local Ollama; may not exist
  std::filesystem::path key;     // what the user's account knows; may not exist
  bool offline = false;

  using Environment = std::function<const char*(const char*)>;
  /// OLLAMA_HOST ("host:port" or with http:// or https://), OLLAMA_MODELS, HOME, and the offline
  /// switches of the Hub (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE). Errors: kInvalidArgument for an
  /// OLLAMA_HOST that cannot be one.
  static OllamaSettings Read(const Environment& environment);
};

}  // namespace hyprstream::registry
