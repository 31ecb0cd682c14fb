#include "engine/sample_encoder.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "base/error.h"
#include "text/json_value.h"

namespace hyprstream::engine {
namespace {

using text::Value;
using training::Sample;

[[noreturn]] void Refuse(std::string message, std::string expected, std::string found) {
  throw Error(
      ErrorCode::kInvalidArgument,
      {.message = std::move(message), .expected = std::move(expected), .found = std::move(found)});
}

const std::string& TextField(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  if (value == nullptr || !value->is_string()) {
    Refuse("a sample lacks a text", "a string in \"" + std::string(name) + "\"",
           value == nullptr ? "nothing" : text::WriteJson(*value));
  }
  return value->as_string();
}

std::vector<int32_t> IdsField(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  const auto is_id = [](const Value& item) {
    return item.kind() == Value::Kind::kInt && item.as_int() >= INT32_MIN &&
           item.as_int() <= INT32_MAX;
  };
  if (value == nullptr || !value->is_list() ||
      !std::all_of(value->items().begin(), value->items().end(), is_id)) {
    Refuse("a sample lacks token ids", "a list of integers in \"" + std::string(name) + "\"",
           value == nullptr ? "nothing" : text::WriteJson(*value));
  }
  std::vector<int32_t> ids;
  for (const Value& item : value->items()) ids.push_back(static_cast<int32_t>(item.as_int()));
  return ids;
}

// What a sample counts, or what one of its answers does.
float WeightOf(const Value& object) {
  const Value* value = object.Find("weight");
  if (value == nullptr || value->is_none()) return 1.0f;
  if (value->kind() == Value::Kind::kInt) return static_cast<float>(value->as_int());
  if (value->kind() == Value::Kind::kFloat) return static_cast<float>(value->as_float());
  Refuse("a sample's weight is no number", "a positive number", text::WriteJson(*value));
}

bool OnlyLast(const Value& object) {
  const Value* value = object.Find("learn");
  if (value == nullptr || value->is_none()) return false;
  if (value->is_string() && value->as_string() == "last") return true;
  if (value->is_string() && value->as_string() == "all") return false;
  Refuse("a sample's \"learn\" is unknown", "\"all\" or \"last\"", text::WriteJson(*value));
}

Value Message(std::string_view role, const std::string& content) {
  return Value::Object({{"role", Value::String(role)}, {"content", Value::String(content)}});
}

// What templates are shown: they know of no weights.
Value WithoutWeight(const Value& message) {
  if (message.Find("weight") == nullptr) return message;
  std::vector<std::pair<std::string, Value>> fields;
  for (const Value::Entry& entry : message.entries()) {
    if (entry.key.as_string() != "weight") fields.emplace_back(entry.key.as_string(), entry.value);
  }
  return Value::Object(std::move(fields));
}

Value FirstMessages(const Value& messages, size_t count) {
  std::vector<Value> first;
  for (size_t i = 0; i < count; ++i) first.push_back(WithoutWeight(messages.items()[i]));
  return Value::List(std::move(first)).AsInput();
}

Value ToolsOf(const Value& object) {
  const Value* tools = object.Find("tools");
  if (tools == nullptr || tools->is_none()) return {};
  if (!tools->is_list()) Refuse("a sample's tools are no list", "a list", text::WriteJson(*tools));
  return tools->items().empty() ? Value() : *tools;
}

// What `whole` has after the first `begin` bytes, marks included.
text::MarkedText Rest(const text::MarkedText& whole, size_t begin) {
  text::MarkedText rest{.text = whole.text.substr(begin), .inert = {}};
  for (const text::MarkedText::Range& range : whole.inert) {
    if (range.end > begin)
      rest.inert.push_back({std::max(range.begin, begin) - begin, range.end - begin});
  }
  return rest;
}

}  // namespace

SampleEncoder::SampleEncoder(const LoadedModel& loaded)
    : SampleEncoder(loaded.prompts, loaded.tokenizer,
                    EndOfGeneration(loaded.model->config(), loaded.tokenizer.get()),
                    loaded.model->config().context_length()) {}

SampleEncoder::SampleEncoder(std::shared_ptr<const PromptBuilder> prompts,
                             std::shared_ptr<const text::Tokenizer> tokenizer,
                             std::vector<int32_t> end_of_generation, int64_t context)
    : prompts_(std::move(prompts)),
      tokenizer_(std::move(tokenizer)),
      end_of_generation_(std::move(end_of_generation)),
      context_(context) {}

SampleEncoder SampleEncoder::OfFiles(const std::filesystem::path& model) {
  const auto files = formats::ModelFiles::Open(model);
  const model::ModelConfig config = model::ReadConfig(*files);
  const auto tokenizer = OpenTokenizer(*files, TokenizerNeed::kRequired);
  return {PromptBuilder::Create(*files, tokenizer), tokenizer,
          EndOfGeneration(config, tokenizer.get()), config.context_length()};
}

std::vector<Sample> SampleEncoder::Encode(std::string_view json) const {
  const Value object = text::ParseJson(json);
  if (!object.is_object())
    Refuse("a sample is no JSON object", "an object", text::WriteJson(object));
  std::vector<Sample> samples;
  if (object.Find("ids") != nullptr) {
    samples.push_back({.ids = IdsField(object, "ids"), .labels = IdsField(object, "labels")});
  } else if (const Value* messages = object.Find("messages")) {
    samples = OfMessages(*messages, ToolsOf(object));
    if (OnlyLast(object)) samples.erase(samples.begin(), samples.end() - 1);
  } else if (object.Find("input") != nullptr || object.Find("output") != nullptr) {
    samples = OfMessages(Value::List({Message("user", TextField(object, "input")),
                                      Message("assistant", TextField(object, "output"))}));
  } else if (object.Find("prompt") != nullptr || object.Find("completion") != nullptr) {
    samples = OfMessages(Value::List({Message("user", TextField(object, "prompt")),
                                      Message("assistant", TextField(object, "completion"))}));
  } else if (object.Find("text") != nullptr) {
    samples.push_back(OfContinuation(object));
  } else {
    Refuse("a sample has no known form",
           "\"messages\", or \"input\" and \"output\", or \"text\" and \"continuation\", or "
           "\"ids\" and \"labels\"",
           std::string(json.substr(0, 80)));
  }
  const float weight = WeightOf(object);
  for (Sample& sample : samples) {
    sample.weight *= weight;
    training::CheckSample(sample, tokenizer_->vocab_size(), context_);
  }
  return samples;
}

std::vector<Sample> SampleEncoder::OfMessages(const Value& messages, const Value& tools) const {
  if (!messages.is_list() || messages.items().empty()) {
    Refuse("a sample has no messages", "a list of messages", text::WriteJson(messages));
  }
  std::vector<Sample> samples;
  for (size_t i = 0; i < messages.items().size(); ++i) {
    if (TextField(messages.items()[i], "role") != "assistant") continue;
    const float weight = WeightOf(messages.items()[i]);
    if (weight == 0.0f) continue;
    samples.push_back(OfAnswer(messages, tools, i));
    samples.back().weight = weight;
  }
  if (samples.empty()) {
    Refuse("a sample has no answer to learn", "a message of role assistant, of a weight above 0",
           "none");
  }
  return samples;
}

Sample SampleEncoder::OfAnswer(const Value& messages, const Value& tools, size_t answer) const {
  const Prompt prompt =
      prompts_->Chat({.messages = FirstMessages(messages, answer), .tools = tools});
  const text::MarkedText whole = prompts_->Render({.messages = FirstMessages(messages, answer + 1),
                                                   .tools = tools,
                                                   .add_generation_prompt = false});
  if (!whole.text.starts_with(prompt.text)) {
    Refuse("the chat template writes an answer that does not begin where the model is asked",
           prompt.text, whole.text);
  }
  Sample sample;
  sample.ids = prompt.ids;
  sample.labels.assign(sample.ids.size(), training::kIgnoredLabel);
  for (const int32_t id : tokenizer_->Encode(Rest(whole, prompt.text.size()))) {
    sample.ids.push_back(id);
    sample.labels.push_back(id);
    // Templates go on after the end of the turn; the model is never asked to.
    const auto& ends = end_of_generation_;
    if (std::find(ends.begin(), ends.end(), id) != ends.end()) break;
  }
  return sample;
}

// The end is learnt too, as an answer's is.
Sample SampleEncoder::OfContinuation(const Value& object) const {
  Sample sample;
  sample.ids = prompts_->Continuation(TextField(object, "text")).ids;
  sample.labels.assign(sample.ids.size(), training::kIgnoredLabel);
  const std::string& continuation = TextField(object, "continuation");
  std::vector<int32_t> answer = tokenizer_->Encode(
      text::MarkedText{.text = continuation, .inert = {{0, continuation.size()}}});
  if (!end_of_generation_.empty()) answer.push_back(end_of_generation_.front());
  for (const int32_t id : answer) {
    sample.ids.push_back(id);
    sample.labels.push_back(id);
  }
  return sample;
}

std::vector<Sample> SampleEncoder::ReadFile(const std::filesystem::path& path) const {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::kNotFound,
                {.message = "cannot read the samples", .where = path.string()});
  }
  std::vector<Sample> samples;
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      std::vector<Sample> more = Encode(line);
      std::move(more.begin(), more.end(), std::back_inserter(samples));
    } catch (const Error& error) {
      throw error.Within(path.string() + ", line " + std::to_string(number));
    }
  }
  if (samples.empty()) {
    Refuse("there are no samples in the file", "one JSON object a line", path.string());
  }
  return samples;
}

}  // namespace hyprstream::engine
