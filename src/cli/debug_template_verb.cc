// `debug template`: messages to the text of a prompt.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "engine/load.h"
#include "text/json_value.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;
using text::Value;

std::string ReadText(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

/// From a .jinja file, a folder that needs no weights, or a model.
std::shared_ptr<const engine::PromptBuilder> OpenTemplate(const std::string& reference) {
  const std::filesystem::path path = ResolveModel(reference);
  std::error_code ignored;
  const auto is_file = [&](const std::filesystem::path& file) {
    return std::filesystem::is_regular_file(file, ignored);
  };
  if (path.extension() == ".jinja" || path.extension() == ".jinja2") {
    return engine::PromptBuilder::OfTemplate(ReadText(path));
  }
  const auto text_of = [&](const char* name) {
    return is_file(path / name) ? ReadText(path / name) : std::string();
  };
  std::string config = text_of("tokenizer_config.json");
  std::string jinja = text_of("chat_template.jinja");
  if (!config.empty() || !jinja.empty()) {
    const bool has_tokenizer = is_file(path / "tokenizer.json");
    return engine::PromptBuilder::Create(config, jinja,
                                         has_tokenizer ? text::Tokenizer::FromPath(path) : nullptr);
  }
  return engine::PromptBuilder::Create("", "", text::Tokenizer::FromPath(path));
}

/// "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SS" as seconds since 1970.
int64_t ParseTime(const std::string& text, const char* field) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int used = 0;
  const bool date =
      std::sscanf(text.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &used) == 3 && used == 10;
  bool fits = date && text.size() == 10;
  if (date && text.size() == 19 && text[10] == 'T') {
    fits = std::sscanf(text.c_str() + 11, "%2u:%2u:%2u%n", &hour, &minute, &second, &used) == 3 &&
           used == 8;
  }
  const std::chrono::year_month_day calendar{std::chrono::year(year), std::chrono::month(month),
                                             std::chrono::day(day)};
  if (!fits || !calendar.ok() || hour > 23 || minute > 59 || second > 59) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "this is not a time",
                                              .expected = "YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS",
                                              .found = "\"" + text + "\"",
                                              .where = field});
  }
  const auto days = std::chrono::sys_days(calendar).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(days).count() + hour * 3600 +
         minute * 60 + second;
}

Value ValueOf(const Value& line, const char* field) {
  const Value* value = line.Find(field);
  return value ? *value : Value();
}

bool FlagOf(const Value& line, const char* field, bool fallback) {
  const Value value = ValueOf(line, field);
  if (value.is_none()) return fallback;
  if (value.is_bool()) return value.as_bool();
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "wrong type", .expected = "true or false", .where = field});
}

text::ChatInput InputOf(const Value& line) {
  static constexpr const char* kTokens[] = {"bos_token", "eos_token"};
  text::ChatInput input;
  input.messages = ValueOf(line, "messages");
  if (!input.messages.is_list()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "\"messages\" is missing or not a list",
                 .expected = R"({"messages": [{"role": "user", "content": "…"}]})"});
  }
  input.tools = ValueOf(line, "tools");
  input.continue_final_message = FlagOf(line, "continue_final_message", false);
  input.add_generation_prompt =
      FlagOf(line, "add_generation_prompt", !input.continue_final_message);
  std::vector<std::pair<std::string, Value>> kwargs;
  for (const char* name : kTokens) {
    if (const Value* value = line.Find(name)) kwargs.emplace_back(name, *value);
  }
  const Value given = ValueOf(line, "kwargs");
  if (given.is_object()) {
    for (const Value::Entry& entry : given.entries()) {
      kwargs.emplace_back(entry.key.as_string(), entry.value);
    }
  }
  input.kwargs = Value::Object(std::move(kwargs));
  for (const char* field : {"date", "now"}) {
    const Value value = ValueOf(line, field);
    if (value.is_string()) input.now = ParseTime(value.as_string(), field);
  }
  return input;
}

json::object TemplateErrorLine(const text::TemplateError& error) {
  json::object fields{{"message", error.detail().message},
                      {"code", ErrorCodeName(error.code())},
                      {"kind", text::TemplateErrorKindName(error.kind())}};
  if (!error.detail().found.empty()) fields["found"] = error.detail().found;
  if (!error.detail().where.empty()) fields["where"] = error.detail().where;
  return {{"error", std::move(fields)}};
}

int RenderLines(Shell& shell, const std::string& model) {
  const auto prompts = OpenTemplate(model);
  bool failed = false;
  const int status = ForEachLine(shell, [&](const std::string& line) -> json::object {
    const text::ChatInput input = InputOf(text::ParseJson(line, "line"));
    try {
      return {{"text", prompts->Render(input).text}};
    } catch (const text::TemplateError& error) {
      failed = true;
      return TemplateErrorLine(error);
    }
  });
  return failed ? 1 : status;
}

}  // namespace

void AddDebugTemplateVerb(CLI::App& debug, Shell& shell) {
  const auto model = std::make_shared<std::string>();
  CLI::App& verb = AddVerb(debug, shell, "template", "{\"messages\"} lines to {\"text\"} lines",
                           "echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}' | "
                           "hyprstream debug template willowbrook",
                           [&shell, model] { return RenderLines(shell, *model); });
  verb.add_option("MODEL", *model, "Model, or a .jinja file")->required();
}

}  // namespace hyprstream::cli
