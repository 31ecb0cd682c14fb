// What an operation's test needs to call it on any instruction set with any number of threads.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "ops/context.h"
#include "support/data.h"

namespace hyprstream::testing {

class OpContext {
 public:
  explicit OpContext(kernels::Isa isa, int threads = 1)
      : pool_(threads), context_{pool_, isa, scratch_} {}
  operator ops::Context&() { return context_; }
  ops::Scratch& scratch() { return scratch_; }

 private:
  ThreadPool pool_;
  ops::Scratch scratch_;
  ops::Context context_;
};

/// One test body for every instruction set of this machine.
class EveryIsa : public ::testing::TestWithParam<kernels::Isa> {};

inline std::string IsaTestName(const ::testing::TestParamInfo<kernels::Isa>& info) {
  return std::string(kernels::IsaName(info.param));
}

/// Registers a suite derived from EveryIsa.
#define HYPR_EVERY_ISA(suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(                                                                  \
      Isa, suite,                                                                            \
      ::testing::ValuesIn(kernels::SupportedIsas().begin(), kernels::SupportedIsas().end()), \
      ::hyprstream::testing::IsaTestName)

/// Rows of f32 with memory of their own.
struct Rows {
  Rows(int64_t row_count, int64_t col_count)
      : rows(row_count), cols(col_count), data(static_cast<size_t>(row_count * col_count)) {}
  Rows(int64_t row_count, int64_t col_count, std::span<const float> values)
      : rows(row_count), cols(col_count), data(values.begin(), values.end()) {}

  Matrix matrix() { return {data.data(), rows, cols, cols}; }
  ConstMatrix matrix() const { return {data.data(), rows, cols, cols}; }

  int64_t rows;
  int64_t cols;
  std::vector<float> data;
};

inline Rows RandomRows(int64_t rows, int64_t cols, uint32_t seed, float deviation = 1.0f) {
  Rows result(rows, cols);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  for (float& value : result.data) value = normal(random);
  return result;
}

/// fixtures/ops/NAME.safetensors.
class OpFixture {
 public:
  explicit OpFixture(const std::string& name)
      : file_(formats::SafetensorsFile::Open(DataPath("fixtures/ops/" + name + ".safetensors"))) {}

  /// The tensor as a matrix: leading dimensions are rows when `trailing` is 1.
  Rows Get(const std::string& name, int trailing = 1) const {
    const TensorView view = View(name);
    int64_t cols = 1;
    for (int i = 1; i <= trailing; ++i) cols *= view.shape[-i];
    return {view.elements() / cols, cols, view.As<float>()};
  }
  TensorView View(const std::string& name) const {
    const formats::NamedTensor* tensor = file_->Find(name);
    HYPR_CHECK(tensor != nullptr);
    return tensor->view;
  }

 private:
  std::shared_ptr<const formats::SafetensorsFile> file_;
};

/// Each element within absolute + relative · |expected|.
inline void ExpectNear(std::span<const float> actual, std::span<const float> expected,
                       double absolute = 2e-6, double relative = 2e-5) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    const double tolerance = absolute + relative * std::abs(double{expected[i]});
    ASSERT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
  }
}

}  // namespace hyprstream::testing
