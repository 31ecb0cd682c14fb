#include "text/template/value_rep.h"

#include <algorithm>

#include "text/template/object_rep.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;
constexpr uint64_t kRepBytes = 96;  // a reference count, a string and a charge

Value MakeStringLike(Budget& budget, Kind kind, std::string_view text) {
  auto rep = std::make_shared<StringRep>();
  rep->charge = Charge(budget, kRepBytes + text.size());
  budget.Touch(text.size());
  rep->text = std::string(text);
  return ValueAccess::Make(kind, std::move(rep));
}

Value MakeUndefinedRep(std::string message, bool security) {
  auto rep = std::make_shared<UndefinedRep>();
  rep->message = std::move(message);
  rep->security = security;
  return ValueAccess::Make(Kind::kUndefined, std::move(rep));
}

void RequireDepth(const Budget& budget, int depth) {
  if (depth > budget.limits().depth) RaiseLimit("a value of the template nests too deeply");
}

}  // namespace

Value HostObject::Call(Interp&, CallArgs&) const {
  RaiseRuntime("'" + std::string(TypeName()) + "' object is not callable");
}

Value ValueAccess::Make(Value::Kind kind, std::shared_ptr<const void> rep) {
  Value v;
  v.kind_ = kind;
  v.rep_ = std::move(rep);
  return v;
}

Value ValueAccess::WithMarkup(Value v, bool markup) {
  v.markup_ = markup;
  return v;
}

Value ValueAccess::WithInput(Value v, bool from_input) {
  v.from_input_ = from_input;
  return v;
}

int DepthOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return ValueAccess::List(value).depth;
    case Kind::kObject:
      return ValueAccess::Object(value).depth;
    case Kind::kIterator:
      return ValueAccess::Iterator(value).depth;
    default:
      return 0;
  }
}

Value MakeUndefined(std::string message) { return MakeUndefinedRep(std::move(message), false); }

Value MakeHidden(std::string message) { return MakeUndefinedRep(std::move(message), true); }

Value MakeText(Budget& budget, std::string_view text) {
  return MakeStringLike(budget, Kind::kString, text);
}

Value MakeBytes(Budget& budget, std::string_view bytes) {
  return MakeStringLike(budget, Kind::kBytes, bytes);
}

Value MakeRange(int64_t start, int64_t stop, int64_t step) {
  // Distances in unsigned arithmetic: a range may span more than 63 bits.
  const bool empty = step > 0 ? stop <= start : stop >= start;
  const auto low = static_cast<uint64_t>(step > 0 ? start : stop);
  const auto high = static_cast<uint64_t>(step > 0 ? stop : start);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : -static_cast<uint64_t>(step);
  const uint64_t count = empty ? 0 : (high - low - 1) / stride + 1;
  if (count > INT64_MAX) RaiseLimit("range too big");
  auto rep = std::make_shared<RangeRep>();
  *rep = {.start = start, .stop = stop, .step = step, .count = static_cast<int64_t>(count)};
  return ValueAccess::Make(Kind::kRange, std::move(rep));
}

Value MakeHost(std::shared_ptr<const HostObject> host) {
  return ValueAccess::Make(Kind::kHost, std::move(host));
}

Value MakeIterator(Budget& budget, const Value& source,
                   std::function<std::optional<Value>()> next) {
  auto rep = std::make_shared<IteratorRep>();
  rep->next = std::move(next);
  rep->depth = 1 + DepthOf(source);
  RequireDepth(budget, rep->depth);
  return ValueAccess::Make(Kind::kIterator, std::move(rep));
}

ListBuilder::ListBuilder(Budget& budget) : budget_(budget), charge_(budget, kRepBytes) {}

void ListBuilder::Add(Value value) {
  budget_.Step();
  if (items_.size() == items_.capacity()) {
    const size_t capacity = std::max<size_t>(4, items_.capacity() * 2);
    charge_.Resize(kRepBytes + (items_.capacity() + capacity) * sizeof(Value));
    items_.reserve(capacity);
    charge_.Resize(kRepBytes + items_.capacity() * sizeof(Value));
  }
  depth_ = std::max(depth_, DepthOf(value));
  items_.push_back(std::move(value));
}

Value ListBuilder::Finish(Value::Kind kind, const char* view_name) {
  auto rep = std::make_shared<ListRep>();
  rep->depth = 1 + depth_;
  RequireDepth(budget_, rep->depth);
  rep->items = std::move(items_);
  rep->view_name = view_name;
  rep->charge = std::move(charge_);
  return ValueAccess::Make(kind, std::move(rep));
}

void ObjectBuilder::Set(Value key, Value value) {
  budget_.Step();
  if (entries_.size() == entries_.capacity()) {
    const size_t capacity = std::max<size_t>(4, entries_.capacity() * 2);
    // Twice: finishing makes a second vector, and an index.
    charge_.Resize(kRepBytes + 2 * capacity * (sizeof(Value::Entry) + sizeof(uint32_t)));
    entries_.reserve(capacity);
  }
  entries_.push_back({std::move(key), std::move(value)});
}

Value ObjectBuilder::Finish() {
  std::shared_ptr<ObjectRep> rep = MakeObjectRep(&budget_, std::move(entries_));
  RequireDepth(budget_, rep->depth);
  charge_.Resize(kRepBytes + rep->entries.size() * (sizeof(Value::Entry) + sizeof(uint32_t)));
  rep->charge = std::move(charge_);
  return ValueAccess::Make(Kind::kObject, std::move(rep));
}

const Value* FindKey(const Value& object, const Value& key) {
  if (key.is_string()) return object.Find(key.as_string());
  for (const Value::Entry& entry : object.entries()) {
    if (!entry.key.is_string() && SameKey(nullptr, entry.key, key)) return &entry.value;
  }
  return nullptr;
}

std::string TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return "NoneType";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kBigInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return ValueAccess::IsMarkup(value) ? "Markup" : "str";
    case Kind::kBytes:
      return "bytes";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kView:
      return ValueAccess::List(value).view_name;
    case Kind::kObject:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return "generator";
    case Kind::kHost:
      return std::string(ValueAccess::Host(value).TypeName());
  }
  return "object";
}

}  // namespace hyprstream::text::tmpl
