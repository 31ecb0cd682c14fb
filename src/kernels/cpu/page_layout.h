// Reads and writes single tokens in a page of one head of the cache; the layout is described in
// attention_kernels.h. `slot` is the token's place in the page. Plain functions, any thread;
// different slots of a page may be written at the same time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hyprstream::kernels {

void StorePageKey(std::byte* page, int slot, int head_dim, const float* key);
void StorePageValue(std::byte* page, int slot, int head_dim, const float* value);
void StorePageKey(std::byte* page, int slot, int head_dim, const uint16_t* bf16);
void StorePageValue(std::byte* page, int slot, int head_dim, const uint16_t* bf16);

void LoadPageKey(const std::byte* page, int slot, int head_dim, float* key);
void LoadPageValue(const std::byte* page, int slot, int head_dim, float* value);
void LoadPageKey(const std::byte* page, int slot, int head_dim, uint16_t* bf16);
void LoadPageValue(const std::byte* page, int slot, int head_dim, uint16_t* bf16);

}  // namespace hyprstream::kernels
