// Methods of dictionaries, lists, tuples, ranges and bytes; those that change them do not exist.
#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/marked_string.h"
#include "text/template/object_rep.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

Value GetMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "get", {"key", "default"}, 1);
  RequireHashable(&interp.budget(), bound[0]);
  if (!bound[0].is_string()) interp.budget().Step(args.positional[0].entries().size());
  const Value* found = FindKey(args.positional[0], bound[0]);
  return found != nullptr ? *found : bound.Or(1, Value());
}

Value KeysMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "keys", {});
  ListBuilder list(interp.budget());
  for (const Value::Entry& entry : args.positional[0].entries()) list.Add(entry.key);
  return ValueAccess::WithInput(list.Finish(Value::Kind::kView, "dict_keys"),
                                args.positional[0].from_input());
}

Value ValuesMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "values", {});
  ListBuilder list(interp.budget());
  for (const Value::Entry& entry : args.positional[0].entries()) list.Add(entry.value);
  return ValueAccess::WithInput(list.Finish(Value::Kind::kView, "dict_values"),
                                args.positional[0].from_input());
}

Value ItemsMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "items", {});
  return ItemPairs(interp.budget(), args.positional[0]);
}

Value CopyMethod(Interp&, CallArgs& args) {
  const Bound bound(args, "copy", {});
  return args.positional[0];
}

Value IndexMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "index", {"value", "start", "stop"}, 1);
  Items items(interp.budget(), args.positional[0]);
  const int64_t start = bound.Integer(1, 0);
  for (int64_t i = 0; const std::optional<Value> item = items.Next(); ++i) {
    if (i >= start && Equal(interp.budget(), *item, bound[0])) return Value::Int(i);
  }
  RaiseRuntime("the value is not in the " + TypeName(args.positional[0]));
}

Value CountMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "count", {"value"}, 1);
  Items items(interp.budget(), args.positional[0]);
  int64_t count = 0;
  while (const std::optional<Value> item = items.Next()) {
    if (Equal(interp.budget(), *item, bound[0])) ++count;
  }
  return Value::Int(count);
}

Value DecodeMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "decode", {"encoding", "errors"});
  const Value& bytes = args.positional[0];
  if (FindInvalidUtf8(bytes.as_string()) != std::string_view::npos) {
    RaiseRuntime("'utf-8' codec can't decode the bytes");
  }
  return ValueAccess::WithInput(MakeText(interp.budget(), bytes.as_string()), bytes.from_input());
}

}  // namespace

Value ItemPairs(Budget& budget, const Value& object) {
  ListBuilder list(budget);
  for (const Value::Entry& entry : object.entries()) {
    ListBuilder pair(budget);
    pair.Add(entry.key);
    pair.Add(entry.value);
    list.Add(ValueAccess::WithInput(pair.Finish(Value::Kind::kTuple), object.from_input()));
  }
  return ValueAccess::WithInput(list.Finish(Value::Kind::kView, "dict_items"), object.from_input());
}

std::vector<NamedBuiltin> ObjectMethods() {
  return {{"get", GetMethod},
          {"keys", KeysMethod},
          {"values", ValuesMethod},
          {"items", ItemsMethod},
          {"copy", CopyMethod}};
}

std::vector<NamedBuiltin> SequenceMethods() {
  return {{"index", IndexMethod}, {"count", CountMethod}};
}

std::vector<NamedBuiltin> BytesMethods() { return {{"decode", DecodeMethod}}; }

}  // namespace hyprstream::text::tmpl
