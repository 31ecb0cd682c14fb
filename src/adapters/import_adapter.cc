#include "adapters/import_adapter.h"

#include <functional>

#include "adapters/from_dense.h"
#include "adapters/open_adapter.h"
#include "adapters/stored_adapter.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "vdb/stored_grid.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;

using WriteVersion = std::function<std::string(const fs::path&)>;

AdapterRecord Enter(AdapterStore& store, const AdapterSpec& spec, const ImportOptions& options,
                    const WriteVersion& write) {
  const AdapterRecord record = store.Create({.name = options.name,
                                             .kind = std::string(AdapterKindName(spec.kind)),
                                             .base_model = options.base_model,
                                             .base_fingerprint = options.base_fingerprint,
                                             .spec = WriteSpec(spec)});
  try {
    store.AddVersion(record.name, {}, write);
  } catch (...) {
    store.Delete(record.name);
    throw;
  }
  return store.Get(record.name);
}

AdapterRecord EnterGrid(AdapterStore& store, const fs::path& path, const model::ModelConfig& config,
                        const ImportOptions& options) {
  const auto stored = StoredAdapter::Open(path, config);
  const std::string& made_for = stored->spec().base_fingerprint;
  if (!made_for.empty() && made_for != options.base_fingerprint) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the adapter belongs to another base model",
                 .expected = "fingerprint " + options.base_fingerprint,
                 .found = made_for,
                 .where = path.string(),
                 .hint = "name the model that it was trained on with --base-model"});
  }
  return Enter(store, stored->spec(), options, [&](const fs::path& target) {
    AtomicFile file(target);
    file.Write(MappedFile::Open(path)->bytes());
    file.Commit();
    return stored->content_hash();
  });
}

}  // namespace

AdapterRecord ImportAdapter(AdapterStore& store, const fs::path& path,
                            const model::ModelConfig& config, const ImportOptions& options) {
  CheckAdapterName(options.name);
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && vdb::IsGridFile(path)) {
    return EnterGrid(store, path, config, options);
  }
  const auto dense = OpenAdapter(path, config);
  const TrainableAdapter adapter = FromDense(*dense, config, options.base_fingerprint);
  return Enter(store, adapter.spec(), options, [&](const fs::path& target) {
    return adapter.Save(target, {.name = options.name});
  });
}

}  // namespace hyprstream::adapters
