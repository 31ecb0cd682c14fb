#include "ops/rope.h"

#include "op_context.h"

namespace hyprstream {
namespace {

using testing::OpContext;
using testing::OpFixture;
using testing::Rows;

class RopeTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(RopeTest);

std::vector<int32_t> Positions(const OpFixture& fixture, const std::string& name) {
  const std::span<const int64_t> wide = fixture.View(name + ".positions").As<int64_t>();
  return {wide.begin(), wide.end()};
}

TEST_P(RopeTest, EqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("rope");
  for (const std::string name : {"d20", "d64", "d128_far"}) {
    SCOPED_TRACE(name);
    const Rows inv_freq = fixture.Get(name + ".inv_freq");
    const std::vector<int32_t> positions = Positions(fixture, name);
    Rows x = fixture.Get(name + ".x", 2);
    const int64_t head_dim = 2 * inv_freq.cols;
    ops::Rope(context, x.matrix(), head_dim, positions, inv_freq.data, 1.0f);
    testing::ExpectNear(x.data, fixture.Get(name + ".y", 2).data);

    const ops::Scratch::Frame frame(context.scratch());
    const ops::RopeTable table = ops::PrepareRope(context, positions, inv_freq.data, 1.0f);
    const Rows cos = fixture.Get(name + ".cos");
    testing::ExpectNear({table.cos.data, cos.data.size()}, cos.data);
    const Rows sin = fixture.Get(name + ".sin");
    testing::ExpectNear({table.sin.data, sin.data.size()}, sin.data);
  }
}

TEST_P(RopeTest, ATableServesManyCallsAndGivesTheSameBits) {
  OpContext context(GetParam(), 2);
  const std::vector<float> inv_freq = {1.0f, 0.3f, 0.01f, 0.0001f, 1e-6f};
  std::vector<int32_t> positions(700);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i * 1429);
  const ops::Scratch::Frame frame(context.scratch());
  const ops::RopeTable table = ops::PrepareRope(context, positions, inv_freq, 1.25f);
  for (const int64_t heads : {1, 6}) {
    Rows prepared = testing::RandomRows(700, heads * 10, 5);
    Rows direct = prepared;
    ops::Rope(context, prepared.matrix(), 10, table);
    ops::Rope(context, direct.matrix(), 10, positions, inv_freq, 1.25f);
    EXPECT_EQ(prepared.data, direct.data);
  }
}

TEST_P(RopeTest, FarPositionsKeepTheLengthOfAPair) {
  OpContext context(GetParam());
  const std::vector<float> inv_freq = {1.0f, 0.7f, 0.12f};
  const std::vector<int32_t> positions = {999'999, 1'000'000};
  Rows x = testing::RandomRows(2, 6, 6);
  const Rows before = x;
  ops::Rope(context, x.matrix(), 6, positions, inv_freq, 2.0f);
  for (size_t row = 0; row < 2; ++row) {
    for (size_t i = 0; i < 3; ++i) {
      const auto length = [&](const Rows& r) {
        return std::hypot(r.data[row * 6 + i], r.data[row * 6 + i + 3]);
      };
      EXPECT_NEAR(length(x), 2.0f * length(before), 1e-6f * length(before));
    }
  }
}

}  // namespace
}  // namespace hyprstream
