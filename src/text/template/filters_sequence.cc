// Filters on sequences that neither order nor choose.
#include <algorithm>

#include "text/template/access.h"
#include "text/template/attributes.h"
#include "text/template/builtins.h"
#include "text/template/escape.h"
#include "text/template/interp.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

Value LengthFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "length", {});
  return Value::Int(Length(interp.budget(), args.positional[0]));
}

Value DefaultFilter(Interp&, CallArgs& args) {
  const Bound bound(args, "default", {"default_value", "boolean"});
  const Value& value = args.positional[0];
  if (value.is_undefined() || (bound.Flag(1, false) && !Truthy(value))) {
    return bound.Has(0) ? bound[0] : Value::String("");
  }
  return value;
}

Value FirstFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "first", {});
  Items items(interp.budget(), args.positional[0]);
  std::optional<Value> first = items.Next();
  return first.has_value() ? *first : MakeUndefined("No first item, sequence was empty.");
}

Value LastFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "last", {});
  const Value& value = args.positional[0];
  if (value.kind() == Kind::kIterator) RaiseRuntime("'generator' object is not reversible");
  std::optional<Value> last;
  if (value.kind() == Kind::kString || value.kind() == Kind::kList ||
      value.kind() == Kind::kTuple || value.kind() == Kind::kRange) {
    last = At(interp.budget(), value, -1);
  } else {
    Items items(interp.budget(), value);
    while (std::optional<Value> item = items.Next()) last = std::move(item);
  }
  return last.has_value() ? *last : MakeUndefined("No last item, sequence was empty.");
}

Value JoinFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "join", {"d", "attribute"});
  Budget& budget = interp.budget();
  const Value separator = bound.Has(0) ? ToText(budget, bound[0]) : MakeText(budget, "");
  const AttributePath path(budget, bound.Or(1, Value()));
  TextBuilder out(budget);
  Items items(budget, args.positional[0]);
  for (bool first = true; const std::optional<Value> item = items.Next(); first = false) {
    if (!first) out.Append(StrView(separator));
    PrintTo(out, budget, path.Get(interp, *item));
  }
  return out.Finish();
}

Value ListFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "list", {});
  ListBuilder list(interp.budget());
  Items items(interp.budget(), args.positional[0]);
  while (std::optional<Value> item = items.Next()) list.Add(std::move(*item));
  return ValueAccess::WithInput(list.Finish(), args.positional[0].from_input());
}

Value ReverseFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "reverse", {});
  const Value& value = args.positional[0];
  Budget& budget = interp.budget();
  if (value.is_string()) {
    return Slice(budget, value, Value(), Value(), Value::Int(-1));
  }
  ListBuilder list(budget);
  Items items(budget, value);
  while (std::optional<Value> item = items.Next()) list.Add(std::move(*item));
  std::reverse(list.items().begin(), list.items().end());
  const Value reversed = list.Finish();
  // Python gives an iterator, or a list where the value can only be read forwards.
  return value.kind() == Kind::kIterator ? reversed : GeneratorOver(budget, reversed);
}

Value SumFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "sum", {"attribute", "start"});
  const AttributePath path(interp.budget(), bound.Or(0, Value()));
  Value sum = bound.Or(1, Value::Int(0));
  if (sum.is_string()) RaiseRuntime("sum() can't sum strings [use ''.join(seq) instead]");
  Items items(interp.budget(), args.positional[0]);
  while (const std::optional<Value> item = items.Next()) {
    sum = Binary(interp.budget(), Arithmetic::kAdd, sum, path.Get(interp, *item));
  }
  return sum;
}

Value BatchFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "batch", {"linecount", "fill_with"}, 1);
  Budget& budget = interp.budget();
  const int64_t size = bound.Integer(0, 1);
  ListBuilder batches(budget);
  std::optional<ListBuilder> batch;
  const auto flush = [&] {
    batches.Add(batch->Finish());
    batch.reset();
  };
  Items items(budget, args.positional[0]);
  while (std::optional<Value> item = items.Next()) {
    if (batch.has_value() && static_cast<int64_t>(batch->size()) == size) flush();
    if (!batch.has_value()) batch.emplace(budget);
    batch->Add(std::move(*item));
  }
  if (batch.has_value()) {
    const Value fill = bound.Or(1, Value());
    while (!fill.is_none() && static_cast<int64_t>(batch->size()) < size) batch->Add(fill);
    flush();
  }
  return GeneratorOver(budget, batches.Finish());
}

Value SliceFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "slice", {"slices", "fill_with"}, 1);
  Budget& budget = interp.budget();
  Charge charge;
  const std::vector<Value> all = ToVector(budget, args.positional[0], charge);
  const int64_t count = bound.Integer(0, 1);
  if (count == 0) RaiseRuntime("integer division or modulo by zero");
  const auto slices = static_cast<size_t>(std::max<int64_t>(count, 0));
  ListBuilder out(budget);
  size_t at = 0;
  for (size_t i = 0; i < slices; ++i) {
    ListBuilder slice(budget);
    const bool longer = i < all.size() % slices;
    for (size_t n = all.size() / slices + (longer ? 1 : 0); n > 0; --n) slice.Add(all[at++]);
    if (bound.Has(1) && !bound[1].is_none() && !longer) slice.Add(bound[1]);
    out.Add(slice.Finish());
  }
  return GeneratorOver(budget, out.Finish());
}

Value ItemsFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "items", {});
  const Value& value = args.positional[0];
  if (value.is_undefined()) {
    return GeneratorOver(interp.budget(), ListBuilder(interp.budget()).Finish());
  }
  if (!value.is_object()) RaiseRuntime("Can only get item pairs from a mapping.");
  return GeneratorOver(interp.budget(), ItemPairs(interp.budget(), value));
}

Value AttrFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "attr", {"name"}, 1);
  const Value& value = args.positional[0];
  const std::string& name = bound.Text(0).as_string();
  // Attributes only, never keys.
  if (value.is_object() && FindMethod(value, name) == nullptr && !IsHiddenAttribute(value, name)) {
    return MissingAttribute(value, name);
  }
  return interp.Attribute(value, name);
}

}  // namespace

Value GeneratorOver(Budget& budget, const Value& list) {
  return MakeIterator(budget, list, [at = size_t{0}, list]() mutable {
    return at < list.items().size() ? std::optional<Value>(list.items()[at++]) : std::nullopt;
  });
}

std::vector<NamedBuiltin> SequenceFilters() {
  return {{"length", LengthFilter}, {"count", LengthFilter}, {"default", DefaultFilter},
          {"d", DefaultFilter},     {"first", FirstFilter},  {"last", LastFilter},
          {"join", JoinFilter},     {"list", ListFilter},    {"reverse", ReverseFilter},
          {"sum", SumFilter},       {"batch", BatchFilter},  {"slice", SliceFilter},
          {"items", ItemsFilter},   {"attr", AttrFilter}};
}

}  // namespace hyprstream::text::tmpl
