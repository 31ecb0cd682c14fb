// How this user reaches the Hugging Face Hub: the environment variables of its Python client, their
// defaults, and where a token comes from. Read once; a value.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace hyprstream::registry {

/// Text that must not be shown. Printing it needs `secret()`, which is easy to look for.
class Token {
 public:
  Token() = default;
  /// Blanks around it are cut off. Errors: kInvalidArgument for characters that no token has.
  Token(std::string_view text, std::string source);

  bool empty() const { return text_.empty(); }
  const std::string& secret() const { return text_; }
  /// Where it was found: a variable or a file.
  const std::string& source() const { return source_; }
  /// "hf_…wxyz"; of a short one nothing is shown.
  std::string masked() const;

 private:
  std::string text_;
  std::string source_;
};

struct HubSettings {
  std::string endpoint = "https://huggingface.co";  // without a slash at the end
  Token token;
  bool offline = false;
  std::filesystem::path cache;  // of the Python client; may not exist
  std::chrono::seconds metadata_timeout{10};
  std::chrono::seconds download_timeout{30};
  std::string certificates;  // file; empty: the system's
  std::string user_agent;

  using Environment = std::function<const char*(const char*)>;
  /// HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE,
  /// HUGGINGFACE_HUB_CACHE, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_HUB_DISABLE_IMPLICIT_TOKEN,
  /// HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT, SSL_CERT_FILE. `own_token` is the file that
  /// `auth login` writes; it comes after the variables and before the Python client's.
  /// Errors: kInvalidArgument for an endpoint or a token that cannot be one.
  static HubSettings Read(const Environment& environment, const std::filesystem::path& own_token,
                          std::string user_agent);
};

/// The file for this user alone, whole or not at all. Errors: kIo, kPermissionDenied.
void WriteTokenFile(const std::filesystem::path& path, const Token& token);

}  // namespace hyprstream::registry
