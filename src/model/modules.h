// The weight matrices of a layer that an adapter can act on, under the names everybody uses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ops/adapter_view.h"

namespace hyprstream::model {

enum class Module : uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr int kModules = 7;
/// "q_proj" … "down_proj".
std::string_view ModuleName(Module module);
std::optional<Module> FindModule(std::string_view name);

/// Where one adapter acts: a low-rank view for each place it has one (rank 0: none). Borrowed; the
/// owner keeps it alive while a batch uses it.
class AdapterViews {
 public:
  /// `experts` = 0 for a dense model, else gate, up and down have one place per expert.
  AdapterViews(int64_t layers, int64_t experts);

  void Set(int64_t layer, Module module, ops::LowRankView view, int64_t expert = 0);
  const ops::LowRankView& At(int64_t layer, Module module, int64_t expert = 0) const;

 private:
  size_t Index(int64_t layer, Module module, int64_t expert) const;
  int64_t layers_;
  int64_t experts_;
  std::vector<ops::LowRankView> views_;
};

}  // namespace hyprstream::model
