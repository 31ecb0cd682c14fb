#include "text/json_value.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/template/numbers.h"

namespace hyprstream::text {
namespace {

// Builds values while the text is parsed. Numbers are taken from their text, since a parsed number
// has forgotten whether it was an integer beyond 64 bits.
class Handler {
 public:
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;

  using error_code = boost::json::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) {
    levels_.push_back({});
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    std::vector<Value> items = std::move(levels_.back().items);
    levels_.pop_back();
    return Add(Value::List(std::move(items)));
  }
  bool on_object_begin(error_code&) {
    levels_.push_back({});
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    std::vector<std::pair<std::string, Value>> entries = std::move(levels_.back().entries);
    levels_.pop_back();
    return Add(Value::Object(std::move(entries)));
  }
  bool on_key_part(boost::json::string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(boost::json::string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    levels_.back().entries.emplace_back(std::exchange(text_, {}), Value());
    levels_.back().is_object = true;
    return true;
  }
  bool on_string_part(boost::json::string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(boost::json::string_view part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return Add(Value::String(std::exchange(text_, {})));
  }
  bool on_number_part(boost::json::string_view part, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t, boost::json::string_view part, error_code&) { return Number(part); }
  bool on_uint64(std::uint64_t, boost::json::string_view part, error_code&) { return Number(part); }
  bool on_double(double, boost::json::string_view part, error_code& error) {
    if (!Number(part)) error = boost::json::error::exponent_overflow;
    return !error;
  }
  bool on_bool(bool value, error_code&) { return Add(Value::Bool(value)); }
  bool on_null(error_code&) { return Add(Value()); }
  bool on_comment_part(boost::json::string_view, error_code&) { return true; }
  bool on_comment(boost::json::string_view, error_code&) { return true; }

  Value result;

 private:
  struct Level {
    bool is_object = false;
    std::vector<Value> items = {};
    std::vector<std::pair<std::string, Value>> entries = {};
  };

  bool Number(boost::json::string_view part) {
    text_.append(part.data(), part.size());
    const std::string text = std::exchange(text_, {});
    if (text.find_first_of(".eE") == std::string::npos) {
      return Add(text == "-0" ? Value::Int(0) : Value::Integer(text));
    }
    const double value = tmpl::ParseFloat(text).value_or(NAN);
    return std::isfinite(value) && Add(Value::Float(value));
  }

  bool Add(Value value) {
    if (levels_.empty()) {
      result = std::move(value);
    } else if (levels_.back().is_object) {
      levels_.back().entries.back().second = std::move(value);
    } else {
      levels_.back().items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Level> levels_;
  std::string text_;
};

[[noreturn]] void Unwritable(std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "a value has no form in JSON", .found = std::string(what)});
}

void Write(const Value& value, std::string& out) {
  const auto quote = [&out](const std::string& text) {
    out += boost::json::serialize(boost::json::string_view(text));
  };
  switch (value.kind()) {
    case Value::Kind::kNone:
      out += "null";
      return;
    case Value::Kind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Value::Kind::kInt:
    case Value::Kind::kBigInt:
      out += tmpl::IntegerText(value);
      return;
    case Value::Kind::kFloat:
      if (!std::isfinite(value.as_float())) Unwritable("NaN or infinity");
      out += tmpl::FloatRepr(value.as_float());
      return;
    case Value::Kind::kString:
      quote(value.as_string());
      return;
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      out += '[';
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i > 0) out += ',';
        Write(value.items()[i], out);
      }
      out += ']';
      return;
    case Value::Kind::kObject:
      out += '{';
      for (size_t i = 0; i < value.entries().size(); ++i) {
        if (i > 0) out += ',';
        const Value::Entry& entry = value.entries()[i];
        if (!entry.key.is_string()) Unwritable("a key that is no string");
        quote(entry.key.as_string());
        out += ':';
        Write(entry.value, out);
      }
      out += '}';
      return;
    default:
      Unwritable("a value of the template language only");
  }
}

}  // namespace

Value ParseJson(std::string_view json, std::string_view where) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<Handler> parser(options);
  boost::json::error_code error;
  const size_t used = parser.write_some(false, json.data(), json.size(), error);
  if (!error && used < json.size()) error = boost::json::error::extra_data;
  if (error) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the text is not valid JSON",
                 .found = error.message(),
                 .where = (where.empty() ? "" : std::string(where) + ", ") + "byte " +
                          std::to_string(used)});
  }
  return std::move(parser.handler().result);
}

std::string WriteJson(const Value& value) {
  std::string out;
  Write(value, out);
  return out;
}

}  // namespace hyprstream::text
