#include "engine/load_adapter.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "adapters/open_adapter.h"
#include "adapters/stored_adapter.h"
#include "engine/load.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;

struct Reference {
  fs::path path;
  float scale = 1.0f;
};

Reference Parse(const std::string& text) {
  std::error_code ignored;
  const size_t colon = text.rfind(':');
  if (fs::exists(text, ignored) || colon == std::string::npos) return {.path = text};
  Reference reference{.path = text.substr(0, colon)};
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(begin, end, reference.scale);
  if (status != std::errc() || stop != end || !std::isfinite(reference.scale)) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "wrong scale of an adapter",
                                              .expected = "PATH:SCALE, such as tone:0.7",
                                              .found = "\"" + text + "\""});
  }
  return reference;
}

std::shared_ptr<const LoadedAdapter> FromGrid(const fs::path& file, std::string name,
                                              const model::ModelConfig& config) {
  const auto stored = adapters::StoredAdapter::Open(file, config);
  return std::make_shared<LoadedAdapter>(LoadedAdapter{.name = std::move(name),
                                                       .content_hash = stored->content_hash(),
                                                       .views = stored->views(),
                                                       .storage = stored});
}

std::shared_ptr<const LoadedAdapter> FromStore(const std::string& name,
                                               const model::ModelConfig& config,
                                               adapters::AdapterStore& store) {
  const size_t at = name.find('@');
  const adapters::AdapterRecord record = store.Get(name.substr(0, at));
  return LoadVersion(
      record, store.Find(record.name, at == std::string::npos ? "" : name.substr(at + 1)), config);
}

}  // namespace

std::shared_ptr<const LoadedAdapter> LoadVersion(
    const adapters::AdapterRecord& record, const std::optional<adapters::VersionRecord>& version,
    const model::ModelConfig& config) {
  if (version) {
    return FromGrid(version->file, record.name + "@" + std::to_string(version->version), config);
  }
  return std::make_shared<LoadedAdapter>(
      LoadedAdapter{.name = record.name + "@0",
                    .content_hash = "base",
                    .views = {config.num_hidden_layers, config.moe.experts},
                    .storage = nullptr});
}

std::shared_ptr<const LoadedAdapter> LoadAdapterFile(const fs::path& path, std::string name,
                                                     const model::ModelConfig& config) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && vdb::IsGridFile(path)) {
    return FromGrid(path, std::move(name), config);
  }
  const auto dense = adapters::OpenAdapter(path, config);
  return std::make_shared<LoadedAdapter>(LoadedAdapter{.name = std::move(name),
                                                       .content_hash = dense->content_hash(),
                                                       .views = dense->views(),
                                                       .storage = dense});
}

AdapterChoice OpenAdapter(const std::string& text, const model::ModelConfig& config,
                          adapters::AdapterStore* store) {
  const Reference reference = Parse(text);
  std::error_code ignored;
  const bool exists = fs::exists(reference.path, ignored);
  if (!exists && store != nullptr && reference.path.filename() == reference.path) {
    return {.adapter = FromStore(reference.path.string(), config, *store),
            .scale = reference.scale};
  }
  return {.adapter = LoadAdapterFile(reference.path, ModelNameOf(reference.path), config),
          .scale = reference.scale};
}

}  // namespace hyprstream::engine
