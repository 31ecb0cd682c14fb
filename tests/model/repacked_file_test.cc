#include "model/repacked_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "tensor/slab_memory.h"
#include "tensor/tensor.h"

namespace hyprstream::model {
namespace {

constexpr RepackedKey kKey = {1, 2, 3};

std::vector<std::byte> Bytes(size_t count, int first) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return bytes;
}

// A file of two tensors whose strips are `a` and `b`, which need not be strips.
struct Sample {
  std::vector<std::byte> a = Bytes(5000, 1);
  std::vector<std::byte> b = Bytes(64, 9);
  std::vector<RepackedTensor> tensors = {
      {.name = "a", .dtype = DType::kQ8_0, .rows = 3, .cols = 64, .strips = a},
      {.name = "b", .dtype = DType::kIQ4_XS, .rows = 1, .cols = 256, .strips = b}};
  RepackedPlan plan = PlanRepackedFile(tensors);

  std::vector<std::byte> File() const {
    std::vector<std::byte> file = RepackedHeader(tensors, plan, kKey);
    file.resize(plan.file_bytes);
    for (size_t i = 0; i < tensors.size(); ++i) {
      std::memcpy(file.data() + plan.offsets[i], tensors[i].strips.data(),
                  tensors[i].strips.size());
    }
    return file;
  }
};

ErrorCode ParseCode(std::span<const std::byte> bytes, const RepackedKey& key = kKey) {
  try {
    ThreadPool pool(2);
    RepackedFile file = RepackedFile::Parse(bytes, key);
    file.Load(pool, [](std::span<const std::byte>) {});
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kUsage;  // none
}

TEST(RepackedFile, GivesBackWhatWasWritten) {
  const Sample sample;
  std::vector<std::byte> bytes = sample.File();
  RepackedFile file = RepackedFile::Parse(bytes, kKey);
  ThreadPool pool(2);
  std::atomic<size_t> done{0};
  file.Load(pool, [&](std::span<const std::byte> part) { done += part.size(); });
  EXPECT_EQ(done, sample.a.size() + sample.b.size());
  std::ranges::fill(bytes, std::byte{0});  // no longer needed
  ASSERT_EQ(file.tensors(), 2u);
  for (const RepackedTensor& tensor : sample.tensors) {
    const RepackedTensor* found = file.Find(tensor.name, tensor.rows, tensor.cols);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->dtype, tensor.dtype);
    EXPECT_TRUE(std::ranges::equal(found->strips, tensor.strips));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(found->strips.data()) % SlabMemory::kAlignment, 0);
  }
  EXPECT_EQ(file.Find("a", 3, 32), nullptr);
  EXPECT_EQ(file.Find("c", 3, 64), nullptr);
}

TEST(RepackedFile, AnotherKeyIsNotDamage) {
  const std::vector<std::byte> bytes = Sample().File();
  EXPECT_EQ(ParseCode(bytes, RepackedKey{9}), ErrorCode::kFailedPrecondition);
}

TEST(RepackedFile, EveryFlippedBitIsNoticed) {
  const Sample sample;
  std::vector<std::byte> bytes = sample.File();
  for (size_t at = 0; at < bytes.size(); ++at) {
    const bool padding =
        (at >= sample.plan.header_bytes && at < sample.plan.offsets[0]) ||
        (at >= sample.plan.offsets[0] + sample.a.size() && at < sample.plan.offsets[1]);
    if (padding) continue;
    const auto flip = static_cast<std::byte>(1 << (at % 8));
    bytes[at] ^= flip;
    EXPECT_NE(ParseCode(bytes), ErrorCode::kUsage) << "byte " << at;
    bytes[at] ^= flip;
  }
  EXPECT_EQ(ParseCode(bytes), ErrorCode::kUsage);
}

TEST(RepackedFile, EveryTruncationIsNoticed) {
  const std::vector<std::byte> bytes = Sample().File();
  for (size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 97) {
    EXPECT_EQ(ParseCode(std::span(bytes).first(size)), ErrorCode::kDataLoss) << size;
  }
}

TEST(RepackedFile, BytesBehindTheEndAreNoticed) {
  std::vector<std::byte> bytes = Sample().File();
  bytes.emplace_back();
  EXPECT_EQ(ParseCode(bytes), ErrorCode::kDataLoss);
}

// Read in full, a file whose tensors all lie in one place would take any amount of memory.
TEST(RepackedFile, TensorsThatOverlapAreRefused) {
  const std::vector<std::byte> zeros(2 * kRepackedAlignment);
  Sample sample;
  sample.plan.file_bytes = sample.plan.offsets[0] + zeros.size();
  for (size_t i = 0; i < 2; ++i) {
    sample.tensors[i].strips = zeros;
    sample.plan.offsets[i] = sample.plan.offsets[0];
  }
  std::vector<std::byte> file = RepackedHeader(sample.tensors, sample.plan, kKey);
  file.resize(sample.plan.file_bytes);
  EXPECT_EQ(ParseCode(file), ErrorCode::kDataLoss);
}

// Tables whose checksum is right, but which say what cannot be.
TEST(RepackedFile, ALyingTableIsRefused) {
  const auto refused = [](const auto& lie) {
    Sample sample;
    lie(sample);
    std::vector<std::byte> file = RepackedHeader(sample.tensors, sample.plan, kKey);
    file.resize(PlanRepackedFile(Sample().tensors).file_bytes);
    return ParseCode(file) == ErrorCode::kDataLoss;
  };
  EXPECT_TRUE(refused([](Sample& s) { s.plan.offsets[0] = 0; }));
  EXPECT_TRUE(refused([](Sample& s) { s.plan.offsets[0] += 64; }));
  EXPECT_TRUE(refused([](Sample& s) { s.plan.offsets[1] = uint64_t{1} << 20; }));
  EXPECT_TRUE(refused([](Sample& s) { s.plan.offsets[1] = ~uint64_t{4095}; }));
  EXPECT_TRUE(refused([](Sample& s) { s.plan.file_bytes += 1; }));
  EXPECT_TRUE(refused([](Sample& s) { s.tensors[1].name = "a"; }));
  EXPECT_TRUE(refused([](Sample& s) { s.tensors[1].rows = 0; }));
  EXPECT_TRUE(refused([](Sample& s) { s.tensors[1].cols = -1; }));
  EXPECT_TRUE(refused([](Sample& s) { s.tensors[1].dtype = DType::kBF16; }));
}

}  // namespace
}  // namespace hyprstream::model
