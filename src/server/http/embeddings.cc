#include "server/http/embeddings.h"

#include <openssl/evp.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "engine/reading.h"

namespace hyprstream::server {
namespace {

void Shorten(std::vector<float>& vector, size_t dimensions) {
  vector.resize(dimensions);
  double square = 0;
  for (const float value : vector) square += static_cast<double>(value) * value;
  if (square == 0) return;
  for (float& value : vector) {
    value = static_cast<float>(static_cast<double>(value) / std::sqrt(square));
  }
}

}  // namespace

Embeddings ComputeEmbeddings(ops::Context& context, const Speaker& speaker,
                             std::span<const TokenInput> inputs, std::optional<int64_t> dimensions,
                             const std::atomic<bool>& called_off) {
  Embeddings result;
  for (const TokenInput& input : inputs) {
    if (called_off) throw Error(ErrorCode::kCancelled, {.message = "nobody waits any more"});
    result.vectors.push_back(engine::Embed(context, *speaker.model->loaded.model, input.ids,
                                           {.adapters = speaker.adapters}));
    if (dimensions) Shorten(result.vectors.back(), static_cast<size_t>(*dimensions));
    result.tokens += static_cast<int64_t>(input.ids.size());
  }
  return result;
}

std::string Base64Floats(std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = std::as_bytes(values);
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace hyprstream::server
