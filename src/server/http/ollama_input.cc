#include "server/http/ollama_input.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "server/http/chat_input.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxTopLogprobs = 20;
constexpr int32_t kRepeatLastN = 64;  // as Ollama has it
constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

void RefuseImages(const JsonField& body) {
  const auto images = body.Find("images");
  if (!images || images->List().empty()) return;
  throw Error(ErrorCode::kUnsupported,
              {.message = "this model reads text only", .where = images->path()});
}

void ReadStops(const JsonField& options, engine::GenerationRequest& request) {
  const auto stop = options.Find("stop");
  if (!stop) return;
  request.stop.clear();
  if (stop->value().is_string()) {
    request.stop.push_back(stop->Text());
  } else {
    for (const JsonField& item : stop->List()) request.stop.push_back(item.Text());
  }
  std::erase(request.stop, "");
}

void ReadOptions(const JsonField& options, engine::GenerationRequest& request) {
  engine::SamplingParams& sampling = request.sampling;
  const auto number = [&](const char* name, double least, double most, float& into) {
    if (const auto value = options.FindNumber(name, least, most)) into = static_cast<float>(*value);
  };
  number("temperature", 0, 100, sampling.temperature);
  number("top_p", 0, 1, sampling.top_p);
  number("min_p", 0, 1, sampling.min_p);
  number("repeat_penalty", 0.01, 100, sampling.repetition_penalty);
  number("presence_penalty", -2, 2, sampling.presence_penalty);
  number("frequency_penalty", -2, 2, sampling.frequency_penalty);
  if (const auto last = options.FindInteger("repeat_last_n", -1, kMaxInt)) {
    sampling.repeat_last_n = static_cast<int32_t>(*last);
  }
  // More than the server was started with cannot be had.
  const auto context = options.FindInteger("num_ctx", -1, kMaxInt);
  if (context && *context > 0) request.context = *context;
  if (const auto top_k = options.FindInteger("top_k", -1, kMaxInt)) {
    sampling.top_k = std::max(0, static_cast<int32_t>(*top_k));
  }
  const auto seed = options.FindInteger("seed");
  if (seed && *seed >= 0) sampling.seed = static_cast<uint64_t>(*seed);
  // Below zero: until the model ends or the context does.
  const auto most = options.FindInteger("num_predict", -2, kMaxInt);
  if (most) request.max_tokens = static_cast<int32_t>(*most < 0 ? kMaxInt : *most);
  ReadStops(options, request);
}

/// An OpenAI request with what both dialects have in common.
json::object AsOpenAi(const JsonField& body) {
  json::object chat;
  if (const auto tools = body.Find("tools")) chat["tools"] = tools->value();
  if (const auto think = body.Find("think")) {
    const bool level = think->value().is_string();
    if (level) {
      const std::string text = think->Text();
      if (text != "low" && text != "medium" && text != "high") {
        think->Refuse("true, false, low, medium or high");
      }
    }
    chat["chat_template_kwargs"] = json::object{{"enable_thinking", level || think->Flag()}};
  }
  return chat;
}

json::value AsOpenAiMessage(const JsonField& message) {
  RefuseImages(message);
  json::object copy = message.Object();
  std::string role = message.Need("role").Text();
  std::ranges::transform(role, role.begin(), [](unsigned char c) { return std::tolower(c); });
  copy["role"] = role;
  if (const auto thinking = message.FindText("thinking")) copy["reasoning_content"] = *thinking;
  if (!message.Find("content")) copy["content"] = "";
  if (const auto name = message.FindText("tool_name")) copy["name"] = *name;
  return copy;
}

}  // namespace

engine::GenerationRequest ReadOllamaOptions(const JsonField& body, const ServedModel& model) {
  engine::GenerationRequest request = model.defaults;
  request.max_tokens = model.num_predict.value_or(static_cast<int32_t>(kMaxInt));
  if (!request.sampling.repeat_last_n) request.sampling.repeat_last_n = kRepeatLastN;
  if (const auto options = body.Find("options")) ReadOptions(*options, request);
  if (body.FindFlag("logprobs").value_or(false)) {
    request.sampling.logprobs =
        static_cast<int32_t>(body.FindInteger("top_logprobs", 0, kMaxTopLogprobs).value_or(0));
  }
  return request;
}

text::ChatInput ReadOllamaChat(const JsonField& body) {
  json::object chat = AsOpenAi(body);
  json::array messages;
  for (const JsonField& message : body.Need("messages").List()) {
    messages.push_back(AsOpenAiMessage(message));
  }
  chat["messages"] = std::move(messages);
  const json::value document(std::move(chat));
  return ReadChat(JsonField(document, ""));
}

text::ChatInput ReadOllamaPrompt(const JsonField& body) {
  RefuseImages(body);
  json::object chat = AsOpenAi(body);
  json::array messages;
  if (const auto system = body.FindText("system"); system && !system->empty()) {
    messages.push_back(json::object{{"role", "system"}, {"content", *system}});
  }
  messages.push_back(
      json::object{{"role", "user"}, {"content", body.FindText("prompt").value_or("")}});
  chat["messages"] = std::move(messages);
  const json::value document(std::move(chat));
  return ReadChat(JsonField(document, ""));
}

std::string ReadOllamaModel(const JsonField& body) {
  if (const auto name = body.FindText("name"); name && !body.Find("model")) return *name;
  return body.Need("model").Text();
}

KeepAlive ReadKeepAlive(const JsonField& body) {
  const auto value = body.Find("keep_alive");
  if (!value) return KeepAlive::kKeep;
  if (value->value().is_number()) {
    return value->Number(-1e18, 1e18) == 0 ? KeepAlive::kUnload : KeepAlive::kKeep;
  }
  const std::string text = value->Text();
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc()) value->Refuse("seconds, or a duration such as \"5m\"");
  return number == 0 ? KeepAlive::kUnload : KeepAlive::kKeep;
}

}  // namespace hyprstream::server
