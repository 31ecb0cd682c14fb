// A model of a given shape with random weights and no files: what speed is measured on.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "model/model.h"

namespace hyprstream::model {

/// Weight matrices of `type` (a float type or any quantised one), everything else F32. The same
/// configuration and type give the same weights. Errors: kInvalidArgument when a row is not a
/// multiple of the type's block; kResourceExhausted.
std::shared_ptr<const Model> MakeRandomModel(const ModelConfig& config, DType type,
                                             ops::Context& context,
                                             const LoadOptions& options = {});

/// Published shapes by name: qwen3-0.6b, qwen3-1.7b, qwen3-4b, qwen3-8b, llama-3.2-1b,
/// smollm2-135m. Nothing for an unknown name.
std::optional<ModelConfig> PublishedShape(std::string_view name);
std::span<const std::string_view> PublishedShapeNames();

}  // namespace hyprstream::model
