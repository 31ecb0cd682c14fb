// Mistral (Jiang et al. 2023): Llama with one sliding window for all layers. In GGUF these models
// are written as llama.
#include "model/family.h"

namespace hyprstream::model {
namespace {

void Read(const ConfigSource& source, ModelConfig& config) {
  ReadCommon(source, {.max_position_embeddings = 131072}, config);
  // The field absent means the class's default; null means none.
  const int64_t absent = source.Has("sliding_window") ? 0 : 4096;
  config.window.assign(static_cast<size_t>(config.num_hidden_layers),
                       source.Int("sliding_window").value_or(absent));
}

}  // namespace

constexpr FamilyDescription kMistralFamily{Family::kMistral, "mistral", "", Read};

}  // namespace hyprstream::model
