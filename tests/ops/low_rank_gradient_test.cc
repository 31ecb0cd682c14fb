#include "ops/low_rank_gradient.h"

#include <rapidcheck.h>

#include "linear_gradient_case.h"

namespace hyprstream {
namespace {

using testing::ChainTolerance;
using testing::OpContext;
using testing::Product;
using testing::Products;
using testing::Rows;

class LowRankGradientTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LowRankGradientTest);

struct Case {
  Case(int64_t rows, int64_t in, int64_t out, int64_t rank, uint32_t seed)
      : x(testing::RandomRows(rows, in, seed)),
        dy(testing::RandomRows(rows, out, seed + 1)),
        a(testing::RandomRows(rank, in, seed + 2)),
        b(testing::RandomRows(rank, out, seed + 3)) {}
  ops::LowRankView view() const { return {a.data.data(), b.data.data(), a.rows}; }

  Rows x, dy, a, b;
  float scale = 0.75f;
};

/// What the gradients start with, and what they are afterwards.
struct Gradients {
  explicit Gradients(const Case& c)
      : da(testing::RandomRows(c.a.rows, c.x.cols, 11)),
        db(testing::RandomRows(c.a.rows, c.dy.cols, 12)),
        dx(testing::RandomRows(c.x.rows, c.x.cols, 13)) {}

  Rows da, db, dx;
};

Gradients GradientsOf(ops::Context& context, const Case& c) {
  Gradients g(c);
  ops::LowRankGradient(context, c.x.matrix(), c.dy.matrix(), c.view(), c.scale, g.da.matrix(),
                       g.db.matrix(), g.dx.matrix());
  return g;
}

/// rows · vᵀ times `scale`; the magnitude is that of the sum's terms.
Products Components(const Rows& rows, const Rows& v, double scale) {
  Products result(rows.rows, v.rows);
  for (int64_t m = 0; m < rows.rows; ++m) {
    for (int64_t c = 0; c < v.rows; ++c) {
      for (int64_t k = 0; k < rows.cols; ++k) {
        result.Add(m, c, scale * rows.matrix().row(m)[k], v.matrix().row(c)[k]);
      }
    }
  }
  return result;
}

// |Δ Σ z·w| ≤ Σ |Δz·w| + the chain's own error: a component's error is that of its own chain.
struct Bound {
  double value = 0;
  double magnitude = 0;
  double inherited = 0;
  int64_t terms = 0;

  void Add(const Product& component, int64_t length, double factor) {
    value += component.value * factor;
    magnitude += std::abs(component.value * factor);
    inherited += ChainTolerance(length, component.magnitude) * std::abs(factor);
    ++terms;
  }
  double tolerance() const { return inherited + ChainTolerance(terms, magnitude); }
};

template <class TermsOf>
void ExpectElements(const Rows& actual, const Rows& before, TermsOf&& terms_of) {
  for (int64_t i = 0; i < actual.rows; ++i) {
    for (int64_t j = 0; j < actual.cols; ++j) {
      Bound bound = terms_of(i, j);
      const double start = before.matrix().row(i)[j];
      bound.magnitude += std::abs(start);
      RC_ASSERT(std::abs(actual.matrix().row(i)[j] - (start + bound.value)) <= bound.tolerance());
    }
  }
}

TEST_P(LowRankGradientTest, EqualsTheReferenceInF64) {
  OpContext context(GetParam(), 2);
  EXPECT_TRUE(rc::check([&] {
    const Case c(*rc::gen::inRange<int64_t>(1, 200), *rc::gen::inRange<int64_t>(1, 150),
                 *rc::gen::inRange<int64_t>(1, 150), *rc::gen::inRange<int64_t>(1, 40),
                 *rc::gen::arbitrary<uint32_t>());
    const Gradients before(c);
    const Gradients after = GradientsOf(context, c);
    Products z = Components(c.x, c.a, double{c.scale});
    Products g = Components(c.dy, c.b, double{c.scale});
    ExpectElements(after.da, before.da, [&](int64_t component, int64_t i) {
      Bound bound;
      for (int64_t m = 0; m < c.x.rows; ++m) {
        bound.Add(g.at(m, component), c.dy.cols, c.x.matrix().row(m)[i]);
      }
      return bound;
    });
    ExpectElements(after.db, before.db, [&](int64_t component, int64_t o) {
      Bound bound;
      for (int64_t m = 0; m < c.x.rows; ++m) {
        bound.Add(z.at(m, component), c.x.cols, c.dy.matrix().row(m)[o]);
      }
      return bound;
    });
    ExpectElements(after.dx, before.dx, [&](int64_t m, int64_t i) {
      Bound bound;
      for (int64_t component = 0; component < c.a.rows; ++component) {
        bound.Add(g.at(m, component), c.dy.cols, c.a.matrix().row(component)[i]);
      }
      return bound;
    });
  }));
}

TEST_P(LowRankGradientTest, HasTheSameBitsOnAnyThreads) {
  OpContext alone(GetParam(), 1);
  OpContext team(GetParam(), 2);
  EXPECT_TRUE(rc::check([&] {
    const Case c(*rc::gen::inRange<int64_t>(1, 300), *rc::gen::inRange<int64_t>(1, 300),
                 *rc::gen::inRange<int64_t>(1, 300), *rc::gen::inRange<int64_t>(1, 70),
                 *rc::gen::arbitrary<uint32_t>());
    const Gradients one = GradientsOf(alone, c);
    const Gradients two = GradientsOf(team, c);
    RC_ASSERT(testing::SameBits(one.da.data, two.da.data));
    RC_ASSERT(testing::SameBits(one.db.data, two.db.data));
    RC_ASSERT(testing::SameBits(one.dx.data, two.dx.data));
  }));
}

// grad_w [out, in] of y = x Wᵀ is the outer product that da and db are made of: with rank = out and
// B the identity, da is it; with rank = in and A the identity, db is its transpose.
TEST_P(LowRankGradientTest, EqualsTheReferenceOfADenseWeight) {
  OpContext context(GetParam(), 2);
  const testing::OpFixture fixture("matmul");
  for (const std::string name :
       {"1x1x1", "1x17x5", "1x112x48", "2x257x3", "33x20x65", "3x48x80", "5x1x9", "7x100x33"}) {
    SCOPED_TRACE(name);
    const Rows x = fixture.Get(name + ".x");
    const Rows dy = fixture.Get(name + ".gy");
    const Rows expected = fixture.Get(name + ".grad_w");
    const double terms = std::sqrt(static_cast<double>(x.rows));
    const auto identity = [](int64_t n) {
      Rows rows(n, n);
      for (int64_t i = 0; i < n; ++i) rows.matrix().row(i)[i] = 1;
      return rows;
    };
    const Rows b = identity(dy.cols);
    const Rows no_a(dy.cols, x.cols);
    Rows da(dy.cols, x.cols);
    ops::LowRankGradient(context, x.matrix(), dy.matrix(),
                         {no_a.data.data(), b.data.data(), dy.cols}, 1.0f, da.matrix(), {}, {});
    testing::ExpectNear(da.data, expected.data, 2e-6 * terms, 2e-5 * terms);

    const Rows a = identity(x.cols);
    const Rows no_b(x.cols, dy.cols);
    Rows db(x.cols, dy.cols);
    ops::LowRankGradient(context, x.matrix(), dy.matrix(),
                         {a.data.data(), no_b.data.data(), x.cols}, 1.0f, {}, db.matrix(), {});
    Rows transposed(dy.cols, x.cols);
    for (int64_t o = 0; o < dy.cols; ++o) {
      for (int64_t i = 0; i < x.cols; ++i) {
        transposed.matrix().row(o)[i] = db.matrix().row(i)[o];
      }
    }
    testing::ExpectNear(transposed.data, expected.data, 2e-6 * terms, 2e-5 * terms);
  }
}

TEST_P(LowRankGradientTest, LeavesOutWhatIsFrozen) {
  OpContext context(GetParam(), 2);
  const Case c(50, 70, 90, 5, 1);
  const Gradients all = GradientsOf(context, c);
  Gradients some(c);
  ops::LowRankGradient(context, c.x.matrix(), c.dy.matrix(), c.view(), c.scale, some.da.matrix(),
                       {}, {});
  ops::LowRankGradient(context, c.x.matrix(), c.dy.matrix(), c.view(), c.scale, {},
                       some.db.matrix(), {});
  ops::LowRankGradient(context, c.x.matrix(), c.dy.matrix(), c.view(), c.scale, {}, {},
                       some.dx.matrix());
  EXPECT_TRUE(testing::SameBits(some.da.data, all.da.data));
  EXPECT_TRUE(testing::SameBits(some.db.data, all.db.data));
  EXPECT_TRUE(testing::SameBits(some.dx.data, all.dx.data));
  ops::LowRankGradient(context, c.x.matrix(), c.dy.matrix(), c.view(), c.scale, {}, {}, {});
}

TEST_P(LowRankGradientTest, ARowOfTheInputsGradientHasTheSameBitsAlone) {
  OpContext context(GetParam(), 2);
  const Case c(40, 100, 60, 9, 1);
  const Gradients all = GradientsOf(context, c);
  for (int64_t m = 0; m < 40; ++m) {
    Case one = c;
    one.x = testing::SomeRows(c.x, m, 1);
    one.dy = testing::SomeRows(c.dy, m, 1);
    Rows dx = testing::SomeRows(Gradients(c).dx, m, 1);
    ops::LowRankGradient(context, one.x.matrix(), one.dy.matrix(), c.view(), c.scale, {}, {},
                         dx.matrix());
    EXPECT_TRUE(testing::SameBits(dx.data, testing::SomeRows(all.dx, m, 1).data)) << m;
  }
}

}  // namespace
}  // namespace hyprstream
