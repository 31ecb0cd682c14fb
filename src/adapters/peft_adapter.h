// A PEFT adapter folder made ready for a model: its A and B widened to f32, B transposed and
// scaled, in memory of its own. Immutable once loaded: any thread may compute with it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/modules.h"
#include "tensor/tensor.h"

namespace hyprstream::adapters {

class DenseAdapter {
 public:
  /// Errors: those of formats::PeftAdapter::Open; kDataLoss for a value that is not finite once
  /// scaled.
  static std::shared_ptr<const DenseAdapter> LoadPeft(const std::filesystem::path& folder,
                                                      const model::ModelConfig& config);

  const model::AdapterViews& views() const { return views_; }
  /// SHA-256 over every module's place, rank and values.
  const std::string& content_hash() const { return content_hash_; }
  /// Weights of all A and B.
  int64_t parameters() const;

 private:
  explicit DenseAdapter(const model::ModelConfig& config)
      : views_(config.num_hidden_layers, config.moe.experts) {}

  model::AdapterViews views_;
  std::vector<Tensor> storage_;
  std::string content_hash_;
};

}  // namespace hyprstream::adapters
