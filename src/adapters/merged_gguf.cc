#include "adapters/merged_gguf.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "adapters/base_modules.h"
#include "adapters/merge_rows.h"
#include "base/error.h"
#include "formats/small_files.h"
#include "model/architecture_metadata.h"
#include "model/gguf_names.h"
#include "model/rope_frequencies.h"

namespace hyprstream::adapters {
namespace {

using formats::ByteSink;
using formats::StreamedTensor;

/// A tensor of the base and where it goes.
struct Part {
  MergedRows rows;
  bool vector = false;
};

/// What becomes one tensor: a single part, or an expert's each.
using Group = std::map<int64_t, Part>;

bool IsLeftOut(const std::string& name, const model::ModelConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") ||
         (name == "lm_head.weight" && config.tie_word_embeddings);
}

/// The head_dim where llama.cpp wants rows in pairs, else 0.
int64_t PairedHead(const std::string& gguf_name, const model::ModelConfig& config) {
  if (model::GgufArchitecture(config.family) != "llama") return 0;
  const bool rotated = gguf_name.find(".attn_q.") != std::string::npos ||
                       gguf_name.find(".attn_k.") != std::string::npos;
  return rotated ? config.head_dim : 0;
}

class Builder {
 public:
  Builder(const formats::ModelFiles& files, const model::ModelConfig& config,
          const model::AdapterViews& views)
      : files_(files), config_(config), views_(views), places_(PlacesOf(config)) {
    bare_ = files.Find("model.embed_tokens.weight") == nullptr &&
            files.Find("embed_tokens.weight") != nullptr;
    for (const auto& [name, view] : files.tensors()) Add(name, view);
  }

  MergedTensors Finish(MergeType type) const {
    MergedTensors merged;
    for (const auto& [name, group] : groups_) {
      const bool changed = std::ranges::any_of(
          group, [](const auto& part) { return !part.second.rows.updates.empty(); });
      if (changed) ++merged.changed;
      merged.tensors.push_back(TensorOf(name, group, changed, type));
    }
    if (config_.rope.kind == model::RopeKind::kLlama3) merged.tensors.push_back(RopeFactors());
    std::ranges::stable_sort(merged.tensors, {},
                             [](const StreamedTensor& tensor) { return LayerOf(tensor.name); });
    return merged;
  }

 private:
  void Add(const std::string& file_name, const TensorView& view) {
    const bool prefixed = file_name.starts_with("model.") || file_name.starts_with("lm_head.");
    const std::string name = bare_ && !prefixed ? "model." + file_name : file_name;
    if (IsLeftOut(name, config_)) return;
    const std::optional<model::GgufName> gguf = model::ToGgufName(name);
    if (!gguf || view.shape.rank() < 1 || view.shape.rank() > 2) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "GGUF has no place for a tensor of the base",
                   .found = formats::Quote(file_name) + " " + view.shape.ToString(),
                   .where = files_.path().string(),
                   .hint = "write the model as safetensors"});
    }
    Part part{.rows = {.name = gguf->name, .base = view, .from = {}, .to = {}, .updates = {}},
              .vector = view.shape.rank() == 1};
    if (part.vector) part.rows.base.shape = {view.shape[0], 1};
    part.rows.to.paired_head = PairedHead(gguf->name, config_);
    AddUpdate(name, part);
    groups_[gguf->name].emplace(std::max<int64_t>(gguf->expert, 0), std::move(part));
    if (gguf->expert >= 0) stacked_.insert(gguf->name);
  }

  void AddUpdate(const std::string& name, Part& part) const {
    if (!name.ends_with(".weight")) return;
    const auto place = places_.find(name.substr(0, name.size() - std::string(".weight").size()));
    if (place == places_.end()) return;
    const Place& at = place->second;
    const ops::LowRankView& view = views_.At(at.layer, at.module, at.expert);
    if (view.rank == 0) return;
    if (part.rows.base.rows() != at.shape.out || part.rows.base.cols() != at.shape.in) {
      throw Error(
          ErrorCode::kDataLoss,
          {.message = "a tensor of the base does not fit its configuration",
           .expected = std::to_string(at.shape.out) + " rows of " + std::to_string(at.shape.in),
           .found = part.rows.base.shape.ToString(),
           .where = formats::Quote(name)});
    }
    part.rows.updates.push_back({.first_row = 0, .out = at.shape.out, .view = view});
  }

  StreamedTensor TensorOf(const std::string& name, const Group& group, bool changed,
                          MergeType type) const {
    const Part& first = group.begin()->second;
    const TensorView& base = first.rows.base;
    DType dtype = changed ? TypeOfMerged(base.dtype, type) : base.dtype;
    if (first.vector || name.ends_with(".ffn_gate_inp.weight")) dtype = DType::kF32;
    Shape shape = first.vector ? Shape{base.shape[0]} : base.shape;
    if (stacked_.contains(name)) shape = StackedShape(name, group);
    return {.name = name,
            .dtype = dtype,
            .shape = shape,
            .write = [this_files = &files_, group, dtype](const ByteSink& sink) {
              for (const auto& [expert, part] : group) {
                WritePart(part, dtype, sink);
                if (const MappedFile* mapping = this_files->MappingOf(part.rows.base)) {
                  mapping->DropPages(part.rows.base.bytes);
                }
              }
            }};
  }

  Shape StackedShape(const std::string& name, const Group& group) const {
    const TensorView& first = group.begin()->second.rows.base;
    const bool uniform = std::ranges::all_of(group, [&](const auto& part) {
      return part.second.rows.base.shape == first.shape &&
             part.second.rows.base.dtype == first.dtype;
    });
    if (std::ssize(group) != config_.moe.experts || !uniform) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the base's experts are not all there, or not all alike",
                   .expected = std::to_string(config_.moe.experts) + " of one shape and type",
                   .found = std::to_string(group.size()),
                   .where = formats::Quote(name)});
    }
    return {config_.moe.experts, first.shape[0], first.shape[1]};
  }

  static void WritePart(const Part& part, DType dtype, const ByteSink& sink) {
    const bool as_it_is =
        part.rows.updates.empty() && part.rows.to.paired_head == 0 && part.rows.base.dtype == dtype;
    if (as_it_is) {
      sink(part.rows.base.bytes);
    } else {
      WriteMergedRows(part.rows, dtype, sink);
    }
  }

  /// What llama.cpp divides the frequencies of rotation by.
  StreamedTensor RopeFactors() const {
    model::ModelConfig plain = config_;
    plain.rope.kind = model::RopeKind::kDefault;
    const model::RopeFrequencies unscaled(plain, {}), scaled(config_, {});
    std::vector<float> factors;
    for (size_t i = 0; i < scaled.inv_freq().size(); ++i) {
      factors.push_back(unscaled.inv_freq()[i] / scaled.inv_freq()[i]);
    }
    const auto count = std::ssize(factors);
    return {.name = "rope_freqs.weight",
            .dtype = DType::kF32,
            .shape = {count},
            .write = [factors = std::move(factors)](const ByteSink& sink) {
              sink(std::as_bytes(std::span(factors)));
            }};
  }

  /// Where a tensor stands in the file: the embedding, the layers, the head.
  static int64_t LayerOf(const std::string& name) {
    if (name.starts_with("rope_freqs.")) return -2;
    if (name.starts_with("token_embd.")) return -1;
    int64_t layer = INT64_MAX;
    if (name.starts_with("blk.")) {
      std::from_chars(name.data() + 4, name.data() + name.size(), layer);
    }
    return layer;
  }

  const formats::ModelFiles& files_;
  const model::ModelConfig& config_;
  const model::AdapterViews& views_;
  const Places places_;
  bool bare_ = false;
  std::map<std::string, Group> groups_;
  std::set<std::string> stacked_;
};

}  // namespace

MergedTensors MergeTensorsAsGguf(const formats::ModelFiles& files, const model::ModelConfig& config,
                                 const model::AdapterViews& views, MergeType type) {
  return Builder(files, config, views).Finish(type);
}

}  // namespace hyprstream::adapters
