#include "registry/json_reader.h"

#include "base/error.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 32;

[[noreturn]] void FailShape(std::string expected, const HttpResponse& response) {
  throw Error(ErrorCode::kDataLoss, {.message = "the server's document has another form",
                                     .expected = std::move(expected),
                                     .where = ShownUrl(response.url)});
}

}  // namespace

json::value ParseDocument(std::string_view text, std::string_view where) {
  json::error_code failed;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::value value = json::parse({text.data(), text.size()}, failed, {}, options);
  if (failed) {
    throw Error(ErrorCode::kDataLoss, {.message = "the server's document is not JSON",
                                       .found = failed.message(),
                                       .where = std::string(where)});
  }
  return value;
}

json::value ParseDocument(const HttpResponse& response) {
  return ParseDocument(response.body, ShownUrl(response.url));
}

const json::object& RequiredObject(const json::value& value, const HttpResponse& response) {
  if (!value.is_object()) FailShape("an object", response);
  return value.get_object();
}

const json::array& RequiredArray(const json::value& value, const HttpResponse& response) {
  if (!value.is_array()) FailShape("an array", response);
  return value.get_array();
}

std::string RequiredText(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) {
    throw Error(ErrorCode::kDataLoss, {.message = "the server's document lacks a field",
                                       .expected = "a text \"" + std::string(key) + "\""});
  }
  return std::string(value->get_string());
}

std::string FindText(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().size() > kMaxTextBytes) {
    return {};
  }
  return std::string(value->get_string());
}

std::optional<uint64_t> FindUnsigned(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) return value->get_int64();
  return {};
}

bool FindBool(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

bool IsSet(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && !value->is_null() && !(value->is_bool() && !value->get_bool());
}

const json::object* FindObject(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

const json::array* FindArray(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

}  // namespace hyprstream::registry
