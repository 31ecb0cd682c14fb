// Adapters of the store: made, looked at, deleted; their versions chosen.
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "adapters/spec_wishes.h"
#include "adapters/topology.h"
#include "base/error.h"
#include "server/http/app.h"
#include "server/http/json_fields.h"
#include "server/http/learning_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

std::vector<model::Module> ReadTargets(const JsonField& body) {
  std::vector<model::Module> targets;
  const auto field = body.Find("target_modules");
  if (!field) return targets;
  if (field->value().is_string()) {
    if (field->Text() != "all") field->Refuse("\"all\" or an array of modules");
    return targets;
  }
  for (const JsonField& item : field->List()) {
    const auto module = model::FindModule(item.Text());
    if (!module) {
      item.Refuse("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj");
    }
    targets.push_back(*module);
  }
  return targets;
}

adapters::SpecWishes ReadWishes(const JsonField& body) {
  adapters::SpecWishes wishes;
  if (const auto kind = body.Find("kind")) {
    try {
      wishes.kind = adapters::ParseAdapterKind(kind->Text());
    } catch (const Error&) {
      kind->Refuse("sparse, lora or delta");
    }
  }
  wishes.rank = body.FindInteger("rank", 1, adapters::kMaxNominalRank);
  wishes.alpha = body.FindNumber("alpha", 0, 1e6);
  wishes.sparsity = body.FindNumber("sparsity", 0, 1);
  wishes.target_modules = ReadTargets(body);
  return wishes;
}

/// What a wrong combination is refused with names the field as the request does.
adapters::Topology MakeTopology(const ServedModel& model, const adapters::SpecWishes& wishes) {
  const model::Model& base = *model.loaded.model;
  try {
    return {base.config(), adapters::MakeSpec(wishes, base.config(), base.fingerprint())};
  } catch (const Error& error) {
    constexpr std::string_view kField = "field ";
    ErrorDetail detail = error.detail();
    if (detail.where.starts_with(kField)) detail.where.erase(0, kField.size());
    throw Error(error.code(), std::move(detail));
  }
}

Reply Create(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const JsonField name = body.Need("name");
  try {
    adapters::CheckAdapterName(name.Text());
  } catch (const Error& error) {
    name.Refuse(error.detail().expected);
  }
  const ServedModel& model = app.service.Base(body.FindText("base_model").value_or(""));
  if (app.service.HasModel(name.Text())) name.Refuse("a name that no model has");
  const adapters::Topology topology = MakeTopology(model, ReadWishes(body));
  const adapters::AdapterRecord record =
      app.desk.Create({.name = name.Text(),
                       .kind = std::string(AdapterKindName(topology.spec().kind)),
                       .base_model = model.reference,
                       .base_fingerprint = model.loaded.model->fingerprint(),
                       .spec = WriteSpec(topology.spec())});
  json::object answer = AdapterObject(record);
  answer["base_model"] = model.name;
  answer["rank"] = topology.spec().nominal_rank;
  answer["sparsity"] = topology.spec().sparsity;
  answer["parameters_allowed"] = topology.parameters_allowed();
  return Reply{.status = 201, .body = json::serialize(answer)};
}

/// Its base by the name it is served as, if it is.
json::object Told(const App& app, const adapters::AdapterRecord& record) {
  json::object object = AdapterObject(record);
  if (const ServedModel* model = app.service.FindBase(record.base_fingerprint)) {
    object["base_model"] = model->name;
    object["served"] = true;
  } else {
    object["served"] = false;
  }
  return object;
}

Reply List(const App& app) {
  json::array list;
  for (const adapters::AdapterRecord& record : app.desk.List()) {
    list.push_back(Told(app, record));
  }
  return Reply{.body = json::serialize(json::object{{"object", "list"}, {"data", list}})};
}

Reply Show(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  json::object object = Told(app, record);
  object["spec"] = json::parse(record.spec);
  if (const ServedModel* model = app.service.FindBase(record.base_fingerprint)) {
    object["training"] = StatusObject(model->learner->Status(record.name));
  }
  return Reply{.body = json::serialize(object)};
}

Reply Delete(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  if (const ServedModel* model = app.service.FindBase(record.base_fingerprint)) {
    model->learner->Stop(record.name);
  }
  app.desk.Delete(record.name);
  return Reply{.body = json::serialize(
                   json::object{{"name", record.name}, {"object", "adapter"}, {"deleted", true}})};
}

Reply Versions(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  json::array list;
  for (const adapters::VersionRecord& version : app.desk.Versions(record.name)) {
    list.push_back(VersionObject(version, record.current));
  }
  return Reply{.body = json::serialize(
                   json::object{{"object", "list"}, {"current", record.current}, {"data", list}})};
}

int64_t VersionInPath(Call& call) {
  const std::string& text = call.path.at("version");
  int64_t version = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (status == std::errc() && end == text.data() + text.size() && version >= 0) return version;
  throw Error(ErrorCode::kNotFound, {.message = "the adapter has no such version", .found = text});
}

Reply TellChosen(const std::string& name, int64_t version) {
  return Reply{.body = json::serialize(json::object{{"name", name}, {"version", version}})};
}

enum class Choosing { kPromote, kPin };

Reply Choose(const App& app, Call& call, Choosing how) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  const int64_t version = VersionInPath(call);
  engine::Learner& learner = app.service.LearnerOf(record);
  if (how == Choosing::kPromote) {
    learner.Promote(record.name, version);
  } else {
    learner.Pin(record.name, version);
  }
  return TellChosen(record.name, version);
}

Reply Unpin(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  app.service.LearnerOf(record).Unpin(record.name);
  return TellChosen(record.name, record.current);
}

Reply RollBack(const App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  engine::Learner& learner = app.service.LearnerOf(record);
  std::optional<int64_t> version;
  if (!call.request.body.empty()) {
    const json::value document = ParseJsonText(call.request.body);
    version = JsonField(document, "").FindInteger("version", 0);
  }
  if (!version) return TellChosen(record.name, learner.RollBack(record.name));
  learner.Promote(record.name, *version);
  return TellChosen(record.name, *version);
}

}  // namespace

void AddAdapterRoutes(Router& router, App& app) {
  const auto add = [&](const char* method, const char* pattern, Access access,
                       Reply (*handle)(const App&, Call&)) {
    router.Add({method, pattern, access, [&app, handle](Call& call) { return handle(app, call); }});
  };
  router.Add(
      {"POST", "/v1/adapters", Access::kTeach, [&app](Call& call) { return Create(app, call); }});
  router.Add({"GET", "/v1/adapters", Access::kUse, [&app](Call&) { return List(app); }});
  add("GET", "/v1/adapters/{name}", Access::kUse, Show);
  add("DELETE", "/v1/adapters/{name}", Access::kAdmin, Delete);
  add("GET", "/v1/adapters/{name}/versions", Access::kUse, Versions);
  router.Add({"POST", "/v1/adapters/{name}/versions/{version}/promote", Access::kTeach,
              [&app](Call& call) { return Choose(app, call, Choosing::kPromote); }});
  router.Add({"POST", "/v1/adapters/{name}/versions/{version}/pin", Access::kTeach,
              [&app](Call& call) { return Choose(app, call, Choosing::kPin); }});
  add("POST", "/v1/adapters/{name}/unpin", Access::kTeach, Unpin);
  add("POST", "/v1/adapters/{name}/rollback", Access::kTeach, RollBack);
}

}  // namespace hyprstream::server
