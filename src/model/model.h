// A loaded model: configuration and weights, immutable, shared by everything that computes with it.
// Forward may be called by one thread at a time per Context; it allocates only from the Context.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/memory_budget.h"
#include "base/progress.h"
#include "formats/model_files.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/repack_cache.h"
#include "ops/linear.h"

namespace hyprstream::model {

struct LoadOptions {
  ops::Arithmetic arithmetic = ops::Arithmetic::kServing;
  MemoryBudget* budget = nullptr;  // weights are reserved here when given; must outlive the model
  ProgressListener progress = {};
  RepackOptions repack = {};  // no cache of packed weights unless it names a folder
};

class Model {
 public:
  /// Errors: those of ReadConfig; kDataLoss naming a missing tensor or a wrong shape (both shapes);
  /// kResourceExhausted when the weights do not fit in the budget.
  static std::shared_ptr<const Model> Load(std::shared_ptr<const formats::ModelFiles> files,
                                           ops::Context& context, const LoadOptions& options = {});
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  /// Bytes of weights read by one decode step of one sequence.
  virtual uint64_t bytes_per_token() const = 0;
  /// Bytes of weights in memory or mapped.
  virtual uint64_t weight_bytes() const = 0;
  /// SHA-256 over the tensors' names, shapes and bytes would cost seconds; this one covers the
  /// configuration and a fixed sample of every tensor: it tells two models apart, not a flipped
  /// bit.
  virtual const std::string& fingerprint() const = 0;

  /// logits: [batch.output_rows.size(), vocab_size]. The batch's pages must exist in `cache`; keys
  /// and values of its rows are written there.
  virtual void Forward(ops::Context& context, const Batch& batch, const CacheView& cache,
                       Matrix logits, const Observer* observer = nullptr) const = 0;

  CacheView CacheLayout(std::byte* base, DType dtype) const {
    return {base, dtype, config().num_hidden_layers, config().num_key_value_heads,
            config().head_dim};
  }
};

}  // namespace hyprstream::model
