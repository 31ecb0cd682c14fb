#include "adapters/open_adapter.h"

#include "adapters/gguf_adapter.h"
#include "adapters/peft_adapter.h"
#include "base/error.h"
#include "formats/model_files_opener.h"

namespace hyprstream::adapters {

std::shared_ptr<const DenseAdapter> OpenAdapter(const std::filesystem::path& path,
                                                const model::ModelConfig& config) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::kNotFound,
                {.message = "there is no such adapter",
                 .expected = "a PEFT folder, or a safetensors, GGUF or PyTorch file",
                 .where = path.string()});
  }
  if (std::filesystem::is_directory(path, ignored)) return OpenPeftFolder(path, config);
  if (formats::IsGguf(path)) return OpenGgufAdapter(path, config);
  return OpenPeftFile(path, config);
}

}  // namespace hyprstream::adapters
