#include "formats/peft_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hyprstream::formats {
namespace {

template <typename T>
T Override(const std::vector<PeftOverride<T>>& overrides, std::string_view path, T otherwise) {
  for (const PeftOverride<T>& entry : overrides) {
    if (entry.pattern.Matches(path)) return entry.value;
  }
  return otherwise;
}

}  // namespace

bool PeftModuleSet::Contains(std::string_view path) const {
  switch (kind) {
    case Kind::kNone:
      return false;
    case Kind::kAllLinear:
      return path != "lm_head";  // the output layer is left out
    case Kind::kPattern:
      return pattern.front().Matches(path);
    case Kind::kNames:
      break;
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return path == name || (path.size() > name.size() && path.ends_with(name) &&
                            path[path.size() - name.size() - 1] == '.');
  });
}

bool PeftConfig::Targets(std::string_view path) const {
  if (exclude_modules.Contains(path) || !target_modules.Contains(path)) return false;
  const bool named = std::find(target_modules.names.begin(), target_modules.names.end(), path) !=
                     target_modules.names.end();
  if (named || layers_to_transform.empty()) return true;
  for (const ModulePattern& pattern : layer_patterns) {
    const std::optional<std::string> digits = pattern.FirstGroup(path);
    if (!digits) continue;
    int64_t layer = -1;
    std::from_chars(digits->data(), digits->data() + digits->size(), layer);
    return std::find(layers_to_transform.begin(), layers_to_transform.end(), layer) !=
           layers_to_transform.end();
  }
  return false;
}

int64_t PeftConfig::RankOf(std::string_view path) const {
  return Override(rank_pattern, path, rank);
}

double PeftConfig::AlphaOf(std::string_view path) const {
  return Override(alpha_pattern, path, alpha);
}

double PeftConfig::ScaleOf(std::string_view path) const {
  const auto r = static_cast<double>(RankOf(path));
  return AlphaOf(path) / (use_rslora ? std::sqrt(r) : r);
}

}  // namespace hyprstream::formats
