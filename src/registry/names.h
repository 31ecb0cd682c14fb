// What may become a name in the store. Everything here comes from a hub or a user and is checked
// before it is part of a path: no climbing, no absolute path, no control character, no separator of
// another system, nothing a file system would cut short. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::registry {

/// A model of a registry at one immutable state.
struct ModelKey {
  std::string registry;  // "hf" or "ollama"
  std::string org;       // empty for a Hugging Face repository without one
  std::string name;
  std::string revision;  // commit (hf) or tag (ollama)

  bool operator==(const ModelKey&) const = default;
};

/// Each part is 1 to 128 of [A-Za-z0-9._-], begins with a letter, digit or '_' and has no "..".
/// Errors: kInvalidArgument naming the part.
void CheckModelKey(const ModelKey& key);
void CheckModelName(std::string_view registry, std::string_view org, std::string_view name);

/// A file's path inside a model: relative, '/' between parts, no part empty, "." or "..", valid
/// UTF-8 without control characters or backslashes, a part at most 255 bytes, all at most 1024 and
/// 16 parts. Errors: kInvalidArgument.
void CheckFilePath(std::string_view path);

bool IsSha256(std::string_view text);   // 64 lower-case hexadecimal digits
bool IsGitSha1(std::string_view text);  // 40
/// Errors: kInvalidArgument.
void CheckSha256(std::string_view text);

/// "hf://org/name@revision", "ollama://org/name:tag".
std::string Spelled(const ModelKey& key);

/// Below the store's folder: "hf/org/name/revision"; a missing org is "-", which no org can be.
std::string FolderOf(const ModelKey& key);

/// The text as it may be shown in an error: control characters and bytes that are no UTF-8
/// replaced.
std::string Shown(std::string_view text);

}  // namespace hyprstream::registry
