// What the doors serve: models with their engines and adapters, found by the names that requests
// use. Every door builds its requests here. Immutable but for what it holds; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answer_form.h"
#include "engine/engine.h"
#include "engine/learning/learner.h"
#include "engine/load.h"
#include "engine/serving_adapters.h"
#include "server/metrics.h"

namespace hyprstream::server {

struct ServedModel {
  std::string name;
  std::string reference;  // how it can be found again: a path or a name
  engine::LoadedModel loaded;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::ServingAdapters> adapters;
  engine::GenerationRequest defaults;       // what holds when a request does not say
  std::optional<int32_t> num_predict = {};  // the model's own wish, for Ollama's routes
  int64_t created = 0;                      // seconds since 1970
  // Filled in by the Service.
  std::string chat_template = {};  // its source; empty: the model has none of its own
  bool reasons = false;            // the template knows of thinking
  bool takes_tools = false;        // the template knows of tools
  std::unique_ptr<ModelMetrics> metrics = {};
  std::unique_ptr<engine::ConstraintMaker> forms = {};
  std::unique_ptr<engine::Learner> learner = {};  // last: it is gone before what it uses
};

/// Who answers: a model and the adapters over it.
struct Speaker {
  const ServedModel* model = nullptr;
  std::vector<engine::AdapterChoice> adapters;
  std::string name;  // as it was asked for

  /// "tone@7"; "tone@7,calm@2" for several; "base" for none.
  std::string version() const;
  /// "tone@7+3f2a…", "base+9c1b…": the version with the beginning of its content's hash.
  std::string fingerprint() const;
};

struct WantedAdapter {
  std::string name;  // may hold "@version"
  float scale = 1.0f;
};

class Service {
 public:
  /// At least one model; the first is the default.
  explicit Service(std::vector<ServedModel> models);

  const std::vector<ServedModel>& models() const { return models_; }

  /// `name`: a model; an adapter (of the first model that has it), also as "adapter@version" and
  /// "model:adapter"; any of these with ":latest" after it. Empty: the default model. `more`
  /// adapters act besides the one that is named. Loads what is not loaded.
  /// Errors: kNotFound with `where` "model" (or "lora" for one of `more`); those of
  /// ServingAdapters::Resolve.
  Speaker Find(std::string_view name, const std::vector<WantedAdapter>& more = {}) const;

  bool HasModel(std::string_view name) const { return FindModel(name) != nullptr; }
  /// A model without adapters; empty: the default one. Errors: kNotFound with `where` "base_model".
  const ServedModel& Base(std::string_view name) const;
  /// Null when no model has that fingerprint.
  const ServedModel* FindBase(std::string_view fingerprint) const;
  /// Errors: kFailedPrecondition when the adapter's base is not served.
  engine::Learner& LearnerOf(const adapters::AdapterRecord& adapter) const;

 private:
  const ServedModel* FindModel(std::string_view name) const;
  const ServedModel* FindModelWith(const std::string& adapter) const;

  std::vector<ServedModel> models_;
};

}  // namespace hyprstream::server
