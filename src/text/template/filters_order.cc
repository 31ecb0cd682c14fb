// Filters that put items in order or compare them.
#include <algorithm>

#include "text/template/attributes.h"
#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

CaseRule RuleOf(const Bound& bound, size_t i) {
  return bound.Flag(i, false) ? CaseRule::kSensitive : CaseRule::kIgnore;
}

Value Reordered(Budget& budget, const std::vector<Value>& items, const std::vector<size_t>& order) {
  ListBuilder list(budget);
  for (const size_t i : order) list.Add(items[i]);
  return list.Finish();
}

Value SortFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "sort", {"reverse", "case_sensitive", "attribute"});
  Budget& budget = interp.budget();
  Charge charge;
  const std::vector<Value> items = ToVector(budget, args.positional[0], charge);
  // Attributes, separated by commas, compare as a tuple, which undefined ones can be in.
  std::vector<AttributePath> paths;
  const Value attribute = bound.Or(2, Value());
  if (attribute.is_string()) {
    for (const StrView& part : Split(budget, StrView(attribute), ",", -1)) {
      paths.emplace_back(budget, MakeString(budget, part));
    }
  } else {
    paths.emplace_back(budget, attribute);
  }
  ListBuilder keys(budget);
  for (const Value& item : items) {
    ListBuilder key(budget);
    for (const AttributePath& path : paths) {
      key.Add(SortKey(budget, path.Get(interp, item), RuleOf(bound, 1)));
    }
    keys.Add(key.Finish(Value::Kind::kTuple));
  }
  return Reordered(budget, items, SortedOrder(budget, keys.items(), bound.Flag(0, false)));
}

Value DictSortFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "dictsort", {"case_sensitive", "by", "reverse"});
  Budget& budget = interp.budget();
  const std::string by = bound.Has(1) ? bound.Text(1).as_string() : "key";
  if (by != "key" && by != "value") {
    RaiseRuntime("You can only sort by either \"key\" or \"value\"");
  }
  RequireDefined(args.positional[0]);
  if (!args.positional[0].is_object()) {
    RaiseRuntime("'" + TypeName(args.positional[0]) + "' object has no attribute 'items'");
  }
  const Value pairs = ItemPairs(budget, args.positional[0]);
  ListBuilder keys(budget);
  for (const Value& pair : pairs.items()) {
    keys.Add(SortKey(budget, pair.items()[by == "key" ? 0 : 1], RuleOf(bound, 0)));
  }
  return ValueAccess::WithInput(
      Reordered(budget, pairs.items(), SortedOrder(budget, keys.items(), bound.Flag(2, false))),
      args.positional[0].from_input());
}

Value GroupByFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "groupby", {"attribute", "default", "case_sensitive"}, 1);
  Budget& budget = interp.budget();
  Charge charge;
  const std::vector<Value> items = ToVector(budget, args.positional[0], charge);
  const AttributePath path(budget, bound[0]);
  const bool has_default = bound.Has(1) && !bound[1].is_none();
  ListBuilder keys(budget);
  for (const Value& item : items) {
    keys.Add(SortKey(budget, path.Get(interp, item, has_default ? &bound[1] : nullptr),
                     RuleOf(bound, 2)));
  }
  const std::vector<size_t> order = SortedOrder(budget, keys.items(), false);
  ListBuilder groups(budget);
  for (size_t i = 0; i < order.size();) {
    ListBuilder group(budget);
    const size_t begin = i;
    while (i < order.size() && Equal(budget, keys.items()[order[begin]], keys.items()[order[i]])) {
      group.Add(items[order[i++]]);
    }
    if (i == begin) group.Add(items[order[i++]]);  // a key unequal to itself
    ListBuilder pair(budget);
    pair.Add(path.Get(interp, items[order[begin]], has_default ? &bound[1] : nullptr));
    pair.Add(group.Finish());
    groups.Add(pair.Finish(Value::Kind::kTuple));
  }
  return groups.Finish();
}

template <bool kMax>
Value ExtremeFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, kMax ? "max" : "min", {"case_sensitive", "attribute"});
  Budget& budget = interp.budget();
  const AttributePath path(budget, bound.Or(1, Value()));
  Items items(budget, args.positional[0]);
  std::optional<Value> best = items.Next();
  if (!best.has_value()) return MakeUndefined("No aggregated item, sequence was empty.");
  Value best_key = SortKey(budget, path.Get(interp, *best), RuleOf(bound, 0));
  while (std::optional<Value> item = items.Next()) {
    Value key = SortKey(budget, path.Get(interp, *item), RuleOf(bound, 0));
    if (kMax ? Less(budget, best_key, key) : Less(budget, key, best_key)) {
      best = std::move(item);
      best_key = std::move(key);
    }
  }
  return *best;
}

Value UniqueFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "unique", {"case_sensitive", "attribute"});
  Budget& budget = interp.budget();
  const AttributePath path(budget, bound.Or(1, Value()));
  ListBuilder seen(budget);
  ListBuilder out(budget);
  Items items(budget, args.positional[0]);
  while (const std::optional<Value> item = items.Next()) {
    const Value key = SortKey(budget, path.Get(interp, *item), RuleOf(bound, 0));
    if (key.is_list() || key.is_object()) RaiseRuntime("unhashable type: '" + TypeName(key) + "'");
    const bool known = std::any_of(seen.items().begin(), seen.items().end(),
                                   [&](const Value& other) { return Equal(budget, key, other); });
    if (known) continue;
    seen.Add(key);
    out.Add(*item);
  }
  return GeneratorOver(budget, out.Finish());
}

}  // namespace

std::vector<NamedBuiltin> OrderFilters() {
  return {{"sort", SortFilter},         {"dictsort", DictSortFilter},  {"groupby", GroupByFilter},
          {"max", ExtremeFilter<true>}, {"min", ExtremeFilter<false>}, {"unique", UniqueFilter}};
}

}  // namespace hyprstream::text::tmpl
