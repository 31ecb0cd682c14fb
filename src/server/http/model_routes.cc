// OpenAI's list of models: each base model and each adapter over it, with vLLM's extra fields.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "base/error.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

json::object BaseObject(const ServedModel& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "hyprstream"},
          {"root", model.name},
          {"parent", nullptr},
          {"max_model_len", model.engine->options().context}};
}

json::object AdapterObject(const ServedModel& model,
                           const engine::ServingAdapters::Served& adapter) {
  return {{"id", adapter.name},
          {"object", "model"},
          {"created", adapter.created},
          {"owned_by", "hyprstream"},
          {"root", adapter.stored ? adapter.name : adapter.path.string()},
          {"parent", model.name},
          {"max_model_len", model.engine->options().context},
          {"version", adapter.version}};
}

json::array AllModels(const App& app) {
  json::array list;
  for (const ServedModel& model : app.service.models()) {
    list.push_back(BaseObject(model));
    for (const auto& adapter : model.adapters->List()) {
      list.push_back(AdapterObject(model, adapter));
    }
  }
  return list;
}

/// Also under the longer spellings that requests may use.
json::object OneModel(const App& app, const std::string& id) {
  for (json::value& entry : AllModels(app)) {
    if (entry.at("id").as_string() == id) return std::move(entry.as_object());
  }
  const Speaker speaker = app.service.Find(id);
  json::object object = BaseObject(*speaker.model);
  object["id"] = id;
  if (!speaker.adapters.empty()) object["parent"] = speaker.model->name;
  return object;
}

/// A fine-tuned model is an adapter of the store.
Reply Delete(App& app, const std::string& id) {
  if (app.service.HasModel(id)) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "a served model is not deleted",
                                              .expected = "a fine-tuned model or an adapter",
                                              .found = id,
                                              .where = "model"});
  }
  const auto stored = app.desk.List();
  const auto record = std::ranges::find(stored, id, &adapters::AdapterRecord::name);
  if (record == stored.end()) {
    throw Error(ErrorCode::kNotFound,
                {.message = "The model `" + id + "` does not exist", .where = "model"});
  }
  if (const ServedModel* model = app.service.FindBase(record->base_fingerprint)) {
    model->learner->Pause(record->name);
  }
  app.desk.Delete(record->name);
  return Reply{
      .body = json::serialize(json::object{{"id", id}, {"object", "model"}, {"deleted", true}})};
}

}  // namespace

void AddModelRoutes(Router& router, App& app) {
  router.Add({"GET", "/v1/models", Access::kUse, [&app](Call&) {
                return Reply{.body = json::serialize(
                                 json::object{{"object", "list"}, {"data", AllModels(app)}})};
              }});
  router.Add({"GET", "/v1/models/{id...}", Access::kUse, [&app](Call& call) {
                return Reply{.body = json::serialize(OneModel(app, call.path.at("id")))};
              }});
  router.Add({"DELETE", "/v1/models/{id...}", Access::kAdmin,
              [&app](Call& call) { return Delete(app, call.path.at("id")); }});
}

}  // namespace hyprstream::server
