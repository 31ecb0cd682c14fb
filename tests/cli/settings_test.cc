#include "cli/settings.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

TEST(Settings, EveryDefaultFitsItsType) {
  Settings settings;
  for (const SettingInfo& info : AllSettings()) {
    if (!info.fallback.empty()) {
      EXPECT_NO_THROW(settings.Set(info, info.fallback, "default", "default")) << info.name;
    }
  }
}

TEST(Settings, WrongValuesAreRefusedWithTheirPlace) {
  Settings settings;
  const auto refuse = [&](std::string_view name, std::string_view text) {
    try {
      settings.Set(*FindSetting(name), text, "test", "somewhere");
      ADD_FAILURE() << name << " took " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.detail().where, "somewhere");
      EXPECT_NE(error.detail().message.find(name), std::string::npos);
    }
  };
  refuse("server.port", "80x");
  refuse("server.port", "");
  refuse("sampling.temperature", "inf");
  refuse("sampling.think", "perhaps");
  refuse("engine.memory_limit", "big");
}

TEST(Settings, BothSpellingsInTheEnvironmentMeanTheSame) {
  const char* const environment[] = {"HYPRSTREAM_ENGINE__CACHE_TYPE=f32",
                                     "HYPRSTREAM_SAMPLING_TOP_K=7", "HYPRSTREAM_CPU=scalar",
                                     "OTHER=1", nullptr};
  Settings settings;
  ReadSettingsEnvironment(environment, settings);
  EXPECT_EQ(settings.Text("engine.cache_type"), "f32");
  EXPECT_EQ(settings.Integer("sampling.top_k"), 7);
  EXPECT_EQ(settings.Find("sampling.top_p"), nullptr);
}

}  // namespace
}  // namespace hyprstream::cli
