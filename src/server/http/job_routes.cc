// Fine-tuning jobs: made, listed, looked at, stopped.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/job_form.h"
#include "server/http/json_fields.h"
#include "server/http/quota_http.h"
#include "server/http/training_lines.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using adapters::JobRecord;

constexpr size_t kMaxName = 96;   // of an adapter
constexpr size_t kIdDigits = 12;  // of the job's, in the name
constexpr int64_t kMostListed = 1000;

/// What an adapter's name may hold.
std::string AsName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    const bool good = (letter < 128 && std::isalnum(letter) != 0) || c == '_' || c == '-' ||
                      (c == '.' && !name.ends_with('.'));
    name += good ? c : '-';
  }
  return name;
}

/// "ft-willowbrook-suffix-0123456789ab".
std::string NameOf(const JobRecord& job, const std::string& base) {
  const std::string end = (job.suffix.empty() ? "" : "-" + AsName(job.suffix)) + "-" +
                          job.id.substr(job.id.find('-') + 1, kIdDigits);
  const std::string begin = "ft-" + AsName(base);
  return begin.substr(0, kMaxName - std::min(end.size(), kMaxName)) + end;
}

/// How many lines it has.
int64_t CountLines(App& app, const std::string& file, const std::string& param) {
  try {
    return std::ssize(ReadTrainingLines(app.files.Read(file)));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kInvalidArgument, {.message = "there is no such file",
                                              .expected = "the id of a file that was sent",
                                              .found = file,
                                              .where = param});
  }
}

/// The version that a job begins from, when its model is an adapter.
std::string SourceOf(App& app, const Speaker& speaker) {
  if (speaker.adapters.empty()) return "";
  const std::string source = speaker.adapters.front().adapter->name;
  const std::string name = source.substr(0, source.find('@'));
  const auto refuse = [&](const char* message) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = message,
                 .expected = "a model, or a sparse or lora adapter of the store",
                 .found = speaker.name,
                 .where = "model"});
  };
  const auto stored = app.desk.List();
  const auto record = std::ranges::find(stored, name, &adapters::AdapterRecord::name);
  if (record == stored.end()) refuse("an adapter that is only a file cannot be gone on from");
  if (adapters::ParseAdapterKind(record->kind) == adapters::AdapterKind::kDelta) {
    refuse("a delta adapter cannot be trained");
  }
  return source;
}

Reply Create(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  JobRecord job = ReadJob(JsonField(document, ""));
  int64_t lines = CountLines(app, job.training_file, "training_file");
  if (!job.validation_file.empty()) {
    lines += CountLines(app, job.validation_file, "validation_file");
  }
  const Speaker speaker = app.service.Find(job.model);
  job.id = FreshId("ftjob-");
  job.source = SourceOf(app, speaker);
  job.adapter = NameOf(job, speaker.model->name);
  job.base_fingerprint = speaker.model->loaded.model->fingerprint();
  job.created = UnixSeconds();
  TakeQuota(app, call, job.adapter, {.requests = 1, .samples = lines});
  Reply reply{.body = json::serialize(JobObject(app.jobs.Add(job)))};
  call.record->samples = lines;
  return reply;
}

struct Page {
  std::string after;
  int64_t limit = 0;
};

Page ReadPage(const Call& call, int64_t usual) {
  Page page{.after = QueryValue(call.request.query, "after").value_or(""), .limit = usual};
  if (const auto text = QueryValue(call.request.query, "limit")) {
    const char* const last = text->data() + text->size();
    const auto [end, status] = std::from_chars(text->data(), last, page.limit);
    if (status != std::errc() || end != last || page.limit < 1 || page.limit > kMostListed) {
      throw Error(ErrorCode::kInvalidArgument, {.message = "wrong value for limit",
                                                .expected = "an integer from 1 to 1000",
                                                .found = "\"" + *text + "\"",
                                                .where = "limit"});
    }
  }
  return page;
}

/// `items`: one more than wanted when there are more.
template <typename T, typename AsObject>
Reply TellPage(const std::vector<T>& items, const Page& page, AsObject as_object) {
  const auto count = std::min<size_t>(items.size(), static_cast<size_t>(page.limit));
  json::array data;
  for (size_t i = 0; i < count; ++i) data.push_back(as_object(items[i]));
  json::object answer{{"object", "list"},
                      {"data", data},
                      {"first_id", nullptr},
                      {"last_id", nullptr},
                      {"has_more", items.size() > count}};
  if (count > 0) {
    answer["first_id"] = data.front().at("id");
    answer["last_id"] = data.back().at("id");
  }
  return Reply{.body = json::serialize(answer)};
}

Reply List(App& app, Call& call) {
  const Page page = ReadPage(call, 20);
  return TellPage(app.jobs.List(page.after, page.limit + 1), page, JobObject);
}

Reply Events(App& app, Call& call) {
  const Page page = ReadPage(call, 20);
  return TellPage(app.jobs.Events(call.path.at("id"), page.after, page.limit + 1), page,
                  JobEventObject);
}

/// The promoted versions, newest first.
Reply Checkpoints(App& app, Call& call) {
  const Page page = ReadPage(call, 10);
  const JobRecord job = app.jobs.Get(call.path.at("id"));
  std::vector<json::object> checkpoints;
  if (job.status == adapters::JobStatus::kSucceeded) {
    for (const adapters::VersionRecord& version : app.desk.Versions(job.adapter)) {
      if (version.steps == 0 || version.status != adapters::VersionStatus::kPromoted) continue;
      checkpoints.insert(checkpoints.begin(), CheckpointObject(job, version));
    }
  }
  const auto is_after = [&](const json::object& item) {
    return item.at("id").as_string() == page.after;
  };
  if (!page.after.empty()) {
    const auto found = std::ranges::find_if(checkpoints, is_after);
    if (found == checkpoints.end()) {
      throw Error(
          ErrorCode::kNotFound,
          {.message = "there is no such checkpoint", .found = page.after, .where = "after"});
    }
    checkpoints.erase(checkpoints.begin(), found + 1);
  }
  return TellPage(checkpoints, page, [](const json::object& item) { return item; });
}

}  // namespace

void AddJobRoutes(Router& router, App& app) {
  const std::string jobs = "/v1/fine_tuning/jobs";
  const auto add = [&](const char* method, const std::string& pattern,
                       Reply (*handle)(App&, Call&)) {
    router.Add({method, pattern, Access::kTeach,
                [&app, handle](Call& call) { return handle(app, call); }});
  };
  const auto add_change = [&](const char* verb, JobRecord (JobDesk::*change)(std::string_view)) {
    router.Add({"POST", jobs + "/{id}/" + verb, Access::kTeach, [&app, change](Call& call) {
                  const JobRecord job = (app.jobs.*change)(call.path.at("id"));
                  return Reply{.body = json::serialize(JobObject(job))};
                }});
  };
  add("POST", jobs, Create);
  add("GET", jobs, List);
  add("GET", jobs + "/{id}", [](App& all, Call& call) {
    return Reply{.body = json::serialize(JobObject(all.jobs.Get(call.path.at("id"))))};
  });
  add("GET", jobs + "/{id}/events", Events);
  add("GET", jobs + "/{id}/checkpoints", Checkpoints);
  add_change("cancel", &JobDesk::Cancel);
  add_change("pause", &JobDesk::Pause);
  add_change("resume", &JobDesk::Resume);
}

}  // namespace hyprstream::server
