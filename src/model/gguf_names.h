// llama.cpp's tensor names for Hugging Face's.
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

}  // namespace hyprstream::model
