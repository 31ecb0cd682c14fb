// What values point to, and how the interpreter makes values on a budget. Contents are built once
// and never change afterwards. Nesting of containers is bounded so that walking and freeing them
// cannot exhaust the stack.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/marked_text.h"
#include "text/template/budget.h"
#include "text/template/value.h"

namespace hyprstream::text::tmpl {

class Interp;

struct StringRep {
  std::string text;
  std::vector<MarkedText::Range> inert = {};
  Charge charge = {};
};

struct ListRep {
  std::vector<Value> items;
  int depth = 1;
  const char* view_name = "";  // "dict_keys" and its like
  Charge charge = {};
};

struct ObjectRep {
  std::vector<Value::Entry> entries;
  std::vector<uint32_t> by_key;  // positions of string keys, sorted by key; empty for few entries
  int depth = 1;
  Charge charge = {};
};

struct RangeRep {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  int64_t count = 0;
};

struct IteratorRep {
  std::function<std::optional<Value>()> next;
  int depth = 1;
};

struct UndefinedRep {
  std::string message;  // what an operation on it says
  bool security = false;
};

/// Positional and named arguments of a call, a filter or a test; a filter's value is positional[0].
struct CallArgs {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Everything with identity or behaviour. Owned by the values that refer to it.
class HostObject {
 public:
  virtual ~HostObject() = default;
  virtual std::string_view TypeName() const = 0;
  /// Nothing when there is no such attribute.
  virtual std::optional<Value> Attribute(Interp&, std::string_view) const { return std::nullopt; }
  virtual bool callable() const { return false; }
  virtual Value Call(Interp&, CallArgs&) const;
  /// For a namespace: drops what it holds, which may be itself.
  virtual void Clear() {}
};

/// The one door to a value's private parts.
struct ValueAccess {
  static Value Make(Value::Kind kind, std::shared_ptr<const void> rep);
  static const StringRep& String(const Value& v) {
    return *static_cast<const StringRep*>(v.rep_.get());
  }
  static const ListRep& List(const Value& v) { return *static_cast<const ListRep*>(v.rep_.get()); }
  static const ObjectRep& Object(const Value& v) {
    return *static_cast<const ObjectRep*>(v.rep_.get());
  }
  static const RangeRep& Range(const Value& v) {
    return *static_cast<const RangeRep*>(v.rep_.get());
  }
  static const IteratorRep& Iterator(const Value& v) {
    return *static_cast<const IteratorRep*>(v.rep_.get());
  }
  static const UndefinedRep& Undefined(const Value& v) {
    return *static_cast<const UndefinedRep*>(v.rep_.get());
  }
  static const HostObject& Host(const Value& v) {
    return *static_cast<const HostObject*>(v.rep_.get());
  }
  static const void* Identity(const Value& v) { return v.rep_.get(); }
  static bool IsMarkup(const Value& v) { return v.markup_; }
  static Value WithMarkup(Value v, bool markup);
  static Value WithInput(Value v, bool from_input);
};

/// Deepest container among the value's contents, itself included; 0 for scalars.
int DepthOf(const Value& value);

Value MakeUndefined(std::string message);
/// An attribute the sandbox hides: prints nothing, any use is an error of kind kSecurity.
Value MakeHidden(std::string message);
Value MakeText(Budget& budget, std::string_view text);
Value MakeBytes(Budget& budget, std::string_view bytes);
/// Precondition: step != 0.
Value MakeRange(int64_t start, int64_t stop, int64_t step);
Value MakeHost(std::shared_ptr<const HostObject> host);
/// `source` is what the generator draws from; it counts for nesting.
Value MakeIterator(Budget& budget, const Value& source, std::function<std::optional<Value>()> next);

/// Collects items while their room is charged.
class ListBuilder {
 public:
  explicit ListBuilder(Budget& budget);
  void Add(Value value);
  size_t size() const { return items_.size(); }
  std::vector<Value>& items() { return items_; }
  Value Finish(Value::Kind kind = Value::Kind::kList, const char* view_name = "");

 private:
  Budget& budget_;
  Charge charge_;
  std::vector<Value> items_;
  int depth_ = 0;
};

/// Collects entries; a repeated key replaces the value at its first place.
class ObjectBuilder {
 public:
  explicit ObjectBuilder(Budget& budget) : budget_(budget), charge_(budget, 0) {}
  /// Errors: kRuntime when the key cannot be hashed (a list, an object).
  void Set(Value key, Value value);
  Value Finish();

 private:
  Budget& budget_;
  Charge charge_;
  std::vector<Value::Entry> entries_;
};

/// The entry with an equal key, as Python compares keys (1, 1.0 and True are one).
const Value* FindKey(const Value& object, const Value& key);

/// A Python type's name, as in messages: "str", "NoneType", "dict".
std::string TypeName(const Value& value);

}  // namespace hyprstream::text::tmpl
