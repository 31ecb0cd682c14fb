// A grid that is served: a file, mapped and never copied, with the tile numbers as a table beside
// it. Immutable once opened, so any number of threads may read it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/memory_budget.h"
#include "vdb/backend.h"
#include "vdb/encoding.h"
#include "vdb/grid_content.h"
#include "vdb/grid_files.h"
#include "vdb/tile.h"

namespace hyprstream::vdb {

/// Writes `path` complete or not at all, replacing what was there: a NanoVDB file for kVdb (".nvdb"
/// by custom), a file of tiles for kPlain (".tiles"). Returns the identity. Errors:
/// kInvalidArgument as CheckContent, kUnsupported for a back end that is not built, those of
/// AtomicFile.
Sha256Digest WriteGrid(const std::filesystem::path& path, const GridContent& content,
                       Encoding encoding, Backend backend = DefaultBackend());

/// Whether the first bytes are those of a grid file of either back end; nothing more is looked at.
/// Errors: those of MappedFile::Open.
bool IsGridFile(const std::filesystem::path& path);

class StoredGrid {
 public:
  /// The back end follows from the file's first bytes. Nothing in the file is trusted: every size,
  /// offset, link of the tree and tile number is checked before it is used. Errors: those of
  /// MappedFile::Open, kDataLoss saying what was expected where, kUnsupported for a file of a back
  /// end that is not built.
  static std::shared_ptr<const StoredGrid> Open(const std::filesystem::path& path,
                                                Verify verify = Verify::kFull);

  const std::string& name() const { return layout_.name; }
  std::span<const std::byte> metadata() const { return layout_.metadata; }
  Encoding encoding() const { return layout_.encoding; }
  Backend backend() const { return backend_; }
  /// As IdentityHash; recomputed from the values when the file was opened with Verify::kFull.
  const Sha256Digest& identity() const { return layout_.identity; }
  Bytes file_size() const { return {file_->bytes().size()}; }
  /// The pages of values and the table: what using the grid keeps in memory.
  Bytes memory() const;

  // Active tiles in the order of their numbers, by index in [0, size()).
  size_t size() const { return layout_.tiles.size(); }
  uint64_t tile(size_t index) const { return layout_.tiles[index]; }
  std::optional<size_t> Find(uint64_t tile) const;
  /// Index of the first active tile that is not below `tile`.
  size_t LowerBound(uint64_t tile) const;

  /// Decoded.
  void Read(size_t index, MutableTileValues values) const;
  // Direct access for kernels, in the mapping. 32-byte aligned.
  /// Only for Encoding::kF32.
  TileValues floats(size_t index) const;
  /// Only for Encoding::kFp8: value i is codes[i] * quantum + minimum.
  std::span<const uint8_t, kTileWeights> codes(size_t index) const;
  Fp8Scale scale(size_t index) const;

  /// Counts the decoded values.
  TileStatistics Recount() const;

 private:
  StoredGrid(std::shared_ptr<const MappedFile> file, Backend backend, GridLayout layout)
      : file_(std::move(file)), backend_(backend), layout_(std::move(layout)) {}

  std::shared_ptr<const MappedFile> file_;
  Backend backend_;
  GridLayout layout_;
};

struct CompactionResult {
  Bytes before;  // sizes of the files
  Bytes after;
  uint64_t tiles_removed = 0;
};

/// Rewrites a file without the tiles that hold nothing but zeros, in `encoding`, where it lies.
/// Errors: those of Open and WriteGrid.
CompactionResult CompactFile(const std::filesystem::path& path, Encoding encoding);

}  // namespace hyprstream::vdb
