#include "model/modules.h"

#include <algorithm>

#include "base/error.h"

namespace hyprstream::model {
namespace {

constexpr std::array<std::string_view, kModules> kNames = {
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

}  // namespace

std::string_view ModuleName(Module module) { return kNames[static_cast<size_t>(module)]; }

std::optional<Module> FindModule(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Module>(found - kNames.begin());
}

AdapterViews::AdapterViews(int64_t layers, int64_t experts)
    : layers_(layers),
      experts_(std::max<int64_t>(experts, 1)),
      views_(static_cast<size_t>(layers_ * experts_ * kModules)) {}

size_t AdapterViews::Index(int64_t layer, Module module, int64_t expert) const {
  HYPR_CHECK(layer >= 0 && layer < layers_ && expert >= 0 && expert < experts_);
  return static_cast<size_t>((layer * experts_ + expert) * kModules + static_cast<int64_t>(module));
}

void AdapterViews::Set(int64_t layer, Module module, ops::LowRankView view, int64_t expert) {
  views_[Index(layer, module, expert)] = view;
}

const ops::LowRankView& AdapterViews::At(int64_t layer, Module module, int64_t expert) const {
  return views_[Index(layer, module, expert)];
}

}  // namespace hyprstream::model
