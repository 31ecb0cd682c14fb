#include "server/http/learning_form.h"

#include "server/http/json_fields.h"
#include "server/http/ollama_output.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

json::value OrNull(const std::optional<double>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

}  // namespace

json::object AdapterObject(const adapters::AdapterRecord& record) {
  return {{"object", "adapter"},
          {"name", record.name},
          {"id", record.id},
          {"kind", record.kind},
          {"base_model", record.base_model},
          {"version", record.current},
          {"pinned", record.pinned},
          {"created", record.created}};
}

json::object VersionObject(const adapters::VersionRecord& version, int64_t current) {
  return {{"version", version.version},
          {"hash", version.hash},
          {"created", version.created},
          {"status", adapters::VersionStatusName(version.status)},
          {"current", version.version == current},
          {"heldout_loss", OrNull(version.heldout_loss)},
          {"general_loss", OrNull(version.general_loss)},
          {"samples", version.samples},
          {"steps", version.steps},
          {"tags", json::array(version.tags.begin(), version.tags.end())}};
}

json::object SampleObject(const adapters::SampleRecord& sample) {
  json::object object{{"id", sample.id},
                      {"state", adapters::SampleStateName(sample.state)},
                      {"created", sample.created},
                      {"feedback", sample.feedback},
                      {"sample", ParseJsonText(sample.body)}};
  if (sample.weight) object["weight"] = *sample.weight;
  if (!sample.label.empty()) object["label"] = sample.label;
  return object;
}

json::object StatusObject(const engine::LearningStatus& status) {
  json::object object{{"state", adapters::LearningStateName(status.state)},
                      {"version", status.version},
                      {"pinned", status.pinned},
                      {"queue_length", status.queue_length},
                      {"min_samples", status.min_samples},
                      {"samples_done", status.samples_done},
                      {"held_out", status.held_out},
                      {"loss", OrNull(status.loss)},
                      {"learning_rate", OrNull(status.learning_rate)},
                      {"sparsity", OrNull(status.sparsity)},
                      {"last_update", nullptr}};
  if (!status.last_update.empty()) object["last_update"] = status.last_update;
  if (status.problem) object["problem"] = *status.problem;
  return object;
}

json::object EventObject(const engine::LearningEvent& event) {
  json::object object{{"type", engine::LearningEventKindName(event.kind)},
                      {"adapter", event.adapter},
                      {"version", event.version},
                      {"step", event.step},
                      {"loss", OrNull(event.loss)},
                      {"sparsity", OrNull(event.sparsity)},
                      {"time", Rfc3339(event.time)},
                      {"burst", event.burst},
                      {"general_loss", OrNull(event.general_loss)},
                      {"learning_rate", OrNull(event.learning_rate)}};
  if (!event.message.empty()) object["message"] = event.message;
  return object;
}

}  // namespace hyprstream::server
