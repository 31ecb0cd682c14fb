#include "text/vocabulary.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/error.h"

namespace hyprstream::text {
namespace {

constexpr uint64_t kFactorA = 0xA0761D6478BD642Fu, kFactorB = 0xE7037ED1A0B428DBu;

uint64_t Load(const char* p, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, p, size);
  return value;
}

uint64_t Load8(const char* p) {
  uint64_t value;
  std::memcpy(&value, p, 8);
  return value;
}

uint64_t Load4(const char* p) {
  uint32_t value;
  std::memcpy(&value, p, 4);
  return value;
}

}  // namespace

uint64_t HashBytes(std::string_view text, uint64_t seed) {
  const char* p = text.data();
  size_t size = text.size();
  uint64_t state = seed ^ (size * kFactorB);
  uint64_t a = 0, b = 0;
  for (; size > 16; p += 16, size -= 16) {
    state = MixBits(Load8(p) ^ kFactorA ^ state, Load8(p + 8) ^ kFactorB);
  }
  if (size >= 8) {
    a = Load8(p);
    b = Load8(p + size - 8);
  } else if (size >= 4) {
    a = Load4(p);
    b = Load4(p + size - 4);
  } else if (size > 0) {
    a = Load(p, 1) << 16 | Load(p + size / 2, 1) << 8 | Load(p + size - 1, 1);
  }
  return MixBits(kFactorA ^ size, MixBits(a ^ kFactorA ^ state, b ^ kFactorB));
}

uint64_t ProcessSeed() {
  static const uint64_t seed = [] {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
  }();
  return seed;
}

StringTable::StringTable() : slots_(16), seed_(ProcessSeed()) {}

void StringTable::Reserve(size_t strings, size_t bytes) {
  bytes_.reserve(bytes);
  spans_.reserve(strings);
  size_t slots = slots_.size();
  while (slots < strings * 2) slots *= 2;
  if (slots != slots_.size()) Grow(slots);
}

size_t StringTable::FindSlot(std::string_view text, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  while (slots_[i].id != kNone) {
    if (slots_[i].hash == hash && (*this)[slots_[i].id] == text) break;
    i = (i + 1) & mask;
  }
  return i;
}

void StringTable::Grow(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id == kNone) continue;
    size_t i = slot.hash & (slots - 1);
    while (slots_[i].id != kNone) i = (i + 1) & (slots - 1);
    slots_[i] = slot;
  }
}

void StringTable::Add(std::string_view text, TokenId id) {
  HYPR_CHECK(id >= 0 && bytes_.size() + text.size() <= UINT32_MAX);
  if ((used_slots_ + 1) * 2 > slots_.size()) Grow(slots_.size() * 2);
  const auto index = static_cast<size_t>(id);
  if (spans_.size() <= index) spans_.resize(index + 1);
  const auto hash = static_cast<uint32_t>(HashBytes(text, seed_));
  const size_t slot = FindSlot(text, hash);
  used_slots_ += slots_[slot].id == kNone;
  slots_[slot] = {hash, id};
  spans_[index] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size()), true};
  bytes_ += text;
  longest_ = std::max(longest_, text.size());
}

TokenId StringTable::Find(std::string_view text) const {
  if (text.size() > longest_) return kNone;
  return slots_[FindSlot(text, static_cast<uint32_t>(HashBytes(text, seed_)))].id;
}

}  // namespace hyprstream::text
