// Ollama's routes about the models there are. Adapters are models of their own, whose parent is
// their base.
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/http/ollama_input.h"
#include "server/http/ollama_output.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

/// "5.8M", "1.7B".
std::string ParameterSize(int64_t parameters) {
  std::array<char, 32> text{};
  const auto count = static_cast<double>(parameters);
  std::snprintf(text.data(), text.size(), count < 1e9 ? "%.1fM" : "%.1fB",
                count / (count < 1e9 ? 1e6 : 1e9));
  return text.data();
}

std::string_view FormatOf(const ServedModel& model) {
  return model.loaded.files->gguf() != nullptr ? "gguf" : "safetensors";
}

json::object Details(const ServedModel& model, const std::string& parent) {
  const model::ModelConfig& config = model.loaded.model->config();
  const std::string_view family = model::FamilyName(config.family);
  return {{"parent_model", parent},
          {"format", FormatOf(model)},
          {"family", family},
          {"families", json::array{json::string(family)}},
          {"parameter_size", ParameterSize(config.parameters())},
          {"quantization_level", config.dtype}};
}

json::array Capabilities(const ServedModel& model) {
  json::array list{"completion", "embedding"};
  if (model.reasons) list.push_back("thinking");
  if (model.takes_tools) list.push_back("tools");
  return list;
}

std::string TimeText(int64_t seconds) {
  return Rfc3339(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
}

json::object Entry(const ServedModel& model, const std::string& name, const std::string& digest,
                   int64_t created, const std::string& parent) {
  return {{"name", name},
          {"model", name},
          {"modified_at", TimeText(created)},
          {"size", model.loaded.files->tensor_bytes()},
          {"digest", digest},
          {"details", Details(model, parent)},
          {"capabilities", Capabilities(model)}};
}

json::array Entries(const App& app) {
  json::array list;
  for (const ServedModel& model : app.service.models()) {
    const std::string& base = model.loaded.model->fingerprint();
    list.push_back(Entry(model, model.name, base, model.created, ""));
    for (const auto& adapter : model.adapters->List()) {
      list.push_back(Entry(model, adapter.name, adapter.hash.empty() ? base : adapter.hash,
                           adapter.created, model.name));
    }
  }
  return list;
}

/// Those that are in memory: bases always, adapters that were asked for lately.
json::array Running(const App& app) {
  json::array list;
  for (const ServedModel& model : app.service.models()) {
    const auto add = [&](const std::string& name, const std::string& parent) {
      json::object entry =
          Entry(model, name, model.loaded.model->fingerprint(), model.created, parent);
      entry["expires_at"] = "2318-01-01T00:00:00Z";  // never: models stay loaded
      entry["size_vram"] = 0;
      entry["context_length"] = model.engine->options().context;
      list.push_back(std::move(entry));
    };
    add(model.name, "");
    for (const std::string& name : model.adapters->Loaded()) add(name, model.name);
  }
  return list;
}

json::object ModelInfo(const ServedModel& model) {
  const model::ModelConfig& config = model.loaded.model->config();
  const std::string family(model::FamilyName(config.family));
  return {{"general.architecture", family},
          {"general.parameter_count", config.parameters()},
          {family + ".context_length", config.context_length()},
          {family + ".embedding_length", config.hidden_size},
          {family + ".block_count", config.num_hidden_layers},
          {family + ".feed_forward_length", config.intermediate_size},
          {family + ".attention.head_count", config.num_attention_heads},
          {family + ".attention.head_count_kv", config.num_key_value_heads},
          {family + ".attention.key_length", config.head_dim},
          {family + ".rope.freq_base", config.rope.theta},
          {family + ".vocab_size", config.vocab_size}};
}

std::string Parameters(const ServedModel& model) {
  const engine::SamplingParams& sampling = model.defaults.sampling;
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "temperature                    %g\ntop_k                          %d\n"
                "top_p                          %g",
                static_cast<double>(sampling.temperature), sampling.top_k,
                static_cast<double>(sampling.top_p));
  return text.data();
}

Reply Show(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  const Speaker speaker = app.service.Find(ReadOllamaModel(body));
  const ServedModel& model = *speaker.model;
  json::array tensors;
  if (body.FindFlag("verbose").value_or(false)) {
    for (const auto& [name, view] : model.loaded.files->tensors()) {
      const auto extents = view.shape.extents();
      tensors.push_back(json::object{{"name", name},
                                     {"type", Name(view.dtype)},
                                     {"shape", json::array(extents.begin(), extents.end())}});
    }
  }
  json::object answer{{"license", ""},
                      {"modelfile", "FROM " + model.name},
                      {"parameters", Parameters(model)},
                      {"template", model.chat_template},
                      {"system", ""},
                      {"details", Details(model, speaker.adapters.empty() ? "" : model.name)},
                      {"model_info", ModelInfo(model)},
                      {"capabilities", Capabilities(model)},
                      {"modified_at", TimeText(model.created)}};
  if (!tensors.empty()) answer["tensors"] = std::move(tensors);
  Reply reply;
  NameSpeaker(speaker, *call.record, reply.headers);
  reply.body = json::serialize(answer);
  return reply;
}

}  // namespace

void AddOllamaModelRoutes(Router& router, App& app) {
  router.Add({"GET", "/api/tags", Access::kUse, [&app](Call&) {
                return Reply{.body = json::serialize(json::object{{"models", Entries(app)}})};
              }});
  router.Add({"GET", "/api/ps", Access::kUse, [&app](Call&) {
                return Reply{.body = json::serialize(json::object{{"models", Running(app)}})};
              }});
  router.Add({"POST", "/api/show", Access::kUse, [&app](Call& call) { return Show(app, call); }});
  router.Add(
      {"GET", "/api/version", Access::kUse, [&app](Call&) {
         return Reply{.body = json::serialize(json::object{{"version", app.program_version}})};
       }});
}

}  // namespace hyprstream::server
