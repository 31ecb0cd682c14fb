#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace hyprstream {
namespace {

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_color_mt("hyprstream");
    made->set_pattern("%^%l%$: %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *logger;
}

}  // namespace

void SetLogLevel(LogLevel level) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err,
                                                          spdlog::level::off};
  Logger().set_level(kLevels[static_cast<int>(level)]);
}

void LogDebug(std::string_view text) { Logger().debug("{}", text); }
void LogInfo(std::string_view text) { Logger().info("{}", text); }
void LogWarning(std::string_view text) { Logger().warn("{}", text); }
void LogError(std::string_view text) { Logger().error("{}", text); }

}  // namespace hyprstream
