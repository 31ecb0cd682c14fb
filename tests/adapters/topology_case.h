// Shapes of models to lay adapters out for.
#pragma once

#include "adapters/topology.h"
#include "model/config.h"

namespace hyprstream::testing {

/// The bundled model's shape.
inline model::ModelConfig WillowbrookShape() {
  model::ModelConfig config;
  config.hidden_size = 256;
  config.intermediate_size = 768;
  config.num_hidden_layers = 6;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 64;
  return config;
}

/// Sizes that are no multiples of anything, experts in one layer.
inline model::ModelConfig OddShape() {
  model::ModelConfig config;
  config.hidden_size = 301;
  config.intermediate_size = 1031;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 5;
  config.num_key_value_heads = 1;
  config.head_dim = 20;
  config.moe.experts = 3;
  config.moe.intermediate_size = 33;
  config.sparse_layer = {false, true, false};
  return config;
}

}  // namespace hyprstream::testing
