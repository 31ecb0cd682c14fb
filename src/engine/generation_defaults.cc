#include "engine/generation_defaults.h"

#include <boost/json.hpp>
#include <cmath>
#include <string>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

namespace json = boost::json;

std::optional<double> Number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  json::error_code failed;
  const double number = value->is_number() ? value->to_number<double>(failed) : std::nan("");
  if (failed || !std::isfinite(number)) {
    throw Error(ErrorCode::kDataLoss, {.message = "generation_config.json is damaged",
                                       .expected = "a number",
                                       .found = json::serialize(*value),
                                       .where = std::string(name)});
  }
  return number;
}

std::optional<float> Float(const json::object& object, std::string_view name) {
  const std::optional<double> number = Number(object, name);
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}

}  // namespace

GenerationDefaults ParseGenerationDefaults(std::string_view text) {
  GenerationDefaults defaults;
  if (text.empty()) return defaults;
  json::error_code failed;
  const json::value document = json::parse(text, failed);
  const json::object* object = document.if_object();
  if (failed || object == nullptr) {
    throw Error(ErrorCode::kDataLoss, {.message = "generation_config.json is damaged",
                                       .expected = "a JSON object",
                                       .found = failed ? failed.message() : "something else"});
  }
  defaults.temperature = Float(*object, "temperature");
  defaults.top_p = Float(*object, "top_p");
  defaults.min_p = Float(*object, "min_p");
  defaults.repetition_penalty = Float(*object, "repetition_penalty");
  if (const auto top_k = Number(*object, "top_k"); top_k && *top_k >= 0 && *top_k < 1e9) {
    defaults.top_k = static_cast<int32_t>(*top_k);
  }
  const json::value* sampled = object->if_contains("do_sample");
  if (sampled != nullptr && sampled->is_bool() && !sampled->get_bool()) defaults.temperature = 0.0f;
  return defaults;
}

}  // namespace hyprstream::engine
