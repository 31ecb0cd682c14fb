// Names the content of a full cache page: a hash chained over everything its keys and values depend
// on, which is the model, the adapters with their scales, the cache's type and all tokens up to the
// page's end. Equal keys therefore mean equal bytes. SHA-256, so that no prompt can be made to
// collide with somebody else's.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/request.h"
#include "tensor/dtype.h"

namespace hyprstream::engine {

using PageKey = Sha256Digest;

struct PageKeyHash {
  size_t operator()(const PageKey& key) const {
    size_t value = 0;
    std::memcpy(&value, key.data(), sizeof(value));
    return value;
  }
};

struct PageContent {
  std::string_view model_fingerprint;
  DType cache_dtype = DType::kBF16;
  std::span<const AdapterChoice> adapters;
  int64_t prompt_tokens = 0;  // of a model whose rotation depends on the prompt's length, else 0
};

/// The key before the first page.
PageKey RootKey(const PageContent& content);

/// The key of the page that holds `tokens` after `previous`.
PageKey NextKey(const PageKey& previous, std::span<const int32_t> tokens);

/// Adds the keys of the pages that `tokens` has filled since the last call.
void ExtendKeys(const PageKey& root, std::span<const int32_t> tokens, std::vector<PageKey>& keys);

}  // namespace hyprstream::engine
