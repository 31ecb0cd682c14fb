// The decoder's weights, ready to compute with, and how they are read from a source.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/config.h"
#include "model/model.h"
#include "model/repacked_file.h"
#include "model/tensor_source.h"
#include "ops/linear.h"

namespace hyprstream::model {

struct AttentionWeights {
  std::vector<float> norm;    // [hidden]
  ops::LinearWeight q;        // [heads · head_dim, hidden]
  ops::LinearWeight k;        // [kv_heads · head_dim, hidden]
  ops::LinearWeight v;        // [kv_heads · head_dim, hidden]
  ops::LinearWeight o;        // [hidden, heads · head_dim]
  std::vector<float> q_norm;  // [head_dim]; empty without head norms
  std::vector<float> k_norm;
};

struct MlpWeights {
  ops::LinearWeight gate;  // [intermediate, hidden]
  ops::LinearWeight up;    // [intermediate, hidden]
  ops::LinearWeight down;  // [hidden, intermediate]
};

struct LayerWeights {
  AttentionWeights attention;
  std::vector<float> mlp_norm;              // [hidden]
  std::optional<ops::LinearWeight> router;  // [experts, hidden]; none in a dense layer
  std::vector<MlpWeights> mlp;              // one, or one per expert
};

struct Weights {
  TensorView embedding;  // [vocab, hidden], as stored
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;            // [hidden]
  std::optional<ops::LinearWeight> head;    // [vocab, hidden]
  std::vector<float> rope_factors;          // GGUF's rope_freqs, or empty
  std::vector<RepackedTensor> packed_here;  // strips made by this load, owned by the weights above
  std::vector<std::shared_ptr<const void>> storage;  // what the views above point to

  uint64_t bytes = 0;            // in memory or mapped
  uint64_t bytes_per_token = 0;  // read by one decode step of one sequence
};

/// Weights that `repacked` (may be null) has are taken from it and must not outlive it; their
/// tensors in `source` are not touched. Errors: kDataLoss naming a missing tensor; those of
/// TensorSource and LinearWeight.
Weights ReadWeights(TensorSource& source, const ModelConfig& config, ops::Context& context,
                    const LoadOptions& options, const RepackedFile* repacked = nullptr);

}  // namespace hyprstream::model
