// A dense adapter from outside as one of ours: kind lora, every place with the components it came
// with, ready to be trained on, stored and exported again.
#pragma once

#include <string>
#include <vector>

#include "adapters/dense_adapter.h"
#include "adapters/trainable_adapter.h"

namespace hyprstream::adapters {

/// Where all modules have one scale it becomes the specification's, else it is multiplied into B;
/// so it is, too, where B could not be stored without it and act bit for bit as before.
/// The nominal rank is the largest of the modules'.
TrainableAdapter FromDense(const DenseAdapter& dense, const model::ModelConfig& config,
                           const std::string& base_fingerprint);

/// The same with B as the file has it: where the scale stands decides what AdamW's steps come to.
struct UnscaledAdapter {
  TrainableAdapter adapter;    // of scale 1
  std::vector<double> scales;  // by place: y += scales[p] · B (A x)
};
/// Errors: kUnsupported for a module of scale 0, which has no gradient.
UnscaledAdapter FromDenseUnscaled(const DenseAdapter& dense, const model::ModelConfig& config,
                                  const std::string& base_fingerprint);

}  // namespace hyprstream::adapters
