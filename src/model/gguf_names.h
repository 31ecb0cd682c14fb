// llama.cpp's tensor names for Hugging Face's, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::model {

struct GgufName {
  std::string name;
  int64_t expert = -1;  // index into a stacked tensor [experts, rows, cols]; -1: the whole tensor
};

/// "model.layers.3.self_attn.q_proj.weight" → "blk.3.attn_q.weight". Nothing for an unknown name.
std::optional<GgufName> ToGgufName(std::string_view hugging_face_name);

struct HuggingFaceName {
  std::string name;      // of a stack: with "{}" for the expert's number
  bool stacked = false;  // the tensor holds every expert's: [experts, rows, cols]

  std::string ExpertName(int64_t expert) const;
};

/// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight". Nothing for an unknown name.
std::optional<HuggingFaceName> FromGgufName(std::string_view gguf_name);

/// 3 for "model.layers.3.…", −1 for what belongs to no layer.
int64_t LayerOf(std::string_view hugging_face_name);

}  // namespace hyprstream::model
