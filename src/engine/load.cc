#include "engine/load.h"

#include <algorithm>

namespace hyprstream::engine {

Compute::Compute(int threads) : pool_(threads), isa_(kernels::ChooseIsa()) {}

std::string ModelNameOf(const std::filesystem::path& path) {
  std::filesystem::path name = path.filename();
  if (name.empty() || name == "." || name == "..") {
    std::error_code failed;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(path, failed);
    name = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
  }
  return name.extension() == ".gguf" || name.extension() == ".safetensors" ? name.stem().string()
                                                                           : name.string();
}

std::shared_ptr<const text::Tokenizer> OpenTokenizer(const formats::ModelFiles& files,
                                                     TokenizerNeed need) {
  namespace fs = std::filesystem;
  if (need == TokenizerNeed::kNone) return nullptr;
  const fs::path path = files.path();
  std::error_code ignored;
  const fs::path folder = fs::is_directory(path, ignored) ? path : path.parent_path();
  if (const formats::GgufFile* gguf = files.gguf()) {
    const auto kind = gguf->GetString("tokenizer.ggml.model");
    if (kind && *kind != "none" && *kind != "no_vocab") return text::Tokenizer::FromGguf(*gguf);
  } else if (fs::exists(folder / "tokenizer.json", ignored)) {
    return text::Tokenizer::FromPath(folder);
  }
  if (need == TokenizerNeed::kIfPresent) return nullptr;
  throw Error(ErrorCode::kNotFound,
              {.message = "the model has no tokenizer",
               .expected = files.gguf() != nullptr ? "tokenizer metadata in the GGUF file"
                                                   : "tokenizer.json beside config.json",
               .where = path.string()});
}

std::vector<int32_t> EndOfGeneration(const model::ModelConfig& config,
                                     const text::Tokenizer* tokenizer) {
  std::vector<int32_t> ids = config.eos_ids;
  if (tokenizer != nullptr) {
    ids.insert(ids.end(), tokenizer->end_of_generation().begin(),
               tokenizer->end_of_generation().end());
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

LoadedModel OpenModel(const std::filesystem::path& path, Compute& compute, TokenizerNeed need,
                      const model::LoadOptions& options) {
  LoadedModel loaded;
  loaded.name = ModelNameOf(path);
  loaded.files = formats::ModelFiles::Open(path);
  loaded.tokenizer = OpenTokenizer(*loaded.files, need);
  if (loaded.tokenizer) loaded.prompts = PromptBuilder::Create(*loaded.files, loaded.tokenizer);
  loaded.defaults = ParseGenerationDefaults(loaded.files->generation_config_json());
  ops::Context context = compute.context();
  loaded.model = model::Model::Load(loaded.files, context, options);
  return loaded;
}

}  // namespace hyprstream::engine
