// Truth, equality, order, membership, iteration and arithmetic as Python and jinja2 define them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/template/numbers.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

/// Errors: kUndefined or kSecurity when the value is undefined, with the message it carries.
void RequireDefined(const Value& value);
[[noreturn]] void RaiseUndefined(const Value& value);

bool Truthy(const Value& value);
bool Equal(Budget& budget, const Value& a, const Value& b);
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
/// Errors: kRuntime when the two have no order.
bool Compare(Budget& budget, Comparison op, const Value& a, const Value& b);
bool Less(Budget& budget, const Value& a, const Value& b);
bool Contains(Budget& budget, const Value& container, const Value& item);

/// len(). Errors: kRuntime for what has none.
int64_t Length(Budget& budget, const Value& value);
/// The items that a for loop sees: of an object its keys, of a string its letters.
/// Errors: kRuntime when the value is not iterable.
class Items {
 public:
  Items(Budget& budget, const Value& value);
  std::optional<Value> Next();

 private:
  Budget& budget_;
  Value value_;
  int64_t at_ = 0;
};
bool IsIterable(const Value& value);
std::vector<Value> ToVector(Budget& budget, const Value& value, Charge& charge);

/// a + b and the other binary operators. Errors: kRuntime, kUndefined, kLimit.
Value Binary(Budget& budget, Arithmetic op, const Value& a, const Value& b);

}  // namespace hyprstream::text::tmpl
