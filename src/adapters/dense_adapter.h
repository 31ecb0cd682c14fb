// An adapter made ready for a model, whatever file it came from: its A and B widened to f32, B
// transposed and scaled, in memory of its own. Immutable once made: any thread may compute with it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/base_modules.h"
#include "formats/peft.h"
#include "model/config.h"
#include "model/modules.h"
#include "tensor/tensor.h"

namespace hyprstream::adapters {

class DenseAdapter {
 public:
  /// Modules of `places` with shapes that fit them, each at most once; of any type that can be
  /// widened. Errors: kDataLoss for a value that is not finite once scaled.
  static std::shared_ptr<const DenseAdapter> Create(std::span<const formats::PeftModule> modules,
                                                    const Places& places,
                                                    const model::ModelConfig& config);

  /// What was made of what. The views' B is `scale` times the file's.
  struct Module {
    std::string path;
    Place place;
    int64_t rank = 0;
    double scale = 0;
  };

  const model::AdapterViews& views() const { return views_; }
  std::span<const Module> modules() const { return modules_; }
  /// SHA-256 over every module's place, rank and values: the same for the same adapter in another
  /// format.
  const std::string& content_hash() const { return content_hash_; }
  /// Weights of all A and B.
  int64_t parameters() const;

 private:
  explicit DenseAdapter(const model::ModelConfig& config)
      : views_(config.num_hidden_layers, config.moe.experts) {}

  model::AdapterViews views_;
  std::vector<Module> modules_;
  std::vector<Tensor> storage_;
  std::string content_hash_;
};

}  // namespace hyprstream::adapters
