#include "convert/companions.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "convert/config_json.h"
#include "text/tokenizer_files.h"

namespace hyprstream::convert {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

bool IsCompanion(const fs::directory_entry& entry) {
  constexpr uintmax_t kMaxBytes = 64 << 20;
  static const std::set<std::string> kKinds = {".json", ".jinja", ".txt", ".model", ".md"};
  const std::string name = entry.path().filename().string();
  const bool licence = name == "LICENSE" || name == "NOTICE";
  return entry.is_regular_file() && !name.ends_with(".index.json") &&
         !name.starts_with("adapter_") &&
         (licence || kKinds.contains(entry.path().extension().string())) &&
         entry.file_size() <= kMaxBytes;
}

void WriteText(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.Write(text);
  file.Commit();
}

}  // namespace

void CopyCompanions(const formats::ModelFiles& files, const fs::path& folder) {
  const fs::path source =
      fs::is_directory(files.path()) ? files.path() : files.path().parent_path();
  try {
    for (const fs::directory_entry& entry :
         fs::directory_iterator(source.empty() ? fs::path(".") : source)) {
      if (IsCompanion(entry)) fs::copy_file(entry.path(), folder / entry.path().filename());
    }
  } catch (const fs::filesystem_error& error) {
    const bool full = error.code() == std::errc::no_space_on_device;
    throw Error(full ? ErrorCode::kResourceExhausted : ErrorCode::kIo,
                {.message = error.what(), .where = folder.string()});
  }
}

std::string ConfigWithType(const std::string& config_json, DType type) {
  json::object config = json::parse(config_json).as_object();
  for (const char* field : {"dtype", "torch_dtype"}) {
    if (config.contains(field)) config[field] = TorchName(type);
  }
  return json::serialize(config) + "\n";
}

void WriteCompanions(const formats::GgufFile& file, const model::ModelConfig& config, DType type,
                     const fs::path& folder) {
  WriteText(folder / "config.json", ConfigJson(file, config, type));
  WriteText(folder / "generation_config.json", GenerationConfigJson(config));
  const std::optional<text::TokenizerFiles> tokenizer = text::TokenizerFilesOf(file);
  if (!tokenizer) return;
  WriteText(folder / "tokenizer.json", tokenizer->tokenizer_json);
  WriteText(folder / "tokenizer_config.json", tokenizer->tokenizer_config_json);
}

}  // namespace hyprstream::convert
