#include "engine/page_key.h"

#include <string>

#include "ops/attention.h"

namespace hyprstream::engine {
namespace {

// Lengths are part of what is hashed, so that no two lists of parts read the same.
void UpdateText(Sha256& hash, std::string_view text) {
  const uint64_t size = text.size();
  hash.Update(std::as_bytes(std::span(&size, 1)));
  hash.Update(std::as_bytes(std::span(text)));
}

}  // namespace

PageKey RootKey(const PageContent& content) {
  Sha256 hash;
  UpdateText(hash, "hyprstream page 1");
  UpdateText(hash, content.model_fingerprint);
  UpdateText(hash, Name(content.cache_dtype));
  hash.Update(std::as_bytes(std::span(&content.prompt_tokens, 1)));
  for (const AdapterChoice& choice : content.adapters) {
    UpdateText(hash, choice.adapter->content_hash);
    hash.Update(std::as_bytes(std::span(&choice.scale, 1)));
  }
  return hash.Finish();
}

PageKey NextKey(const PageKey& previous, std::span<const int32_t> tokens) {
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(previous)));
  hash.Update(std::as_bytes(tokens));
  return hash.Finish();
}

void ExtendKeys(const PageKey& root, std::span<const int32_t> tokens, std::vector<PageKey>& keys) {
  const size_t full = tokens.size() / ops::kPageTokens;
  keys.reserve(full);
  while (keys.size() < full) {
    const PageKey& previous = keys.empty() ? root : keys.back();
    keys.push_back(
        NextKey(previous, tokens.subspan(keys.size() * ops::kPageTokens, ops::kPageTokens)));
  }
}

}  // namespace hyprstream::engine
