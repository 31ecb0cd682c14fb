#include "registry/ollama_account.h"

#include <openssl/rand.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>

#include "base/error.h"
#include "base/hash.h"
#include "registry/base64.h"
#include "registry/ssh_key.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace json = boost::json;

std::string Nonce() {
  std::array<unsigned char, 16> bytes;
  HYPR_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return Base64Url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string AddressOf(const OllamaChallenge& challenge) {
  std::string url = challenge.realm;
  const auto add = [&](std::string_view name, std::string_view value) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url.append(name).append("=").append(PercentEncode(value));
  };
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  add("nonce", Nonce());
  for (std::string_view scopes = challenge.scope; !scopes.empty();) {
    const size_t blank = std::min(scopes.find(' '), scopes.size());
    if (blank > 0) add("scope", scopes.substr(0, blank));
    scopes.remove_prefix(std::min(blank + 1, scopes.size()));
  }
  add("service", challenge.service);
  add("ts", std::to_string(now.count()));
  return url;
}

/// What is signed: method, address, and the hash of an empty body.
std::string Signed(const std::string& url) { return "GET," + url + "," + Base64(Sha256Hex({})); }

std::string TokenOf(const HttpResponse& response) {
  json::error_code failed;
  const json::value document = json::parse(response.body, failed);
  const json::value* token =
      failed || !document.is_object() ? nullptr : document.get_object().if_contains("token");
  if (token != nullptr && token->is_string() &&
      token->get_string().find_first_of("\r\n") == json::string::npos) {
    return std::string(token->get_string());
  }
  throw Error(ErrorCode::kDataLoss, {.message = "the registry gives no token",
                                     .expected = "{\"token\": …}",
                                     .where = ShownUrl(response.url)});
}

}  // namespace

std::optional<OllamaChallenge> ParseChallenge(std::string_view text) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!text.starts_with(kScheme)) return {};
  text.remove_prefix(kScheme.size());
  const auto value = [&](std::string_view name) -> std::string {
    const std::string wanted = std::string(name) + "=\"";
    size_t at = text.find(wanted);
    while (at != std::string_view::npos && at > 0 && text[at - 1] != ',' && text[at - 1] != ' ') {
      at = text.find(wanted, at + 1);
    }
    if (at == std::string_view::npos) return {};
    const std::string_view rest = text.substr(at + wanted.size());
    const size_t end = rest.find('"');
    return end == std::string_view::npos ? std::string() : std::string(rest.substr(0, end));
  };
  OllamaChallenge challenge{value("realm"), value("service"), value("scope")};
  if (challenge.realm.empty()) return {};
  return challenge;
}

OllamaAccount::OllamaAccount(std::string endpoint, std::filesystem::path key)
    : endpoint_(std::move(endpoint)), key_(std::move(key)) {}

bool OllamaAccount::Authorize(HttpClient& client, const HttpResponse& refused) {
  if (refused.status != 401) return false;
  const auto challenge = ParseChallenge(refused.headers.Find("WWW-Authenticate"));
  if (!challenge || !Ask(client, *challenge)) return false;
  challenge_ = challenge;
  return true;
}

void OllamaAccount::Renew(HttpClient& client) {
  if (challenge_) Ask(client, *challenge_);
}

bool OllamaAccount::Ask(HttpClient& client, const OllamaChallenge& challenge) {
  std::error_code failed;
  if (key_.empty() || !std::filesystem::exists(key_, failed)) return false;
  if (OriginOf(challenge.realm) != OriginOf(endpoint_)) {
    throw Error(ErrorCode::kPermissionDenied,
                {.message = "the registry asks for a signature for somebody else",
                 .expected = "a token from " + ShownUrl(endpoint_),
                 .found = ShownUrl(challenge.realm)});
  }
  const SshKey key = SshKey::Read(key_);
  const std::string url = AddressOf(challenge);
  const HttpResponse response = client.Send(
      {.url = url,
       .headers = {{"Authorization", key.PublicText() + ":" + Base64(key.Sign(Signed(url)))}},
       .redirects = HttpRequest::Redirects::kNone});
  if (response.status != 200) return false;
  token_ = TokenOf(response);
  return true;
}

}  // namespace hyprstream::registry
