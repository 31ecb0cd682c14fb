#include "convert/gguf_metadata.h"

#include <map>

#include "base/mapped_file.h"
#include "convert/recipe.h"
#include "model/architecture_metadata.h"
#include "text/gguf_vocabulary.h"

namespace hyprstream::convert {
namespace {

namespace fs = std::filesystem;
using Fields = std::vector<std::pair<std::string, formats::GgufField>>;

/// llama.cpp's number for the type that most weights have.
uint32_t FileType(std::span<const formats::StreamedTensor> tensors) {
  std::map<DType, uint64_t> bytes;
  for (const formats::StreamedTensor& tensor : tensors) {
    if (tensor.shape.rank() > 1) bytes[tensor.dtype] += tensor.bytes();
  }
  DType most = DType::kF32;
  for (const auto& [type, count] : bytes) {
    if (count > bytes[most]) most = type;
  }
  return GgufFileType(most);
}

Fields VocabularyOf(const formats::ModelFiles& base, const model::ModelConfig& config) {
  const fs::path folder = fs::is_directory(base.path()) ? base.path() : base.path().parent_path();
  const fs::path file = folder / "tokenizer.json";
  if (!fs::exists(file)) return text::NoGgufVocabulary(config.eos_ids, config.bos_id);
  const auto mapped = MappedFile::Open(file);
  const std::span<const std::byte> bytes = mapped->bytes();
  const std::string where = file.string();
  return text::GgufVocabulary(
      {.tokenizer_json = {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
       .where = where,
       .config = text::ParseTokenizerConfig(base.tokenizer_config_json()),
       .chat_template = base.chat_template_jinja(),
       .eos_ids = config.eos_ids,
       .bos_id = config.bos_id,
       .vocab_size = config.vocab_size});
}

}  // namespace

Fields GgufMetadataOf(const formats::ModelFiles& base, const model::ModelConfig& config,
                      std::span<const formats::StreamedTensor> tensors, const fs::path& file) {
  Fields fields = model::ArchitectureMetadata(config);
  fields.insert(fields.begin() + 1, {{"general.type", std::string("model")},
                                     {"general.name", file.stem().string()},
                                     {"general.file_type", FileType(tensors)},
                                     {"general.quantization_version", uint32_t{2}}});
  Fields vocabulary = VocabularyOf(base, config);
  std::move(vocabulary.begin(), vocabulary.end(), std::back_inserter(fields));
  return fields;
}

}  // namespace hyprstream::convert
