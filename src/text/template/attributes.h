// What filters like map, sort and groupby share: reading an attribute path off an item, and
// comparing without regard to case.
#pragma once

#include <string>
#include <vector>

#include "text/template/interp.h"

namespace hyprstream::text::tmpl {

/// "a.b.0" as keys; an integer is one key.
class AttributePath {
 public:
  AttributePath(Budget& budget, const Value& attribute);
  /// The item's attribute, keys before methods; `otherwise` replaces what is undefined on the way.
  Value Get(Interp& interp, const Value& item, const Value* otherwise = nullptr) const;

 private:
  std::vector<Value> keys_;
};

enum class CaseRule { kSensitive, kIgnore };

/// The value that filters compare: text in lower case where case does not count.
Value SortKey(Budget& budget, const Value& value, CaseRule rule);

/// Sorts positions 0 … keys.size() by their keys, equal ones staying in order. Errors: kRuntime
/// when two keys have no order.
std::vector<size_t> SortedOrder(Budget& budget, const std::vector<Value>& keys, bool reverse);

}  // namespace hyprstream::text::tmpl
