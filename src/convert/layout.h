// A model's tensors under the names, in the order of rows and in the stacks that a format wants, as
// views of where they come from: what is to be written, before anybody chose a type for it. Borrows
// the files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/model_files.h"
#include "model/config.h"
#include "tensor/tensor.h"

namespace hyprstream::convert {

/// In what order the rows of q and k are written. GGUF's Llama has the two halves of a head side by
/// side: its row 2i is row i of Hugging Face, its row 2i + 1 row head_dim/2 + i.
struct RowOrder {
  enum class Move { kNone, kPair, kUnpair };
  Move move = Move::kNone;
  int64_t head_dim = 0;

  /// The row of the source that is written as row `row`.
  int64_t Source(int64_t row) const;
};

/// Rows [rows, cols] of one source tensor; a vector whose elements move is rows of one element.
struct Part {
  std::string name;  // of Hugging Face, "model." before it, whatever the files say
  TensorView view;
  RowOrder order = {};
};

struct LaidTensor {
  std::string name;  // in the format that is written
  Shape shape;
  std::vector<Part> parts;         // one below the other; more than one: a stack of experts
  std::vector<float> values = {};  // instead of parts: a small tensor that was computed
  int64_t layer = -1;              // -1: outside the layers
  /// Vectors and a router's weights: GGUF has them in F32 always, and no format gains by less.
  bool small = false;
};

/// Of a safetensors model, for GGUF: the embedding, the layers, the head; rope_freqs.weight where
/// frequencies are scaled as Llama 3's. A head that is tied is left out. Errors: kUnsupported for a
/// tensor that GGUF has no name for; kDataLoss when experts are missing.
std::vector<LaidTensor> LayForGguf(const formats::ModelFiles& files,
                                   const model::ModelConfig& config);

/// Of a GGUF model, under Hugging Face names. Errors: kUnsupported for a tensor of an unknown name.
std::vector<LaidTensor> LayForSafetensors(const formats::ModelFiles& files,
                                          const model::ModelConfig& config);

/// As they are: what belongs to no layer, then the layers.
std::vector<LaidTensor> LayUnchanged(const formats::ModelFiles& files);

}  // namespace hyprstream::convert
