#include "model/random_model.h"

#include <array>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "model/decoder.h"
#include "model/tensor_source.h"
#include "model/weights.h"
#include "tensor/float16.h"

namespace hyprstream::model {
namespace {

// SplitMix64 (Steele et al. 2014).
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [−1, 1).
  float NextUnit() { return static_cast<float>(static_cast<int64_t>(Next()) >> 40) * 0x1p-23f; }

 private:
  uint64_t state_;
};

uint64_t SeedOf(std::string_view name) {
  uint64_t seed = 14695981039346656037u;  // FNV-1a
  for (const char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return seed;
}

// Where a block type keeps its 16-bit scales; every other byte may be anything.
std::array<size_t, 2> ScaleOffsets(DType type) {
  switch (type) {
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108, 108};
    case DType::kQ6_K:
      return {208, 208};
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    default:
      return {0, 0};
  }
}

void FillBlocks(DType type, Generator& random, std::byte* out, size_t bytes) {
  const auto block = static_cast<size_t>(Info(type).block_bits / 8);
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    const uint64_t word = random.Next();
    std::memcpy(out + i, &word, 8);
  }
  const std::array<size_t, 2> scales = ScaleOffsets(type);
  for (size_t begin = 0; begin < bytes; begin += block) {
    for (const size_t offset : scales) {
      const uint16_t scale = F32ToF16(1e-4f + 1e-4f * std::abs(random.NextUnit()));
      std::memcpy(out + begin + offset, &scale, 2);
    }
  }
}

void FillFloats(DType type, Generator& random, float magnitude, std::byte* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = magnitude * random.NextUnit();
    if (type == DType::kF32) {
      std::memcpy(out + i * 4, &value, 4);
    } else {
      const uint16_t half = type == DType::kBF16 ? F32ToBF16(value) : F32ToF16(value);
      std::memcpy(out + i * 2, &half, 2);
    }
  }
}

class RandomSource final : public TensorSource {
 public:
  RandomSource(const ModelConfig& config, DType type) : config_(config), type_(type) {}

  std::optional<SourceTensor> Find(std::string_view name, const Shape& shape) override {
    if (name == "rope_freqs.weight") return std::nullopt;
    const bool matrix = shape.rank() == 2 && !name.ends_with("mlp.gate.weight");
    const DType type = matrix ? type_ : DType::kF32;
    if (!RowBytes(type, static_cast<uint64_t>(shape[-1]))) {
      throw Error(ErrorCode::kInvalidArgument,
                  {.message = "rows of this shape cannot be stored in this type",
                   .expected = "a multiple of " + std::to_string(Info(type).block_elements),
                   .found = std::to_string(shape[-1]) + " elements, " + std::string(Name(type)),
                   .where = std::string(name)});
    }
    const TensorView untaken{type, shape, {}};
    const auto size = static_cast<size_t>(untaken.rows()) * untaken.row_bytes();
    const std::shared_ptr<std::byte> bytes = slabs_.Allocate(size);
    Generator random(SeedOf(name));
    if (IsQuantized(type)) {
      FillBlocks(type, random, bytes.get(), size);
    } else {
      const float magnitude = matrix ? 1.0f / std::sqrt(static_cast<float>(shape[-1])) : 1.0f;
      FillFloats(type, random, magnitude, bytes.get(), shape.elements());
    }
    return SourceTensor{{type, shape, {bytes.get(), size}}, bytes};
  }
  void Release(const TensorView&) override {}
  std::string where() const override { return "random weights"; }
  uint64_t total_bytes() const override {
    const DTypeInfo& info = Info(type_);
    return static_cast<uint64_t>(config_.parameters()) * static_cast<uint64_t>(info.block_bits) /
           8 / static_cast<uint64_t>(info.block_elements);
  }

 private:
  const ModelConfig& config_;
  DType type_;
  SlabMemory slabs_;
};

struct PublishedModel {
  std::string_view name;
  Family family;
  int64_t vocab, hidden, layers, heads, kv_heads, head_dim, intermediate;
  double theta;
};

constexpr std::array kPublished = {
    PublishedModel{"qwen3-0.6b", Family::kQwen3, 151936, 1024, 28, 16, 8, 128, 3072, 1e6},
    PublishedModel{"qwen3-1.7b", Family::kQwen3, 151936, 2048, 28, 16, 8, 128, 6144, 1e6},
    PublishedModel{"qwen3-4b", Family::kQwen3, 151936, 2560, 36, 32, 8, 128, 9728, 1e6},
    PublishedModel{"qwen3-8b", Family::kQwen3, 151936, 4096, 36, 32, 8, 128, 12288, 1e6},
    PublishedModel{"llama-3.2-1b", Family::kLlama, 128256, 2048, 16, 32, 8, 64, 8192, 5e5},
    PublishedModel{"smollm2-135m", Family::kLlama, 49152, 576, 30, 9, 3, 64, 1536, 1e5},
};

constexpr auto kPublishedNames = [] {
  std::array<std::string_view, kPublished.size()> names;
  for (size_t i = 0; i < kPublished.size(); ++i) names[i] = kPublished[i].name;
  return names;
}();

}  // namespace

std::shared_ptr<const Model> MakeRandomModel(const ModelConfig& config, DType type,
                                             ops::Context& context, const LoadOptions& options) {
  ValidateConfig(config, "random model");
  RandomSource source(config, type);
  Reservation reservation;
  if (options.budget != nullptr) {
    reservation =
        Reservation(*options.budget, MemoryUse::kWeights, {source.total_bytes()}, "a random model");
  }
  Weights weights = ReadWeights(source, config, context, options);
  return std::make_shared<Decoder>(config, std::move(weights), nullptr,
                                   "random-" + std::string(Name(type)), std::move(reservation));
}

std::optional<ModelConfig> PublishedShape(std::string_view name) {
  for (const PublishedModel& shape : kPublished) {
    if (shape.name != name) continue;
    ModelConfig config;
    config.family = shape.family;
    config.vocab_size = shape.vocab;
    config.hidden_size = shape.hidden;
    config.intermediate_size = shape.intermediate;
    config.num_hidden_layers = shape.layers;
    config.num_attention_heads = shape.heads;
    config.num_key_value_heads = shape.kv_heads;
    config.head_dim = shape.head_dim;
    config.max_position_embeddings = 40960;
    config.tie_word_embeddings = true;
    config.qk_norm = shape.family == Family::kQwen3;
    config.rope.theta = shape.theta;
    config.window.assign(static_cast<size_t>(shape.layers), 0);
    config.sparse_layer.assign(static_cast<size_t>(shape.layers), false);
    return config;
  }
  return std::nullopt;
}

std::span<const std::string_view> PublishedShapeNames() { return kPublishedNames; }

}  // namespace hyprstream::model
