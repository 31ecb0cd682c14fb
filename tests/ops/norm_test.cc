#include "ops/norm.h"

#include "op_context.h"

namespace hyprstream {
namespace {

using testing::OpContext;
using testing::OpFixture;
using testing::Rows;

class NormTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(NormTest);

TEST_P(NormTest, EqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("rms_norm");
  for (const std::string name : {"1x48_1", "2x48_0.001", "3x65_30", "5x20_1"}) {
    SCOPED_TRACE(name);
    const Rows x = fixture.Get(name + ".x");
    const Rows weight = fixture.Get(name + ".w");
    Rows y(x.rows, x.cols);
    ops::RmsNorm(context, x.matrix(), weight.data, fixture.Get(name + ".eps").data[0], y.matrix());
    testing::ExpectNear(y.data, fixture.Get(name + ".y").data);
  }
}

TEST_P(NormTest, EveryHeadIsNormalisedAlone) {
  OpContext context(GetParam());
  for (const int64_t head_dim : {int64_t{16}, int64_t{20}, int64_t{128}}) {
    const Rows weight = testing::RandomRows(1, head_dim, 1);
    Rows heads = testing::RandomRows(7, 3 * head_dim, 2);
    const Rows x(7 * 3, head_dim, heads.data);
    Rows y(7 * 3, head_dim);
    ops::RmsNorm(context, x.matrix(), weight.data, 1e-6f, y.matrix());
    ops::RmsNormHeads(context, heads.matrix(), weight.data, 1e-6f);
    EXPECT_EQ(heads.data, y.data);
  }
}

TEST_P(NormTest, ARowDoesNotDependOnOtherRowsOrThreads) {
  OpContext one(GetParam(), 1);
  OpContext two(GetParam(), 2);
  const Rows x = testing::RandomRows(301, 199, 3);
  const Rows weight = testing::RandomRows(1, 199, 4);
  Rows together(x.rows, x.cols);
  ops::RmsNorm(two, x.matrix(), weight.data, 1e-6f, together.matrix());
  Rows alone(x.rows, x.cols);
  for (int64_t i = 0; i < x.rows; ++i) {
    const ConstMatrix row{x.matrix().row(i), 1, x.cols, x.cols};
    ops::RmsNorm(one, row, weight.data, 1e-6f, alone.matrix().Rows(i, 1));
  }
  EXPECT_EQ(together.data, alone.data);
}

}  // namespace
}  // namespace hyprstream
