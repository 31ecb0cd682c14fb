#include "adapters/stored_adapter.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "adapters/count_statistics.h"
#include "adapters/tile_source.h"
#include "base/error.h"
#include "formats/json_events.h"

namespace hyprstream::adapters {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormat = "hyprstream adapter 1";

[[noreturn]] void RefuseMetadata(std::string expected, std::string found) {
  throw Error(ErrorCode::kDataLoss, {.message = "the grid is not an adapter of hyprstream",
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = "metadata of the grid"});
}

int64_t Count(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_int64()) RefuseMetadata(std::string(name), "none");
  return value->get_int64();
}

/// Scales in double, as for every other adapter file.
void ScaleB(Tensor& b, double scale, const std::string& path) {
  for (float& value : b.As<float>()) {
    value = static_cast<float>(static_cast<double>(value) * scale);
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::kDataLoss, {.message = "the adapter's values are out of range",
                                         .expected = "finite numbers after scaling",
                                         .found = std::to_string(value),
                                         .where = path + ".lora_B"});
    }
  }
}

}  // namespace

std::string WriteMetadata(const Topology& topology) {
  return json::serialize(json::object{
      {"format", kFormat},
      {"spec", json::parse(WriteSpec(topology.spec()))},
      {"places", topology.places().size()},
      {"tiles_per_level", topology.tiles_per_level()},
  });
}

Topology ReadMetadata(const vdb::StoredGrid& grid, const model::ModelConfig& config) {
  const auto* text = reinterpret_cast<const char*>(grid.metadata().data());
  const std::string_view metadata(text, grid.metadata().size());
  formats::CheckJson(metadata, "metadata of the grid");
  const json::value value = json::parse(json::string_view(metadata.data(), metadata.size()));
  const json::object* object = value.if_object();
  const json::value* format = object == nullptr ? nullptr : object->if_contains("format");
  if (format == nullptr || !format->is_string() || format->get_string() != kFormat) {
    RefuseMetadata("format \"" + std::string(kFormat) + "\"", "another");
  }
  const json::value* spec = object->if_contains("spec");
  if (spec == nullptr) RefuseMetadata("a spec", "none");
  Topology topology(config, ParseSpec(json::serialize(*spec), "metadata of the grid"));
  const int64_t places = Count(*object, "places");
  const int64_t tiles = Count(*object, "tiles_per_level");
  if (places != static_cast<int64_t>(topology.places().size()) ||
      tiles != static_cast<int64_t>(topology.tiles_per_level())) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "the adapter belongs to a model of another shape",
                 .expected = std::to_string(topology.places().size()) + " modules, " +
                             std::to_string(topology.tiles_per_level()) + " tiles a component",
                 .found = std::to_string(places) + " and " + std::to_string(tiles),
                 .hint = "use it with the model it was trained on"});
  }
  return topology;
}

std::shared_ptr<const StoredAdapter> StoredAdapter::Open(const std::filesystem::path& path,
                                                         const model::ModelConfig& config,
                                                         vdb::Verify verify) {
  auto grid = vdb::StoredGrid::Open(path, verify);
  try {
    Topology topology = ReadMetadata(*grid, config);
    if (topology.spec().kind == AdapterKind::kDelta) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "a delta adapter cannot be computed with beside its base",
                   .expected = "an adapter of kind sparse or lora",
                   .found = "kind delta",
                   .hint = "merge it into the base"});
    }
    return std::shared_ptr<const StoredAdapter>(
        new StoredAdapter(std::move(grid), std::move(topology), config));
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
}

StoredAdapter::StoredAdapter(std::shared_ptr<const vdb::StoredGrid> grid, Topology topology,
                             const model::ModelConfig& config)
    : grid_(std::move(grid)),
      topology_(std::move(topology)),
      views_(config.num_hidden_layers, config.moe.experts),
      content_hash_(ToHex(grid_->identity())) {
  const TileSource source = SourceOf(*grid_);
  components_ = ComponentsOf(topology_, source);
  std::vector<Factors> factors = GatherFactors(topology_, source, components_);
  for (size_t p = 0; p < factors.size(); ++p) {
    const auto k = static_cast<int64_t>(components_[p].size());
    if (k == 0) continue;
    const TopologyPlace& place = topology_.places()[p];
    auto& [a, b] = factors[p];
    ScaleB(b, spec().scale, place.path);
    views_.Set(place.at.layer, place.at.module,
               {.a = a.As<float>().data(), .b = b.As<float>().data(), .rank = k}, place.at.expert);
    storage_.push_back(std::move(a));
    storage_.push_back(std::move(b));
  }
}

AdapterStatistics StoredAdapter::Statistics() const {
  return CountStatistics(topology_, SourceOf(*grid_));
}

Bytes StoredAdapter::memory() const {
  Bytes held = grid_->memory();
  for (const Tensor& tensor : storage_) held = held + Bytes{tensor.view().bytes.size()};
  return held;
}

}  // namespace hyprstream::adapters
