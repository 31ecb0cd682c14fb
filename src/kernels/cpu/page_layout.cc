#include "kernels/cpu/page_layout.h"

#include <cstring>

#include "kernels/cpu/attention_kernels.h"

namespace hyprstream::kernels {
namespace {

struct PairOfBf16 {
  uint16_t even;
  uint16_t odd;
};

template <typename Page>
auto* As(std::byte* page) {
  return reinterpret_cast<Page*>(page);
}
template <typename Page>
const auto* As(const std::byte* page) {
  return reinterpret_cast<const Page*>(page);
}

}  // namespace

void StorePageKey(std::byte* page, int slot, int head_dim, const float* key) {
  float* lane = As<float>(page) + slot;
  for (int i = 0; i < head_dim; ++i) lane[int64_t{i} * kPageKeys] = key[i];
}

void StorePageValue(std::byte* page, int slot, int head_dim, const float* value) {
  std::memcpy(As<float>(page) + int64_t{slot} * head_dim, value,
              static_cast<size_t>(head_dim) * sizeof(float));
}

void StorePageKey(std::byte* page, int slot, int head_dim, const uint16_t* bf16) {
  PairOfBf16* lane = As<PairOfBf16>(page) + slot;
  for (int i = 0; i < head_dim / 2; ++i) {
    lane[int64_t{i} * kPageKeys] = {bf16[2 * i], bf16[2 * i + 1]};
  }
}

void StorePageValue(std::byte* page, int slot, int head_dim, const uint16_t* bf16) {
  uint16_t* row = As<uint16_t>(page) + int64_t{slot / 2} * head_dim * 2 + slot % 2;
  for (int i = 0; i < head_dim; ++i) row[2 * i] = bf16[i];
}

void LoadPageKey(const std::byte* page, int slot, int head_dim, float* key) {
  const float* lane = As<float>(page) + slot;
  for (int i = 0; i < head_dim; ++i) key[i] = lane[int64_t{i} * kPageKeys];
}

void LoadPageValue(const std::byte* page, int slot, int head_dim, float* value) {
  std::memcpy(value, As<float>(page) + int64_t{slot} * head_dim,
              static_cast<size_t>(head_dim) * sizeof(float));
}

void LoadPageKey(const std::byte* page, int slot, int head_dim, uint16_t* bf16) {
  const PairOfBf16* lane = As<PairOfBf16>(page) + slot;
  for (int i = 0; i < head_dim / 2; ++i) {
    bf16[2 * i] = lane[int64_t{i} * kPageKeys].even;
    bf16[2 * i + 1] = lane[int64_t{i} * kPageKeys].odd;
  }
}

void LoadPageValue(const std::byte* page, int slot, int head_dim, uint16_t* bf16) {
  const uint16_t* row = As<uint16_t>(page) + int64_t{slot / 2} * head_dim * 2 + slot % 2;
  for (int i = 0; i < head_dim; ++i) bf16[i] = row[2 * i];
}

}  // namespace hyprstream::kernels
