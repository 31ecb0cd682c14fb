#include "model/weights.h"

#include <algorithm>

#include "base/error.h"
#include "tensor/dequantize.h"

namespace hyprstream::model {
namespace {

class Reader {
 public:
  Reader(TensorSource& source, ops::Context& context, const LoadOptions& options,
         const RepackedFile* repacked, Weights& weights)
      : source_(source),
        context_(context),
        options_(options),
        repacked_(repacked),
        weights_(weights),
        progress_(options.progress, "loading weights", source.total_bytes()) {}

  ops::LinearWeight Linear(const std::string& name, int64_t out, int64_t in,
                           bool has_bias = false) {
    std::optional<SourceTensor> bias;
    if (has_bias) {
      bias = Require(name + ".bias", {out});
      Keep(*bias);
    }
    const std::optional<TensorView> bias_view =
        bias ? std::optional(bias->view) : std::optional<TensorView>();
    if (std::optional<ops::LinearWeight> linear = FromRepacked(name, out, in, bias_view)) {
      progress_.Advance(linear->weight_bytes());
      return *std::move(linear);
    }
    const SourceTensor weight = Require(name + ".weight", {out, in});
    ops::LinearWeight linear = Create(weight, bias_view, name);
    if (linear.owned_bytes() > 0) {
      source_.Release(weight.view);
    } else {
      Keep(weight);
    }
    progress_.Advance(weight.view.bytes.size());
    return linear;
  }

  /// The head of tied weights: the embedding once more, as a linear weight.
  ops::LinearWeight Tied(const TensorView& table, const std::string& name) {
    const Shape& shape = table.shape;
    if (auto linear = FromRepacked(name, shape[0], shape[1], std::nullopt)) {
      return *std::move(linear);
    }
    return Create({table}, std::nullopt, name);
  }

  std::vector<float> Vector(const std::string& name, int64_t size) {
    const SourceTensor tensor = Require(name, {size});
    const Tensor widened = DequantizeToF32(tensor.view);
    const std::span<const float> values = widened.As<float>();
    weights_.bytes += values.size_bytes();
    return {values.begin(), values.end()};
  }

  TensorView Table(const std::string& name, int64_t rows, int64_t cols) {
    const SourceTensor table = Require(name, {rows, cols});
    if (!CanDequantize(table.view.dtype)) {
      throw Error(ErrorCode::kUnsupported, {.message = "cannot compute with this tensor's type",
                                            .found = std::string(Name(table.view.dtype)),
                                            .where = source_.where() + ": " + name});
    }
    Keep(table);
    weights_.bytes += table.view.bytes.size();
    progress_.Advance(table.view.bytes.size());
    return table.view;
  }

  std::optional<SourceTensor> Find(const std::string& name, const Shape& shape) {
    return source_.Find(name, shape);
  }

  void Finish() { progress_.Finish(); }

 private:
  std::optional<ops::LinearWeight> FromRepacked(const std::string& name, int64_t out, int64_t in,
                                                const std::optional<TensorView>& bias) {
    const RepackedTensor* found = repacked_ == nullptr ? nullptr : repacked_->Find(name, out, in);
    if (found == nullptr || found->strips.empty() ||
        found->strips.size() != ops::LinearWeight::PackedBytes(found->dtype, {out, in})) {
      return std::nullopt;
    }
    return Count(name, [&] {
      return ops::LinearWeight::FromPacked(found->dtype, {out, in}, found->strips, bias);
    });
  }

  ops::LinearWeight Create(const SourceTensor& weight, const std::optional<TensorView>& bias,
                           const std::string& name) {
    ops::LinearWeight linear = Count(name, [&] {
      return ops::LinearWeight::Create(context_, weight.view, bias, options_.arithmetic, &slabs_);
    });
    if (!linear.packed().empty()) {
      weights_.packed_here.push_back({.name = name,
                                      .dtype = linear.dtype(),
                                      .rows = linear.out_features(),
                                      .cols = linear.in_features(),
                                      .strips = linear.packed()});
    }
    return linear;
  }

  template <typename Make>
  ops::LinearWeight Count(const std::string& name, Make&& make) {
    try {
      ops::LinearWeight linear = make();
      weights_.bytes += linear.owned_bytes() > 0 ? linear.owned_bytes() : linear.weight_bytes();
      return linear;
    } catch (const Error& error) {
      throw error.Within(source_.where() + ": " + name);
    }
  }

  SourceTensor Require(const std::string& name, const Shape& shape) {
    std::optional<SourceTensor> tensor = source_.Find(name, shape);
    if (!tensor) {
      throw Error(ErrorCode::kDataLoss, {.message = "a tensor of the model is missing",
                                         .expected = name + " " + shape.ToString(),
                                         .where = source_.where()});
    }
    return *std::move(tensor);
  }

  void Keep(const SourceTensor& tensor) {
    if (tensor.storage != nullptr) weights_.storage.push_back(tensor.storage);
  }

  TensorSource& source_;
  ops::Context& context_;
  const LoadOptions& options_;
  const RepackedFile* repacked_;
  Weights& weights_;
  SlabMemory slabs_;
  Progress progress_;
};

AttentionWeights ReadAttention(Reader& reader, const ModelConfig& config,
                               const std::string& layer) {
  const std::string attention = layer + "self_attn.";
  const int64_t heads = config.num_attention_heads * config.head_dim;
  const int64_t kv_heads = config.num_key_value_heads * config.head_dim;
  const int64_t hidden = config.hidden_size;
  AttentionWeights weights{
      .norm = reader.Vector(layer + "input_layernorm.weight", hidden),
      .q = reader.Linear(attention + "q_proj", heads, hidden, config.qkv_bias),
      .k = reader.Linear(attention + "k_proj", kv_heads, hidden, config.qkv_bias),
      .v = reader.Linear(attention + "v_proj", kv_heads, hidden, config.qkv_bias),
      .o = reader.Linear(attention + "o_proj", hidden, heads, config.output_bias),
      .q_norm = {},
      .k_norm = {}};
  if (config.qk_norm) {
    weights.q_norm = reader.Vector(attention + "q_norm.weight", config.head_dim);
    weights.k_norm = reader.Vector(attention + "k_norm.weight", config.head_dim);
  }
  return weights;
}

MlpWeights ReadMlp(Reader& reader, const ModelConfig& config, const std::string& mlp,
                   int64_t intermediate) {
  const int64_t hidden = config.hidden_size;
  return {.gate = reader.Linear(mlp + "gate_proj", intermediate, hidden, config.mlp_bias),
          .up = reader.Linear(mlp + "up_proj", intermediate, hidden, config.mlp_bias),
          .down = reader.Linear(mlp + "down_proj", hidden, intermediate, config.mlp_bias)};
}

LayerWeights ReadLayer(Reader& reader, const ModelConfig& config, int64_t index) {
  const std::string layer = "model.layers." + std::to_string(index) + ".";
  LayerWeights weights{
      .attention = ReadAttention(reader, config, layer),
      .mlp_norm = reader.Vector(layer + "post_attention_layernorm.weight", config.hidden_size),
      .router = std::nullopt,
      .mlp = {}};
  if (!config.sparse_layer[static_cast<size_t>(index)]) {
    weights.mlp.push_back(ReadMlp(reader, config, layer + "mlp.", config.intermediate_size));
    return weights;
  }
  weights.router = reader.Linear(layer + "mlp.gate", config.moe.experts, config.hidden_size);
  for (int64_t expert = 0; expert < config.moe.experts; ++expert) {
    weights.mlp.push_back(ReadMlp(reader, config,
                                  layer + "mlp.experts." + std::to_string(expert) + ".",
                                  config.moe.intermediate_size));
  }
  return weights;
}

uint64_t Bytes(const MlpWeights& mlp) {
  return mlp.gate.weight_bytes() + mlp.up.weight_bytes() + mlp.down.weight_bytes();
}

uint64_t BytesPerToken(const Weights& weights, const ModelConfig& config) {
  uint64_t total = weights.head->weight_bytes();
  for (const LayerWeights& layer : weights.layers) {
    const AttentionWeights& a = layer.attention;
    total += a.q.weight_bytes() + a.k.weight_bytes() + a.v.weight_bytes() + a.o.weight_bytes();
    const bool sparse = layer.router.has_value();
    if (sparse) total += layer.router->weight_bytes();
    total +=
        Bytes(layer.mlp.front()) * static_cast<uint64_t>(sparse ? config.moe.experts_per_token : 1);
  }
  return total;
}

}  // namespace

Weights ReadWeights(TensorSource& source, const ModelConfig& config, ops::Context& context,
                    const LoadOptions& options, const RepackedFile* repacked) {
  Weights weights;
  Reader reader(source, context, options, repacked, weights);
  const std::string table = "model.embed_tokens.weight";
  weights.embedding = reader.Table(table, config.vocab_size, config.hidden_size);
  weights.layers.reserve(static_cast<size_t>(config.num_hidden_layers));
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    weights.layers.push_back(ReadLayer(reader, config, i));
  }
  weights.final_norm = reader.Vector("model.norm.weight", config.hidden_size);
  if (config.tie_word_embeddings) {
    weights.head.emplace(reader.Tied(weights.embedding, table));
    if (weights.head->owned_bytes() == 0) weights.bytes -= weights.embedding.bytes.size();
  } else {
    weights.head.emplace(reader.Linear("lm_head", config.vocab_size, config.hidden_size));
  }
  if (reader.Find("rope_freqs.weight", {config.head_dim / 2})) {
    weights.rope_factors = reader.Vector("rope_freqs.weight", config.head_dim / 2);
  }
  weights.bytes_per_token = BytesPerToken(weights, config);
  reader.Finish();
  return weights;
}

}  // namespace hyprstream::model
