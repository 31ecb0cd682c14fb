#include "adapters/adapter_spec.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "adapters/base_modules.h"
#include "base/error.h"
#include "formats/json_events.h"

namespace hyprstream::adapters {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> kKinds = {"sparse", "lora", "delta"};
constexpr int64_t kLeastRank = 64;
constexpr double kLeastWeights = 128000.0;
constexpr size_t kMaxFingerprint = 256;

[[noreturn]] void Refuse(std::string_view field, std::string expected, std::string found) {
  throw Error(ErrorCode::kInvalidArgument, {.message = "wrong description of an adapter",
                                            .expected = std::move(expected),
                                            .found = std::move(found),
                                            .where = "field " + std::string(field)});
}

const json::value& Field(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) Refuse(name, "a value", "none");
  return *value;
}

double Number(const json::object& object, std::string_view name) {
  const json::value& value = Field(object, name);
  if (!value.is_number()) Refuse(name, "a number", json::serialize(value));
  return value.to_number<double>();
}

std::string Text(const json::object& object, std::string_view name) {
  const json::value& value = Field(object, name);
  if (!value.is_string()) Refuse(name, "a string", json::serialize(value));
  return std::string(value.get_string());
}

std::vector<model::Module> Targets(const json::object& object) {
  const json::value& value = Field(object, "target_modules");
  if (!value.is_array()) Refuse("target_modules", "a list of names", json::serialize(value));
  std::vector<model::Module> targets;
  for (const json::value& entry : value.get_array()) {
    const auto module =
        entry.is_string() ? model::FindModule(std::string_view(entry.get_string())) : std::nullopt;
    if (!module) Refuse("target_modules", "q_proj to down_proj", json::serialize(entry));
    targets.push_back(*module);
  }
  return targets;
}

AdapterSpec FromJson(const json::value& value) {
  if (!value.is_object()) Refuse("", "an object", "another value");
  const json::object& object = value.get_object();
  AdapterSpec spec{.kind = ParseAdapterKind(Text(object, "kind")),
                   .nominal_rank = 0,
                   .target_modules = Targets(object),
                   .alpha = Number(object, "alpha"),
                   .scale = Number(object, "scale"),
                   .sparsity = Number(object, "sparsity"),
                   .base_fingerprint = Text(object, "base_fingerprint")};
  const double rank = Number(object, "nominal_rank");
  if (!(rank >= 0 && rank <= kMaxNominalRank) || rank != std::floor(rank)) {
    Refuse("nominal_rank", "0 to 65536", std::to_string(rank));
  }
  spec.nominal_rank = static_cast<int64_t>(rank);
  CheckSpec(spec);
  return spec;
}

}  // namespace

std::string_view AdapterKindName(AdapterKind kind) { return kKinds[static_cast<size_t>(kind)]; }

AdapterKind ParseAdapterKind(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name);
  if (found == kKinds.end()) Refuse("kind", "sparse, lora or delta", std::string(name));
  return static_cast<AdapterKind>(found - kKinds.begin());
}

AdapterSpec DefaultSpec(AdapterKind kind, const model::ModelConfig& config,
                        std::string base_fingerprint) {
  AdapterSpec spec{.kind = kind, .target_modules = {}, .base_fingerprint = ""};
  for (int i = 0; i < model::kModules; ++i) {
    spec.target_modules.push_back(static_cast<model::Module>(i));
  }
  spec.base_fingerprint = std::move(base_fingerprint);
  if (kind == AdapterKind::kLora) {
    spec.nominal_rank = 16;
    spec.alpha = 32.0;
    spec.scale = 2.0;
    return spec;
  }
  spec.sparsity = 0.99;
  if (kind == AdapterKind::kDelta) return spec;
  spec.nominal_rank = NominalRank(config, spec.target_modules, spec.sparsity);
  spec.alpha = static_cast<double>(spec.nominal_rank);
  return spec;
}

int64_t NominalRank(const model::ModelConfig& config, const std::vector<model::Module>& targets,
                    double sparsity) {
  double component = 0.0;  // weights of one component in every target module
  for (const auto& [path, place] : PlacesOf(config)) {
    if (std::ranges::find(targets, place.module) == targets.end()) continue;
    component += static_cast<double>(place.shape.in + place.shape.out);
  }
  int64_t rank = kLeastRank;
  while (rank < kMaxNominalRank &&
         static_cast<double>(rank) * component * (1.0 - sparsity) < kLeastWeights) {
    rank *= 2;
  }
  return rank;
}

void CheckSpec(const AdapterSpec& spec) {
  const int64_t least = spec.kind == AdapterKind::kDelta ? 0 : 1;
  const int64_t most = spec.kind == AdapterKind::kDelta ? 0 : kMaxNominalRank;
  if (spec.nominal_rank < least || spec.nominal_rank > most) {
    Refuse("nominal_rank", std::to_string(least) + " to " + std::to_string(most),
           std::to_string(spec.nominal_rank));
  }
  std::vector<model::Module> targets = spec.target_modules;
  std::ranges::sort(targets);
  if (targets.empty() || std::ranges::adjacent_find(targets) != targets.end()) {
    Refuse("target_modules", "at least one module, each once", "another list");
  }
  if (!std::isfinite(spec.alpha)) Refuse("alpha", "a number", std::to_string(spec.alpha));
  if (!std::isfinite(static_cast<float>(spec.scale))) {
    Refuse("scale", "a number", std::to_string(spec.scale));
  }
  if (!(spec.sparsity >= 0.0 && spec.sparsity < 1.0)) {
    Refuse("sparsity", "0 up to but not 1", std::to_string(spec.sparsity));
  }
  if (spec.base_fingerprint.size() > kMaxFingerprint) {
    Refuse("base_fingerprint", "at most 256 bytes", std::to_string(spec.base_fingerprint.size()));
  }
}

std::string WriteSpec(const AdapterSpec& spec) {
  json::array targets;
  for (const model::Module module : spec.target_modules) {
    targets.emplace_back(model::ModuleName(module));
  }
  return json::serialize(json::object{{"kind", AdapterKindName(spec.kind)},
                                      {"nominal_rank", spec.nominal_rank},
                                      {"target_modules", std::move(targets)},
                                      {"alpha", spec.alpha},
                                      {"scale", spec.scale},
                                      {"sparsity", spec.sparsity},
                                      {"base_fingerprint", spec.base_fingerprint}});
}

AdapterSpec ParseSpec(std::string_view text, std::string_view where) {
  formats::CheckJson(text, where);
  try {
    return FromJson(json::parse(json::string_view(text.data(), text.size())));
  } catch (const Error& error) {
    throw Error(ErrorCode::kDataLoss, error.detail()).Within(where);
  }
}

}  // namespace hyprstream::adapters
