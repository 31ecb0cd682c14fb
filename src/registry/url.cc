#include "registry/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/error.h"

namespace hyprstream::registry {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, UrlDeleter>;

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F;
  });
}

bool IsWeb(CURLU* url) {
  const std::string scheme = Part(url, CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !Part(url, CURLUPART_HOST).empty() &&
         Part(url, CURLUPART_USER).empty() && Part(url, CURLUPART_PASSWORD).empty();
}

bool IsUnreserved(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

std::string Encode(std::string_view text, std::string_view kept) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c) || kept.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

}  // namespace

std::string PercentEncode(std::string_view text) { return Encode(text, ""); }

std::string PercentEncodePath(std::string_view path) { return Encode(path, "/"); }

Origin OriginOf(std::string_view url) {
  const Handle handle(curl_url());
  const bool parsed =
      !HasControls(url) && url.find("://") != std::string_view::npos &&
      curl_url_set(handle.get(), CURLUPART_URL, std::string(url).c_str(), 0) == CURLUE_OK;
  if (!parsed || !IsWeb(handle.get())) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "this is not a web address",
                                              .expected = "http://… or https://… with a host",
                                              .found = "\"" + ShownUrl(url) + "\""});
  }
  std::string host = Part(handle.get(), CURLUPART_HOST);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return {.scheme = Part(handle.get(), CURLUPART_SCHEME),
          .host = std::move(host),
          .port = Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

std::string ResolveUrl(std::string_view base, std::string_view reference) {
  const Handle handle(curl_url());
  const bool resolved =
      !HasControls(reference) && !reference.empty() &&
      curl_url_set(handle.get(), CURLUPART_URL, std::string(base).c_str(), 0) == CURLUE_OK &&
      curl_url_set(handle.get(), CURLUPART_URL, std::string(reference).c_str(), 0) == CURLUE_OK;
  if (!resolved || !IsWeb(handle.get())) {
    throw Error(ErrorCode::kDataLoss, {.message = "the server points to no web address",
                                       .expected = "http://… or https://…",
                                       .found = "\"" + ShownUrl(reference) + "\"",
                                       .where = ShownUrl(base)});
  }
  return Part(handle.get(), CURLUPART_URL);
}

bool IsAbsolute(std::string_view reference) {
  if (reference.starts_with("//")) return true;
  const size_t colon = reference.find(':');
  return colon != std::string_view::npos && colon < reference.find_first_of("/?#");
}

std::string ShownUrl(std::string_view url) {
  std::string shown(url.substr(0, std::min<size_t>(url.find_first_of("?#"), 300)));
  // user:password@ belongs to nobody's eyes either.
  if (const size_t scheme = shown.find("://"); scheme != std::string::npos) {
    const size_t begin = scheme + 3;
    const size_t end = std::min(shown.find('/', begin), shown.size());
    const size_t at = shown.rfind('@', end);
    if (at != std::string::npos && at >= begin && at < end) shown.erase(begin, at + 1 - begin);
  }
  std::replace_if(
      shown.begin(), shown.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return shown;
}

}  // namespace hyprstream::registry
