#include "registry/names.h"

#include <algorithm>

#include "base/error.h"
#include "text/utf8.h"

namespace hyprstream::registry {
namespace {

constexpr size_t kLongestPart = 128;
constexpr size_t kLongestFileName = 255;
constexpr size_t kLongestPath = 1024;
constexpr size_t kMostParts = 16;
constexpr size_t kLongestShown = 200;
constexpr size_t kLongestCharacter = 4;  // bytes

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsHex(std::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

void CheckPart(std::string_view what, std::string_view part) {
  const bool good = !part.empty() && part.size() <= kLongestPart &&
                    (IsAlphanumeric(part.front()) || part.front() == '_') &&
                    part.find("..") == std::string_view::npos &&
                    std::all_of(part.begin(), part.end(), [](char c) {
                      return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "this cannot be a model's " + std::string(what),
               .expected = "1 to 128 letters, digits, '.', '_' or '-', beginning with a letter, "
                           "digit or '_', without \"..\"",
               .found = "\"" + Shown(part) + "\""});
}

// Why the path is refused; empty when it is good.
std::string_view Fault(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > kLongestPath) return "it is longer than 1024 bytes";
  if (std::any_of(path.begin(), path.end(), IsControl)) return "it has a control character";
  if (path.find('\\') != std::string_view::npos) return "it has a backslash";
  if (text::FindInvalidUtf8(path)) return "it is not UTF-8";
  if (path.size() >= 2 && path[1] == ':') return "it begins with a drive letter";
  size_t parts = 0;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty()) return "a part is empty, or it is absolute";
    if (part == "." || part == "..") return "it climbs";
    if (part.size() > kLongestFileName) return "a part is longer than 255 bytes";
    if (++parts > kMostParts) return "it has more than 16 parts";
    begin = end + 1;
  }
  return {};
}

}  // namespace

void CheckModelName(std::string_view registry, std::string_view org, std::string_view name) {
  CheckPart("registry", registry);
  if (!org.empty()) CheckPart("organisation", org);
  CheckPart("name", name);
}

void CheckModelKey(const ModelKey& key) {
  CheckModelName(key.registry, key.org, key.name);
  CheckPart("revision", key.revision);
}

void CheckFilePath(std::string_view path) {
  const std::string_view fault = Fault(path);
  if (fault.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "a model's file has a name that is refused: " + std::string(fault),
               .expected = "a relative path inside the model",
               .found = "\"" + Shown(path) + "\""});
}

bool IsSha256(std::string_view text) { return IsHex(text, 64); }
bool IsGitSha1(std::string_view text) { return IsHex(text, 40); }

void CheckSha256(std::string_view text) {
  if (IsSha256(text)) return;
  throw Error(ErrorCode::kInvalidArgument, {.message = "this is no SHA-256",
                                            .expected = "64 lower-case hexadecimal digits",
                                            .found = "\"" + Shown(text) + "\""});
}

std::string Spelled(const ModelKey& key) {
  const std::string name = key.org.empty() ? key.name : key.org + "/" + key.name;
  if (!key.registry.starts_with("ollama")) {
    return key.registry + "://" + name + "@" + key.revision;
  }
  // "ollama_host_5000": another host, its port behind the last '_'.
  std::string host = key.registry.substr(std::string_view("ollama").size());
  if (!host.empty()) {
    host.erase(0, 1);
    const size_t port = host.rfind('_');
    const bool digits = port != std::string::npos && port + 1 < host.size() &&
                        host.find_first_not_of("0123456789", port + 1) == std::string::npos;
    if (digits) host[port] = ':';
    host += "/";
  }
  const bool library = host.empty() && key.org == "library";
  return "ollama://" + host + (library ? key.name : name) + ":" + key.revision;
}

std::string FolderOf(const ModelKey& key) {
  return key.registry + "/" + (key.org.empty() ? "-" : key.org) + "/" + key.name + "/" +
         key.revision;
}

std::string Shown(std::string_view text) {
  std::string shown;
  while (!text.empty() && shown.size() < kLongestShown) {
    const bool broken = text::FindInvalidUtf8(text.substr(0, kLongestCharacter)) == size_t{0};
    const size_t length = broken ? 1 : text::ReadCodePoint(text.data()).length;
    shown += broken || IsControl(text.front()) ? std::string_view("?") : text.substr(0, length);
    text.remove_prefix(length);
  }
  return text.empty() ? shown : shown + "…";
}

}  // namespace hyprstream::registry
