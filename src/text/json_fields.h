// Reading a JSON document that nobody vouches for: every step checks the type and knows its path,
// so that an error says where in the document it is. For this layer's own sources only.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hyprstream::text {

class JsonField {
 public:
  JsonField(const boost::json::value& value, std::string path)
      : value_(&value), path_(std::move(path)) {}

  /// Errors of all of these: kDataLoss saying what was expected at which path.
  const boost::json::object& Object() const;
  const boost::json::array& Array() const;
  std::string_view String() const;
  bool Bool() const;
  int64_t Int() const;
  /// A string that parameterises a component, at most 1,024 bytes long.
  std::string ShortString() const;

  /// The member `key`; nothing when it is absent or null.
  std::optional<JsonField> Find(std::string_view key) const;
  JsonField Get(std::string_view key) const;
  JsonField At(size_t index) const;
  bool BoolOr(std::string_view key, bool absent) const;

  const std::string& path() const { return path_; }
  [[noreturn]] void Fail(std::string expected) const;
  [[noreturn]] void Fail(ErrorCode code, ErrorDetail detail) const;

 private:
  const boost::json::value* value_;
  std::string path_;
};

}  // namespace hyprstream::text
