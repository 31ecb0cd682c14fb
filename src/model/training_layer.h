// One layer of the decoder forward and backward over whole sequences. What a layer must remember is
// given memory by the caller, so that the same code serves a first pass, a pass that remembers
// nothing and the repetition of a forgotten layer, which gives equal bits. Private to TrainingPass.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "model/decoder.h"
#include "model/feed_forward.h"
#include "model/gradient_sink.h"
#include "ops/causal_attention.h"
#include "ops/rope.h"

namespace hyprstream::model {

/// What all layers of a step share.
struct TrainingStep {
  const Decoder& decoder;
  std::span<const ops::RowRange> sequences = {};
  std::span<const AdapterUse> adapters = {};
  int64_t rows = 0;
  ops::RopeTable rope = {};
  ops::RopeTable opposite_rope = {};
};

/// What backward needs of one layer. Norms' results and SwiGLU's are made again.
struct LayerActivations {
  struct Expert {
    ExpertRows routed = {};
    Matrix gate = {};  // [its rows, intermediate]
    Matrix up = {};
  };

  Matrix input = {};     // [rows, hidden]
  Matrix q = {};         // [rows, heads · head_dim]: with head norms before them, else rotated
  Matrix k = {};         // [rows, kv_heads · head_dim]: the same
  Matrix v = {};         // [rows, kv_heads · head_dim]
  Matrix attended = {};  // as q
  Matrix log_sum = {};   // [rows, heads]
  Matrix middle = {};    // [rows, hidden]: after the attention's residual sum
  Matrix gate = {};      // [rows, intermediate]; dense layers
  Matrix up = {};
  std::vector<Expert> experts = {};
};

class TrainingLayer {
 public:
  TrainingLayer(const TrainingStep& step, int64_t layer)
      : step_(step),
        config_(step.decoder.config()),
        weights_(step.decoder.weights().layers[static_cast<size_t>(layer)]),
        layer_(layer) {}

  /// Floats that Allocate takes, at most.
  int64_t ActivationFloats() const;
  /// Everything but `input`, whose memory is the caller's.
  LayerActivations Allocate(ops::Scratch& memory, Matrix input) const;

  /// Fills `kept` from kept.input. The experts' part is allocated from `memory`. `out` [rows,
  /// hidden] receives the layer's output and may be kept.input; without memory (data == nullptr)
  /// only what is kept is computed.
  void Forward(ops::Context& context, ops::Scratch& memory, LayerActivations& kept,
               Matrix out) const;

  /// kBelow: `d` becomes the gradient of the layer's input. kLowest: nothing below is wanted; only
  /// what the sink wants of this layer is computed and `d` is spent.
  enum class Depth { kBelow, kLowest };
  /// `d` [rows, hidden]: the gradient of the layer's output. kept.gate and kept.up are spent.
  void Backward(ops::Context& context, LayerActivations& kept, Depth depth, Matrix d,
                GradientSink& sink) const;

 private:
  struct Rotated {
    Matrix q;
    Matrix k;
  };
  struct Term {
    const ops::LinearWeight* weight;
    Module module;
    ConstMatrix dy;
  };
  /// An expert's rows, or all rows of a dense layer.
  struct Part {
    int64_t expert = 0;
    std::span<const AdapterUse> adapters;
    std::span<const int32_t> batch_rows = {};
  };

  void ForwardAttention(ops::Context& context, LayerActivations& kept) const;
  void ForwardMlp(ops::Context& context, LayerActivations& kept, Matrix out) const;
  void ForwardExperts(ops::Context& context, ops::Scratch& memory, LayerActivations& kept,
                      Matrix out) const;
  void GateUp(ops::Context& context, const MlpWeights& weights, const Part& part, ConstMatrix h,
              Matrix gate, Matrix up) const;
  void Down(ops::Context& context, const MlpWeights& weights, const Part& part, ConstMatrix gate,
            ConstMatrix up, Matrix y) const;

  void BackwardMlp(ops::Context& context, LayerActivations& kept, Depth depth, Matrix d,
                   GradientSink& sink) const;
  void BackwardExperts(ops::Context& context, LayerActivations& kept, Depth depth, Matrix d,
                       GradientSink& sink) const;
  /// dh of one SwiGLU block, overwritten; nothing when `dh` has no memory.
  void BackwardSwiGlu(ops::Context& context, const MlpWeights& weights, const Part& part,
                      ConstMatrix h, Matrix gate, Matrix up, ConstMatrix dy, Matrix dh,
                      GradientSink& sink) const;
  void BackwardAttention(ops::Context& context, const LayerActivations& kept, Depth depth, Matrix d,
                         GradientSink& sink) const;
  void BackwardQkv(ops::Context& context, const LayerActivations& kept, Matrix dattended,
                   Depth depth, Matrix d, GradientSink& sink) const;
  /// Gives every term to the sink; then dx = Σ dy (W + adapters), unless dx has no memory.
  void BackwardLinear(ops::Context& context, const Part& part, ConstMatrix x,
                      std::span<const Term> terms, Matrix dx, GradientSink& sink) const;

  /// kept.q and kept.k as attention sees them, in scratch where they are kept otherwise.
  Rotated RotatedHeads(ops::Context& context, const LayerActivations& kept) const;
  /// The MLP's input, norm(middle), in scratch.
  Matrix MlpInput(ops::Context& context, const LayerActivations& kept) const;
  ops::CausalAttentionInput AttentionInput(Rotated heads, ConstMatrix v) const;
  bool WantsAny(const GradientSink& sink, std::initializer_list<Module> modules) const;
  Part WholeBatch() const { return {.adapters = step_.adapters}; }

  const TrainingStep& step_;
  const ModelConfig& config_;
  const LayerWeights& weights_;
  int64_t layer_;
};

}  // namespace hyprstream::model
