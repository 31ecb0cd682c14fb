#include "cli/settings.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/memory_budget.h"

extern char** environ;  // POSIX declares it nowhere

namespace hyprstream::cli {
namespace {

constexpr auto kSettings = std::to_array<SettingInfo>({
    {"sampling.temperature", SettingType::kNumber, "", "0 picks the most likely token"},
    {"sampling.top_p", SettingType::kNumber, "", "smallest set of tokens with this probability"},
    {"sampling.top_k", SettingType::kInteger, "", "only the k most likely tokens; 0: all"},
    {"sampling.min_p", SettingType::kNumber, "", "relative to the most likely token; 0: off"},
    {"sampling.repetition_penalty", SettingType::kNumber, "", "1: off"},
    {"sampling.presence_penalty", SettingType::kNumber, "", "0: off"},
    {"sampling.frequency_penalty", SettingType::kNumber, "", "0: off"},
    {"sampling.seed", SettingType::kInteger, "", "none: a new one for every answer"},
    {"sampling.max_tokens", SettingType::kInteger, "", "longest answer"},
    {"sampling.think", SettingType::kBoolean, "", "ask the model to reason first"},
    {"sampling.system", SettingType::kText, "", "system message"},
    {"engine.threads", SettingType::kInteger, "0", "0: all processors"},
    {"engine.context", SettingType::kInteger, "0",
     "longest sequence; 0: the model's, at most 4096"},
    {"engine.cache_type", SettingType::kText, "bf16", "keys and values: bf16 or f32"},
    {"engine.draft_max", SettingType::kInteger, "8",
     "tokens guessed from the text so far and checked in one step; 0: none"},
    {"engine.memory_limit", SettingType::kSize, "0", "weights, cache and scratch; 0: none"},
    {"engine.device", SettingType::kText, "auto", "auto or cpu"},
    {"cache.directory", SettingType::kText, "", "what can be made again; none: the XDG cache home"},
    {"cache.repacked_limit", SettingType::kSize, "20G",
     "repacked weights of all models; 0: keep none"},
    {"server.host", SettingType::kText, "127.0.0.1", "address to listen on"},
    {"server.port", SettingType::kInteger, "8080", "0: any free port"},
    {"server.flight_port", SettingType::kInteger, "50051", "0: off"},
    {"quota.adapters", SettingType::kText, "",
     "lines of \"NAME rpm=60 tpm=20000\"; NAME *: each adapter that is not named"},
});

template <typename T>
std::optional<T> ParseWhole(std::string_view text) {
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> ParseBoolean(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::string_view Expected(SettingType type) {
  switch (type) {
    case SettingType::kInteger:
      return "an integer";
    case SettingType::kNumber:
      return "a number";
    case SettingType::kBoolean:
      return "true or false";
    case SettingType::kText:
      return "text";
    case SettingType::kSize:
      return "a size such as 1.5G";
  }
  return "";
}

bool Fits(SettingType type, std::string_view text) {
  switch (type) {
    case SettingType::kInteger:
      return ParseWhole<int64_t>(text).has_value();
    case SettingType::kNumber: {
      const auto value = ParseWhole<double>(text);
      return value && std::isfinite(*value);
    }
    case SettingType::kBoolean:
      return ParseBoolean(text).has_value();
    case SettingType::kText:
      return true;
    case SettingType::kSize:
      try {
        ParseBytes(text);
        return true;
      } catch (const Error&) {
        return false;
      }
  }
  return false;
}

}  // namespace

std::span<const SettingInfo> AllSettings() { return kSettings; }

const SettingInfo* FindSetting(std::string_view name) {
  for (const SettingInfo& info : kSettings) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::filesystem::path DefaultConfigFile() {
  const char* home = std::getenv("XDG_CONFIG_HOME");
  if (home != nullptr && *home == '/')
    return std::filesystem::path(home) / "hyprstream/config.toml";
  const char* user = std::getenv("HOME");
  if (user == nullptr || *user == '\0') return {};
  return std::filesystem::path(user) / ".config/hyprstream/config.toml";
}

Settings Settings::Load(const std::optional<std::filesystem::path>& file) {
  Settings settings;
  for (const SettingInfo& info : kSettings) {
    if (!info.fallback.empty()) settings.Set(info, info.fallback, "default", "default");
  }
  const std::filesystem::path path = file.value_or(DefaultConfigFile());
  std::error_code ignored;
  if (file || (!path.empty() && std::filesystem::exists(path, ignored))) {
    ReadSettingsFile(path, settings);
  }
  ReadSettingsEnvironment(environ, settings);
  return settings;
}

void Settings::Set(const SettingInfo& info, std::string_view text, std::string source,
                   std::string_view where) {
  if (!Fits(info.type, text)) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "wrong value for " + std::string(info.name),
                 .expected = std::string(Expected(info.type)),
                 .found = "\"" + std::string(text) + "\"",
                 .where = std::string(where)});
  }
  values_.insert_or_assign(std::string(info.name), Value{std::string(text), std::move(source)});
}

const Settings::Value* Settings::Find(std::string_view name) const {
  HYPR_CHECK(FindSetting(name) != nullptr);
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<int64_t> Settings::Integer(std::string_view name) const {
  const Value* value = Find(name);
  return value ? ParseWhole<int64_t>(value->text) : std::nullopt;
}

std::optional<double> Settings::Number(std::string_view name) const {
  const Value* value = Find(name);
  return value ? ParseWhole<double>(value->text) : std::nullopt;
}

std::optional<bool> Settings::Boolean(std::string_view name) const {
  const Value* value = Find(name);
  return value ? ParseBoolean(value->text) : std::nullopt;
}

std::optional<std::string> Settings::Text(std::string_view name) const {
  const Value* value = Find(name);
  return value ? std::optional(value->text) : std::nullopt;
}

std::optional<uint64_t> Settings::Size(std::string_view name) const {
  const Value* value = Find(name);
  return value ? std::optional(ParseBytes(value->text).value) : std::nullopt;
}

}  // namespace hyprstream::cli
