// Losses at target positions: the head's product, the loss of every row and what flows back to the
// hidden rows, a tile of rows at a time. No more logits exist than the options allow, whatever the
// number of targets; each is computed once. Rows are independent of the tiling and of the threads.
#pragma once

#include <cstdint>
#include <span>

#include "ops/linear.h"

namespace hyprstream::ops {

enum class LossKind {
  kCrossEntropy,  // −(1 − ε)·log p[label] − ε/V · Σ_v log p[v]
  kForwardKl,     // Σ_v p_t (log p_t − log p), p and p_t of logits / temperature, without T²
  kReverseKl,     // Σ_v p (log p − log p_t), the same
  kMeanSquare,    // Σ_v (z − z_t)² / V of the logits
};

/// A label that takes no part.
inline constexpr int32_t kIgnoredLabel = -100;

struct TokenLossOptions {
  LossKind kind = LossKind::kCrossEntropy;
  float label_smoothing = 0.0f;              // ε, spread over all V classes, the label included
  float temperature = 1.0f;                  // of the two divergences
  int64_t logits_bytes = int64_t{32} << 20;  // held at a time; one row's are held in any case
};

struct TokenLossInput {
  const LinearWeight& head;              // [V, hidden]
  ConstMatrix hidden;                    // [targets, hidden], after the final norm
  std::span<const int32_t> labels = {};  // [targets], below V or kIgnoredLabel; cross-entropy only
  ConstMatrix teacher = {};  // [targets, hidden] through the same head; not for cross-entropy
  std::span<const float> weights = {};  // [targets]; empty: 1 each
};

struct TokenLossSum {
  double loss = 0;    // Σ weight · loss over the rows that take part
  double weight = 0;  // Σ weight over them
};

/// dhidden [targets, hidden] receives the gradient of the sum; without memory (data == nullptr)
/// only the loss is computed.
TokenLossSum TokenLoss(Context& context, const TokenLossInput& input,
                       const TokenLossOptions& options, Matrix dhidden);

}  // namespace hyprstream::ops
