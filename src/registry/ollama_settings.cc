#include "registry/ollama_settings.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

bool IsTrue(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text == "1" || text == "ON" || text == "YES" || text == "TRUE";
}

}  // namespace

OllamaSettings OllamaSettings::Read(const Environment& environment) {
  const auto text = [&](const char* name) -> std::string {
    const char* value = environment(name);
    return value == nullptr ? "" : value;
  };
  OllamaSettings settings;
  // Without a scheme it is where Ollama's own server listens, which is no registry.
  std::string host = text("OLLAMA_HOST");
  if (host.starts_with("http://") || host.starts_with("https://")) {
    while (host.ends_with('/')) host.pop_back();
    try {
      OriginOf(host);
    } catch (const Error& error) {
      throw error.Within("OLLAMA_HOST");
    }
    settings.insecure = host.starts_with("http://");
    settings.endpoint = host;
  }
  const std::string home = text("HOME");
  if (const std::string models = text("OLLAMA_MODELS"); !models.empty()) {
    settings.models = models.starts_with("~/") ? std::filesystem::path(home) / models.substr(2)
                                               : std::filesystem::path(models);
  } else if (!home.empty()) {
    settings.models = std::filesystem::path(home) / ".ollama/models";
  }
  if (!home.empty()) settings.key = std::filesystem::path(home) / ".ollama/id_ed25519";
  settings.offline = IsTrue(text("HF_HUB_OFFLINE")) || IsTrue(text("TRANSFORMERS_OFFLINE"));
  return settings;
}

}  // namespace hyprstream::registry
