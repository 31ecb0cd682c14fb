// Values of the template language: what JSON gives, and what Python adds to it (undefined, tuples,
// views, ranges, generators, host objects). A value that came from a request carries a mark, and a
// string knows for each byte whether it came from one. Values share their immutable contents by
// reference count, so copies are cheap and a value may be read from any thread; only generators and
// host objects change, and those live inside one rendering.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyprstream::text {

namespace tmpl {
class HostObject;
struct StringRep;
struct ListRep;
struct ObjectRep;
struct RangeRep;
struct IteratorRep;
struct UndefinedRep;
struct ValueAccess;
}  // namespace tmpl

class Value {
 public:
  enum class Kind : uint8_t {
    kNone,
    kUndefined,
    kBool,
    kInt,
    kBigInt,  // beyond 64 bits, kept as decimal text
    kFloat,
    kString,
    kBytes,
    kList,
    kTuple,
    kView,  // what dict.keys(), .values() and .items() return
    kObject,
    kRange,
    kIterator,
    kHost,  // namespaces, macros, functions, bound methods, loop
  };
  struct Entry;

  Value() = default;  // none
  static Value Bool(bool value);
  static Value Int(int64_t value);
  /// Decimal digits with an optional minus sign; becomes kInt when it fits.
  static Value Integer(std::string_view decimal);
  static Value Float(double value);
  static Value String(std::string_view text);
  static Value List(std::vector<Value> items);
  static Value Tuple(std::vector<Value> items);
  /// Keys keep their order; of equal keys the last value wins at the first one's place.
  static Value Object(std::vector<std::pair<std::string, Value>> entries);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_object() const { return kind_ == Kind::kObject; }

  /// Preconditions: the kind fits (kBool or kInt; kFloat; kString, kBytes or kBigInt).
  bool as_bool() const { return number_.integer != 0; }
  int64_t as_int() const { return number_.integer; }
  double as_float() const { return number_.real; }
  const std::string& as_string() const;
  /// Precondition: list, tuple or view.
  const std::vector<Value>& items() const;
  /// Precondition: object.
  const std::vector<Entry>& entries() const;
  /// The value of a string key of an object; nothing when it is missing or this is no object.
  const Value* Find(std::string_view key) const;

  /// The same value, marked through and through as having come from a request.
  Value AsInput() const;
  bool from_input() const { return from_input_; }

 private:
  friend struct tmpl::ValueAccess;

  Kind kind_ = Kind::kNone;
  bool from_input_ = false;
  bool markup_ = false;  // strings: text already escaped for HTML (markupsafe's Markup)
  union {
    int64_t integer = 0;
    double real;
  } number_;
  std::shared_ptr<const void> rep_;
};

struct Value::Entry {
  Value key;
  Value value;
};

}  // namespace hyprstream::text
