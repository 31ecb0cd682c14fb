// How objects are built and searched: entries in the order received, with an index over the string
// keys once there are more than a few.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

/// Of equal keys the last value wins at the first one's place. Counts steps on `budget` if given.
/// Errors: kRuntime when a key cannot be hashed.
std::shared_ptr<ObjectRep> MakeObjectRep(Budget* budget, std::vector<Value::Entry> entries);

const Value* FindText(const ObjectRep& object, std::string_view key);

/// Errors: kRuntime for lists and objects, as Python's hash().
void RequireHashable(Budget* budget, const Value& key);

/// Equality of two hashable keys: 1, 1.0 and True are one key.
bool SameKey(Budget* budget, const Value& a, const Value& b);

}  // namespace hyprstream::text::tmpl
