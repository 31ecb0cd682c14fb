#include "adapters/peft_adapter.h"

#include "base/log.h"

namespace hyprstream::adapters {
namespace {

formats::BaseModules ShapesOf(const Places& places) {
  formats::BaseModules shapes;
  for (const auto& [path, place] : places) shapes.emplace(path, place.shape);
  return shapes;
}

}  // namespace

std::shared_ptr<const DenseAdapter> OpenPeftFolder(const std::filesystem::path& folder,
                                                   const model::ModelConfig& config) {
  const Places places = PlacesOf(config);
  const auto file = formats::PeftAdapter::Open(folder, ShapesOf(places));
  return DenseAdapter::Create(file->modules(), places, config);
}

std::shared_ptr<const DenseAdapter> OpenPeftFile(const std::filesystem::path& path,
                                                 const model::ModelConfig& config) {
  const Places places = PlacesOf(config);
  const auto file = formats::PeftAdapter::OpenFile(path, ShapesOf(places));
  if (!file->has_config()) {
    LogWarning(path.string() +
               " has no adapter_config.json beside it, so its alpha is unknown: scale 1 is used; "
               "PATH:SCALE sets another");
  }
  return DenseAdapter::Create(file->modules(), places, config);
}

}  // namespace hyprstream::adapters
