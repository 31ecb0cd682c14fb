// namespace(): the only object a template can change.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

class Namespace final : public HostObject {
 public:
  std::string_view TypeName() const override { return "Namespace"; }
  std::optional<Value> Attribute(Interp& interp, std::string_view name) const override;
  void Clear() override { attributes_.clear(); }

  /// Errors: kSecurity for a name that begins with an underscore, kLimit.
  void Set(Budget& budget, const std::string& name, Value value);
  Value ToObject(Budget& budget) const;

  mutable int printing_depth = 0;

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
  Charge charge_;
};

}  // namespace hyprstream::text::tmpl
