// The file that keeps a model's quantised weights in the order in which the kernels read them
// (kernels/cpu/pack.h), so that the next load copies them instead of packing them again.
//
//   0   "HYPRPACK"
//   8   u32 kRepackedFormat, u32 number of tensors
//   16  u64 bytes of header and table, u64 bytes of the whole file
//   32  key: 32 bytes, what the strips were made from and for (model/repack_cache.h)
//   64  u64 FastChecksum of header and table with this field zero
//   72  the table; for each tensor: its type's name filled up with zeros to 8 bytes, u64 rows,
//       u64 columns, u64 offset, u64 bytes, u64 FastChecksum of its strips, u64 length of its name,
//       its name
//
// Numbers are little-endian. Strips begin at multiples of kRepackedAlignment from the file's start.
// The file is read as one that anybody may have written: nothing in it is used unchecked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "formats/byte_reader.h"
#include "tensor/dtype.h"

namespace hyprstream::model {

inline constexpr uint32_t kRepackedFormat = 1;
inline constexpr uint64_t kRepackedAlignment = 4096;

using RepackedKey = Sha256Digest;

/// The strips of one weight [rows, cols].
struct RepackedTensor {
  std::string name;
  DType dtype = DType::kQ8_0;
  int64_t rows = 0;
  int64_t cols = 0;
  std::span<const std::byte> strips = {};
};

/// Where the strips of each tensor go, and the size of the whole.
struct RepackedPlan {
  std::vector<uint64_t> offsets;
  uint64_t header_bytes = 0;
  uint64_t file_bytes = 0;
};
RepackedPlan PlanRepackedFile(std::span<const RepackedTensor> tensors);

/// Header and table. Reads all strips once, for their checksums.
std::vector<std::byte> RepackedHeader(std::span<const RepackedTensor> tensors,
                                      const RepackedPlan& plan, const RepackedKey& key);

/// Makes magic, lengths and checksum of a header fit the bytes, if there are enough of them: for
/// tests of what is read behind the checksum.
void RepairRepackedHeader(std::span<std::byte> file);

/// Views into a file's bytes, which must outlive it unless it is loaded.
class RepackedFile {
 public:
  /// Reads header and table. Errors: kDataLoss saying what is wrong at which offset;
  /// kFailedPrecondition when the file was made from or for something else.
  static RepackedFile Parse(std::span<const std::byte> bytes, const RepackedKey& key);

  /// Copies every strip into memory that streams well (tensor/slab_memory.h) and compares the copy
  /// with its checksum. `copied` is told, on the pool's threads, which part of the file's bytes is
  /// done with; afterwards none is needed. Errors: kDataLoss naming the tensor.
  void Load(ThreadPool& pool, const std::function<void(std::span<const std::byte>)>& copied);

  /// Null when there is none of that name and shape.
  const RepackedTensor* Find(std::string_view name, int64_t rows, int64_t cols) const;
  size_t tensors() const { return tensors_.size(); }

 private:
  struct Entry {
    RepackedTensor tensor;
    uint64_t checksum = 0;
    std::shared_ptr<std::byte> copy = {};  // what the tensor's strips are, once loaded
  };
  static Entry ReadEntry(formats::ByteReader& reader, std::span<const std::byte> bytes,
                         uint64_t header_bytes);

  std::map<std::string, Entry, std::less<>> tensors_;
};

}  // namespace hyprstream::model
