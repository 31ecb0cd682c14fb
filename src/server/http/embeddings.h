// Embeddings of texts, for every dialect.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/http/token_input.h"
#include "server/service.h"

namespace hyprstream::server {

struct Embeddings {
  std::vector<std::vector<float>> vectors;
  int64_t tokens = 0;
};

/// `dimensions`: the first ones only, made a vector of length 1 again. Errors: kCancelled when
/// called off; those of engine::Embed.
Embeddings ComputeEmbeddings(ops::Context& context, const Speaker& speaker,
                             std::span<const TokenInput> inputs, std::optional<int64_t> dimensions,
                             const std::atomic<bool>& called_off);

/// Little-endian floats in base64.
std::string Base64Floats(std::span<const float> values);

}  // namespace hyprstream::server
