#include "registry/hub_settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/posix_file.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxToken = 4096;

std::string Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

class Variables {
 public:
  explicit Variables(const HubSettings::Environment& environment) : environment_(environment) {}

  /// The first that is set and not empty.
  std::string Text(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      const char* value = environment_(name);
      if (value != nullptr && *value != '\0') return value;
    }
    return {};
  }
  bool IsTrue(const char* name) const {
    std::string value = Text({name});
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  }
  std::chrono::seconds Seconds(const char* name, std::chrono::seconds fallback) const {
    const std::string value = Text({name});
    double seconds = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (failed != std::errc() || seconds < 1) return fallback;
    return std::chrono::seconds(static_cast<int64_t>(std::min(seconds, 86400.0)));
  }

 private:
  const HubSettings::Environment& environment_;
};

fs::path HuggingFaceHome(const Variables& variables) {
  const std::string home = variables.Text({"HOME"});
  const auto expanded = [&](const std::string& path) -> fs::path {
    return path.starts_with("~/") ? fs::path(home) / path.substr(2) : fs::path(path);
  };
  if (const std::string set = variables.Text({"HF_HOME"}); !set.empty()) return expanded(set);
  if (const std::string xdg = variables.Text({"XDG_CACHE_HOME"}); !xdg.empty()) {
    return expanded(xdg) / "huggingface";
  }
  return home.empty() ? fs::path() : fs::path(home) / ".cache/huggingface";
}

Token ReadTokenFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (path.empty() || !stream) return {};
  std::string text(kMaxToken + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  return {text, path.string()};
}

Token FindToken(const Variables& variables, const fs::path& own, const fs::path& home) {
  if (variables.IsTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    Token token(variables.Text({name}), name);
    if (!token.empty()) return token;
  }
  if (Token token = ReadTokenFile(own); !token.empty()) return token;
  const std::string path = variables.Text({"HF_TOKEN_PATH"});
  return ReadTokenFile(!path.empty() ? fs::path(path) : home.empty() ? home : home / "token");
}

}  // namespace

Token::Token(std::string_view text, std::string source)
    : text_(Trimmed(text)), source_(std::move(source)) {
  const bool good =
      text_.size() <= kMaxToken && std::all_of(text_.begin(), text_.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F;
      });
  if (good) return;
  text_.clear();
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "this cannot be a token",
               .expected = "one word of at most 4,096 visible ASCII characters",
               .where = source_});
}

std::string Token::masked() const {
  if (text_.empty()) return "";
  if (text_.size() < 16) return "…";
  const size_t prefix = text_.starts_with("hf_") ? 3 : 0;
  return text_.substr(0, prefix) + "…" + text_.substr(text_.size() - 4);
}

HubSettings HubSettings::Read(const Environment& environment, const fs::path& own_token,
                              std::string user_agent) {
  const Variables variables(environment);
  HubSettings settings;
  settings.user_agent = std::move(user_agent);
  if (std::string endpoint = variables.Text({"HF_ENDPOINT"}); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    try {
      OriginOf(endpoint);
    } catch (const Error& error) {
      throw error.Within("HF_ENDPOINT");
    }
    settings.endpoint = endpoint;
  }
  const fs::path home = HuggingFaceHome(variables);
  settings.token = FindToken(variables, own_token, home);
  settings.offline = variables.IsTrue("HF_HUB_OFFLINE") || variables.IsTrue("TRANSFORMERS_OFFLINE");
  const std::string cache = variables.Text({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = !cache.empty() ? fs::path(cache) : home.empty() ? home : home / "hub";
  settings.metadata_timeout = variables.Seconds("HF_HUB_ETAG_TIMEOUT", settings.metadata_timeout);
  settings.download_timeout =
      variables.Seconds("HF_HUB_DOWNLOAD_TIMEOUT", settings.download_timeout);
  settings.certificates = variables.Text({"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"});
  return settings;
}

void WriteTokenFile(const fs::path& path, const Token& token) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  const fs::path temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  {
    const internal::Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) internal::FailFile("cannot create file", temporary, errno);
    const std::string text = token.secret() + "\n";
    internal::WriteAll(file.get(), std::as_bytes(std::span(text)), temporary);
    if (::fsync(file.get()) != 0) internal::FailFile("cannot write file", temporary, errno);
  }
  fs::rename(temporary, path, failed);
  if (failed) internal::FailFile("cannot rename file", path, failed.value());
  internal::SyncFolder(path.parent_path());
}

}  // namespace hyprstream::registry
