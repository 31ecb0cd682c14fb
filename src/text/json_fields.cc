#include "text/json_fields.h"

namespace hyprstream::text {
namespace {

constexpr size_t kMaxShortString = 1024;

std::string Describe(const boost::json::value& value) {
  std::string shown;
  if (value.is_string()) {
    shown = "the string \"" + std::string(value.get_string()).substr(0, 60) + '"';
  } else if (value.is_object()) {
    shown = "an object";
  } else if (value.is_array()) {
    shown = "an array";
  } else {
    shown = boost::json::serialize(value);
  }
  return shown;
}

}  // namespace

void JsonField::Fail(std::string expected) const {
  Fail(ErrorCode::kDataLoss, {.message = "a field of the tokenizer is wrong",
                              .expected = std::move(expected),
                              .found = Describe(*value_)});
}

void JsonField::Fail(ErrorCode code, ErrorDetail detail) const {
  detail.where = path_;
  throw Error(code, std::move(detail));
}

const boost::json::object& JsonField::Object() const {
  if (const auto* object = value_->if_object()) return *object;
  Fail("an object");
}

const boost::json::array& JsonField::Array() const {
  if (const auto* array = value_->if_array()) return *array;
  Fail("an array");
}

std::string_view JsonField::String() const {
  if (const auto* string = value_->if_string()) return {string->data(), string->size()};
  Fail("a string");
}

bool JsonField::Bool() const {
  if (const bool* flag = value_->if_bool()) return *flag;
  Fail("true or false");
}

int64_t JsonField::Int() const {
  if (const int64_t* number = value_->if_int64()) return *number;
  Fail("a whole number");
}

std::string JsonField::ShortString() const {
  const std::string_view string = String();
  if (string.size() > kMaxShortString) {
    Fail(ErrorCode::kLimit, {.message = "a string of the tokenizer is too long",
                             .expected = "at most " + std::to_string(kMaxShortString) + " bytes",
                             .found = std::to_string(string.size())});
  }
  return std::string(string);
}

std::optional<JsonField> JsonField::Find(std::string_view key) const {
  const boost::json::value* member = Object().if_contains({key.data(), key.size()});
  if (member == nullptr || member->is_null()) return std::nullopt;
  return JsonField(*member, path_ + "." + std::string(key));
}

JsonField JsonField::Get(std::string_view key) const {
  if (auto member = Find(key)) return *member;
  Fail(ErrorCode::kDataLoss, {.message = "a field of the tokenizer is missing",
                              .expected = "a member \"" + std::string(key) + '"'});
}

JsonField JsonField::At(size_t index) const {
  return {Array().at(index), path_ + '[' + std::to_string(index) + ']'};
}

bool JsonField::BoolOr(std::string_view key, bool absent) const {
  const auto member = Find(key);
  return member ? member->Bool() : absent;
}

}  // namespace hyprstream::text
