// PEFT adapters (LoRA): adapter_config.json with adapter_model.safetensors or .bin, or such a file
// of tensors alone, read and checked against the base model's modules, and handed out as one A and
// one B per module. Immutable after Open; views live as long as the object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/any_tensors.h"
#include "formats/peft_config.h"
#include "tensor/tensor.h"

namespace hyprstream::formats {

inline constexpr const char* kPeftConfigName = "adapter_config.json";

/// A weight matrix [out, in] of the base model.
struct ModuleShape {
  int64_t out = 0;
  int64_t in = 0;
};

/// The base model's linear modules that can take an adapter, by their Hugging Face path, such as
/// "model.layers.0.self_attn.q_proj".
using BaseModules = std::map<std::string, ModuleShape, std::less<>>;

/// y = W·x + scale · B·(A·x)
struct PeftModule {
  std::string path;
  int64_t rank = 0;
  double alpha = 0;
  double scale = 0;
  TensorView a;  // [rank, in]; F32, F16 or BF16, every element finite
  TensorView b;  // [out, rank]
};

class PeftAdapter {
 public:
  /// Errors: kNotFound naming the missing file; kDataLoss when the tensors do not fit the
  /// configuration or the base; kUnsupported naming the feature (DoRA, modules_to_save, biases, …).
  static std::shared_ptr<const PeftAdapter> Open(const std::filesystem::path& folder,
                                                 const BaseModules& base);

  /// A file of tensors under PEFT's names, safetensors or PyTorch, told apart by content, with the
  /// adapter_config.json that it carries inside or that lies beside it. Without one ranks are those
  /// of the tensors and every scale is 1: has_config() tells. Errors: as Open.
  static std::shared_ptr<const PeftAdapter> OpenFile(const std::filesystem::path& file,
                                                     const BaseModules& base);

  bool has_config() const { return has_config_; }
  const PeftConfig& config() const { return config_; }
  /// By path.
  std::span<const PeftModule> modules() const { return modules_; }
  /// Modules of the base that the configuration targets but the file has no tensors for: they stay
  /// as they are, as in PEFT.
  std::span<const std::string> untrained() const { return untrained_; }

 private:
  friend class PeftReader;
  PeftAdapter() = default;
  PeftConfig config_;
  bool has_config_ = true;
  std::shared_ptr<const AnyTensors> file_;
  std::vector<PeftModule> modules_;
  std::vector<std::string> untrained_;
};

}  // namespace hyprstream::formats
