#include "server/http/sampling_input.h"

#include <charconv>

namespace hyprstream::server {
namespace {

constexpr size_t kMaxStops = 4;
constexpr size_t kMaxBiases = 1024;
constexpr size_t kMaxAdapters = 16;
constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();

float Read(const JsonField& body, std::string_view name, double least, double most,
           float otherwise) {
  const auto value = body.FindNumber(name, least, most);
  return value ? static_cast<float>(*value) : otherwise;
}

void ReadStops(const JsonField& body, engine::GenerationRequest& request) {
  const auto stop = body.Find("stop");
  if (!stop) return;
  request.stop.clear();
  if (stop->value().is_string()) {
    request.stop.push_back(stop->Text());
  } else if (stop->value().is_array()) {
    const std::vector<JsonField> items = stop->List();
    if (items.size() > kMaxStops) stop->Refuse("at most 4 strings");
    for (const JsonField& item : items) request.stop.push_back(item.Text());
  } else {
    stop->Refuse("a string or an array of strings");
  }
  for (const std::string& text : request.stop) {
    if (text.empty()) stop->Refuse("strings that are not empty");
  }
}

void ReadBias(const JsonField& body, engine::SamplingParams& sampling) {
  const auto bias = body.Find("logit_bias");
  if (!bias) return;
  if (bias->Object().size() > kMaxBiases) bias->Refuse("at most 1024 token ids");
  for (const auto& [key, value] : bias->Object()) {
    int32_t id = 0;
    const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (status != std::errc() || end != key.data() + key.size() || id < 0) {
      bias->Refuse("an object whose keys are token ids");
    }
    const JsonField entry(value, bias->path() + "." + std::string(key));
    sampling.logit_bias[id] = static_cast<float>(entry.Number(-100, 100));
  }
}

}  // namespace

engine::GenerationRequest ReadSampling(const JsonField& body,
                                       const engine::GenerationRequest& defaults) {
  engine::GenerationRequest request = defaults;
  engine::SamplingParams& sampling = request.sampling;
  sampling.temperature = Read(body, "temperature", 0, 2, sampling.temperature);
  sampling.top_p = Read(body, "top_p", 0, 1, sampling.top_p);
  sampling.min_p = Read(body, "min_p", 0, 1, sampling.min_p);
  sampling.presence_penalty = Read(body, "presence_penalty", -2, 2, sampling.presence_penalty);
  sampling.frequency_penalty = Read(body, "frequency_penalty", -2, 2, sampling.frequency_penalty);
  sampling.repetition_penalty =
      Read(body, "repetition_penalty", 0.01, 100, sampling.repetition_penalty);
  if (const auto last = body.FindInteger("repeat_last_n", -1, kMaxId)) {
    sampling.repeat_last_n = static_cast<int32_t>(*last);
  }
  // -1 is "all", as in vLLM.
  if (const auto top_k = body.FindInteger("top_k", -1, kMaxId)) {
    sampling.top_k = *top_k < 0 ? 0 : static_cast<int32_t>(*top_k);
  }
  if (const auto seed = body.FindInteger("seed")) sampling.seed = static_cast<uint64_t>(*seed);
  ReadBias(body, sampling);
  ReadStops(body, request);
  if (const auto ids = body.Find("stop_token_ids")) {
    for (const JsonField& id : ids->List()) {
      request.stop_ids.push_back(static_cast<int32_t>(id.Integer(0, kMaxId)));
    }
  }
  request.ignore_eos = body.FindFlag("ignore_eos").value_or(request.ignore_eos);
  return request;
}

int32_t ReadMaxTokens(const JsonField& body, int32_t least, int32_t otherwise) {
  for (const char* name : {"max_completion_tokens", "max_tokens"}) {
    if (const auto value = body.FindInteger(name, least, kMaxId)) {
      return static_cast<int32_t>(*value);
    }
  }
  return otherwise;
}

bool ReadIncludeUsage(const JsonField& body, bool stream) {
  const auto options = body.Find("stream_options");
  if (!options) return false;
  const bool wanted = options->FindFlag("include_usage").value_or(false);
  if (!stream) options->Refuse("stream_options only with \"stream\": true");
  return wanted;
}

std::vector<engine::GenerationRequest> Repeat(const engine::GenerationRequest& request,
                                              int64_t count) {
  std::vector<engine::GenerationRequest> requests(static_cast<size_t>(count), request);
  if (!request.sampling.seed) return requests;
  for (size_t i = 0; i < requests.size(); ++i) *requests[i].sampling.seed += i;
  return requests;
}

std::vector<WantedAdapter> ReadLora(const JsonField& body) {
  std::vector<WantedAdapter> wanted;
  const auto lora = body.Find("lora");
  if (!lora) return wanted;
  for (const JsonField& item : lora->List()) {
    wanted.push_back(
        {.name = item.Need("name").Text(),
         .scale = static_cast<float>(item.FindNumber("scale", -100, 100).value_or(1.0))});
  }
  if (wanted.size() > kMaxAdapters) lora->Refuse("at most 16 adapters");
  return wanted;
}

}  // namespace hyprstream::server
