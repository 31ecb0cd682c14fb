// Encoders of blocks: bounds on what they lose, the values they must keep, what they refuse, and
// their squared error beside that of ggml's encoders on real weights.
#include "tensor/quantize.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "support/data.h"
#include "tensor/dequantize.h"
#include "tensor/float16.h"

namespace hyprstream {
namespace {

struct Encoder {
  DType type;
  // How far apart two neighbouring levels can be at most, as a share of the range of a block's
  // values (0 included): the usual rounding to the nearest level, with what is lost by rounding the
  // scales. The squared error of a block is below that of every element being off by this much.
  double worst;
  bool ramp;  // levels from a minimum up; else on both sides of zero
};
const Encoder kEncoders[] = {
    {DType::kQ8_0, 1.0 / 250, false}, {DType::kQ4_0, 1.0 / 8, false},
    {DType::kQ5_0, 1.0 / 16, false},  {DType::kQ5_1, 1.0 / 60, true},
    {DType::kQ4_K, 1.0 / 15, true},   {DType::kQ5_K, 1.0 / 31, true},
    {DType::kQ6_K, 1.0 / 32, false},
};

class EveryEncoder : public ::testing::TestWithParam<Encoder> {
 protected:
  static std::vector<std::byte> Encode(std::span<const float> values) {
    std::vector<std::byte> bytes(*RowBytes(GetParam().type, values.size()));
    QuantizeRow(GetParam().type, values, bytes);
    return bytes;
  }
  static std::vector<float> Decode(std::span<const std::byte> bytes, size_t elements) {
    std::vector<float> values(elements);
    DequantizeRow(GetParam().type, bytes, values);
    return values;
  }
  static std::vector<float> Through(std::span<const float> values) {
    return Decode(Encode(values), values.size());
  }
  static size_t Block() { return static_cast<size_t>(Info(GetParam().type).block_elements); }

  /// What the largest error of an element may come to, in the mean square over the block.
  static double Allowed(std::span<const float> block) {
    double low = 0, high = 0;
    for (const float value : block) {
      low = std::min<double>(low, value);
      high = std::max<double>(high, value);
    }
    const double range = GetParam().ramp ? high - low : std::max(-low, high);
    // A scale below half's smallest number is lost altogether.
    return range * GetParam().worst + 0x1p-24 * 128;
  }
};

double MeanSquare(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double off = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += off * off;
  }
  return sum / static_cast<double>(a.size());
}

TEST_P(EveryEncoder, ZerosStayZeros) {
  const std::vector<float> zeros(2 * Block(), 0.0f);
  EXPECT_EQ(Through(zeros), zeros);
}

TEST_P(EveryEncoder, AConstantStaysWithinTheRoundingOfItsScales) {
  for (const float value : {1.0f, -1.0f, 0.02f, -3.7f, 300.0f, 60000.0f, -60000.0f}) {
    const std::vector<float> constant(Block(), value);
    // Two roundings to half precision at most, and one step of the integer scales of K blocks.
    for (const float got : Through(constant)) {
      EXPECT_NEAR(got, value, std::fabs(value) * 0x1p-9f) << value;
    }
  }
}

TEST_P(EveryEncoder, TheErrorOfABlockIsBounded) {
  rc::check("bounded", [&] {
    const auto seed = *rc::gen::arbitrary<uint32_t>();
    const auto magnitude = *rc::gen::element(1e-6f, 1e-3f, 0.02f, 1.0f, 1000.0f);
    const auto shift = *rc::gen::element(0.0f, 0.0f, 0.5f, 3.0f, -3.0f);
    const auto tail = *rc::gen::element(1, 3);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(3 * Block());
    for (float& value : values) {
      value = magnitude * (static_cast<float>(std::pow(normal(random), tail)) + shift);
    }
    const std::vector<float> got = Through(values);
    for (size_t begin = 0; begin < values.size(); begin += Block()) {
      const std::span block = std::span(values).subspan(begin, Block());
      const double root = std::sqrt(MeanSquare(block, std::span(got).subspan(begin, Block())));
      RC_ASSERT(root <= Allowed(block));
    }
  });
}

TEST_P(EveryEncoder, WhatIsOnItsLevelsComesBackAlmostAsItWas) {
  // Decoded blocks are representable; a search that loses the scale they have is no search.
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(8 * Block());
  for (float& value : values) value = normal(random);
  const std::vector<float> once = Through(values);
  const std::vector<float> twice = Through(once);
  EXPECT_LT(MeanSquare(once, twice), 0.05 * MeanSquare(values, once) + 1e-12);
}

TEST_P(EveryEncoder, BlocksDoNotDependOnTheirNeighbours) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> values(3 * Block());
  for (float& value : values) value = normal(random);
  const std::vector<std::byte> all = Encode(values);
  const std::vector<std::byte> middle = Encode(std::span(values).subspan(Block(), Block()));
  EXPECT_TRUE(std::equal(middle.begin(), middle.end(), all.begin() + std::ssize(middle)));
}

TEST_P(EveryEncoder, TinyAndHugeValuesGiveFiniteBlocks) {
  for (const float value : {1e-40f, 1e-30f, 1e-9f, 6e-8f, 65504.0f}) {
    std::vector<float> values(Block(), 0.0f);
    values[0] = value;
    values[1] = -value / 3;
    for (const float got : Through(values)) EXPECT_LE(std::fabs(got), 1.01f * value + 1e-5f);
  }
}

TEST_P(EveryEncoder, WhatCannotBeStoredIsFoundByItsIndex) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(), 65536.0f, -1e30f};
  for (const float value : bad) {
    std::vector<float> values(Block(), 1.0f);
    values[17] = value;
    EXPECT_EQ(FindUnstorable(GetParam().type, values), 17u) << value;
  }
  EXPECT_FALSE(FindUnstorable(GetParam().type, std::vector<float>(Block(), -65504.0f)));
}

INSTANTIATE_TEST_SUITE_P(Types, EveryEncoder, ::testing::ValuesIn(kEncoders),
                         [](const auto& test) { return std::string(Name(test.param.type)); });

TEST(Quantize, PlainTypesRoundToNearestEven) {
  const std::vector<float> values = {1.0f, 1.00048828125f, 1.0039062f, -65504.0f, 3e38f};
  std::vector<std::byte> bytes(8);
  QuantizeRow(DType::kF16, std::span(values).first(4), bytes);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(TensorView({DType::kU16, {4}, bytes}).As<uint16_t>()[i], F32ToF16(values[i]));
  }
  EXPECT_EQ(FindUnstorable(DType::kF16, values), 4u);
  EXPECT_FALSE(FindUnstorable(DType::kBF16, values));
  EXPECT_EQ(FindUnstorable(DType::kBF16, std::vector<float>{3.4e38f}), 0u);
}

boost::json::object Golden() {
  std::ifstream stream(testing::DataPath("quantisers/willowbrook.json"));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return boost::json::parse(text).as_object();
}

TEST(Quantize, LosesLessThanGgmlOnEveryMatrixOfWillowbrook) {
  const auto file =
      formats::SafetensorsFile::Open(testing::SourcePath("models/willowbrook/model.safetensors"));
  int compared = 0;
  for (const auto& [name, golden] : Golden()) {
    const Tensor weights = DequantizeToF32(file->Find(std::string(name))->view);
    const auto values = weights.As<float>();
    for (const Encoder& encoder : kEncoders) {
      std::vector<std::byte> bytes(*RowBytes(encoder.type, values.size()));
      std::vector<float> back(values.size());
      QuantizeRow(encoder.type, values, bytes);
      DequantizeRow(encoder.type, bytes, back);
      EXPECT_LT(MeanSquare(values, back), golden.at(Name(encoder.type)).as_double())
          << name << ' ' << Name(encoder.type);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 43 * 7);
}

TEST(Quantize, NoBlockLosesMoreThanGgmlsRounding) {
  const auto file =
      formats::SafetensorsFile::Open(testing::DataPath("fixtures/blocks/blocks.safetensors"));
  const auto values = file->Find("quantize.input")->view.As<float>();
  for (const DType type : {DType::kQ4_0, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0}) {
    const auto* golden = file->Find("quantize." + std::string(Name(type)) + ".bytes");
    ASSERT_NE(golden, nullptr) << Name(type);
    const std::span<const std::byte> theirs = golden->view.bytes;
    std::vector<std::byte> ours(theirs.size());
    QuantizeRow(type, values, ours);
    std::vector<float> our_values(values.size()), their_values(values.size());
    DequantizeRow(type, ours, our_values);
    DequantizeRow(type, theirs, their_values);
    for (size_t begin = 0; begin < values.size(); begin += 32) {
      const auto part = [&](std::span<const float> all) { return all.subspan(begin, 32); };
      EXPECT_LE(MeanSquare(part(values), part(our_values)),
                MeanSquare(part(values), part(their_values)) * (1 + 1e-5))
          << Name(type) << " block " << begin / 32;
    }
  }
}

}  // namespace
}  // namespace hyprstream
