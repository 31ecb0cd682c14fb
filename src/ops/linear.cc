#include "ops/linear.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/matmul.h"
#include "ops/chunk_shares.h"
#include "ops/linear_input.h"
#include "ops/linear_weight.h"
#include "ops/slices.h"
#include "tensor/dequantize.h"

namespace hyprstream::ops {
namespace {

using Form = LinearWeight::Impl::Form;
using kernels::kStripRows;

/// Where part `index` of `parts` begins.
int64_t Border(int64_t count, int64_t index, int64_t parts) { return count * index / parts; }

// One Linear call: its operands in scratch and the two phases that the team runs.
class LinearRun {
 public:
  LinearRun(Context& context, ConstMatrix x, std::span<const LinearCall> calls)
      : context_(context),
        kernels_(kernels::MatmulKernelsFor(context.isa)),
        calls_(calls),
        input_(context, kernels_, x, calls) {
    PlanChunks();
    AllocateComponents();
    const int64_t widened = kWidenedRows * x.cols * static_cast<int64_t>(sizeof(float));
    scratch_bytes_ = std::max(kernels::kPackedScratchBytes, (widened + 63) / 64 * 64);
    if (input_.in_groups()) {
      for (const auto word : {kernels::FloatWord::kF32, kernels::FloatWord::kBf16Pair}) {
        scratch_bytes_ = std::max(scratch_bytes_, kernels::FloatPanelScratchBytes(word, x.cols));
      }
    }
    scratch_ = context.scratch.Allocate<std::byte>(scratch_bytes_ * context.pool.threads()).data();
  }

  void Run();

 private:
  static constexpr int64_t kWidenedRows = 4;

  /// What the low-rank segment needs before the columns: z = scale · A x.
  struct Components {
    const AdapterSegment* segment;
    float* z;  // [segment rows, rank]
  };
  struct Part {
    int64_t first_chunk;
    int64_t chunk_outputs;  // a multiple of kStripRows
    std::span<Components> components;
  };

  void PlanChunks();
  void AllocateComponents();
  void Prepare(int64_t share, int64_t shares) const;
  void RunSlice(int64_t begin, int64_t end);
  void RunChunks(ChunkShares& shares, int64_t first, int thread);
  void RunChunk(const LinearCall& call, const Part& part, int64_t begin, int64_t end,
                std::byte* scratch) const;
  void Multiply(const LinearCall& call, int64_t begin, int64_t end, std::byte* scratch) const;
  void MultiplyPanels(const LinearCall& call, int64_t begin, int64_t end, std::byte* scratch) const;
  void MultiplyWidened(const LinearCall& call, int64_t begin, int64_t end,
                       std::byte* scratch) const;

  Context& context_;
  const kernels::MatmulKernels& kernels_;
  std::span<const LinearCall> calls_;
  LinearInput input_;
  std::span<Part> parts_;
  int64_t chunks_ = 0;
  int64_t slices_ = 1;
  int64_t component_products_ = 0;
  int64_t scratch_bytes_ = 0;
  std::byte* scratch_ = nullptr;
};

// Large enough to stream, small enough to end together.
void LinearRun::PlanChunks() {
  constexpr int64_t kGrain = 4 * kStripRows;
  constexpr int64_t kChunksPerThread = 12;
  constexpr int64_t kLeastBytes = int64_t{48} << 10;
  int64_t total = 0;
  int64_t products = 0;
  for (const LinearCall& call : calls_) {
    total += static_cast<int64_t>(call.weight->weight_bytes());
    products += input_.x().rows * input_.x().cols * call.weight->out_features();
  }
  slices_ = SlicesFor(context_, products);
  const int team = context_.pool.threads();
  const int64_t slice = total / slices_;
  const int64_t target =
      team == 1 ? slice : std::max(kLeastBytes, slice / (team * kChunksPerThread));
  parts_ = context_.scratch.Allocate<Part>(static_cast<int64_t>(calls_.size()));
  for (size_t i = 0; i < calls_.size(); ++i) {
    const LinearWeight& weight = *calls_[i].weight;
    const int64_t row_bytes = static_cast<int64_t>(weight.weight_bytes()) / weight.out_features();
    const int64_t outputs = std::max<int64_t>(target / (row_bytes * kGrain), 1) * kGrain;
    parts_[i] = {.first_chunk = chunks_, .chunk_outputs = outputs, .components = {}};
    chunks_ += (weight.out_features() + outputs - 1) / outputs;
  }
}

void LinearRun::AllocateComponents() {
  for (size_t i = 0; i < calls_.size(); ++i) {
    const auto count = static_cast<int64_t>(calls_[i].adapters.size());
    if (count == 0) continue;
    parts_[i].components = context_.scratch.Allocate<Components>(count);
    for (int64_t s = 0; s < count; ++s) {
      const AdapterSegment& segment = calls_[i].adapters[static_cast<size_t>(s)];
      const int64_t rows = segment.row_end - segment.row_begin;
      HYPR_CHECK(segment.row_begin >= 0 && rows >= 0 && segment.row_end <= input_.x().rows);
      component_products_ += rows * segment.view.rank * input_.x().cols;
      parts_[i].components[static_cast<size_t>(s)] = {
          .segment = &segment,
          .z = context_.scratch.Allocate<float>(rows * segment.view.rank).data()};
    }
  }
}

void LinearRun::Run() {
  // Waking the team costs more than converting a few short rows and multiplying a few components.
  constexpr int64_t kAlonePieces = 32;
  constexpr int64_t kAloneProducts = int64_t{32} << 10;
  if (input_.pieces() <= kAlonePieces && component_products_ <= kAloneProducts) {
    Prepare(0, 1);
  } else {
    const int64_t shares = context_.pool.threads();
    context_.pool.ParallelFor(shares, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t share = begin; share < end; ++share) Prepare(share, shares);
    });
  }
  slices_ = std::min(slices_, chunks_);
  for (int64_t slice = 0; slice < slices_; ++slice) {
    if (slice > 0) context_.Pause();
    RunSlice(Border(chunks_, slice, slices_), Border(chunks_, slice + 1, slices_));
  }
}

void LinearRun::RunSlice(int64_t begin, int64_t end) {
  const Scratch::Frame frame(context_.scratch);
  ChunkShares shares(context_.scratch, end - begin, context_.pool.threads());
  context_.pool.Share([&](int thread) { RunChunks(shares, begin, thread); });
}

// One of so many shares: of the conversion of x and of every segment's components.
void LinearRun::Prepare(int64_t share, int64_t shares) const {
  input_.Prepare(Border(input_.pieces(), share, shares),
                 Border(input_.pieces(), share + 1, shares));
  const ConstMatrix& x = input_.x();
  for (const Part& part : parts_) {
    for (const Components& c : part.components) {
      const LowRankView& view = c.segment->view;
      const int64_t begin = Border(view.rank, share, shares);
      const int64_t end = Border(view.rank, share + 1, shares);
      const int64_t rows = c.segment->row_end - c.segment->row_begin;
      const int64_t row_bytes = x.cols * static_cast<int64_t>(sizeof(float));
      kernels_.f32({.weight = reinterpret_cast<const std::byte*>(view.a + begin * x.cols),
                    .weight_stride = row_bytes,
                    .x = reinterpret_cast<const std::byte*>(x.row(c.segment->row_begin)),
                    .x_stride = x.stride * static_cast<int64_t>(sizeof(float)),
                    .rows = rows,
                    .outputs = end - begin,
                    .k = x.cols,
                    .bias = nullptr,
                    .y = c.z + begin,
                    .y_stride = view.rank});
      for (int64_t m = 0; m < rows; ++m) {
        for (int64_t i = begin; i < end; ++i) c.z[m * view.rank + i] *= c.segment->scale;
      }
    }
  }
}

void LinearRun::RunChunks(ChunkShares& shares, int64_t first, int thread) {
  std::byte* scratch = scratch_ + thread * scratch_bytes_;
  size_t i = 0;
  while (const auto next = shares.Next(thread)) {
    const int64_t chunk = first + *next;
    while (i > 0 && parts_[i].first_chunk > chunk) --i;
    while (i + 1 < parts_.size() && parts_[i + 1].first_chunk <= chunk) ++i;
    const int64_t begin = (chunk - parts_[i].first_chunk) * parts_[i].chunk_outputs;
    const int64_t end = std::min(begin + parts_[i].chunk_outputs, calls_[i].weight->out_features());
    RunChunk(calls_[i], parts_[i], begin, end, scratch);
  }
}

// Many adapters' columns lie far apart in memory: what waits for each of them in turn costs more
// than the sums themselves. The product of the base's weights gives them time to come.
void Prefetch(const LowRankView& view, const LinearCall& call, int64_t begin, int64_t end) {
  constexpr int64_t kLine = 64 / sizeof(float);
  for (int64_t c = 0; c < view.rank; ++c) {
    const float* b = view.b + c * call.weight->out_features();
    for (int64_t i = begin; i < end; i += kLine) __builtin_prefetch(b + i, 0, 2);
  }
}

void LinearRun::RunChunk(const LinearCall& call, const Part& part, int64_t begin, int64_t end,
                         std::byte* scratch) const {
  for (const Components& c : part.components) Prefetch(c.segment->view, call, begin, end);
  Multiply(call, begin, end, scratch);
  for (const Components& c : part.components) {
    const AdapterSegment& segment = *c.segment;
    kernels_.low_rank({.z = c.z,
                       .b = segment.view.b + begin,
                       .b_stride = call.weight->out_features(),
                       .rank = segment.view.rank,
                       .rows = segment.row_end - segment.row_begin,
                       .outputs = end - begin,
                       .y = call.y.row(segment.row_begin) + begin,
                       .y_stride = call.y.stride});
  }
}

void LinearRun::Multiply(const LinearCall& call, int64_t begin, int64_t end,
                         std::byte* scratch) const {
  const LinearWeight::Impl& weight = call.weight->impl();
  const ConstMatrix& x = input_.x();
  if (weight.form == Form::kWidened) return MultiplyWidened(call, begin, end, scratch);
  if (weight.form == Form::kPacked) {
    kernels_.packed_for(weight.view.dtype)(
        {.strips = weight.packed.data() + begin / kStripRows * weight.strip_bytes,
         .strip_stride = weight.strip_bytes,
         .x = input_.blocks(),
         .rows = x.rows,
         .outputs = end - begin,
         .k = x.cols,
         .bias = weight.bias_from(begin),
         .y = call.y.data + begin,
         .y_stride = call.y.stride,
         .scratch = scratch});
    return;
  }
  if (input_.in_groups()) return MultiplyPanels(call, begin, end, scratch);
  const auto row_bytes = static_cast<int64_t>(weight.view.row_bytes());
  kernels::FloatMatmulArgs args{.weight = weight.view.bytes.data() + begin * row_bytes,
                                .weight_stride = row_bytes,
                                .x = reinterpret_cast<const std::byte*>(x.data),
                                .x_stride = x.stride * static_cast<int64_t>(sizeof(float)),
                                .rows = x.rows,
                                .outputs = end - begin,
                                .k = x.cols,
                                .bias = weight.bias_from(begin),
                                .y = call.y.data + begin,
                                .y_stride = call.y.stride};
  if (weight.view.dtype == DType::kF32) return kernels_.f32(args);
  if (weight.view.dtype == DType::kF16) return kernels_.f16(args);
  if (!TakesBf16(*call.weight, kernels_)) return kernels_.bf16(args);
  args.x = reinterpret_cast<const std::byte*>(input_.bf16());
  args.x_stride = input_.bf16_stride() * static_cast<int64_t>(sizeof(uint16_t));
  kernels_.bf16_dot(args);
}

void LinearRun::MultiplyPanels(const LinearCall& call, int64_t begin, int64_t end,
                               std::byte* scratch) const {
  const LinearWeight::Impl& weight = call.weight->impl();
  const auto row_bytes = static_cast<int64_t>(weight.view.row_bytes());
  const kernels::FloatPanelKernels& panels = *kernels_.float_panels;
  const bool pairs = TakesBf16(*call.weight, kernels_);
  const kernels::FloatPanelMatmul multiply = pairs                              ? panels.bf16_dot
                                             : weight.view.dtype == DType::kF32 ? panels.f32
                                             : weight.view.dtype == DType::kF16 ? panels.f16
                                                                                : panels.bf16;
  multiply({.weight = weight.view.bytes.data() + begin * row_bytes,
            .weight_stride = row_bytes,
            .groups = pairs ? input_.bf16_groups() : input_.f32_groups(),
            .rows = input_.x().rows,
            .outputs = end - begin,
            .k = input_.x().cols,
            .bias = weight.bias_from(begin),
            .y = call.y.data + begin,
            .y_stride = call.y.stride,
            .scratch = scratch});
}

void LinearRun::MultiplyWidened(const LinearCall& call, int64_t begin, int64_t end,
                                std::byte* scratch) const {
  const LinearWeight::Impl& weight = call.weight->impl();
  const ConstMatrix& x = input_.x();
  auto* widened = reinterpret_cast<float*>(scratch);
  for (int64_t first = begin; first < end; first += kWidenedRows) {
    const int64_t count = std::min(kWidenedRows, end - first);
    for (int64_t i = 0; i < count; ++i) {
      DequantizeRow(weight.view.dtype, weight.view.row(first + i),
                    {widened + i * x.cols, static_cast<size_t>(x.cols)});
    }
    kernels_.f32({.weight = scratch,
                  .weight_stride = x.cols * static_cast<int64_t>(sizeof(float)),
                  .x = reinterpret_cast<const std::byte*>(x.data),
                  .x_stride = x.stride * static_cast<int64_t>(sizeof(float)),
                  .rows = x.rows,
                  .outputs = count,
                  .k = x.cols,
                  .bias = weight.bias_from(first),
                  .y = call.y.data + first,
                  .y_stride = call.y.stride});
  }
}

}  // namespace

void Linear(Context& context, ConstMatrix x, std::span<const LinearCall> calls) {
  if (x.rows == 0 || calls.empty()) return;
  for (const LinearCall& call : calls) {
    HYPR_CHECK(call.weight->in_features() == x.cols);
    HYPR_CHECK(call.y.rows == x.rows && call.y.cols == call.weight->out_features());
  }
  const Scratch::Frame frame(context.scratch);
  LinearRun(context, x, calls).Run();
}

}  // namespace hyprstream::ops
