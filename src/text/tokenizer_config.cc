#include "text/tokenizer_config.h"

#include <boost/json.hpp>

#include "base/error.h"

namespace hyprstream::text {
namespace {

namespace json = boost::json;

/// A token is given as its text or as an object with "content".
std::string TokenText(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_object()) {
    const json::value* content = value.get_object().if_contains("content");
    if (content != nullptr && content->is_string()) return std::string(content->get_string());
  }
  return {};
}

/// One template as text, or several as a list of {"name", "template"}.
void ReadTemplates(const json::value& value, TokenizerConfig& config) {
  if (value.is_string()) {
    config.chat_template = std::string(value.get_string());
    return;
  }
  if (!value.is_array()) return;
  for (const json::value& entry : value.get_array()) {
    const json::object* object = entry.if_object();
    if (object == nullptr) continue;
    const json::value* name = object->if_contains("name");
    const json::value* source = object->if_contains("template");
    if (name == nullptr || source == nullptr || !name->is_string() || !source->is_string())
      continue;
    if (name->get_string() == "default") config.chat_template = std::string(source->get_string());
    if (name->get_string() == "tool_use") config.tool_template = std::string(source->get_string());
  }
}

}  // namespace

TokenizerConfig ParseTokenizerConfig(std::string_view text) {
  TokenizerConfig config;
  if (text.empty()) return config;
  json::error_code failed;
  const json::value document = json::parse(text, failed);
  const json::object* object = document.if_object();
  if (failed || object == nullptr) {
    throw Error(ErrorCode::kDataLoss, {.message = "tokenizer_config.json is damaged",
                                       .expected = "a JSON object",
                                       .found = failed ? failed.message() : "something else"});
  }
  for (const char* name : {"bos_token", "eos_token", "pad_token", "unk_token", "sep_token",
                           "cls_token", "mask_token"}) {
    const json::value* value = object->if_contains(name);
    const std::string token = value == nullptr ? std::string() : TokenText(*value);
    if (!token.empty()) config.special_tokens.emplace_back(name, token);
  }
  if (const json::value* value = object->if_contains("chat_template")) {
    ReadTemplates(*value, config);
  }
  return config;
}

}  // namespace hyprstream::text
