// What templates can call by name: filters, tests, global functions, and the methods of values. All
// tables are constant.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

using Builtin = Value (*)(Interp&, CallArgs&);

struct NamedBuiltin {
  std::string_view name;
  Builtin function;
};

/// The filtered value is positional[0]. Nothing when there is no such filter.
Builtin FindFilter(std::string_view name);
/// A test gives a bool.
Builtin FindTest(std::string_view name);
/// A method of str, list, dict and so on; the value itself is positional[0].
Builtin FindMethod(const Value& self, std::string_view name);
/// Whether Python's type has this attribute though templates may not use it: names that begin with
/// an underscore, and the methods that change a list or a dictionary.
bool IsHiddenAttribute(const Value& self, std::string_view name);

/// Functions and constants that every template sees. Nothing when there is no such name.
std::optional<Value> FindGlobal(Interp& interp, std::string_view name);

// The tables by topic.
std::vector<NamedBuiltin> TextFilters();
std::vector<NamedBuiltin> LayoutFilters();
std::vector<NamedBuiltin> NumberFilters();
std::vector<NamedBuiltin> SequenceFilters();
std::vector<NamedBuiltin> OrderFilters();
std::vector<NamedBuiltin> SelectFilters();
std::vector<NamedBuiltin> TypeTests();
std::vector<NamedBuiltin> ComparisonTests();
std::vector<NamedBuiltin> ObjectMethods();
std::vector<NamedBuiltin> SequenceMethods();
std::vector<NamedBuiltin> BytesMethods();
std::vector<NamedBuiltin> StringMethods();
std::vector<NamedBuiltin> StringQueryMethods();

/// Arguments matched to parameter names as Python does it.
class Bound {
 public:
  /// `names` are the parameters after positional[0]; the first `required` must be given.
  /// Errors: kRuntime.
  Bound(CallArgs& args, std::string_view function, std::vector<std::string_view> names,
        size_t required = 0);
  bool Has(size_t i) const { return values_[i].has_value(); }
  const Value& operator[](size_t i) const { return *values_[i]; }
  Value Or(size_t i, Value otherwise) const { return values_[i].value_or(std::move(otherwise)); }
  /// Errors: kRuntime when the argument is no integer; huge ones are clamped to 64 bits.
  int64_t Integer(size_t i, int64_t otherwise) const;
  bool Flag(size_t i, bool otherwise) const;
  /// The argument must outlive the view. Errors: kRuntime when it is no string.
  const Value& Text(size_t i) const;

 private:
  std::string function_;
  std::vector<std::string_view> names_;
  std::vector<std::optional<Value>> values_;
};

/// dict.items() as a view.
Value ItemPairs(Budget& budget, const Value& object);
/// A generator over a list's items.
Value GeneratorOver(Budget& budget, const Value& list);
/// str.isupper and str.islower: every cased letter passes, and there is one.
bool AllCased(Budget& budget, std::string_view text, bool (*is)(char32_t));

int64_t ClampInteger(const Value& value, std::string_view what);

}  // namespace hyprstream::text::tmpl
