// A dense adapter from outside as one of ours: kind lora, every place with the components it came
// with, ready to be trained on, stored and exported again.
#pragma once

#include <string>

#include "adapters/dense_adapter.h"
#include "adapters/trainable_adapter.h"

namespace hyprstream::adapters {

/// Where all modules have one scale it becomes the specification's, else it is multiplied into B;
/// so it is, too, where B could not be stored without it and act bit for bit as before.
/// The nominal rank is the largest of the modules'.
TrainableAdapter FromDense(const DenseAdapter& dense, const model::ModelConfig& config,
                           const std::string& base_fingerprint);

}  // namespace hyprstream::adapters
