#include "formats/json_events.h"

#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hyprstream::formats {
namespace {

namespace json = boost::json;

/// The handler that Boost.JSON's parser wants: joins the parts of strings and numbers, keeps the
/// keys of the open objects, and passes everything on.
class Bridge {
 public:
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);

  Bridge(JsonListener& listener, std::string_view what) : listener_(listener), what_(what) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    open_keys_.emplace_back();
    listener_.BeginObject();
    return true;
  }
  bool on_object_end(size_t, json::error_code&) {
    open_keys_.pop_back();
    listener_.EndObject();
    return true;
  }
  bool on_array_begin(json::error_code&) {
    listener_.BeginArray();
    return true;
  }
  bool on_array_end(size_t, json::error_code&) {
    listener_.EndArray();
    return true;
  }
  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    if (!open_keys_.back().insert(text_).second) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = std::string(what_) + " repeats the key \"" + text_ + "\"",
                   .expected = "every key once"});
    }
    listener_.Key(std::exchange(text_, {}));
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    listener_.String(std::exchange(text_, {}));
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t value, json::string_view, json::error_code&) {
    if (value < 0) {
      listener_.Negative(value);
    } else {
      listener_.Unsigned(static_cast<uint64_t>(value));
    }
    return true;
  }
  bool on_uint64(uint64_t value, json::string_view, json::error_code&) {
    listener_.Unsigned(value);
    return true;
  }
  bool on_double(double value, json::string_view, json::error_code&) {
    listener_.Double(value);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    listener_.Bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    listener_.Null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  JsonListener& listener_;
  std::string_view what_;
  std::string text_;
  std::vector<std::set<std::string>> open_keys_;
};

class Nobody : public JsonListener {
 public:
  void BeginObject() override {}
  void EndObject() override {}
  void BeginArray() override {}
  void EndArray() override {}
  void Key(std::string) override {}
  void String(std::string) override {}
  void Unsigned(uint64_t) override {}
  void Negative(int64_t) override {}
  void Double(double) override {}
  void Bool(bool) override {}
  void Null() override {}
};

}  // namespace

void ReadJson(std::string_view text, std::string_view what, JsonListener& listener) {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::basic_parser<Bridge> parser(options, listener, what);
  json::error_code error;
  const size_t end = parser.write_some(false, text.data(), text.size(), error);
  if (error) {
    throw Error(ErrorCode::kDataLoss, {.message = std::string(what) + " is not valid JSON",
                                       .found = error.message(),
                                       .where = "offset " + std::to_string(end)});
  }
  const size_t rest = text.find_first_not_of(" \t\r\n", end);
  if (rest != std::string_view::npos) {
    throw Error(ErrorCode::kDataLoss, {.message = std::string(what) + " has text after its end",
                                       .where = "offset " + std::to_string(rest)});
  }
}

void CheckJson(std::string_view text, std::string_view what) {
  Nobody nobody;
  ReadJson(text, what, nobody);
}

}  // namespace hyprstream::formats
