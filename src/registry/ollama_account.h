// What an Ollama registry wants to know of who asks: a request that it answers with 401 names where
// a token is to be had; the user's key (~/.ollama/id_ed25519, which `ollama` makes and the user's
// account knows) signs the request for it, and the token goes with the next requests. A key signs
// for the registry's own address only, whatever the answer names. One thread per object.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "registry/http_client.h"

namespace hyprstream::registry {

/// `Bearer realm="…",service="…",scope="…"` (RFC 6750, section 3).
struct OllamaChallenge {
  std::string realm;
  std::string service;
  std::string scope;  // several, with a blank between
};
/// Nothing for another scheme, or without a realm.
std::optional<OllamaChallenge> ParseChallenge(std::string_view www_authenticate);

class OllamaAccount {
 public:
  /// `endpoint`: the registry's. `key`: a file, which need not exist before it is needed.
  OllamaAccount(std::string endpoint, std::filesystem::path key);

  /// Gets a token for what was refused with 401. False when there is none to be had: the answer
  /// asks for something else, the user has no key, or the registry does not know it. Errors: those
  /// of HttpClient::Send; kUnauthenticated for a key that cannot be used; kPermissionDenied for a
  /// realm elsewhere; kDataLoss for an answer without a token.
  bool Authorize(HttpClient& client, const HttpResponse& refused);

  /// Empty while none was needed.
  const std::string& token() const { return token_; }
  /// Asks for a new one, where one was needed before: they do not live long.
  void Renew(HttpClient& client);

 private:
  bool Ask(HttpClient& client, const OllamaChallenge& challenge);

  std::string endpoint_;
  std::filesystem::path key_;
  std::string token_;
  std::optional<OllamaChallenge> challenge_;
};

}  // namespace hyprstream::registry
