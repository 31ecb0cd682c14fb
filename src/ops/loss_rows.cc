#include "ops/loss_rows.h"

#include <algorithm>
#include <cmath>

namespace hyprstream::ops {
namespace {

/// Columns worked on at a time; sums are f32 within a block, f64 over blocks.
constexpr int64_t kBlock = 512;
using Block = float[kBlock];

template <typename Body>
void ForBlocks(int64_t vocab, Body&& body) {
  for (int64_t begin = 0; begin < vocab; begin += kBlock) {
    body(begin, std::min(kBlock, vocab - begin));
  }
}

float Sum(const float* values, int64_t count) {
  constexpr int64_t kLanes = 16;
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] += values[i + l];
  }
  for (; i < count; ++i) lanes[i % kLanes] += values[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

float Largest(const float* values, int64_t count) {
  constexpr int64_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, values[0]);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] = std::max(lanes[l], values[i + l]);
  }
  for (; i < count; ++i) lanes[0] = std::max(lanes[0], values[i]);
  return *std::max_element(lanes, lanes + kLanes);
}

/// log p = (logit − largest) · inverse_temperature − log_sum.
struct LogSoftmax {
  float largest;
  float inverse_temperature;
  float log_sum;

  LogSoftmax(const kernels::RowKernels& kernel, const float* logits, int64_t vocab,
             float temperature)
      : largest(Largest(logits, vocab)), inverse_temperature(1.0f / temperature) {
    double sum = 0;
    ForBlocks(vocab, [&](int64_t begin, int64_t count) {
      Block e;
      for (int64_t i = 0; i < count; ++i) {
        e[i] = (logits[begin + i] - largest) * inverse_temperature;
      }
      kernel.exp(e, count, e);
      sum += Sum(e, count);
    });
    log_sum = static_cast<float>(std::log(sum));
  }

  void Fill(const float* logits, int64_t count, float* log_p) const {
    for (int64_t i = 0; i < count; ++i) {
      log_p[i] = (logits[i] - largest) * inverse_temperature - log_sum;
    }
  }
};

/// log p and p of student and teacher in one block of columns.
struct Pair {
  Pair(const kernels::RowKernels& kernel, const LogSoftmax& s, const float* student_logits,
       const LogSoftmax& t, const float* teacher_logits, int64_t count) {
    s.Fill(student_logits, count, log_student);
    t.Fill(teacher_logits, count, log_teacher);
    kernel.exp(log_student, count, student);
    kernel.exp(log_teacher, count, teacher);
  }
  Block log_student = {};
  Block log_teacher = {};
  Block student = {};
  Block teacher = {};
};

}  // namespace

double CrossEntropyRow(const kernels::RowKernels& kernel, const LossRow& row, int32_t label,
                       float smoothing) {
  float* logits = row.logits;
  const float largest = Largest(logits, row.vocab);
  const double of_label = double{logits[label]} - largest;
  double sum = 0;
  double shifted = 0;  // Σ (logit − largest)
  ForBlocks(row.vocab, [&](int64_t begin, int64_t count) {
    float* block = logits + begin;
    for (int64_t i = 0; i < count; ++i) block[i] -= largest;
    if (smoothing != 0.0f) shifted += Sum(block, count);
    kernel.exp(block, count, block);
    sum += Sum(block, count);
  });
  const auto scale = static_cast<float>(row.weight / sum);
  const float spread = row.weight * smoothing / static_cast<float>(row.vocab);
  for (int64_t i = 0; i < row.vocab; ++i) logits[i] = logits[i] * scale - spread;
  logits[label] -= row.weight * (1.0f - smoothing);
  const double keep = 1.0 - double{smoothing};
  return std::log(sum) - keep * of_label -
         double{smoothing} * shifted / static_cast<double>(row.vocab);
}

double ForwardKlRow(const kernels::RowKernels& kernel, const LossRow& row, const float* teacher,
                    float temperature) {
  const LogSoftmax s(kernel, row.logits, row.vocab, temperature);
  const LogSoftmax t(kernel, teacher, row.vocab, temperature);
  const float scale = row.weight / temperature;
  double loss = 0;
  ForBlocks(row.vocab, [&](int64_t begin, int64_t count) {
    float* logits = row.logits + begin;
    const Pair p(kernel, s, logits, t, teacher + begin, count);
    Block terms;
    for (int64_t i = 0; i < count; ++i) {
      terms[i] = p.teacher[i] * (p.log_teacher[i] - p.log_student[i]);
      logits[i] = scale * (p.student[i] - p.teacher[i]);
    }
    loss += Sum(terms, count);
  });
  return loss;
}

double ReverseKlRow(const kernels::RowKernels& kernel, const LossRow& row, const float* teacher,
                    float temperature) {
  const LogSoftmax s(kernel, row.logits, row.vocab, temperature);
  const LogSoftmax t(kernel, teacher, row.vocab, temperature);
  double loss = 0;
  ForBlocks(row.vocab, [&](int64_t begin, int64_t count) {
    const Pair p(kernel, s, row.logits + begin, t, teacher + begin, count);
    Block terms;
    for (int64_t i = 0; i < count; ++i) {
      terms[i] = p.student[i] * (p.log_student[i] - p.log_teacher[i]);
    }
    loss += Sum(terms, count);
  });
  const float scale = row.weight / temperature;
  const auto mean = static_cast<float>(loss);
  ForBlocks(row.vocab, [&](int64_t begin, int64_t count) {
    float* logits = row.logits + begin;
    const Pair p(kernel, s, logits, t, teacher + begin, count);
    for (int64_t i = 0; i < count; ++i) {
      logits[i] = scale * p.student[i] * (p.log_student[i] - p.log_teacher[i] - mean);
    }
  });
  return loss;
}

double MeanSquareRow(const LossRow& row, const float* teacher) {
  const auto vocab = static_cast<double>(row.vocab);
  const auto scale = static_cast<float>(2.0 * row.weight / vocab);
  double loss = 0;
  ForBlocks(row.vocab, [&](int64_t begin, int64_t count) {
    Block squares;
    for (int64_t i = 0; i < count; ++i) {
      const float difference = row.logits[begin + i] - teacher[begin + i];
      squares[i] = difference * difference;
      row.logits[begin + i] = scale * difference;
    }
    loss += Sum(squares, count);
  });
  return loss / vocab;
}

}  // namespace hyprstream::ops
