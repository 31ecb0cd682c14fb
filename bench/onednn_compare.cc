#include "bench/onednn_compare.h"

#include <cstdio>

#ifdef HYPR_HAVE_ONEDNN
#include <chrono>
#include <dnnl.hpp>
#include <memory>
#include <vector>

#include "ops/linear.h"
#include "tensor/float16.h"

namespace hyprstream::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Memory = dnnl::memory;

template <class Body>
double BestSeconds(Body body) {
  constexpr double kSeconds = 0.3;
  double best = 1e9;
  const auto start = Clock::now();
  for (auto now = start; std::chrono::duration<double>(now - start).count() < kSeconds;) {
    const auto before = now;
    body();
    now = Clock::now();
    best = std::min(best, std::chrono::duration<double>(now - before).count());
  }
  return best;
}

// kInPlace: W as it lies in the file. kReordered: in the layout oneDNN asks for, made once.
enum class Layout { kInPlace, kReordered };

double OneDnnSeconds(Memory::data_type type, Layout layout, int64_t rows, int64_t out, int64_t in,
                     void* x, void* w, float* y) {
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const Memory::desc x_desc({rows, in}, type, Memory::format_tag::ab);
  const Memory::desc w_file({in, out}, type, Memory::format_tag::ba);
  const Memory::desc w_any({in, out}, type, Memory::format_tag::any);
  const Memory::desc y_desc({rows, out}, Memory::data_type::f32, Memory::format_tag::ab);
  const dnnl::matmul::desc desc(x_desc, layout == Layout::kInPlace ? w_file : w_any, y_desc);
  const dnnl::matmul::primitive_desc primitive(desc, engine);
  const dnnl::matmul matmul(primitive);
  Memory x_memory(x_desc, engine, x);
  Memory w_memory(w_file, engine, w);
  Memory y_memory(y_desc, engine, y);
  Memory w_used = w_memory;
  if (primitive.weights_desc() != w_file) {
    w_used = Memory(primitive.weights_desc(), engine);
    dnnl::reorder(w_memory, w_used).execute(stream, w_memory, w_used);
  }
  return BestSeconds([&] {
    matmul.execute(
        stream, {{DNNL_ARG_SRC, x_memory}, {DNNL_ARG_WEIGHTS, w_used}, {DNNL_ARG_DST, y_memory}});
    stream.wait();
  });
}

double LinearSeconds(ops::Context& context, DType type, int64_t rows, int64_t out, int64_t in,
                     std::span<const std::byte> w, float* x, float* y) {
  const auto weight = ops::LinearWeight::Create(context, {type, Shape{out, in}, w}, std::nullopt,
                                                ops::Arithmetic::kServing);
  const ops::LinearCall call{&weight, {y, rows, out, out}, {}};
  return BestSeconds([&] { ops::Linear(context, {x, rows, in, in}, {&call, 1}); });
}

}  // namespace

std::function<void()> OneDnnInputGradient(int64_t rows, int64_t out, int64_t in) {
  struct State {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    Memory dy, w, dx;
    dnnl::matmul product;
  };
  auto state = std::make_shared<State>();
  const auto matrix = [&](int64_t r, int64_t c, Memory::data_type type) {
    return Memory({{r, c}, type, Memory::format_tag::ab}, state->engine);
  };
  state->dy = matrix(rows, out, Memory::data_type::bf16);
  state->w = matrix(out, in, Memory::data_type::bf16);
  state->dx = matrix(rows, in, Memory::data_type::f32);
  for (const auto& [memory, count] : {std::pair{&state->dy, rows * out}, {&state->w, out * in}}) {
    std::fill_n(static_cast<uint16_t*>(memory->get_data_handle()), count, F32ToBF16(0.25f));
  }
  const dnnl::matmul::desc desc(state->dy.get_desc(), state->w.get_desc(), state->dx.get_desc());
  state->product = dnnl::matmul(dnnl::matmul::primitive_desc(desc, state->engine));
  return [state] {
    state->product.execute(
        state->stream,
        {{DNNL_ARG_SRC, state->dy}, {DNNL_ARG_WEIGHTS, state->w}, {DNNL_ARG_DST, state->dx}});
    state->stream.wait();
  };
}

void CompareWithOneDnn(ops::Context& context, const char* name, int64_t out, int64_t in,
                       std::span<const int64_t> all_rows) {
  for (const int64_t rows : all_rows) {
    std::vector<float> x(static_cast<size_t>(rows * in), 0.5f);
    std::vector<uint16_t> x_half(x.size(), F32ToBF16(0.5f));
    std::vector<float> y(static_cast<size_t>(rows * out));
    std::vector<float> w(static_cast<size_t>(out * in), 0.25f);
    std::vector<uint16_t> w_half(w.size(), F32ToBF16(0.25f));
    const double work = 2e-9 * static_cast<double>(rows * out * in);
    for (const DType type : {DType::kBF16, DType::kF32}) {
      const bool half = type == DType::kBF16;
      const auto bytes = half ? std::as_bytes(std::span(w_half)) : std::as_bytes(std::span(w));
      const double ours = LinearSeconds(context, type, rows, out, in, bytes, x.data(), y.data());
      const auto theirs = [&](Layout layout) {
        return OneDnnSeconds(half ? Memory::data_type::bf16 : Memory::data_type::f32, layout, rows,
                             out, in, half ? static_cast<void*>(x_half.data()) : x.data(),
                             half ? static_cast<void*>(w_half.data()) : w.data(), y.data());
      };
      const double in_place = theirs(Layout::kInPlace);
      const double reordered = theirs(Layout::kReordered);
      std::printf(
          "oneDNN %s %s rows %4ld: ours %.0f GFLOP/s, oneDNN in place %.0f (ours is %.2fx), "
          "reordered %.0f (%.2fx)\n",
          half ? "bf16" : "f32 ", name, rows, work / ours, work / in_place, in_place / ours,
          work / reordered, reordered / ours);
    }
  }
}

}  // namespace hyprstream::bench

#else

namespace hyprstream::bench {

void CompareWithOneDnn(ops::Context&, const char*, int64_t, int64_t, std::span<const int64_t>) {
  std::printf("oneDNN was not found when this was configured: nothing to compare with\n");
}

std::function<void()> OneDnnInputGradient(int64_t, int64_t, int64_t) { return {}; }

}  // namespace hyprstream::bench

#endif
