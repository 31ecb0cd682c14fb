#include "text/template/object_rep.h"

#include <algorithm>
#include <optional>

#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;
constexpr size_t kIndexFrom = 9;

bool IsNumber(const Value& v) {
  return v.kind() == Kind::kBool || v.kind() == Kind::kInt || v.kind() == Kind::kFloat;
}

double AsDouble(const Value& v) {
  return v.kind() == Kind::kFloat ? v.as_float() : static_cast<double>(v.as_int());
}

void Count(Budget* budget) {
  if (budget != nullptr) budget->Step();
}

// Positions of the string keys, sorted by key and then by position.
std::vector<uint32_t> SortedTextKeys(const std::vector<Value::Entry>& entries) {
  std::vector<uint32_t> order;
  order.reserve(entries.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].key.is_string()) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int order_of_keys = entries[a].key.as_string().compare(entries[b].key.as_string());
    return order_of_keys != 0 ? order_of_keys < 0 : a < b;
  });
  return order;
}

// Moves the last value of each run of equal keys to the first and marks the others dropped.
std::vector<bool> FoldDuplicates(Budget* budget, std::vector<Value::Entry>& entries) {
  std::vector<bool> dropped(entries.size(), false);
  const std::vector<uint32_t> order = SortedTextKeys(entries);
  for (size_t i = 0; i < order.size();) {
    size_t end = i + 1;
    const std::string& key = entries[order[i]].key.as_string();
    while (end < order.size() && entries[order[end]].key.as_string() == key) ++end;
    if (end > i + 1) entries[order[i]].value = entries[order[end - 1]].value;
    for (size_t j = i + 1; j < end; ++j) dropped[order[j]] = true;
    i = end;
  }
  std::vector<size_t> others;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].key.is_string()) continue;
    const auto same = std::find_if(others.begin(), others.end(), [&](size_t other) {
      return SameKey(budget, entries[other].key, entries[i].key);
    });
    if (same == others.end()) {
      others.push_back(i);
    } else {
      entries[*same].value = entries[i].value;
      dropped[i] = true;
    }
  }
  return dropped;
}

}  // namespace

void RequireHashable(Budget* budget, const Value& key) {
  Count(budget);
  switch (key.kind()) {
    case Kind::kList:
    case Kind::kObject:
    case Kind::kView:
      RaiseRuntime("unhashable type: '" + TypeName(key) + "'");
    case Kind::kTuple:
      for (const Value& item : key.items()) RequireHashable(budget, item);
      return;
    default:
      return;
  }
}

bool SameKey(Budget* budget, const Value& a, const Value& b) {
  Count(budget);
  if (IsNumber(a) && IsNumber(b)) {
    if (a.kind() != Kind::kFloat && b.kind() != Kind::kFloat) return a.as_int() == b.as_int();
    return AsDouble(a) == AsDouble(b);
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
    case Kind::kUndefined:
      return true;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kBigInt:
      return a.as_string() == b.as_string();
    case Kind::kTuple:
      return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(),
                        [&](const Value& x, const Value& y) { return SameKey(budget, x, y); });
    default:
      return ValueAccess::Identity(a) == ValueAccess::Identity(b);
  }
}

std::shared_ptr<ObjectRep> MakeObjectRep(Budget* budget, std::vector<Value::Entry> entries) {
  for (const Value::Entry& entry : entries) RequireHashable(budget, entry.key);
  const std::vector<bool> dropped = FoldDuplicates(budget, entries);
  auto rep = std::make_shared<ObjectRep>();
  rep->entries.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (dropped[i]) continue;
    rep->depth = std::max({rep->depth, 1 + DepthOf(entries[i].key), 1 + DepthOf(entries[i].value)});
    rep->entries.push_back(std::move(entries[i]));
  }
  if (rep->entries.size() >= kIndexFrom) rep->by_key = SortedTextKeys(rep->entries);
  return rep;
}

const Value* FindText(const ObjectRep& object, std::string_view key) {
  if (object.by_key.empty()) {
    for (const Value::Entry& entry : object.entries) {
      if (entry.key.is_string() && entry.key.as_string() == key) return &entry.value;
    }
    return nullptr;
  }
  const auto at = std::lower_bound(
      object.by_key.begin(), object.by_key.end(), key,
      [&](uint32_t i, std::string_view k) { return object.entries[i].key.as_string() < k; });
  if (at == object.by_key.end() || object.entries[*at].key.as_string() != key) return nullptr;
  return &object.entries[*at].value;
}

}  // namespace hyprstream::text::tmpl
