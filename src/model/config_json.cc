// config.json as transformers writes it, in its older (rope_theta + rope_scaling, torch_dtype) and
// newer (rope_parameters, dtype) forms.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "model/config_source.h"
#include "model/family.h"

namespace hyprstream::model {
namespace {

namespace json = boost::json;

json::value ParseText(std::string_view text, std::string_view where) {
  boost::system::error_code problem;
  json::value value = json::parse(text, problem);
  if (problem) {
    throw Error(
        ErrorCode::kDataLoss,
        {.message = "cannot read JSON", .found = problem.message(), .where = std::string(where)});
  }
  return value;
}

std::string Kind(const json::value& value) {
  return std::string(json::to_string(value.kind())) + " " + json::serialize(value).substr(0, 60);
}

class JsonSource final : public ConfigSource {
 public:
  JsonSource(const json::object& fields, std::string where)
      : fields_(fields), where_(std::move(where)) {}

  std::optional<int64_t> Int(std::string_view name) const override { return IntOf(fields_, name); }
  std::optional<double> Float(std::string_view name) const override {
    return FloatOf(fields_, name);
  }
  std::optional<bool> Bool(std::string_view name) const override {
    const json::value* value = Present(fields_, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_bool()) throw FieldError(where_, name, "true or false", Kind(*value));
    return value->as_bool();
  }
  std::optional<std::string> String(std::string_view name) const override {
    return StringOf(fields_, name);
  }
  std::vector<int64_t> Ints(std::string_view name) const override {
    std::vector<int64_t> list;
    for (const json::value& item : List(name)) {
      if (!item.is_int64()) throw FieldError(where_, name, "a list of integers", Kind(item));
      list.push_back(item.as_int64());
    }
    return list;
  }
  std::vector<std::string> Strings(std::string_view name) const override {
    std::vector<std::string> list;
    for (const json::value& item : List(name)) {
      if (!item.is_string()) throw FieldError(where_, name, "a list of strings", Kind(item));
      list.emplace_back(item.as_string());
    }
    return list;
  }
  bool Has(std::string_view name) const override { return fields_.contains(name); }
  const std::string& where() const override { return where_; }
  bool IsGguf() const override { return false; }

  RopeConfig Rope(double default_theta) const override {
    RopeConfig rope;
    const json::object empty;
    const json::object* parameters = Object("rope_parameters");
    const json::object* scaling = parameters != nullptr ? parameters : Object("rope_scaling");
    const json::object& fields = scaling != nullptr ? *scaling : empty;
    const double theta = FloatOf(fields_, "rope_theta").value_or(default_theta);
    rope.theta = parameters != nullptr ? FloatOf(*parameters, "rope_theta").value_or(theta) : theta;
    const std::string legacy = StringOf(fields, "type").value_or("default");
    rope.kind = ParseRopeKind(StringOf(fields, "rope_type").value_or(legacy), where_);
    if (const double part = FloatOf(fields, "partial_rotary_factor").value_or(1.0); part != 1.0) {
      throw UnsupportedFeature(where_, "partial_rotary_factor", "1", std::to_string(part));
    }
    const auto context = static_cast<double>(Int("max_position_embeddings").value_or(2048));
    const std::optional<double> original = FloatOf(fields, "original_max_position_embeddings");
    rope.original_context = static_cast<int64_t>(original.value_or(context));
    const double implied =
        rope.kind == RopeKind::kYarn && original && *original > 0 ? context / *original : 1.0;
    rope.factor = FloatOf(fields, "factor").value_or(implied);
    rope.low_freq_factor = FloatOf(fields, "low_freq_factor").value_or(rope.low_freq_factor);
    rope.high_freq_factor = FloatOf(fields, "high_freq_factor").value_or(rope.high_freq_factor);
    rope.beta_fast = FloatOf(fields, "beta_fast").value_or(rope.beta_fast);
    rope.beta_slow = FloatOf(fields, "beta_slow").value_or(rope.beta_slow);
    rope.attention_factor = FloatOf(fields, "attention_factor");
    rope.mscale = FloatOf(fields, "mscale");
    rope.mscale_all_dim = FloatOf(fields, "mscale_all_dim");
    if (const json::value* truncate = Present(fields, "truncate")) {
      rope.truncate = !truncate->is_bool() || truncate->as_bool();
    }
    return rope;
  }

 private:
  static const json::value* Present(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::optional<int64_t> IntOf(const json::object& object, std::string_view name) const {
    const json::value* value = Present(object, name);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->as_int64();
    // 4096.0 is an integer that passed through a tool without integers.
    if (value->is_double() && value->as_double() == std::floor(value->as_double()) &&
        std::abs(value->as_double()) < 9e15) {
      return static_cast<int64_t>(value->as_double());
    }
    throw FieldError(where_, name, "an integer", Kind(*value));
  }
  std::optional<double> FloatOf(const json::object& object, std::string_view name) const {
    const json::value* value = Present(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) throw FieldError(where_, name, "a number", Kind(*value));
    return value->to_number<double>();
  }
  std::optional<std::string> StringOf(const json::object& object, std::string_view name) const {
    const json::value* value = Present(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) throw FieldError(where_, name, "a string", Kind(*value));
    return std::string(value->as_string());
  }
  const json::object* Object(std::string_view name) const {
    const json::value* value = Present(fields_, name);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) throw FieldError(where_, name, "an object", Kind(*value));
    return &value->as_object();
  }
  const json::array& List(std::string_view name) const {
    static const json::array kEmpty;
    const json::value* value = Present(fields_, name);
    if (value == nullptr) return kEmpty;
    if (!value->is_array()) throw FieldError(where_, name, "a list", Kind(*value));
    return value->as_array();
  }

  const json::object& fields_;
  std::string where_;
};

// An integer or a list of integers.
void AddTokenIds(const json::object& object, std::string_view name, std::string_view where,
                 std::vector<int32_t>& ids) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return;
  const auto add = [&](const json::value& item) {
    if (!item.is_int64() || item.as_int64() < 0 || item.as_int64() > INT32_MAX) {
      throw FieldError(where, name, "a token id or a list of them", Kind(item));
    }
    const auto id = static_cast<int32_t>(item.as_int64());
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  };
  if (value->is_array()) {
    for (const json::value& item : value->as_array()) add(item);
  } else {
    add(*value);
  }
}

const FamilyDescription& FindFamily(const json::object& fields, std::string_view where) {
  const json::value* type = fields.if_contains("model_type");
  if (type == nullptr || !type->is_string()) {
    throw FieldError(where, "model_type", "a string", type == nullptr ? "nothing" : Kind(*type));
  }
  for (const FamilyDescription* family : Families()) {
    if (family->model_type == std::string_view(type->as_string())) return *family;
  }
  throw Error(ErrorCode::kUnsupported, {.message = "unknown model architecture",
                                        .expected = "one of " + SupportedFamilies(),
                                        .found = std::string(type->as_string()),
                                        .where = std::string(where) + ": model_type"});
}

}  // namespace

ModelConfig ParseConfigJson(std::string_view config_text, std::string_view generation_text,
                            std::string_view where) {
  const json::value parsed = ParseText(config_text, where);
  if (!parsed.is_object()) throw FieldError(where, "config", "a JSON object", Kind(parsed));
  const json::object& fields = parsed.as_object();
  const FamilyDescription& family = FindFamily(fields, where);
  if (fields.contains("quantization_config") && !fields.at("quantization_config").is_null()) {
    throw UnsupportedFeature(where, "quantization_config",
                             "plain safetensors (BF16, F16, F32) or GGUF",
                             "a quantised checkpoint");
  }
  ModelConfig config;
  config.family = family.family;
  family.read(JsonSource(fields, std::string(where)), config);
  std::vector<int32_t> bos;
  AddTokenIds(fields, "bos_token_id", where, bos);
  if (!bos.empty()) config.bos_id = bos.front();
  AddTokenIds(fields, "eos_token_id", where, config.eos_ids);
  if (!generation_text.empty()) {
    const json::value generation = ParseText(generation_text, "generation_config.json");
    if (generation.is_object()) {
      AddTokenIds(generation.as_object(), "eos_token_id", "generation_config.json", config.eos_ids);
    }
  }
  ValidateConfig(config, where);
  return config;
}

}  // namespace hyprstream::model
