#include "model/tensor_source.h"

#include <cstring>

#include "base/error.h"
#include "model/gguf_names.h"

namespace hyprstream::model {
namespace {

class FilesSource final : public TensorSource {
 public:
  FilesSource(const formats::ModelFiles& files, const ModelConfig& config)
      : files_(files), config_(config) {
    // Some checkpoints of the bare decoder lack the prefix.
    bare_names_ = files_.gguf() == nullptr && Lookup("model.embed_tokens.weight") == nullptr &&
                  Lookup("embed_tokens.weight") != nullptr;
  }

  std::optional<SourceTensor> Find(std::string_view name, const Shape& shape) override {
    return files_.gguf() != nullptr ? FindGguf(name, shape) : FindHuggingFace(name, shape);
  }

  void Release(const TensorView& view) override {
    if (const MappedFile* mapping = files_.MappingOf(view)) mapping->DropPages(view.bytes);
  }
  std::string where() const override { return files_.path().string(); }
  uint64_t total_bytes() const override { return files_.tensor_bytes(); }

 private:
  const TensorView* Lookup(std::string_view name) const { return files_.Find(name); }

  std::optional<SourceTensor> FindHuggingFace(std::string_view name, const Shape& shape) const {
    std::string_view spelled = name;
    if (bare_names_ && spelled.starts_with("model.")) spelled.remove_prefix(6);
    const TensorView* view = Lookup(spelled);
    if (view == nullptr) return std::nullopt;
    CheckShape(spelled, view->shape, shape);
    return SourceTensor{*view};
  }

  std::optional<SourceTensor> FindGguf(std::string_view name, const Shape& shape) const {
    const std::optional<GgufName> gguf = ToGgufName(name);
    if (!gguf) return std::nullopt;
    const TensorView* view = Lookup(gguf->name);
    if (view == nullptr) return std::nullopt;
    if (gguf->expert >= 0) {
      const Shape stacked{config_.moe.experts, shape[0], shape[1]};
      CheckShape(gguf->name, view->shape, stacked);
      return SourceTensor{view->Rows(gguf->expert * shape[0], shape[0])};
    }
    CheckShape(gguf->name, view->shape, shape);
    if (config_.interleaved_rope) {
      if (gguf->name.find(".attn_q.") != std::string::npos) {
        return RotateHalfRows(*view, config_.num_attention_heads);
      }
      if (gguf->name.find(".attn_k.") != std::string::npos) {
        return RotateHalfRows(*view, config_.num_key_value_heads);
      }
    }
    return SourceTensor{*view};
  }

  // llama.cpp's converter puts the two halves of a head's rows side by side: its row 2i is our row
  // i, its row 2i + 1 our row head_dim/2 + i. Whole rows move, so any quantisation survives. A bias
  // counts as rows of one element.
  SourceTensor RotateHalfRows(const TensorView& view, int64_t heads) const {
    const int64_t total = view.shape[0];
    const int64_t head_dim = total / heads;
    const size_t row_bytes = view.bytes.size() / static_cast<size_t>(total);
    auto moved = std::make_shared<AlignedBuffer>(view.bytes.size());
    for (int64_t row = 0; row < total; ++row) {
      const int64_t head = row / head_dim;
      const int64_t i = row % head_dim;
      const int64_t half = head_dim / 2;
      const int64_t source = head * head_dim + (i < half ? 2 * i : 2 * (i - half) + 1);
      std::memcpy(moved->data() + static_cast<size_t>(row) * row_bytes,
                  view.bytes.data() + static_cast<size_t>(source) * row_bytes, row_bytes);
    }
    return {{view.dtype, view.shape, {moved->data(), moved->size()}}, moved};
  }

  void CheckShape(std::string_view name, const Shape& found, const Shape& expected) const {
    if (found == expected) return;
    throw Error(ErrorCode::kDataLoss,
                {.message = "tensor " + std::string(name) + " does not fit the configuration",
                 .expected = "shape " + expected.ToString(),
                 .found = found.ToString(),
                 .where = where()});
  }

  const formats::ModelFiles& files_;
  const ModelConfig& config_;
  bool bare_names_ = false;
};

}  // namespace

std::unique_ptr<TensorSource> MakeFilesSource(const formats::ModelFiles& files,
                                              const ModelConfig& config) {
  return std::make_unique<FilesSource>(files, config);
}

}  // namespace hyprstream::model
