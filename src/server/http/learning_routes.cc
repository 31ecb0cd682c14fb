// Samples, training and feedback: how adapters are taught while they serve.
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/learning_form.h"
#include "server/http/quota_http.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

constexpr int64_t kMostListed = 1000;

/// What cannot be learnt is 422, a full queue 429, a full disk 507.
Reply TeachingError(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kLimit:
      return ErrorReply(error, Dialect::kOpenAi, 422);
    case ErrorCode::kResourceExhausted:
      return ErrorReply(error, Dialect::kOpenAi, error.detail().where == "queue" ? 429 : 507);
    default:
      return ErrorReply(error, Dialect::kOpenAi);
  }
}

json::object AddedObject(const engine::Learner::Added& added) {
  return {{"ids", json::array(added.ids.begin(), added.ids.end())},
          {"queue_length", added.queue_length}};
}

/// One sample, an array of them, or {"samples": […]}.
std::vector<adapters::NewSample> ReadSamples(const json::value& document) {
  const json::value* list = &document;
  if (document.is_object() && document.get_object().contains("samples")) {
    list = &document.get_object().at("samples");
  }
  std::vector<adapters::NewSample> samples;
  const auto add = [&](const json::value& item) {
    samples.push_back({.body = json::serialize(item)});
  };
  if (list->is_array()) {
    for (const json::value& item : list->get_array()) add(item);
  } else {
    add(*list);
  }
  return samples;
}

Reply AddSamples(App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  engine::Learner& learner = app.service.LearnerOf(record);
  const json::value document = ParseJsonText(call.request.body);
  const std::vector<adapters::NewSample> samples = ReadSamples(document);
  TakeQuota(app, call, record.name, {.requests = 1, .samples = std::ssize(samples)});
  try {
    const auto added = learner.AddSamples(record.name, samples);
    call.record->samples = std::ssize(added.ids);
    return Reply{.status = 202, .body = json::serialize(AddedObject(added))};
  } catch (const Error& error) {
    return TeachingError(error);
  }
}

int64_t ReadQuery(const Call& call, std::string_view name, int64_t most, int64_t otherwise) {
  const auto text = QueryValue(call.request.query, name);
  if (!text) return otherwise;
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (status == std::errc() && end == text->data() + text->size() && value >= 0 && value <= most) {
    return value;
  }
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "wrong value for " + std::string(name),
               .expected = "an integer from 0 to " + std::to_string(most),
               .found = "\"" + *text + "\"",
               .where = std::string(name)});
}

Reply ListSamples(App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  const int64_t after = ReadQuery(call, "after", std::numeric_limits<int64_t>::max(), 0);
  const int64_t limit = ReadQuery(call, "limit", kMostListed, 100);
  auto samples = app.service.LearnerOf(record).Samples(record.name, after, limit + 1);
  const bool more = static_cast<int64_t>(samples.size()) > limit;
  if (more) samples.pop_back();
  json::array list;
  for (const adapters::SampleRecord& sample : samples) list.push_back(SampleObject(sample));
  return Reply{.body = json::serialize(
                   json::object{{"object", "list"}, {"data", list}, {"has_more", more}})};
}

Reply TellStatus(App& app, const adapters::AdapterRecord& record) {
  return Reply{
      .body = json::serialize(StatusObject(app.service.LearnerOf(record).Status(record.name)))};
}

Reply SetTraining(App& app, Call& call) {
  const adapters::AdapterRecord record = app.desk.Get(call.path.at("name"));
  const json::value document = ParseJsonText(call.request.body);
  const JsonField state = JsonField(document, "").Need("state");
  const std::string wanted = state.Text();
  if (wanted == "running") {
    app.service.LearnerOf(record).Start(record.name);
  } else if (wanted == "stopped") {
    app.service.LearnerOf(record).Stop(record.name);
  } else {
    state.Refuse("running or stopped");
  }
  return TellStatus(app, record);
}

/// The learner that remembers the answer, and the adapter that gave it.
struct Remembered {
  engine::Learner* learner;
  std::string adapter = {};
};

Remembered RememberedAnswer(const App& app, const std::string& id) {
  for (const ServedModel& model : app.service.models()) {
    if (const auto answer = model.learner->answered().Find(id)) {
      return {model.learner.get(), answer->adapter};
    }
  }
  return {app.service.models().front().learner.get()};  // says that it is not known
}

Reply GiveFeedback(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  engine::Feedback feedback{.completion_id = body.Need("completion_id").Text()};
  const auto score = body.Find("score");
  if (score) feedback.score = score->Number(-1e9, 1e9);
  feedback.correction = body.FindText("correction");
  feedback.label = body.FindText("label");
  const Remembered answer = RememberedAnswer(app, feedback.completion_id);
  TakeQuota(app, call, answer.adapter, {.requests = 1, .samples = 1});
  try {
    const auto added = answer.learner->GiveFeedback(feedback);
    call.record->samples = std::ssize(added.ids);
    return Reply{.status = 202, .body = json::serialize(AddedObject(added))};
  } catch (const Error& error) {
    return TeachingError(error);
  }
}

}  // namespace

void AddLearningRoutes(Router& router, App& app) {
  const auto add = [&](const char* method, const char* pattern, Access access,
                       Reply (*handle)(App&, Call&)) {
    router.Add({method, pattern, access, [&app, handle](Call& call) { return handle(app, call); }});
  };
  add("POST", "/v1/adapters/{name}/samples", Access::kTeach, AddSamples);
  add("GET", "/v1/adapters/{name}/samples", Access::kTeach, ListSamples);
  add("POST", "/v1/adapters/{name}/training", Access::kTeach, SetTraining);
  router.Add({"GET", "/v1/adapters/{name}/training", Access::kUse,
              [&app](Call& call) { return TellStatus(app, app.desk.Get(call.path.at("name"))); }});
  add("POST", "/v1/feedback", Access::kTeach, GiveFeedback);
}

}  // namespace hyprstream::server
