#include "adapters/peft_text.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <set>

#include "formats/peft_config.h"

namespace hyprstream::adapters {
namespace {

namespace json = boost::json;

/// As PEFT writes it: an integer where it is one.
json::value Number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e9) return static_cast<int64_t>(value);
  return value;
}

/// Short names where every place that they mean takes part, else the paths of those that do: PEFT
/// makes adapters of zeros for every module it finds.
json::array TargetModules(const Topology& topology, const std::vector<ExportedModule>& modules) {
  json::array targets;
  if (modules.size() == topology.places().size()) {
    for (const model::Module module : topology.spec().target_modules) {
      targets.emplace_back(model::ModuleName(module));
    }
    return targets;
  }
  for (const ExportedModule& module : modules) targets.emplace_back(module.path);
  return targets;
}

/// Readers that know nothing of patterns still find the right scale in r and lora_alpha.
std::string WriteConfig(const Topology& topology, const std::vector<ExportedModule>& modules,
                        const std::string& base_model) {
  const auto alpha_of = [](const ExportedModule& module) {
    return module.scale * static_cast<double>(module.rank);
  };
  const ExportedModule& largest = *std::ranges::max_element(modules, {}, &ExportedModule::rank);
  json::object ranks;
  json::object alphas;
  for (const ExportedModule& module : modules) {
    if (module.rank != largest.rank) ranks[module.path] = module.rank;
    if (alpha_of(module) != alpha_of(largest)) alphas[module.path] = Number(alpha_of(module));
  }
  const std::pair<const char*, json::value> fields[] = {
      {"alpha_pattern", std::move(alphas)},
      {"base_model_name_or_path",
       base_model.empty() ? json::value(nullptr) : json::value(base_model)},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"layers_pattern", nullptr},
      {"layers_to_transform", nullptr},
      {"lora_alpha", Number(alpha_of(largest))},
      {"lora_dropout", 0.0},
      {"modules_to_save", nullptr},
      {"peft_type", "LORA"},
      {"r", largest.rank},
      {"rank_pattern", std::move(ranks)},
      {"revision", nullptr},
      {"target_modules", TargetModules(topology, modules)},
      {"task_type", "CAUSAL_LM"},
      {"use_dora", false},
      {"use_rslora", false},
  };
  std::string text = "{\n";
  for (const auto& [name, value] : fields) {
    text +=
        std::string(text.size() > 2 ? ",\n" : "") + "  \"" + name + "\": " + json::serialize(value);
  }
  return text + "\n}\n";
}

bool Says(const std::string& config, const std::vector<ExportedModule>& modules) {
  const auto readable = [](const ExportedModule& m) { return std::fabs(m.scale) <= 1e4; };
  if (!std::ranges::all_of(modules, readable)) return false;
  const formats::PeftConfig read = formats::ReadPeftConfig(config);
  return std::ranges::all_of(modules, [&](const ExportedModule& module) {
    return read.RankOf(module.path) == module.rank && read.ScaleOf(module.path) == module.scale;
  });
}

}  // namespace

std::vector<formats::NamedTensor> PeftExport::Tensors() const {
  std::vector<formats::NamedTensor> tensors;
  for (const ExportedModule& module : modules) {
    const std::string prefix = "base_model.model." + module.path;
    tensors.push_back({prefix + ".lora_A.weight", module.a.view()});
    tensors.push_back({prefix + ".lora_B.weight", module.b.view()});
  }
  return tensors;
}

PeftExport MakePeftExport(const StoredAdapter& adapter, const ExportOptions& options) {
  PeftExport made;
  for (const ScalePlace scale : {ScalePlace::kSeparate, ScalePlace::kInB}) {
    made.modules = ExportModules(adapter, scale);
    made.config = WriteConfig(adapter.topology(), made.modules, options.base_model);
    if (Says(made.config, made.modules)) break;
  }
  return made;
}

PeftExport MakePeftExport(const TrainableAdapter& adapter, std::span<const double> scales,
                          const ExportOptions& options) {
  PeftExport made{.config = {}, .modules = ExportModules(adapter, scales)};
  made.config = WriteConfig(adapter.topology(), made.modules, options.base_model);
  return made;
}

}  // namespace hyprstream::adapters
