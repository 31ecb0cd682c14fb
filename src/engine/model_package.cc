#include "engine/model_package.h"

#include <boost/json.hpp>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "engine/load_adapter.h"
#include "text/go_template.h"

namespace hyprstream::engine {
namespace {

namespace json = boost::json;

constexpr size_t kMostStops = 64;
constexpr int32_t kRepeatLastN = 64;
// What a model without any template is given: Go templates, as Ollama's are.
constexpr std::string_view kChatMl =
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n";
constexpr std::string_view kPlain =
    "{{ range $i, $m := .Messages }}{{ if $i }}\n\n{{ end }}{{ .Content }}{{ end }}";

[[noreturn]] void Refuse(std::string_view what, std::string_view expected, std::string found) {
  throw Error(ErrorCode::kDataLoss, {.message = "the model's package is damaged",
                                     .expected = std::string(expected),
                                     .found = std::move(found),
                                     .where = std::string(what)});
}

json::value Parse(std::string_view text, std::string_view what) {
  json::error_code failed;
  json::value document = json::parse(text, failed);
  if (failed) Refuse(what, "JSON", failed.message());
  return document;
}

std::optional<double> Number(const json::object& params, std::string_view name) {
  const json::value* value = params.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  json::error_code failed;
  const double number = value->is_number() ? value->to_number<double>(failed) : std::nan("");
  if (failed || !std::isfinite(number)) Refuse(name, "a number", json::serialize(*value));
  return number;
}

std::optional<float> Float(const json::object& params, std::string_view name) {
  const std::optional<double> number = Number(params, name);
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}

void Take(std::optional<float>& target, std::optional<float> value) {
  if (value) target = value;
}

std::vector<std::string> Stops(const json::object& params) {
  std::vector<std::string> stops;
  const json::value* value = params.if_contains("stop");
  if (value == nullptr || value->is_null()) return stops;
  const json::array one{*value};
  const json::array& all = value->is_array() ? value->get_array() : one;
  if (all.size() > kMostStops) Refuse("stop", "at most 64 texts", std::to_string(all.size()));
  for (const json::value& stop : all) {
    if (!stop.is_string()) Refuse("stop", "texts", json::serialize(stop));
    if (!stop.get_string().empty()) stops.emplace_back(stop.get_string());
  }
  return stops;
}

// A Jinja text literal. The package's author wrote it, like the template that it becomes part of.
std::string Literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string Message(std::string_view role, std::string_view content) {
  return "{'role': " + Literal(role) + ", 'content': " + Literal(content) + "}";
}

std::string TextField(const json::value& message, const char* name) {
  const json::object* object = message.if_object();
  const json::value* field = object == nullptr ? nullptr : object->if_contains(name);
  if (field == nullptr || !field->is_string()) {
    Refuse("messages", "{\"role\", \"content\"}", json::serialize(message));
  }
  return std::string(field->get_string());
}

// Jinja that puts the package's messages before those of the conversation; empty for none. A
// conversation that brings its own system message does without the package's.
std::string Preamble(const ModelPackage& package) {
  std::string first;
  if (!package.messages_json.empty()) {
    const json::value messages = Parse(package.messages_json, "messages");
    if (!messages.is_array()) Refuse("messages", "an array", json::serialize(messages));
    for (const json::value& message : messages.get_array()) {
      first += (first.empty() ? "" : ", ") +
               Message(TextField(message, "role"), TextField(message, "content"));
    }
  }
  std::string jinja;
  if (!first.empty()) {
    // Behind a system message that the conversation begins with.
    jinja +=
        "{%- if messages and messages[0].role == 'system' -%}"
        "{%- set messages = messages[:1] + [" +
        first +
        "] + messages[1:] -%}"
        "{%- else -%}{%- set messages = [" +
        first + "] + messages -%}{%- endif -%}";
  }
  if (!package.system.empty()) {
    jinja += "{%- if not messages or messages[0].role != 'system' -%}{%- set messages = [" +
             Message("system", package.system) + "] + messages -%}{%- endif -%}";
  }
  return jinja;
}

// The Go template as Jinja; the fallback's when there is none or it is not understood.
std::string TemplateOf(const ModelPackage& package, const LoadedModel& loaded) {
  const text::Tokenizer& tokenizer = *loaded.tokenizer;
  std::string jinja;
  if (!package.go_template.empty()) {
    try {
      jinja = text::JinjaOfGoTemplate(package.go_template);
    } catch (const Error& error) {
      LogWarning(std::string(error.what()) + "; a plain one is used instead");
    }
  }
  if (jinja.empty()) {
    const bool chat_ml = tokenizer.IdOf("<|im_start|>") && tokenizer.IdOf("<|im_end|>");
    jinja = text::JinjaOfGoTemplate(chat_ml ? kChatMl : kPlain);
  }
  // These templates leave the beginning of the text to the tokenizer.
  const std::vector<text::TokenId> begin = tokenizer.Encode("", {.add_special = true});
  const bool adds_bos = tokenizer.bos() && !begin.empty() && begin.front() == *tokenizer.bos();
  return adds_bos ? "{{ bos_token }}" + jinja : jinja;
}

}  // namespace

PackageParameters ReadParameters(std::string_view params_json, GenerationDefaults& defaults) {
  PackageParameters parameters;
  if (params_json.empty()) return parameters;
  const json::value document = Parse(params_json, "params");
  if (!document.is_object()) Refuse("params", "an object", json::serialize(document));
  const json::object& params = document.get_object();
  Take(defaults.temperature, Float(params, "temperature"));
  Take(defaults.top_p, Float(params, "top_p"));
  Take(defaults.min_p, Float(params, "min_p"));
  Take(defaults.repetition_penalty, Float(params, "repeat_penalty"));
  if (const auto top_k = Number(params, "top_k"); top_k && *top_k >= 0 && *top_k < 1e9) {
    defaults.top_k = static_cast<int32_t>(*top_k);
  }
  parameters.stop = Stops(params);
  parameters.presence_penalty = Float(params, "presence_penalty");
  parameters.frequency_penalty = Float(params, "frequency_penalty");
  // -1 and -2 ask for as many as there is room for: that is a limit of the program's, not of a
  // package's.
  if (const auto count = Number(params, "num_predict"); count && *count > 0 && *count < 1e9) {
    parameters.max_tokens = static_cast<int32_t>(*count);
  }
  if (const auto context = Number(params, "num_ctx"); context && *context > 0 && *context < 1e9) {
    parameters.context = static_cast<int64_t>(*context);
  }
  parameters.repeat_last_n = kRepeatLastN;
  if (const auto last = Number(params, "repeat_last_n"); last && *last >= -1 && *last < 1e9) {
    parameters.repeat_last_n = static_cast<int32_t>(*last);
  }
  if (const auto seed = Number(params, "seed"); seed && *seed > 0 && *seed < 9e15) {
    parameters.seed = static_cast<uint64_t>(*seed);
  }
  return parameters;
}

void ApplyPrompts(const ModelPackage& package, LoadedModel& loaded) {
  if (!loaded.prompts || !loaded.tokenizer) return;
  const std::string preamble = Preamble(package);
  std::string source;
  if (loaded.prompts->source() == PromptBuilder::Source::kModel) {
    if (preamble.empty()) return;
    source = std::string(loaded.files->chat_template_jinja());
    if (source.empty()) source = loaded.tokenizer->chat_template();
    // One in tokenizer_config.json: no Ollama model has that file.
    if (source.empty()) return;
  } else {
    if (preamble.empty() && package.go_template.empty()) return;
    source = TemplateOf(package, loaded);
  }
  loaded.prompts = PromptBuilder::Create(loaded.files->tokenizer_config_json(), preamble + source,
                                         loaded.tokenizer);
}

std::vector<AdapterChoice> OpenPackageAdapters(const ModelPackage& package,
                                               const model::ModelConfig& config) {
  std::vector<AdapterChoice> choices;
  for (const std::filesystem::path& path : package.adapters) {
    choices.push_back({.adapter = LoadAdapterFile(path, ModelNameOf(path), config)});
  }
  return choices;
}

}  // namespace hyprstream::engine
