#include "server/service.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/tokenizer_config.h"

namespace hyprstream::server {
namespace {

constexpr size_t kHashDigits = 12;
constexpr std::string_view kLatest = ":latest";

Error NoSuchModel(std::string_view name) {
  return Error(ErrorCode::kNotFound,
               {.message = "The model `" + std::string(name) + "` does not exist",
                .where = "model",
                .hint = "GET /v1/models lists those there are"});
}

void DescribeTemplate(ServedModel& model) {
  const formats::ModelFiles& files = *model.loaded.files;
  std::string& source = model.chat_template;
  source = files.chat_template_jinja();
  if (source.empty()) {
    source = text::ParseTokenizerConfig(files.tokenizer_config_json()).chat_template;
  }
  if (source.empty()) source = model.loaded.tokenizer->chat_template();
  model.reasons = source.find("<think>") != std::string::npos;
  model.takes_tools = source.find("tools") != std::string::npos;
}

std::string NameOf(const engine::AdapterChoice& choice) {
  std::string name = choice.adapter->name;
  if (choice.scale != 1.0f) name += ":" + std::to_string(choice.scale);
  return name;
}

}  // namespace

std::string Speaker::version() const {
  if (adapters.empty()) return "base";
  std::string text;
  for (const engine::AdapterChoice& choice : adapters) {
    text += (text.empty() ? "" : ",") + NameOf(choice);
  }
  return text;
}

std::string Speaker::fingerprint() const {
  const std::string base = model->loaded.model->fingerprint().substr(0, kHashDigits);
  if (adapters.empty()) return "base+" + base;
  std::string text;
  for (const engine::AdapterChoice& choice : adapters) {
    // Version 0 has no content of its own.
    const std::string& hash = choice.adapter->content_hash;
    text += (text.empty() ? "" : ",") + NameOf(choice) + "+" +
            (hash == "base" ? base : hash.substr(0, kHashDigits));
  }
  return text;
}

Service::Service(std::vector<ServedModel> models) : models_(std::move(models)) {
  HYPR_CHECK(!models_.empty());
  for (ServedModel& model : models_) {
    DescribeTemplate(model);
    model.metrics = std::make_unique<ModelMetrics>();
    model.forms = std::make_unique<engine::ConstraintMaker>(model.loaded.tokenizer);
  }
}

const ServedModel* Service::FindModel(std::string_view name) const {
  const auto found = std::ranges::find(models_, name, &ServedModel::name);
  return found == models_.end() ? nullptr : &*found;
}

// One that the adapter was made for; else any, to say that it was not.
const ServedModel* Service::FindModelWith(const std::string& adapter) const {
  const ServedModel* stranger = nullptr;
  for (const ServedModel& model : models_) {
    if (model.adapters->Serves(adapter)) return &model;
    if (model.adapters->Has(adapter)) stranger = &model;
  }
  return stranger;
}

const ServedModel& Service::Base(std::string_view name) const {
  const ServedModel* model = name.empty() ? &models_.front() : FindModel(name);
  // A model is also known by where it was found.
  for (const ServedModel& served : models_) {
    if (model == nullptr && served.reference == name) model = &served;
  }
  if (model != nullptr) return *model;
  throw Error(
      ErrorCode::kNotFound,
      {.message = "The model `" + std::string(name) + "` does not exist", .where = "base_model"});
}

const ServedModel* Service::FindBase(std::string_view fingerprint) const {
  for (const ServedModel& model : models_) {
    if (model.loaded.model->fingerprint() == fingerprint) return &model;
  }
  return nullptr;
}

engine::Learner& Service::LearnerOf(const adapters::AdapterRecord& adapter) const {
  if (const ServedModel* model = FindBase(adapter.base_fingerprint)) return *model->learner;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "the base of the adapter \"" + adapter.name + "\" is not served",
               .expected = adapter.base_model});
}

Speaker Service::Find(std::string_view asked, const std::vector<WantedAdapter>& more) const {
  Speaker speaker{.model = nullptr, .adapters = {}, .name = std::string(asked)};
  std::string adapter;
  std::string_view name = asked;
  if (name.ends_with(kLatest) && FindModel(name) == nullptr) name.remove_suffix(kLatest.size());
  if (name.empty()) {
    speaker.model = &models_.front();
    speaker.name = speaker.model->name;
  } else if (const ServedModel* model = FindModel(name)) {
    speaker.model = model;
  } else if (const size_t colon = name.rfind(':'); colon != std::string_view::npos) {
    speaker.model = FindModel(name.substr(0, colon));
    adapter = std::string(name.substr(colon + 1));
    if (adapter.empty()) speaker.model = nullptr;
  } else {
    adapter = std::string(name);
    const std::string plain = adapter.substr(0, adapter.find('@'));
    speaker.model = FindModelWith(plain);
  }
  if (speaker.model == nullptr) throw NoSuchModel(asked);
  const auto add = [&](const std::string& wanted, float scale, const char* where) {
    try {
      speaker.adapters.push_back({speaker.model->adapters->Resolve(wanted), scale});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      ErrorDetail detail = error.detail();
      detail.where = where;
      throw Error(ErrorCode::kNotFound, std::move(detail));
    }
  };
  speaker.adapters = speaker.model->defaults.adapters;  // that come with the model: always on
  if (!adapter.empty()) add(adapter, 1.0f, "model");
  for (const WantedAdapter& wanted : more) add(wanted.name, wanted.scale, "lora");
  return speaker;
}

}  // namespace hyprstream::server
