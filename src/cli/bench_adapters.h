// Adapters to measure with: the default shape of a model's sparse adapters with random values.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "adapters/trainable_adapter.h"
#include "engine/request.h"
#include "model/model.h"

namespace hyprstream::cli {

/// As many components as 99 % zeros allow, spread evenly over the modules, with values of `seed`.
adapters::TrainableAdapter RandomAdapter(const model::Model& model, uint64_t seed);

/// `count` different ones, ready to serve.
std::vector<std::shared_ptr<const engine::LoadedAdapter>> RandomAdapters(const model::Model& model,
                                                                         int64_t count);

}  // namespace hyprstream::cli
