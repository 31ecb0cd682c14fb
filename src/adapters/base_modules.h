// The modules of a model that an adapter can act on, under their Hugging Face paths.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "formats/peft.h"
#include "model/config.h"
#include "model/modules.h"

namespace hyprstream::adapters {

struct Place {
  int64_t layer = 0;
  model::Module module = model::Module::kQ;
  int64_t expert = 0;
  formats::ModuleShape shape;
};

/// "model.layers.0.self_attn.q_proj" → where that is. Experts as "….mlp.experts.E.gate_proj".
using Places = std::map<std::string, Place, std::less<>>;

Places PlacesOf(const model::ModelConfig& config);

}  // namespace hyprstream::adapters
