#include "engine/open_trainable.h"

#include <filesystem>

#include "adapters/from_dense.h"
#include "adapters/open_adapter.h"
#include "base/error.h"
#include "vdb/stored_grid.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;
using adapters::TrainableAdapter;

TrainableAdapter FromStore(const std::string& reference, const model::ModelConfig& config,
                           adapters::AdapterStore& store) {
  const size_t at = reference.find('@');
  const adapters::AdapterRecord record = store.Get(reference.substr(0, at));
  const auto version =
      store.Find(record.name, at == std::string::npos ? "" : reference.substr(at + 1));
  if (version) return TrainableAdapter::Load(version->file, config);
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "version 0 of an adapter is its base: it has no weights",
               .expected = "a version that was trained or imported",
               .found = record.name + "@0",
               .hint = "train the adapter first, or name another version as NAME@VERSION"});
}

}  // namespace

TrainableChoice OpenTrainable(const std::string& reference, const model::Model& model,
                              adapters::AdapterStore* store) {
  std::error_code ignored;
  const fs::path path(reference);
  if (!fs::exists(path, ignored) && store != nullptr && path.filename() == path) {
    return {.adapter = FromStore(reference, model.config(), *store), .place_scales = {}};
  }
  if (fs::is_regular_file(path, ignored) && vdb::IsGridFile(path)) {
    return {.adapter = TrainableAdapter::Load(path, model.config()), .place_scales = {}};
  }
  const auto dense = adapters::OpenAdapter(path, model.config());
  adapters::UnscaledAdapter made =
      adapters::FromDenseUnscaled(*dense, model.config(), model.fingerprint());
  return {.adapter = std::move(made.adapter), .place_scales = std::move(made.scales)};
}

}  // namespace hyprstream::engine
