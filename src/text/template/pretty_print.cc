// pprint.pformat for the containers that templates print.
#include "text/template/attributes.h"
#include "text/template/print.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;
constexpr size_t kColumns = 80;

class PrettyPrinter {
 public:
  explicit PrettyPrinter(Budget& budget) : budget_(budget), out_(budget) {}

  // `column`: where the value begins; `after`: closing brackets that follow it on its line.
  void Write(const Value& value, size_t column, size_t after) {
    const Value flat = Flat(value);
    if (CountCodePoints(flat.as_string()) + column + after <= kColumns) {
      return out_.Append(StrView(flat));
    }
    if (value.is_object()) return WriteObject(value, column, after);
    if (value.kind() == Kind::kList || value.kind() == Kind::kTuple) {
      return WriteItems(value, column, after);
    }
    out_.Append(StrView(flat));
  }

  Value Finish() { return out_.Finish(); }

 private:
  // On one line, objects sorted by key.
  Value Flat(const Value& value) {
    TextBuilder flat(budget_);
    ReprTo(flat, budget_, Sorted(value));
    return flat.Finish();
  }

  std::vector<Value::Entry> SortedEntries(const Value& object) {
    ListBuilder keys(budget_);
    bool all_text = true;
    for (const Value::Entry& entry : object.entries()) {
      keys.Add(entry.key);
      all_text &= entry.key.is_string();
    }
    if (!all_text) return object.entries();
    std::vector<Value::Entry> entries;
    for (const size_t i : SortedOrder(budget_, keys.items(), false)) {
      entries.push_back(object.entries()[i]);
    }
    return entries;
  }

  Value Sorted(const Value& value) {
    budget_.Step();
    if (value.is_object()) {
      ObjectBuilder object(budget_);
      for (const Value::Entry& entry : SortedEntries(value)) {
        object.Set(entry.key, Sorted(entry.value));
      }
      return ValueAccess::WithInput(object.Finish(), value.from_input());
    }
    if (value.kind() == Kind::kList || value.kind() == Kind::kTuple) {
      ListBuilder list(budget_);
      for (const Value& item : value.items()) list.Add(Sorted(item));
      return ValueAccess::WithInput(list.Finish(value.kind()), value.from_input());
    }
    return value;
  }

  void NextLine(size_t column) {
    out_.Append(",\n");
    out_.Repeat(" ", column);
  }

  void WriteObject(const Value& object, size_t column, size_t after) {
    const std::vector<Value::Entry> entries = SortedEntries(object);
    out_.Append("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) NextLine(column + 1);
      const Value key = Flat(entries[i].key);
      out_.Append(StrView(key));
      out_.Append(": ");
      const size_t indent = column + 3 + CountCodePoints(key.as_string());
      Write(entries[i].value, indent, i + 1 == entries.size() ? after + 1 : 1);
    }
    out_.Append("}");
  }

  void WriteItems(const Value& list, size_t column, size_t after) {
    const bool tuple = list.kind() == Kind::kTuple;
    const size_t count = list.items().size();
    out_.Append(tuple ? "(" : "[");
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) NextLine(column + 1);
      Write(list.items()[i], column + 1, i + 1 == count ? after + 1 : 1);
    }
    out_.Append(tuple ? (count == 1 ? ",)" : ")") : "]");
  }

  Budget& budget_;
  TextBuilder out_;
};

}  // namespace

Value PrettyPrint(Budget& budget, const Value& value) {
  PrettyPrinter printer(budget);
  printer.Write(value, 0, 0);
  return printer.Finish();
}

}  // namespace hyprstream::text::tmpl
