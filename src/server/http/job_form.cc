#include "server/http/job_form.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using adapters::JobRecord;

constexpr size_t kMaxSuffix = 64;
constexpr size_t kMaxMetadata = 16;
constexpr int64_t kMostEpochs = 1000;
constexpr int64_t kMostBatch = 256;
constexpr double kMostRate = 100.0;

bool IsAuto(const JsonField& field) {
  return field.value().is_string() && field.value().get_string() == "auto";
}

std::optional<int64_t> ReadCount(const JsonField& parameters, std::string_view name, int64_t most) {
  const auto field = parameters.Find(name);
  if (!field || IsAuto(*field)) return std::nullopt;
  if (!field->value().is_number()) {
    field->Refuse("\"auto\" or an integer from 1 to " + std::to_string(most));
  }
  return field->Integer(1, most);
}

std::optional<double> ReadRate(const JsonField& parameters) {
  const auto field = parameters.Find("learning_rate_multiplier");
  if (!field || IsAuto(*field)) return std::nullopt;
  const bool good = field->value().is_number() && field->Number(0.0, kMostRate) > 0.0;
  if (!good) field->Refuse("\"auto\" or a number above 0, at most 100");
  return field->Number(0.0, kMostRate);
}

void ReadHyperparameters(const JsonField& parameters, JobRecord& job) {
  parameters.Object();
  if (auto epochs = ReadCount(parameters, "n_epochs", kMostEpochs)) job.epochs = epochs;
  if (auto batch = ReadCount(parameters, "batch_size", kMostBatch)) job.batch = batch;
  if (auto rate = ReadRate(parameters)) job.rate = rate;
}

void ReadMethod(const JsonField& method, JobRecord& job) {
  const JsonField type = method.Need("type");
  const std::string name = type.Text();
  if (name == "dpo" || name == "reinforcement") {
    throw Error(ErrorCode::kUnsupported, {.message = "this server fine-tunes on answers only",
                                          .expected = "the method supervised",
                                          .found = name,
                                          .where = type.path()});
  }
  if (name != "supervised") type.Refuse("supervised");
  if (const auto supervised = method.Find("supervised")) {
    if (const auto parameters = supervised->Find("hyperparameters")) {
      ReadHyperparameters(*parameters, job);
    }
  }
}

std::string ReadMetadata(const JsonField& metadata) {
  if (metadata.Object().size() > kMaxMetadata) metadata.Refuse("at most 16 entries");
  for (const auto& [key, value] : metadata.Object()) {
    const JsonField entry(value, metadata.path() + "." + std::string(key));
    if (key.size() > 64 || entry.Text().size() > 512) {
      entry.Refuse("a key of up to 64 bytes and a text of up to 512");
    }
  }
  return json::serialize(metadata.value());
}

template <typename T>
json::value OrAuto(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value("auto");
}

template <typename T>
json::value OrNull(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value TextOrNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

JobRecord ReadJob(const JsonField& body) {
  JobRecord job;
  const JsonField model = body.Need("model");
  job.model = model.Text();
  if (job.model.empty()) model.Refuse("a model or an adapter");
  job.training_file = body.Need("training_file").Text();
  job.validation_file = body.FindText("validation_file").value_or("");
  if (const auto suffix = body.Find("suffix")) {
    job.suffix = suffix->Text();
    if (job.suffix.size() > kMaxSuffix) suffix->Refuse("at most 64 bytes");
  }
  job.seed = body.FindInteger("seed", 0, int64_t{1} << 53).value_or(0);
  if (const auto parameters = body.Find("hyperparameters")) ReadHyperparameters(*parameters, job);
  if (const auto method = body.Find("method")) ReadMethod(*method, job);
  const auto integrations = body.Find("integrations");
  if (integrations && !integrations->List().empty()) {
    integrations->Refuse("none: the metrics are in the job's events");
  }
  const auto metadata = body.Find("metadata");
  job.metadata = metadata ? ReadMetadata(*metadata) : "{}";
  return job;
}

json::object JobObject(const JobRecord& job) {
  const json::object hyperparameters{{"n_epochs", OrAuto(job.epochs)},
                                     {"batch_size", OrAuto(job.batch)},
                                     {"learning_rate_multiplier", OrAuto(job.rate)}};
  json::object object{
      {"id", job.id},
      {"object", "fine_tuning.job"},
      {"created_at", job.created},
      {"finished_at", OrNull(job.finished)},
      {"model", job.model},
      {"fine_tuned_model", nullptr},
      {"organization_id", "hyprstream"},
      {"status", adapters::JobStatusName(job.status)},
      {"hyperparameters", hyperparameters},
      {"method", {{"type", "supervised"}, {"supervised", {{"hyperparameters", hyperparameters}}}}},
      {"training_file", job.training_file},
      {"validation_file", TextOrNull(job.validation_file)},
      {"result_files", json::array()},
      {"trained_tokens", OrNull(job.trained_tokens)},
      {"error", nullptr},
      {"seed", job.seed},
      {"estimated_finish", nullptr},
      {"integrations", json::array()},
      {"user_provided_suffix", TextOrNull(job.suffix)},
      {"metadata", json::parse(job.metadata)}};
  if (job.status == adapters::JobStatus::kSucceeded) object["fine_tuned_model"] = job.adapter;
  if (job.error) {
    object["error"] = {{"code", job.error->code},
                       {"message", job.error->message},
                       {"param", TextOrNull(job.error->param)}};
  }
  return object;
}

json::object JobEventObject(const adapters::JobEvent& event) {
  json::object object{{"id", event.id},
                      {"object", "fine_tuning.job.event"},
                      {"created_at", event.created},
                      {"level", adapters::JobEventLevelName(event.level)},
                      {"message", event.message},
                      {"type", event.metrics.empty() ? "message" : "metrics"},
                      {"data", json::object()}};
  if (!event.metrics.empty()) object["data"] = json::parse(event.metrics);
  return object;
}

json::object CheckpointObject(const JobRecord& job, const adapters::VersionRecord& version) {
  const std::string number = std::to_string(version.version);
  json::object metrics{{"step", version.steps}};
  if (version.heldout_loss) {
    metrics["valid_loss"] = *version.heldout_loss;
    metrics["full_valid_loss"] = *version.heldout_loss;
  }
  return {{"id", "ftckpt-" + job.id.substr(job.id.find('-') + 1) + "-" + number},
          {"object", "fine_tuning.job.checkpoint"},
          {"created_at", adapters::UnixSecondsOf(version.created)},
          {"fine_tuned_model_checkpoint", job.adapter + "@" + number},
          {"step_number", version.steps},
          {"metrics", metrics},
          {"fine_tuning_job_id", job.id}};
}

}  // namespace hyprstream::server
