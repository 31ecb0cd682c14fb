#include "formats/pytorch_writer.h"

#include "base/atomic_file.h"
#include "formats/pickle_writer.h"
#include "formats/zip_writer.h"

namespace hyprstream::formats {
namespace {

const std::string kRoot = "archive/";

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

void WritePytorch(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                  const std::map<std::string, std::string>& notes) {
  const std::string pickle = PickleStateDict(tensors);
  AtomicFile file(path);
  ZipWriter archive([&](std::span<const std::byte> bytes) { file.Write(bytes); });
  archive.Add(kRoot + "data.pkl", BytesOf(pickle));
  archive.Add(kRoot + "byteorder", BytesOf("little"));
  for (size_t i = 0; i < tensors.size(); ++i) {
    archive.Add(kRoot + "data/" + std::to_string(i), tensors[i].view.bytes);
  }
  for (const auto& [name, text] : notes) archive.Add(kRoot + "extra/" + name, BytesOf(text));
  archive.Add(kRoot + "version", BytesOf("3\n"));
  archive.Finish();
  file.Commit();
}

}  // namespace hyprstream::formats
