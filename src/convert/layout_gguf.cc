#include <algorithm>
#include <map>

#include "base/error.h"
#include "convert/layout.h"
#include "formats/small_files.h"
#include "model/architecture_metadata.h"
#include "model/gguf_names.h"
#include "model/rope_frequencies.h"

namespace hyprstream::convert {
namespace {

bool IsLeftOut(const std::string& name, const model::ModelConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") ||
         (name == "lm_head.weight" && config.tie_word_embeddings);
}

class Builder {
 public:
  Builder(const formats::ModelFiles& files, const model::ModelConfig& config)
      : files_(files),
        config_(config),
        pairs_(model::GgufArchitecture(config.family) == "llama"),
        bare_(files.Find("model.embed_tokens.weight") == nullptr &&
              files.Find("embed_tokens.weight") != nullptr) {
    for (const auto& [name, view] : files.tensors()) Add(name, view);
  }

  std::vector<LaidTensor> Finish() && {
    std::vector<LaidTensor> laid;
    for (auto& [name, group] : groups_) laid.push_back(TensorOf(name, std::move(group)));
    if (config_.rope.kind == model::RopeKind::kLlama3) laid.push_back(RopeFactors());
    std::ranges::stable_sort(laid, {}, [](const LaidTensor& tensor) {
      if (tensor.name == "rope_freqs.weight") return int64_t{-2};
      if (tensor.name == "token_embd.weight") return int64_t{-1};
      return tensor.layer < 0 ? INT64_MAX : tensor.layer;
    });
    return laid;
  }

 private:
  /// What becomes one tensor: a single part, or an expert's each.
  struct Group {
    std::map<int64_t, Part> parts;
    bool stacked = false;
  };

  void Add(const std::string& file_name, const TensorView& view) {
    const bool prefixed = file_name.starts_with("model.") || file_name.starts_with("lm_head.");
    const std::string name = bare_ && !prefixed ? "model." + file_name : file_name;
    if (IsLeftOut(name, config_)) return;
    const std::optional<model::GgufName> gguf = model::ToGgufName(name);
    if (!gguf || view.shape.rank() < 1 || view.shape.rank() > 2) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "GGUF has no place for a tensor of the model",
                   .found = formats::Quote(file_name) + " " + view.shape.ToString(),
                   .where = files_.path().string(),
                   .hint = "write the model as safetensors"});
    }
    Part part{.name = name, .view = view};
    const bool rotated = gguf->name.find(".attn_q.") != std::string::npos ||
                         gguf->name.find(".attn_k.") != std::string::npos;
    if (pairs_ && rotated) {
      if (view.shape[0] % config_.head_dim != 0) FailHeads(file_name, view.shape);
      part.order = {.move = RowOrder::Move::kPair, .head_dim = config_.head_dim};
      if (view.shape.rank() == 1) part.view.shape = {view.shape[0], 1};
    }
    Group& group = groups_[gguf->name];
    group.stacked = gguf->expert >= 0;
    group.parts.emplace(std::max<int64_t>(gguf->expert, 0), std::move(part));
  }

  [[noreturn]] void FailHeads(const std::string& name, const Shape& shape) const {
    throw Error(ErrorCode::kDataLoss,
                {.message = "a tensor does not fit the model's configuration",
                 .expected = "whole heads of " + std::to_string(config_.head_dim) + " rows",
                 .found = shape.ToString(),
                 .where = files_.path().string() + ": " + formats::Quote(name)});
  }

  LaidTensor TensorOf(const std::string& name, Group group) const {
    const Part& first = group.parts.begin()->second;
    const bool vector = files_.Find(SourceName(first.name))->shape.rank() == 1;
    LaidTensor laid{.name = name,
                    .shape = vector ? Shape{first.view.shape[0]} : first.view.shape,
                    .parts = {},
                    .layer = model::LayerOf(first.name),
                    .small = vector || name.ends_with(".ffn_gate_inp.weight")};
    if (group.stacked) laid.shape = StackedShape(name, group);
    for (auto& [expert, part] : group.parts) laid.parts.push_back(std::move(part));
    return laid;
  }

  std::string SourceName(const std::string& name) const {
    return files_.Find(name) == nullptr ? name.substr(std::string_view("model.").size()) : name;
  }

  Shape StackedShape(const std::string& name, const Group& group) const {
    const TensorView& first = group.parts.begin()->second.view;
    const bool uniform = std::ranges::all_of(group.parts, [&](const auto& part) {
      return part.second.view.shape == first.shape && part.second.view.dtype == first.dtype;
    });
    if (std::ssize(group.parts) != config_.moe.experts || !uniform) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the model's experts are not all there, or not all alike",
                   .expected = std::to_string(config_.moe.experts) + " of one shape and type",
                   .found = std::to_string(group.parts.size()),
                   .where = formats::Quote(name)});
    }
    return {config_.moe.experts, first.shape[0], first.shape[1]};
  }

  /// What llama.cpp divides the frequencies of rotation by.
  LaidTensor RopeFactors() const {
    LaidTensor laid{.name = "rope_freqs.weight",
                    .shape = {},
                    .parts = {},
                    .values = model::RopeFactorsOf(config_),
                    .small = true};
    laid.shape = {std::ssize(laid.values)};
    return laid;
  }

  const formats::ModelFiles& files_;
  const model::ModelConfig& config_;
  const bool pairs_;
  const bool bare_;
  std::map<std::string, Group> groups_;
};

}  // namespace

std::vector<LaidTensor> LayForGguf(const formats::ModelFiles& files,
                                   const model::ModelConfig& config) {
  return Builder(files, config).Finish();
}

}  // namespace hyprstream::convert
