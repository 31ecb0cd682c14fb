// What an adapter is apart from its values: its kind, its nominal size, where it may act, and the
// base it belongs to. Plain values. The same text stands in the metadata of the adapter's files and
// in the catalogue.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/modules.h"

namespace hyprstream::adapters {

/// kSparse: rank-one components placed where they are needed. kLora: all components of every
/// module. kDelta: the update itself, sparse; stored and exchanged, not computed with.
enum class AdapterKind { kSparse, kLora, kDelta };
/// "sparse", "lora", "delta".
std::string_view AdapterKindName(AdapterKind kind);
/// Errors: kInvalidArgument listing the names.
AdapterKind ParseAdapterKind(std::string_view name);

inline constexpr int64_t kMaxNominalRank = 65536;

struct AdapterSpec {
  AdapterKind kind = AdapterKind::kSparse;
  int64_t nominal_rank = 0;  // possible components of every module; 0 for kDelta
  std::vector<model::Module> target_modules = {};
  double alpha = 0.0;     // as given by the user and shown; `scale` is what acts
  double scale = 1.0;     // of B A
  double sparsity = 0.0;  // share of the nominal weights that stays zero
  std::string base_fingerprint = {};

  friend bool operator==(const AdapterSpec&, const AdapterSpec&) = default;
};

/// Sparse: all seven modules, 99 % sparse, scale 1, NominalRank. Lora: rank 16, alpha 32. Delta: 99
/// % sparse.
AdapterSpec DefaultSpec(AdapterKind kind, const model::ModelConfig& config,
                        std::string base_fingerprint);

/// 64, doubled until the weights that may be non-zero are at least 64,000.
int64_t NominalRank(const model::ModelConfig& config, const std::vector<model::Module>& targets,
                    double sparsity);

/// One JSON object. Both directions give back the other's input.
std::string WriteSpec(const AdapterSpec& spec);
/// Errors: kDataLoss naming `where` and the field.
AdapterSpec ParseSpec(std::string_view json, std::string_view where);
/// Errors: kInvalidArgument naming the field.
void CheckSpec(const AdapterSpec& spec);

}  // namespace hyprstream::adapters
