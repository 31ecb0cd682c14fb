// JSON as json.dumps writes it.
#include <cmath>
#include <cstdio>

#include "text/template/attributes.h"
#include "text/template/numbers.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

class JsonWriter {
 public:
  JsonWriter(Budget& budget, const JsonStyle& style)
      : budget_(budget), style_(style), out_(budget) {}

  void Write(const Value& value, size_t level) {
    budget_.Step();
    switch (value.kind()) {
      case Kind::kNone:
        return out_.Append("null", value.from_input());
      case Kind::kBool:
        return out_.Append(value.as_bool() ? "true" : "false", value.from_input());
      case Kind::kInt:
      case Kind::kBigInt:
        return out_.Append(IntegerText(value), value.from_input());
      case Kind::kFloat:
        return out_.Append(FloatText(value.as_float()), value.from_input());
      case Kind::kString:
        return WriteString(StrView(value));
      case Kind::kList:
      case Kind::kTuple:
        return WriteList(value, level);
      case Kind::kObject:
        return WriteObject(value, level);
      default:
        RaiseRuntime("Object of type " + TypeName(value) + " is not JSON serializable");
    }
  }

  Value Finish() { return out_.Finish(); }

 private:
  static std::string FloatText(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return FloatRepr(value);
  }

  static void AppendEscape(std::string& run, unsigned unit) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, "\\u%04x", unit);
    run += buffer;
  }

  void AppendCharacter(std::string& run, char32_t c) const {
    switch (c) {
      case '"':
        run += "\\\"";
        return;
      case '\\':
        run += "\\\\";
        return;
      case '\n':
        run += "\\n";
        return;
      case '\r':
        run += "\\r";
        return;
      case '\t':
        run += "\\t";
        return;
      case '\b':
        run += "\\b";
        return;
      case '\f':
        run += "\\f";
        return;
      default:
        break;
    }
    if (c < 0x20 || (style_.ensure_ascii && c >= 0x7F && c < 0x10000 && c != 0x7F)) {
      AppendEscape(run, static_cast<unsigned>(c));
    } else if (style_.ensure_ascii && c >= 0x10000) {
      const auto offset = static_cast<unsigned>(c - 0x10000);
      AppendEscape(run, 0xD800 + (offset >> 10));
      AppendEscape(run, 0xDC00 + (offset & 0x3FF));
    } else {
      AppendUtf8(run, c);
    }
  }

  void WriteString(StrView text) {
    const bool inert = text.AnyInert();
    out_.Append("\"", inert);
    MapCodePoints(budget_, text, out_,
                  [this](std::string& run, char32_t c) { AppendCharacter(run, c); });
    out_.Append("\"", inert);
  }

  void WriteKey(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        return WriteString(StrView(key));
      case Kind::kNone:
        return out_.Append("\"null\"", key.from_input());
      case Kind::kBool:
        return out_.Append(key.as_bool() ? "\"true\"" : "\"false\"", key.from_input());
      case Kind::kInt:
      case Kind::kBigInt:
        return out_.Append("\"" + IntegerText(key) + "\"", key.from_input());
      case Kind::kFloat:
        return out_.Append("\"" + FloatText(key.as_float()) + "\"", key.from_input());
      default:
        RaiseRuntime("keys must be str, int, float, bool or None, not " + TypeName(key));
    }
  }

  void NewLine(size_t level, bool inert) {
    if (!style_.indent.has_value()) return;
    out_.Append("\n", inert);
    for (size_t i = 0; i < level; ++i) out_.Append(*style_.indent, inert);
  }

  void Separate(bool first, size_t level, bool inert) {
    if (!first) out_.Append(style_.item_separator, inert);
    NewLine(level, inert);
  }

  void WriteList(const Value& list, size_t level) {
    const bool inert = list.from_input();
    if (list.items().empty()) return out_.Append("[]", inert);
    out_.Append("[", inert);
    bool first = true;
    for (const Value& item : list.items()) {
      Separate(first, level + 1, inert);
      first = false;
      Write(item, level + 1);
    }
    NewLine(level, inert);
    out_.Append("]", inert);
  }

  void WriteObject(const Value& object, size_t level) {
    const bool inert = object.from_input();
    if (object.entries().empty()) return out_.Append("{}", inert);
    std::vector<const Value::Entry*> order;
    for (const Value::Entry& entry : object.entries()) order.push_back(&entry);
    if (style_.sort_keys) {
      std::vector<Value> keys;
      for (const Value::Entry* entry : order) keys.push_back(entry->key);
      const std::vector<const Value::Entry*> received = order;
      const std::vector<size_t> sorted = SortedOrder(budget_, keys, false);
      for (size_t i = 0; i < sorted.size(); ++i) order[i] = received[sorted[i]];
    }
    out_.Append("{", inert);
    bool first = true;
    for (const Value::Entry* entry : order) {
      Separate(first, level + 1, inert);
      first = false;
      WriteKey(entry->key);
      out_.Append(style_.key_separator, inert);
      Write(entry->value, level + 1);
    }
    NewLine(level, inert);
    out_.Append("}", inert);
  }

  Budget& budget_;
  const JsonStyle& style_;
  TextBuilder out_;
};

}  // namespace

Value ToJson(Budget& budget, const Value& value, const JsonStyle& style) {
  JsonWriter writer(budget, style);
  writer.Write(value, 0);
  return writer.Finish();
}

}  // namespace hyprstream::text::tmpl
