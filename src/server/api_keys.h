// Who may do what: keys from a file, kept and compared as hashes. Immutable once loaded.
//
// The file has one key a line: the key itself or sha256:HEX of it, and in any order a role (use,
// teach or admin; admin when none is given), a name (name=N) and limits (rpm=60; see quota.h).
// Empty lines and lines that begin with '#' are skipped. Keys of one name share what they may use,
// so that a key can be replaced by another while both are valid.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "server/quota.h"

namespace hyprstream::server {

/// What a route asks for. A role holds every access up to its own.
enum class Access { kAnyone, kUse, kTeach, kAdmin };

/// "use", "teach", "admin".
std::string_view AccessName(Access access);

struct ApiKey {
  std::string name;  // for logs and limits; never the key
  Access role = Access::kUse;
  QuotaLimits limits = {};
  Sha256Digest hash{};
};

class ApiKeys {
 public:
  /// Errors: kNotFound; kPermissionDenied when others than the owner may read the file;
  /// kInvalidArgument naming the line, also for keys of one name and different limits; never with a
  /// key in it.
  static ApiKeys Load(const std::filesystem::path& file);

  /// Compares with every key in a time that does not depend on the key. Null: none of them.
  const ApiKey* Find(std::string_view key) const;
  size_t size() const { return keys_.size(); }
  /// By name, of those that have any.
  std::map<std::string, QuotaLimits, std::less<>> Limits() const;

 private:
  std::vector<ApiKey> keys_;
};

}  // namespace hyprstream::server
