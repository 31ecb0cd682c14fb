// Reading a request's JSON: fields that are missing or null are absent, fields that are not known
// are never looked at, and fields of a wrong type or value are refused by name. Shows JSON types:
// for this layer's own sources only.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hyprstream::server {

/// A value with its name in the request, such as "messages[0].content".
class JsonField {
 public:
  JsonField(const boost::json::value& value, std::string path)
      : value_(&value), path_(std::move(path)) {}

  const boost::json::value& value() const { return *value_; }
  const std::string& path() const { return path_; }

  /// Errors of all of these: kInvalidArgument saying what was expected, `where` the path.
  const boost::json::object& Object() const;
  std::vector<JsonField> List() const;
  std::string Text() const;
  bool Flag() const;
  double Number(double least, double most) const;
  /// 5.0 is an integer too.
  int64_t Integer(int64_t least, int64_t most) const;

  /// A member of this object; nothing when it is missing or null.
  std::optional<JsonField> Find(std::string_view name) const;
  JsonField Need(std::string_view name) const;

  std::optional<std::string> FindText(std::string_view name) const;
  std::optional<bool> FindFlag(std::string_view name) const;
  std::optional<double> FindNumber(std::string_view name, double least, double most) const;
  std::optional<int64_t> FindInteger(std::string_view name, int64_t least = kLeast,
                                     int64_t most = kMost) const;

  [[noreturn]] void Refuse(const std::string& expected) const;

 private:
  static constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

  const boost::json::value* value_;
  std::string path_;
};

/// Depth up to 128. Errors: kInvalidArgument saying at which byte it stops being JSON.
boost::json::value ParseJsonText(std::string_view text);

/// JSON, even where the text is not UTF-8.
std::string WriteJsonText(const boost::json::value& value);
/// `text` as a JSON string, with its quotes, appended to `out`.
void AppendJsonString(std::string& out, std::string_view text);

/// A value short enough for an error message.
std::string Excerpt(const boost::json::value& value);

}  // namespace hyprstream::server
