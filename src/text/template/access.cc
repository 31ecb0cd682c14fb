#include "text/template/access.h"

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/marked_string.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

// A method taken off its value: x.upper without the call.
class BoundMethod final : public HostObject {
 public:
  BoundMethod(Value self, Builtin method) : self_(std::move(self)), method_(method) {}
  std::string_view TypeName() const override { return "builtin_function_or_method"; }
  bool callable() const override { return true; }
  Value Call(Interp& interp, CallArgs& args) const override {
    args.positional.insert(args.positional.begin(), self_);
    return method_(interp, args);
  }

 private:
  Value self_;
  Builtin method_;
};

std::string ObjectName(const Value& value) {
  if (value.is_none()) return "None";
  return TypeName(value) + " object";
}

// Resolves one end of a slice of `length` items, as Python's slice.indices.
int64_t Clamp(int64_t index, int64_t length, int64_t low, int64_t high) {
  if (index < 0) index = index < -length ? low : index + length;
  return std::clamp(index, low, high);
}

struct Indices {
  int64_t start;
  int64_t stop;
  int64_t step;
  int64_t count;
};

Indices Resolve(int64_t length, const Value& start, const Value& stop, const Value& step) {
  const auto part = [](const Value& v) {
    if (!IsIntegral(v)) {
      RaiseRuntime("slice indices must be integers or None or have an __index__ method");
    }
    return ClampInteger(v, "a slice index");
  };
  const int64_t stride = step.is_none() ? 1 : std::max<int64_t>(part(step), -INT64_MAX);
  if (stride == 0) RaiseRuntime("slice step cannot be zero");
  const int64_t low = stride > 0 ? 0 : -1;
  const int64_t high = stride > 0 ? length : length - 1;
  const int64_t from =
      start.is_none() ? (stride > 0 ? low : high) : Clamp(part(start), length, low, high);
  const int64_t to =
      stop.is_none() ? (stride > 0 ? high : low) : Clamp(part(stop), length, low, high);
  const int64_t span = stride > 0 ? to - from : from - to;
  const int64_t size = stride > 0 ? stride : -stride;
  return {
      .start = from, .stop = to, .step = stride, .count = span <= 0 ? 0 : (span - 1) / size + 1};
}

Value SliceText(Budget& budget, const Value& value, const Indices& indices) {
  const StrView text(value);
  const bool markup = ValueAccess::IsMarkup(value);
  const auto start = static_cast<size_t>(std::max<int64_t>(indices.start, 0));
  if (indices.count == 0) return MakeString(budget, text.Sub(0, 0), markup);
  if (indices.step == 1) {
    const size_t begin = ByteOffset(text.text(), start);
    const size_t length = ByteOffset(text.text().substr(begin), static_cast<size_t>(indices.count));
    budget.Touch(begin + length);
    return MakeString(budget, text.Sub(begin, begin + length), markup);
  }
  budget.Step(text.size() / 4);
  const Charge charge(budget, text.size() * sizeof(size_t));
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size(); at += DecodeAt(text.text(), at).length)
    starts.push_back(at);
  TextBuilder out(budget);
  for (int64_t i = 0; i < indices.count; ++i) {
    const size_t at = starts[static_cast<size_t>(indices.start + i * indices.step)];
    out.Append(text.Sub(at, at + DecodeAt(text.text(), at).length));
  }
  return out.Finish(markup);
}

}  // namespace

Value MissingAttribute(const Value& container, std::string_view name) {
  return MakeUndefined("'" + ObjectName(container) + "' has no attribute '" + std::string(name) +
                       "'");
}

std::optional<Value> At(Budget& budget, const Value& container, int64_t index) {
  const int64_t length = Length(budget, container);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  const auto at = static_cast<size_t>(index);
  switch (container.kind()) {
    case Kind::kString: {
      const StrView text(container);
      const size_t begin = ByteOffset(text.text(), at);
      budget.Touch(begin);
      return MakeString(budget, text.Sub(begin, begin + DecodeAt(text.text(), begin).length),
                        ValueAccess::IsMarkup(container));
    }
    case Kind::kBytes:
      return Value::Int(static_cast<unsigned char>(container.as_string()[at]));
    case Kind::kList:
    case Kind::kTuple:
      return container.items()[at];
    case Kind::kRange: {
      const RangeRep& range = ValueAccess::Range(container);
      return Value::Int(range.start + range.step * index);
    }
    default:
      return std::nullopt;
  }
}

Value Slice(Budget& budget, const Value& container, const Value& start, const Value& stop,
            const Value& step) {
  RequireDefined(container);
  const Kind kind = container.kind();
  if (kind != Kind::kString && kind != Kind::kList && kind != Kind::kTuple &&
      kind != Kind::kRange && kind != Kind::kBytes) {
    RaiseRuntime("'" + TypeName(container) + "' object is not subscriptable by a slice");
  }
  const Indices indices = Resolve(Length(budget, container), start, stop, step);
  if (kind == Kind::kString) return SliceText(budget, container, indices);
  if (kind == Kind::kRange) {
    const RangeRep& range = ValueAccess::Range(container);
    const int64_t first = range.start + indices.start * range.step;
    const int64_t stride = range.step * indices.step;
    return MakeRange(first, range.start + indices.stop * range.step, stride);
  }
  if (kind == Kind::kBytes) {
    std::string bytes;
    for (int64_t i = 0; i < indices.count; ++i) {
      bytes += container.as_string()[static_cast<size_t>(indices.start + i * indices.step)];
    }
    return ValueAccess::WithInput(MakeBytes(budget, bytes), container.from_input());
  }
  ListBuilder items(budget);
  for (int64_t i = 0; i < indices.count; ++i) {
    items.Add(container.items()[static_cast<size_t>(indices.start + i * indices.step)]);
  }
  return ValueAccess::WithInput(items.Finish(kind), container.from_input());
}

Value Interp::Attribute(const Value& value, std::string_view name) {
  if (IsHiddenAttribute(value, name)) {
    return MakeHidden("access to attribute '" + std::string(name) + "' of '" + TypeName(value) +
                      "' object is unsafe.");
  }
  RequireDefined(value);
  if (const Builtin method = FindMethod(value, name)) {
    return MakeHost(std::make_shared<BoundMethod>(value, method));
  }
  if (value.kind() == Value::Kind::kHost) {
    if (std::optional<Value> found = ValueAccess::Host(value).Attribute(*this, name)) return *found;
  }
  if (const Value* found = value.Find(name)) {
    budget_.Step();
    return *found;
  }
  return MissingAttribute(value, name);
}

Value Interp::Item(const Value& value, const Value& key) {
  RequireDefined(value);
  if (value.is_object() &&
      (key.is_string() || IsNumeric(key) || key.is_none() || key.kind() == Value::Kind::kTuple)) {
    if (!key.is_string()) budget_.Step(value.entries().size());
    if (const Value* found = FindKey(value, key)) return *found;
  } else if (IsIntegral(key) && key.kind() != Value::Kind::kBigInt) {
    const Value::Kind kind = value.kind();
    if (kind == Value::Kind::kString || kind == Value::Kind::kList || kind == Value::Kind::kTuple ||
        kind == Value::Kind::kRange || kind == Value::Kind::kBytes) {
      if (std::optional<Value> found = At(budget_, value, key.as_int())) return *found;
      return MakeUndefined(TypeName(value) + " object has no element " +
                           std::to_string(key.as_int()));
    }
  }
  if (key.is_string()) return Attribute(value, key.as_string());
  return MissingAttribute(value, IsIntegral(key) ? IntegerText(key) : TypeName(key));
}

}  // namespace hyprstream::text::tmpl
