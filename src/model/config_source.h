// Where a family reads its configuration from, in the field names of config.json. For GGUF the same
// names are looked up under llama.cpp's keys, so that one family file serves both formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/config.h"

namespace hyprstream::model {

class ConfigSource {
 public:
  virtual ~ConfigSource() = default;

  /// Nothing when the field is absent or null. Errors: kDataLoss when it has another type.
  virtual std::optional<int64_t> Int(std::string_view name) const = 0;
  virtual std::optional<double> Float(std::string_view name) const = 0;
  virtual std::optional<bool> Bool(std::string_view name) const = 0;
  virtual std::optional<std::string> String(std::string_view name) const = 0;
  virtual std::vector<int64_t> Ints(std::string_view name) const = 0;
  virtual std::vector<std::string> Strings(std::string_view name) const = 0;
  /// True when the field is there, even as null.
  virtual bool Has(std::string_view name) const = 0;
  virtual RopeConfig Rope(double default_theta) const = 0;
  /// Names the file in errors.
  virtual const std::string& where() const = 0;
  /// True for GGUF, whose writers leave some facts implied.
  virtual bool IsGguf() const = 0;

  int64_t RequireInt(std::string_view name) const;
};

/// Errors made in one form: the field, what was expected, what was found.
Error FieldError(std::string_view where, std::string_view field, std::string expected,
                 std::string found);
/// kUnsupported: a feature by name and what is supported instead.
Error UnsupportedFeature(std::string_view where, std::string_view field, std::string supported,
                         std::string found);

/// The kind by its name in rope_type. Errors: kUnsupported naming it.
RopeKind ParseRopeKind(std::string_view name, std::string_view where);

}  // namespace hyprstream::model
