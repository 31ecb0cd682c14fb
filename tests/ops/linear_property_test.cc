// A row's bits depend on that row alone.
#include <rapidcheck.h>

#include "linear_case.h"

namespace hyprstream {
namespace {

using ops::Arithmetic;
using ops::LinearWeight;
using testing::OpContext;
using testing::Rows;

template <class T>
T OneOf(const std::vector<T>& values) {
  return *rc::gen::elementOf(values);
}

TEST(LinearPropertyTest, ARowHasTheSameBitsAloneInABatchOnAnyThreadsAndInAFusedCall) {
  const auto isas = kernels::SupportedIsas();
  const std::vector<kernels::Isa> isa_list(isas.begin(), isas.end());
  std::vector<std::unique_ptr<OpContext>> alone;
  std::vector<std::unique_ptr<OpContext>> team;
  for (const kernels::Isa isa : isas) {
    alone.push_back(std::make_unique<OpContext>(isa, 1));
    team.push_back(std::make_unique<OpContext>(isa, 2));
  }
  EXPECT_TRUE(rc::check([&] {
    const auto isa = static_cast<size_t>(*rc::gen::inRange<int>(0, static_cast<int>(isas.size())));
    const auto arithmetic = OneOf(std::vector{Arithmetic::kServing, Arithmetic::kExact});
    const DType type = OneOf(testing::WeightTypes());
    const DType other_type = OneOf(testing::WeightTypes());
    int64_t in = *rc::gen::inRange<int64_t>(1, 700);
    in = testing::InFeatures(other_type, testing::InFeatures(type, in));
    in = testing::InFeatures(type, in);
    const int64_t rows = *rc::gen::inRange<int64_t>(1, 41);
    const int64_t out = *rc::gen::inRange<int64_t>(1, 150);
    const auto seed = *rc::gen::arbitrary<uint32_t>();

    const Tensor w = testing::RandomWeight(type, out, in, seed);
    const Tensor v = testing::RandomWeight(other_type, 37, in, seed + 1);
    const Rows x = testing::RandomRows(rows, in, seed + 2);
    const auto weight = LinearWeight::Create(*alone[isa], w.view(), std::nullopt, arithmetic);
    const auto other = LinearWeight::Create(*alone[isa], v.view(), std::nullopt, arithmetic);

    Rows fused_y(rows, out);
    Rows fused_other(rows, 37);
    const ops::LinearCall calls[] = {{&weight, fused_y.matrix(), {}},
                                     {&other, fused_other.matrix(), {}}};
    ops::Linear(*team[isa], x.matrix(), calls);
    const Rows y = testing::Multiply(*alone[isa], x, weight);
    RC_ASSERT(testing::SameBits(fused_y.data, y.data));
    RC_ASSERT(testing::SameBits(fused_other.data, testing::Multiply(*alone[isa], x, other).data));
    for (int64_t m = 0; m < rows; ++m) {
      const Rows one = testing::Multiply(*team[isa], testing::SomeRows(x, m, 1), weight);
      RC_ASSERT(testing::SameBits(one.data, testing::SomeRows(y, m, 1).data));
    }
  }));
}

}  // namespace
}  // namespace hyprstream
