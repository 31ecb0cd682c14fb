#include "text/template/value.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "text/template/object_rep.h"
#include "text/template/value_rep.h"

namespace hyprstream::text {

using tmpl::ValueAccess;

Value Value::Bool(bool value) {
  Value v;
  v.kind_ = Kind::kBool;
  v.number_.integer = value ? 1 : 0;
  return v;
}

Value Value::Int(int64_t value) {
  Value v;
  v.kind_ = Kind::kInt;
  v.number_.integer = value;
  return v;
}

Value Value::Integer(std::string_view decimal) {
  int64_t small = 0;
  const char* end = decimal.data() + decimal.size();
  const auto [stop, error] = std::from_chars(decimal.data(), end, small);
  if (error == std::errc() && stop == end) return Int(small);
  auto rep = std::make_shared<tmpl::StringRep>();
  rep->text = std::string(decimal);
  return ValueAccess::Make(Kind::kBigInt, std::move(rep));
}

Value Value::Float(double value) {
  Value v;
  v.kind_ = Kind::kFloat;
  v.number_.real = value;
  return v;
}

Value Value::String(std::string_view text) {
  auto rep = std::make_shared<tmpl::StringRep>();
  rep->text = std::string(text);
  return ValueAccess::Make(Kind::kString, std::move(rep));
}

namespace {

Value Sequence(Value::Kind kind, std::vector<Value> items) {
  auto rep = std::make_shared<tmpl::ListRep>();
  for (const Value& item : items) rep->depth = std::max(rep->depth, 1 + tmpl::DepthOf(item));
  rep->items = std::move(items);
  return ValueAccess::Make(kind, std::move(rep));
}

}  // namespace

Value Value::List(std::vector<Value> items) { return Sequence(Kind::kList, std::move(items)); }

Value Value::Tuple(std::vector<Value> items) { return Sequence(Kind::kTuple, std::move(items)); }

Value Value::Object(std::vector<std::pair<std::string, Value>> entries) {
  std::vector<Entry> list;
  list.reserve(entries.size());
  for (auto& [key, value] : entries) list.push_back({String(key), std::move(value)});
  return ValueAccess::Make(Kind::kObject, tmpl::MakeObjectRep(nullptr, std::move(list)));
}

const std::string& Value::as_string() const {
  HYPR_CHECK(kind_ == Kind::kString || kind_ == Kind::kBytes || kind_ == Kind::kBigInt);
  return ValueAccess::String(*this).text;
}

const std::vector<Value>& Value::items() const {
  HYPR_CHECK(kind_ == Kind::kList || kind_ == Kind::kTuple || kind_ == Kind::kView);
  return ValueAccess::List(*this).items;
}

const std::vector<Value::Entry>& Value::entries() const {
  HYPR_CHECK(kind_ == Kind::kObject);
  return ValueAccess::Object(*this).entries;
}

const Value* Value::Find(std::string_view key) const {
  return is_object() ? tmpl::FindText(ValueAccess::Object(*this), key) : nullptr;
}

Value Value::AsInput() const {
  Value v = *this;
  if (kind_ == Kind::kList || kind_ == Kind::kTuple) {
    std::vector<Value> marked;
    marked.reserve(items().size());
    for (const Value& item : items()) marked.push_back(item.AsInput());
    v = Sequence(kind_, std::move(marked));
  } else if (kind_ == Kind::kObject) {
    std::vector<Entry> marked;
    marked.reserve(entries().size());
    for (const Entry& entry : entries()) {
      marked.push_back({entry.key.AsInput(), entry.value.AsInput()});
    }
    v = ValueAccess::Make(kind_, tmpl::MakeObjectRep(nullptr, std::move(marked)));
  }
  v.from_input_ = true;
  return v;
}

}  // namespace hyprstream::text
