#include "server/api_keys.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/error.h"

namespace hyprstream::server {
namespace {

constexpr std::string_view kHashed = "sha256:";
constexpr std::string_view kName = "name=";

Sha256Digest HashOf(std::string_view text) {
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(text)));
  return hash.Finish();
}

std::optional<Sha256Digest> ParseHash(std::string_view hex) {
  Sha256Digest digest{};
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (size_t i = 0; i < hex.size(); ++i) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    const size_t digit = kDigits.find(static_cast<char>(std::tolower(hex[i])));
    if (digit == std::string_view::npos) return std::nullopt;
    digest[i / 2] = static_cast<uint8_t>(digest[i / 2] << 4 | digit);
  }
  return digest;
}

std::optional<Access> ParseRole(std::string_view word) {
  for (const Access role : {Access::kUse, Access::kTeach, Access::kAdmin}) {
    if (word == AccessName(role)) return role;
  }
  return std::nullopt;
}

[[noreturn]] void RefuseLine(int line, std::string_view problem) {
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the key file has a damaged line: " + std::string(problem),
               .expected = "KEY or sha256:HEX, then use, teach or admin, name=NAME, limits",
               .where = "line " + std::to_string(line)});
}

/// False: the word is no limit.
bool TakeLimit(std::string_view word, int line, QuotaLimits& limits) {
  try {
    return ReadQuotaWord(word, limits);
  } catch (const Error& error) {
    throw error.Within("line " + std::to_string(line));
  }
}

std::optional<ApiKey> ParseLine(const std::string& line, int number) {
  std::istringstream words(line);
  ApiKey key{.name = "key" + std::to_string(number), .role = Access::kAdmin};
  bool keyed = false;
  for (std::string word; words >> word;) {
    if (!keyed && word.starts_with('#')) return std::nullopt;
    if (const auto role = ParseRole(word)) {
      key.role = *role;
    } else if (word.starts_with(kName)) {
      key.name = word.substr(kName.size());
    } else if (TakeLimit(word, number, key.limits)) {
      continue;
    } else if (keyed) {
      RefuseLine(number, "two keys, or an unknown word");
    } else if (word.starts_with(kHashed)) {
      const auto hash = ParseHash(std::string_view(word).substr(kHashed.size()));
      if (!hash) RefuseLine(number, "sha256: is followed by 64 hexadecimal digits");
      key.hash = *hash;
      keyed = true;
    } else {
      key.hash = HashOf(word);
      keyed = true;
    }
  }
  if (line.find_first_not_of(" \t\r") == std::string::npos) return std::nullopt;
  if (!keyed) RefuseLine(number, "there is no key");
  return key;
}

/// One account has one set of limits.
void CheckShared(const std::vector<ApiKey>& keys, const ApiKey& key, int line) {
  for (const ApiKey& other : keys) {
    if (other.name != key.name || other.limits == key.limits) continue;
    RefuseLine(line, "another key of the same name has other limits");
  }
}

void RequirePrivate(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw Error(ErrorCode::kNotFound, {.message = "cannot open the key file",
                                       .found = std::strerror(errno),
                                       .where = file.string()});
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  throw Error(ErrorCode::kPermissionDenied,
              {.message = "others than its owner have access to the key file",
               .expected = "mode 0600",
               .where = file.string(),
               .hint = "chmod 600 " + file.string()});
}

}  // namespace

std::string_view AccessName(Access access) {
  switch (access) {
    case Access::kAnyone:
      return "anyone";
    case Access::kUse:
      return "use";
    case Access::kTeach:
      return "teach";
    case Access::kAdmin:
      return "admin";
  }
  return "";
}

ApiKeys ApiKeys::Load(const std::filesystem::path& file) {
  RequirePrivate(file);
  std::ifstream stream(file);
  ApiKeys keys;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    auto key = ParseLine(line, ++number);
    if (!key) continue;
    CheckShared(keys.keys_, *key, number);
    keys.keys_.push_back(std::move(*key));
  }
  if (keys.keys_.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the key file has no key", .where = file.string()});
  }
  return keys;
}

std::map<std::string, QuotaLimits, std::less<>> ApiKeys::Limits() const {
  std::map<std::string, QuotaLimits, std::less<>> limits;
  for (const ApiKey& key : keys_) {
    if (key.limits.any()) limits[key.name] = key.limits;
  }
  return limits;
}

const ApiKey* ApiKeys::Find(std::string_view key) const {
  const Sha256Digest hash = HashOf(key);
  const ApiKey* found = nullptr;
  for (const ApiKey& known : keys_) {
    if (CRYPTO_memcmp(known.hash.data(), hash.data(), hash.size()) == 0) found = &known;
  }
  return found;
}

}  // namespace hyprstream::server
