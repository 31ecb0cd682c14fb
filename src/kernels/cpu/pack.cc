#include "kernels/cpu/pack.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/explode.h"
#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {
namespace {

// Writes the parts of one record in turn.
class RecordWriter {
 public:
  RecordWriter(const RowRecord* rows, int blocks, std::byte* out)
      : rows_(rows), blocks_(blocks), out_(reinterpret_cast<uint8_t*>(out)) {
    for (int r = 0; r < kStripRows; ++r) {
      for (int g = 0; g < 64; ++g) std::memcpy(codes_ + 64 * g + 4 * r, rows[r].codes + 4 * g, 4);
    }
  }

  void PutBytes() {
    std::memcpy(out_, codes_, static_cast<size_t>(blocks_) * 512);
    out_ += 512 * blocks_;
  }

  void PutNibbles() {
    for (int b = 0; b < blocks_; ++b) {
      const uint8_t* in = codes_ + 512 * b;
      for (int i = 0; i < 256; ++i) {
        *out_++ = static_cast<uint8_t>((in[i] & 15) | ((in[256 + i] & 15) << 4));
      }
    }
  }

  void PutFields(int bits, int shift) {
    const int fields = 8 / bits;
    const int mask = (1 << bits) - 1;
    for (int begin = 0; begin < 512 * blocks_; begin += 64 * fields) {
      for (int i = 0; i < 64; ++i) {
        int byte = 0;
        for (int field = 0; field < fields; ++field) {
          byte |= ((codes_[begin + 64 * field + i] >> shift) & mask) << (bits * field);
        }
        *out_++ = static_cast<uint8_t>(byte);
      }
    }
  }

  void PutHalves(uint16_t (RowRecord::*field)[8], int count) {
    for (int b = 0; b < count; ++b) {
      for (int r = 0; r < kStripRows; ++r, out_ += 2) {
        std::memcpy(out_, &(rows_[r].*field)[b], 2);
      }
    }
  }

  void PutScaleBytes() {
    for (int s = 0; s < 16; ++s) {
      for (int r = 0; r < kStripRows; ++r) *out_++ = rows_[r].scales[s];
    }
  }

  void PutScaleMinimumBytes() {
    for (int s = 0; s < 16; ++s) {
      for (int r = 0; r < kStripRows; ++r) {
        *out_++ = static_cast<uint8_t>(rows_[r].scales[s] | (rows_[r].minima[s] << 4));
      }
    }
  }

  // Six-bit values: `scales` sub-blocks' scales, then `minima` sub-blocks' minima.
  void PutSix(int scales, int minima) {
    uint8_t values[256];
    const int count = (scales + minima) * 16;
    for (int s = 0; s < scales + minima; ++s) {
      for (int r = 0; r < kStripRows; ++r) {
        values[16 * s + r] = s < scales ? rows_[r].scales[s] : rows_[r].minima[s - scales];
      }
    }
    for (int i = 0; i < count / 2; ++i) {
      *out_++ = static_cast<uint8_t>((values[i] & 15) | ((values[count / 2 + i] & 15) << 4));
    }
    for (int i = 0; i < count / 4; ++i) {
      int byte = 0;
      for (int field = 0; field < 4; ++field) {
        byte |= (values[count / 4 * field + i] >> 4) << (2 * field);
      }
      *out_++ = static_cast<uint8_t>(byte);
    }
  }

  const uint8_t* position() const { return out_; }

 private:
  const RowRecord* rows_;
  int blocks_;
  uint8_t* out_;
  alignas(64) uint8_t codes_[4096];  // in the order of the dot products
};

void WriteRecord(DType type, const RowRecord* rows, int blocks, std::byte* out) {
  RecordWriter writer(rows, blocks, out);
  if (type == DType::kQ8_0) {
    writer.PutBytes();
  } else if (type == DType::kQ2_K || type == DType::kQ3_K) {
    writer.PutFields(2, 0);
  } else {
    writer.PutNibbles();
  }
  if (type == DType::kQ3_K) writer.PutFields(1, 2);
  if (type == DType::kQ5_0 || type == DType::kQ5_1 || type == DType::kQ5_K) writer.PutFields(1, 4);
  if (type == DType::kQ6_K) writer.PutFields(2, 4);

  const bool super = Info(type).block_elements == 256;
  if (type == DType::kQ2_K) writer.PutScaleMinimumBytes();
  if (type == DType::kQ3_K) writer.PutSix(16, 0);
  if (type == DType::kQ4_K || type == DType::kQ5_K) writer.PutSix(8, 8);
  if (type == DType::kQ6_K) writer.PutScaleBytes();
  if (type == DType::kIQ4_XS) writer.PutSix(8, 0);
  writer.PutHalves(&RowRecord::d, super ? 1 : blocks);
  const bool minima = type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ2_K ||
                      type == DType::kQ4_K || type == DType::kQ5_K;
  if (minima) writer.PutHalves(&RowRecord::m, super ? 1 : blocks);
  const int64_t bytes =
      kStripRows * blocks * 32 / Info(type).block_elements * (Info(type).block_bits / 8);
  HYPR_CHECK(writer.position() - reinterpret_cast<uint8_t*>(out) == bytes);
}

}  // namespace

int64_t PackedStripBytes(int64_t row_bytes) {
  constexpr int64_t kLine = 64;
  return (row_bytes * kStripRows + kLine - 1) / kLine * kLine;
}

void PackStrips(const TensorView& weight, int64_t begin, int64_t end, std::byte* out) {
  const DTypeInfo& info = Info(weight.dtype);
  const auto row_bytes = static_cast<int64_t>(weight.row_bytes());
  const int64_t strip_bytes = PackedStripBytes(row_bytes);
  const int64_t record_bytes = kSuperBlock / info.block_elements * (info.block_bits / 8);
  for (int64_t strip = begin; strip < end; ++strip) {
    const int64_t first = strip * kStripRows;
    const int64_t present = std::min(kStripRows, weight.rows() - first);
    std::byte* to = out + strip * strip_bytes;
    for (int64_t k = 0, offset = 0; k < weight.cols(); k += kSuperBlock, offset += record_bytes) {
      const int blocks = static_cast<int>(std::min(kSuperBlock, weight.cols() - k) / 32);
      RowRecord rows[kStripRows] = {};
      for (int64_t r = 0; r < present; ++r) {
        ExplodeRow(weight.dtype, weight.row(first + r).data() + offset, blocks, rows[r]);
      }
      WriteRecord(weight.dtype, rows, blocks, to + offset * kStripRows);
    }
  }
}

}  // namespace hyprstream::kernels
