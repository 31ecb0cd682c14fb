// `debug tensors`: what is in a file of weights.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/hash.h"
#include "cli/shell.h"
#include "formats/gguf.h"
#include "formats/pytorch.h"
#include "formats/safetensors.h"
#include "tensor/dequantize.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct TensorsFlags {
  std::string file;
  std::string output;
};

/// Whatever was opened, kept alive beside its tensors.
struct OpenedFile {
  std::shared_ptr<const void> owner;
  std::span<const formats::NamedTensor> tensors;
};

template <typename File>
OpenedFile OpenAs(const std::string& path) {
  const auto file = File::Open(path);
  return {file, file->tensors()};
}

/// By content: "GGUF", a ZIP archive, else safetensors.
OpenedFile OpenTensors(const std::string& path) {
  const auto file = MappedFile::Open(path);
  const std::string_view head(reinterpret_cast<const char*>(file->bytes().data()),
                              std::min<size_t>(4, file->bytes().size()));
  if (head == "GGUF") return OpenAs<formats::GgufFile>(path);
  if (formats::LooksLikePytorch(file->bytes())) return OpenAs<formats::PytorchFile>(path);
  return OpenAs<formats::SafetensorsFile>(path);
}

/// Integers and booleans are copied as they are; everything else becomes f32.
void WriteWidened(const std::string& path, std::span<const formats::NamedTensor> tensors) {
  std::vector<Tensor> widened;
  std::vector<formats::NamedTensor> out;
  widened.reserve(tensors.size());
  for (const formats::NamedTensor& tensor : tensors) {
    if (!CanDequantize(tensor.view.dtype) && !IsQuantized(tensor.view.dtype)) {
      out.push_back(tensor);
      continue;
    }
    widened.push_back(DequantizeToF32(tensor.view));
    out.push_back({tensor.name, widened.back().view()});
  }
  formats::WriteSafetensors(path, out);
}

int ListTensors(Shell& shell, const TensorsFlags& flags) {
  const OpenedFile file = OpenTensors(flags.file);
  for (const formats::NamedTensor& tensor : file.tensors) {
    const auto extents = tensor.view.shape.extents();
    shell.out.Line(
        json::serialize(json::object{{"name", tensor.name},
                                     {"dtype", Name(tensor.view.dtype)},
                                     {"shape", json::array(extents.begin(), extents.end())},
                                     {"sha256", Sha256Hex(tensor.view.bytes)}}));
  }
  if (!flags.output.empty()) WriteWidened(flags.output, file.tensors);
  return 0;
}

}  // namespace

void AddDebugTensorsVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<TensorsFlags>();
  CLI::App& verb =
      AddVerb(debug, shell, "tensors", "Tensors of a safetensors, GGUF or PyTorch file",
              "hyprstream debug tensors models/willowbrook/model.safetensors",
              [&shell, flags] { return ListTensors(shell, *flags); });
  verb.add_option("FILE", flags->file, "File to read")->required();
  verb.add_option("--output,-o", flags->output, "Also write them, widened to f32")
      ->type_name("FILE");
}

}  // namespace hyprstream::cli
