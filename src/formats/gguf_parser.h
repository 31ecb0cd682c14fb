// Fills a GgufFile from its mapping, checking every count, length and offset against the file's
// real size before anything is allocated by it.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/byte_reader.h"
#include "formats/gguf.h"

namespace hyprstream::formats {

class GgufParser {
 public:
  /// `file` has its mapping and nothing else yet.
  explicit GgufParser(GgufFile& file) : file_(file), reader_(file.file_->bytes()) {}

  /// Errors: as GgufFile::Open.
  void Parse();

 private:
  struct TensorInfo {
    uint64_t bytes = 0;   // of the data
    uint64_t offset = 0;  // into the data section, as the file says
  };

  void ReadVersion();
  void ReadMetadata(uint64_t count);
  uint64_t Alignment() const;
  void ReadTensorInfo();
  Shape ReadShape(std::string_view name);
  void PlaceTensors(uint64_t alignment);

  GgufFile& file_;
  ByteReader reader_;
  std::vector<TensorInfo> infos_;  // beside file_.tensors_
};

}  // namespace hyprstream::formats
