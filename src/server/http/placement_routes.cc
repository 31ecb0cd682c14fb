// Where an adapter's components are: the counts behind the picture of layers × modules.
#include <algorithm>
#include <boost/json.hpp>

#include "adapters/placement_map.h"
#include "adapters/stored_adapter.h"
#include "adapters/topology.h"
#include "base/error.h"
#include "server/http/app.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

const model::ModelConfig& ConfigOf(const App& app, const adapters::AdapterRecord& record) {
  if (const ServedModel* base = app.service.FindBase(record.base_fingerprint)) {
    return base->loaded.model->config();
  }
  throw Error(ErrorCode::kFailedPrecondition, {.message = "the adapter's base is not served",
                                               .expected = record.base_model,
                                               .where = record.name});
}

/// Version 0 is the base: the places are there, and nothing in them.
adapters::PlacementMap EmptyMap(const adapters::AdapterRecord& record,
                                const model::ModelConfig& config) {
  const adapters::Topology topology(config, adapters::ParseSpec(record.spec, record.name));
  adapters::PlacementMap map{.modules = topology.spec().target_modules};
  std::ranges::sort(map.modules);
  for (const auto& place : topology.places()) map.layers = std::max(map.layers, place.at.layer + 1);
  map.counts.resize(static_cast<size_t>(map.layers) * map.modules.size());
  return map;
}

Reply Placement(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  const std::string wanted = QueryValue(call.request.query, "version").value_or("current");
  const std::optional<adapters::VersionRecord> version = app.desk.Find(record.name, wanted);
  const model::ModelConfig& config = ConfigOf(app, record);
  const adapters::PlacementMap map =
      version ? adapters::MapPlacement(*adapters::StoredAdapter::Open(version->file, config))
              : EmptyMap(record, config);
  json::array modules;
  for (const model::Module module : map.modules) modules.emplace_back(model::ModuleName(module));
  json::array layers;
  for (int64_t layer = 0; layer < map.layers; ++layer) {
    json::array row;
    for (size_t m = 0; m < map.modules.size(); ++m) row.emplace_back(map.At(layer, m));
    layers.push_back(std::move(row));
  }
  return Reply{.body = json::serialize(json::object{{"name", record.name},
                                                    {"version", version ? version->version : 0},
                                                    {"components", map.total()},
                                                    {"largest", map.largest()},
                                                    {"modules", std::move(modules)},
                                                    {"layers", std::move(layers)}})};
}

}  // namespace

void AddPlacementRoutes(Router& router, App& app) {
  router.Add({"GET", "/v1/adapters/{name}/placement", Access::kUse,
              [&app](Call& call) { return Placement(app, call); }});
}

}  // namespace hyprstream::server
