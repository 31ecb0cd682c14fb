// An adapter in GGUF for a small Llama and a small mixture of experts. Whatever is accepted has
// weights in every module that it counts; one of zeros has no module.
#include <cstddef>
#include <cstdint>

#include "adapters/gguf_adapter.h"
#include "base/error.h"
#include "memory_file.h"

namespace hyprstream {
namespace {

model::ModelConfig SmallConfig(model::Family family, int64_t experts) {
  model::ModelConfig config;
  config.family = family;
  config.vocab_size = 64;
  config.hidden_size = 8;
  config.intermediate_size = 16;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 4;
  config.moe = {.experts = experts, .experts_per_token = 1, .intermediate_size = 8};
  config.window.assign(2, 0);
  config.sparse_layer.assign(2, experts > 0);
  return config;
}

void Open(const fuzz::MemoryFile& file, const model::ModelConfig& config) {
  try {
    const auto adapter = adapters::OpenGgufAdapter(file.path(), config);
    HYPR_CHECK((adapter->parameters() > 0) == !adapter->modules().empty());
    HYPR_CHECK(adapter->content_hash().size() == 64);
  } catch (const Error&) {
    // Refused, as it should be.
    return;
  }
}

}  // namespace
}  // namespace hyprstream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  static const model::ModelConfig kDense = SmallConfig(model::Family::kLlama, 0);
  static const model::ModelConfig kExperts = SmallConfig(model::Family::kQwen3Moe, 3);
  const fuzz::MemoryFile file(data, size);
  Open(file, kDense);
  Open(file, kExperts);
  return 0;
}
