#include "engine/json_value.h"

#include <boost/json/basic_parser_impl.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

namespace json = boost::json;
using text::Value;

constexpr size_t kMaxDepth = 128;

/// Builds the value as the parser walks the text. Open containers lie on a stack.
class Builder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using Failure = json::error_code;
  using Part = json::string_view;

  bool on_document_begin(Failure&) { return true; }
  bool on_document_end(Failure&) { return true; }
  bool on_object_begin(Failure&) { return Open(); }
  bool on_array_begin(Failure&) { return Open(); }
  bool on_object_end(std::size_t, Failure&) {
    std::vector<std::pair<std::string, Value>> entries = std::move(open_.back().entries);
    open_.pop_back();
    return Add(Value::Object(std::move(entries)));
  }
  bool on_array_end(std::size_t, Failure&) {
    std::vector<Value> items;
    for (auto& entry : open_.back().entries) items.push_back(std::move(entry.second));
    open_.pop_back();
    return Add(Value::List(std::move(items)));
  }
  bool on_key_part(Part part, std::size_t, Failure&) { return Collect(part); }
  bool on_key(Part part, std::size_t, Failure&) {
    Collect(part);
    open_.back().key = std::exchange(collected_, {});
    return true;
  }
  bool on_string_part(Part part, std::size_t, Failure&) { return Collect(part); }
  bool on_string(Part part, std::size_t, Failure&) {
    Collect(part);
    return Add(Value::String(std::exchange(collected_, {})));
  }
  bool on_number_part(Part part, Failure&) { return Collect(part); }
  bool on_int64(int64_t, Part part, Failure&) { return AddInteger(part); }
  bool on_uint64(uint64_t, Part part, Failure&) { return AddInteger(part); }
  bool on_double(double number, Part part, Failure&) {
    Collect(part);
    const std::string digits = std::exchange(collected_, {});
    // The parser widens integers beyond 64 bits; their digits are kept.
    if (digits.find_first_of(".eE") == std::string::npos) return Add(Value::Integer(digits));
    return Add(Value::Float(number));
  }
  bool on_bool(bool value, Failure&) { return Add(Value::Bool(value)); }
  bool on_null(Failure&) { return Add(Value()); }
  bool on_comment_part(Part, Failure&) { return true; }
  bool on_comment(Part, Failure&) { return true; }

  Value Take() { return std::move(root_); }

 private:
  struct Container {
    std::string key;
    std::vector<std::pair<std::string, Value>> entries;
  };

  bool Open() {
    open_.emplace_back();
    return true;
  }
  bool Collect(Part part) {
    collected_.append(part.data(), part.size());
    return true;
  }
  bool AddInteger(Part part) {
    Collect(part);
    return Add(Value::Integer(std::exchange(collected_, {})));
  }
  bool Add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().entries.emplace_back(std::exchange(open_.back().key, {}), std::move(value));
    }
    return true;
  }

  Value root_;
  std::vector<Container> open_;
  std::string collected_;
};

}  // namespace

Value ParseJsonValue(std::string_view text, std::string_view where) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<Builder> parser(options);
  json::error_code failed;
  const size_t consumed = parser.write_some(false, text.data(), text.size(), failed);
  const bool trailing =
      !failed && text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos;
  if (failed || trailing) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "this is not JSON",
                 .found = (trailing ? "more text after the value" : failed.message()) +
                          " at byte " + std::to_string(consumed),
                 .where = std::string(where)});
  }
  return parser.handler().Take();
}

}  // namespace hyprstream::engine
