// map, select, reject and their attribute forms: lazy, as in Python.
#include <memory>

#include "text/template/attributes.h"
#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

// Draws from `source` and keeps what `step` gives; nothing means: not this one.
Value LazyOver(Interp& interp, const Value& source,
               std::function<std::optional<Value>(const Value&)> step) {
  // What is false has no items, even where it could not be iterated.
  const Value list = Truthy(source) ? source : Value::List({});
  const auto items = std::make_shared<Items>(interp.budget(), list);
  return MakeIterator(interp.budget(), source,
                      [items, step = std::move(step)]() -> std::optional<Value> {
                        while (const std::optional<Value> item = items->Next()) {
                          if (std::optional<Value> kept = step(*item)) return kept;
                        }
                        return std::nullopt;
                      });
}

std::string NameOf(const Value& value, std::string_view what) {
  if (!value.is_string()) RaiseRuntime(std::string(what) + " name must be a string");
  return value.as_string();
}

Value MapAttribute(Interp& interp, CallArgs& args) {
  std::optional<Value> attribute;
  std::optional<Value> otherwise;
  for (auto& [name, value] : args.named) {
    if (name == "attribute") {
      attribute = value;
    } else if (name == "default") {
      otherwise = value;
    } else {
      RaiseRuntime("Unexpected keyword argument '" + name + "'");
    }
  }
  if (otherwise.has_value() && otherwise->is_none()) otherwise.reset();
  const AttributePath path(interp.budget(), *attribute);
  return LazyOver(interp, args.positional[0], [&interp, path, otherwise](const Value& item) {
    return path.Get(interp, item, otherwise.has_value() ? &*otherwise : nullptr);
  });
}

Value MapFilter(Interp& interp, CallArgs& args) {
  bool by_attribute = false;
  for (const auto& named : args.named) by_attribute |= named.first == "attribute";
  if (args.positional.size() == 1 && by_attribute) return MapAttribute(interp, args);
  if (args.positional.size() < 2) RaiseRuntime("map requires a filter argument");
  const std::string name = NameOf(args.positional[1], "filter");
  if (FindFilter(name) == nullptr) RaiseRuntime("No filter named '" + name + "'.");
  CallArgs rest{.positional = {args.positional.begin() + 1, args.positional.end()},
                .named = args.named};
  return LazyOver(interp, args.positional[0], [&interp, name, rest](const Value& item) {
    CallArgs call = rest;
    call.positional[0] = item;
    return interp.CallFilter(name, call);
  });
}

enum class Keep { kMatching, kOthers };

template <Keep kKeep, bool kByAttribute>
Value SelectFilter(Interp& interp, CallArgs& args) {
  constexpr size_t kFirst = kByAttribute ? 2 : 1;  // where the test's name stands
  if (args.positional.size() < kFirst) RaiseRuntime("Missing parameter for attribute name");
  const AttributePath path(interp.budget(), kByAttribute ? args.positional[1] : Value());
  std::string name;
  CallArgs rest;
  if (args.positional.size() > kFirst) {
    name = NameOf(args.positional[kFirst], "test");
    if (FindTest(name) == nullptr) RaiseRuntime("No test named '" + name + "'.");
    rest = {.positional = {args.positional.begin() + kFirst, args.positional.end()},
            .named = args.named};
  }
  return LazyOver(interp, args.positional[0],
                  [&interp, path, name, rest](const Value& item) -> std::optional<Value> {
                    const Value subject = path.Get(interp, item);
                    bool holds = false;
                    if (name.empty()) {
                      holds = Truthy(subject);
                    } else {
                      CallArgs call = rest;
                      call.positional[0] = subject;
                      holds = interp.CallTest(name, call);
                    }
                    if (holds != (kKeep == Keep::kMatching)) return std::nullopt;
                    return item;
                  });
}

}  // namespace

std::vector<NamedBuiltin> SelectFilters() {
  return {{"map", MapFilter},
          {"select", SelectFilter<Keep::kMatching, false>},
          {"reject", SelectFilter<Keep::kOthers, false>},
          {"selectattr", SelectFilter<Keep::kMatching, true>},
          {"rejectattr", SelectFilter<Keep::kOthers, true>}};
}

}  // namespace hyprstream::text::tmpl
