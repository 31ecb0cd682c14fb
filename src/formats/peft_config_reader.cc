#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/error.h"
#include "formats/json_events.h"
#include "formats/peft_config.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

namespace json = boost::json;

constexpr std::string_view kWhat = "adapter_config.json";
constexpr size_t kMaxEntries = 4096;  // of a list or of patterns; bounds the work of matching

std::string Text(json::string_view text) { return {text.data(), text.size()}; }

[[noreturn]] void Wrong(std::string_view field, std::string expected, const json::value& found) {
  throw Error(ErrorCode::kDataLoss, {.message = std::string(kWhat) + " has a wrong value",
                                     .expected = std::move(expected),
                                     .found = Quote(json::serialize(found)),
                                     .where = "field " + std::string(field)});
}

[[noreturn]] void Refuse(std::string_view field, const json::value& found, std::string hint) {
  throw Error(ErrorCode::kUnsupported,
              {.message = "the adapter uses " + std::string(field) + ", which is not supported",
               .found = Quote(json::serialize(found)),
               .where = std::string(kWhat) + ", field " + std::string(field),
               .hint = std::move(hint)});
}

/// Null when the field is absent or null.
const json::value* Find(const json::object& config, std::string_view field) {
  const json::value* value = config.if_contains({field.data(), field.size()});
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool IsSet(const json::value& value) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_array()) return !value.get_array().empty();
  if (value.is_object()) return !value.get_object().empty();
  if (value.is_string()) return !value.get_string().empty();
  return !value.is_null();
}

bool GetBool(const json::object& config, std::string_view field) {
  const json::value* value = Find(config, field);
  if (value == nullptr) return false;
  if (!value->is_bool()) Wrong(field, "true or false", *value);
  return value->get_bool();
}

std::string GetText(const json::object& config, std::string_view field) {
  const json::value* value = Find(config, field);
  if (value == nullptr) return {};
  if (!value->is_string()) Wrong(field, "a string", *value);
  return Text(value->get_string());
}

int64_t Rank(std::string_view field, const json::value& value) {
  const int64_t rank = value.is_int64() ? value.get_int64() : 0;
  if (rank < 1 || rank > PeftConfig::kMaxRank) {
    Wrong(field, "a whole number from 1 to " + std::to_string(PeftConfig::kMaxRank), value);
  }
  return rank;
}

double Number(std::string_view field, const json::value& value) {
  double number = std::nan("");
  if (value.is_double()) number = value.get_double();
  if (value.is_int64()) number = static_cast<double>(value.get_int64());
  if (!std::isfinite(number) || std::fabs(number) > 1e9) Wrong(field, "a finite number", value);
  return number;
}

std::vector<std::string> Names(std::string_view field, const json::value& value) {
  if (!value.is_array() || value.get_array().size() > kMaxEntries) {
    Wrong(field, "a list of at most " + std::to_string(kMaxEntries) + " names", value);
  }
  std::vector<std::string> names;
  for (const json::value& item : value.get_array()) {
    if (!item.is_string() || item.get_string().empty()) Wrong(field, "a list of names", value);
    names.push_back(Text(item.get_string()));
  }
  return names;
}

PeftModuleSet ModuleSet(std::string_view field, const json::value& value) {
  PeftModuleSet set;
  if (value.is_array()) {
    set.kind = PeftModuleSet::Kind::kNames;
    set.names = Names(field, value);
  } else if (!value.is_string()) {
    Wrong(field, "a list of names or a regular expression", value);
  } else if (value.get_string() == "all-linear") {
    set.kind = PeftModuleSet::Kind::kAllLinear;
  } else {
    set.kind = PeftModuleSet::Kind::kPattern;
    set.pattern.emplace_back(Text(value.get_string()), field);
  }
  return set;
}

template <typename T>
std::vector<PeftOverride<T>> Overrides(const json::object& config, std::string_view field,
                                       T (*read)(std::string_view, const json::value&)) {
  std::vector<PeftOverride<T>> overrides;
  const json::value* value = Find(config, field);
  if (value == nullptr) return overrides;
  if (!value->is_object() || value->get_object().size() > kMaxEntries) {
    Wrong(field, "an object of at most " + std::to_string(kMaxEntries) + " patterns", *value);
  }
  for (const auto& [key, item] : value->get_object()) {
    // As in PEFT: the key may be a path, the end of one, or a regular expression for either.
    overrides.push_back(
        {ModulePattern("(?:.*\\.)?(?:" + Text(key) + ")", field), read(field, item)});
  }
  return overrides;
}

void RefuseWhatIsNotDone(const json::object& config) {
  const std::string type = GetText(config, "peft_type");
  if (!type.empty() && type != "LORA") {
    Refuse("peft_type", config.at("peft_type"), "only LORA adapters can be loaded");
  }
  const std::string bias = GetText(config, "bias");
  if (!bias.empty() && bias != "none") {
    Refuse("bias", config.at("bias"), "train with bias \"none\"");
  }
  for (const char* field :
       {"modules_to_save", "fan_in_fan_out", "lora_bias", "target_parameters",
        "trainable_token_indices", "layer_replication", "megatron_config", "arrow_config",
        "kasa_config", "velora_config", "monteclora_config", "alora_invocation_tokens"}) {
    const json::value* value = Find(config, field);
    if (value != nullptr && IsSet(*value)) {
      Refuse(field, *value, "merge the adapter with PEFT, or train without it");
    }
  }
  // Variants of LoRA are switched on by such fields: use_dora, use_qalora and those still to come.
  for (const auto& [key, value] : config) {
    const std::string field = Text(key);
    if (field.starts_with("use_") && field != "use_rslora" && IsSet(value)) {
      Refuse(field, value, "merge the adapter with PEFT, or train without it");
    }
  }
  // These start from a changed base model, so the adapter alone does not say what was trained.
  const json::value* init = Find(config, "init_lora_weights");
  if (init == nullptr || !init->is_string()) return;
  const std::string name = Text(init->get_string());
  for (const char* changing : {"pissa", "olora", "corda", "loftq", "lora_ga"}) {
    if (name.starts_with(changing)) {
      Refuse("init_lora_weights", *init,
             "save it with path_initial_model_for_weight_conversion to get an ordinary adapter");
    }
  }
}

void ReadLayers(const json::object& config, PeftConfig& result) {
  constexpr std::string_view kField = "layers_to_transform";
  const json::value* layers = Find(config, kField);
  if (layers == nullptr) return;
  const json::array one{*layers};
  const json::array& numbers = layers->is_array() ? layers->get_array() : one;
  for (const json::value& number : numbers) {
    if (!number.is_int64() || number.get_int64() < 0) Wrong(kField, "layers' numbers", *layers);
    result.layers_to_transform.push_back(number.get_int64());
  }
  std::vector<std::string> names;
  if (const json::value* patterns = Find(config, "layers_pattern")) {
    names = patterns->is_string() ? std::vector{Text(patterns->get_string())}
                                  : Names("layers_pattern", *patterns);
  }
  if (names.empty()) names.push_back("[^.]*");
  for (const std::string& name : names) {
    result.layer_patterns.emplace_back(".*\\.(?:" + name + ")\\.(\\d+)\\.", "layers_pattern");
  }
}

}  // namespace

PeftConfig ReadPeftConfig(std::string_view text) {
  CheckJson(text, kWhat);
  const json::value parsed = json::parse({text.data(), text.size()});
  if (!parsed.is_object()) Wrong("(top)", "an object", parsed);
  const json::object& config = parsed.get_object();
  RefuseWhatIsNotDone(config);
  PeftConfig result;
  result.base_model_name_or_path = GetText(config, "base_model_name_or_path");
  if (const json::value* rank = Find(config, "r")) result.rank = Rank("r", *rank);
  if (const json::value* alpha = Find(config, "lora_alpha")) {
    result.alpha = Number("lora_alpha", *alpha);
  }
  if (const json::value* dropout = Find(config, "lora_dropout")) {
    result.dropout = Number("lora_dropout", *dropout);
  }
  result.use_rslora = GetBool(config, "use_rslora");
  if (const json::value* targets = Find(config, "target_modules")) {
    result.target_modules = ModuleSet("target_modules", *targets);
  } else {
    // What PEFT takes for the Llama and Qwen families.
    result.target_modules = {.kind = PeftModuleSet::Kind::kNames, .names = {"q_proj", "v_proj"}};
  }
  if (const json::value* excluded = Find(config, "exclude_modules")) {
    result.exclude_modules = ModuleSet("exclude_modules", *excluded);
  }
  result.rank_pattern = Overrides<int64_t>(config, "rank_pattern", Rank);
  result.alpha_pattern = Overrides<double>(config, "alpha_pattern", Number);
  ReadLayers(config, result);
  return result;
}

}  // namespace hyprstream::formats
