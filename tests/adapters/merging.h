// An adapter of random values merged into a fixture, and the logits of all three.
#pragma once

#include <filesystem>
#include <utility>

#include "adapters/adapter_files.h"
#include "adapters/export_merged.h"
#include "adapters/stored_case.h"
#include "model/architecture_metadata.h"
#include "model/harness.h"

namespace hyprstream::testing {

// Logits of these models are of the size of one; f32 sums of two orders differ by 1e-5 or less.
inline constexpr float kExactTolerance = 1e-4f;

class Merging {
 public:
  /// `tokens`: how many the logits are computed of.
  Merging(std::filesystem::path base, const StoredCase& made, int32_t tokens = 24)
      : path_(std::move(base)),
        tokens_(tokens),
        files_(formats::ModelFiles::Open(path_)),
        config_(model::ReadConfig(*files_)),
        stored_(MakeStored(folder_ / "version", config_, made)) {}

  adapters::MergeResult WriteSafetensors(
      adapters::MergeType type = adapters::MergeType::kAsBase) const {
    return adapters::ExportMergedSafetensors(*files_, config_, stored_->views(), merged(), type);
  }
  adapters::MergeResult WriteGguf(adapters::MergeType type = adapters::MergeType::kAsBase) const {
    return adapters::ExportMergedGguf(*files_, config_, stored_->views(), merged(), type);
  }
  std::filesystem::path merged() const { return folder_ / "merged"; }
  const formats::ModelFiles& files() const { return *files_; }

  Tensor LogitsOfBase(std::vector<model::AdapterUse> adapters = {}) const {
    return Logits(path_, std::move(adapters));
  }
  Tensor LogitsBeside() const { return LogitsOfBase({{.views = &stored_->views(), .scale = 1}}); }
  Tensor LogitsMerged() const { return Logits(merged(), {}); }

 private:
  Tensor Logits(const std::filesystem::path& model, std::vector<model::AdapterUse> adapters) const {
    Compute compute;
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < tokens_; ++i) {
      ids.push_back((i * 37 + 11) % static_cast<int32_t>(config_.vocab_size));
    }
    const auto loaded = LoadExact(model, compute.context);
    return RunModel(*loaded, compute.context, ids, {.adapters = std::move(adapters)});
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_;
  const int32_t tokens_;
  const std::shared_ptr<const formats::ModelFiles> files_;
  const model::ModelConfig config_;
  const std::shared_ptr<const adapters::StoredAdapter> stored_;
};

inline float Largest(const Tensor& logits) {
  float largest = 0;
  for (const float value : logits.As<float>()) largest = std::max(largest, std::abs(value));
  return largest;
}

inline float Difference(const Tensor& a, const Tensor& b) {
  return MaxDifference(a.As<float>(), b.As<float>());
}

}  // namespace hyprstream::testing
