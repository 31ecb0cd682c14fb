// vLLM's routes that load adapters from the server's disk. The path comes from the caller, so it
// must lie below one of the folders that the operator has named, links resolved.
#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

bool IsBelow(const fs::path& path, const fs::path& root) {
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

fs::path Confine(const App& app, const std::string& text) {
  std::error_code failed;
  const fs::path path = fs::weakly_canonical(text, failed);
  const bool inside = !failed && fs::path(text).is_absolute() &&
                      std::ranges::any_of(app.lora_roots, [&](const fs::path& root) {
                        return IsBelow(path, root);
                      });
  if (!inside) {
    throw Error(ErrorCode::kPermissionDenied,
                {.message = "the path is outside of the folders that adapters may be loaded from",
                 .where = "lora_path",
                 .hint = "hyprstream serve --lora-root FOLDER"});
  }
  if (!fs::exists(path, failed)) {
    throw Error(ErrorCode::kNotFound,
                {.message = "there is nothing at the path of the adapter", .where = "lora_path"});
  }
  return path;
}

Reply PlainText(std::string text) {
  return Reply{.content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

Reply Load(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const JsonField name_field = body.Need("lora_name");
  const std::string name = name_field.Text();
  const fs::path path = Confine(app, body.Need("lora_path").Text());
  const ServedModel& model = app.service.Base(body.FindText("base_model_name").value_or(""));
  if (app.service.HasModel(name)) name_field.Refuse("a name that no model has");
  const bool replace = body.FindFlag("load_inplace").value_or(false);
  try {
    model.adapters->AddFile(name, path,
                            replace ? engine::ServingAdapters::Adding::kReplace
                                    : engine::ServingAdapters::Adding::kNew);
  } catch (const Error& error) {
    // Whatever is wrong with the adapter is wrong with the request.
    const bool memory = error.code() == ErrorCode::kResourceExhausted;
    return ErrorReply(error, Dialect::kOpenAi, memory ? 503 : 400);
  }
  return PlainText("Success: LoRA adapter '" + name + "' added successfully.");
}

Reply Unload(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const std::string name = JsonField(document, "").Need("lora_name").Text();
  for (const ServedModel& model : app.service.models()) {
    try {
      model.adapters->RemoveFile(name);
      return PlainText("Success: LoRA adapter '" + name + "' removed successfully.");
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
    }
  }
  throw Error(ErrorCode::kNotFound,
              {.message = "no adapter \"" + name + "\" has been loaded", .where = "lora_name"});
}

Reply List(App& app) {
  json::array list;
  for (const ServedModel& model : app.service.models()) {
    for (const auto& adapter : model.adapters->List()) {
      list.push_back(json::object{{"id", adapter.name},
                                  {"lora_name", adapter.name},
                                  {"lora_path", adapter.path.string()},
                                  {"base_model_name", model.name},
                                  {"version", adapter.version},
                                  {"hash", adapter.hash},
                                  {"stored", adapter.stored}});
    }
  }
  return Reply{.body = json::serialize(json::object{{"object", "list"}, {"data", list}})};
}

}  // namespace

void AddLoraRoutes(Router& router, App& app) {
  router.Add({"POST", "/v1/load_lora_adapter", Access::kAdmin,
              [&app](Call& call) { return Load(app, call); }});
  router.Add({"POST", "/v1/unload_lora_adapter", Access::kAdmin,
              [&app](Call& call) { return Unload(app, call); }});
  router.Add({"GET", "/v1/lora_adapters", Access::kUse, [&app](Call&) { return List(app); }});
}

}  // namespace hyprstream::server
