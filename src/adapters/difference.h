// What changed between two adapters of one base, module by module: which components came and went,
// and how far the update itself moved. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/stored_adapter.h"

namespace hyprstream::adapters {

/// Norms and products are Frobenius', of the updates ΔW = scale · B A as they act; they do not
/// depend on how a component's size is shared between its two vectors.
struct UpdateChange {
  double norm_from = 0;
  double norm_to = 0;
  double norm_change = 0;  // |ΔW_to − ΔW_from|
  double product = 0;      // ⟨ΔW_from, ΔW_to⟩

  /// Nothing where `from` is zero.
  std::optional<double> Relative() const;
  /// Nothing where either is zero.
  std::optional<double> Cosine() const;
};

struct ModuleDifference {
  std::string path;  // "model.layers.0.self_attn.q_proj"
  int64_t kept = 0;
  int64_t added = 0;
  int64_t dropped = 0;
  UpdateChange change;
};

struct AdapterDifference {
  std::vector<ModuleDifference> modules;  // those with a component in either, in the model's order
  int64_t kept = 0;
  int64_t added = 0;
  int64_t dropped = 0;
  UpdateChange change;  // of all modules together
};

/// Null stands for the base. Components are told apart by their numbers: one that took the number
/// of another that was dropped counts as kept, and shows in the module's change alone (training
/// itself turns vectors so far that their directions do not tell).
AdapterDifference Compare(const StoredAdapter* from, const StoredAdapter* to);

}  // namespace hyprstream::adapters
