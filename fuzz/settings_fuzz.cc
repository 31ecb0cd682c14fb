// config.toml. Whatever is accepted can be read back by its type.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "cli/settings.h"
#include "memory_file.h"

namespace hyprstream {
namespace {

void ReadBack(const cli::Settings& settings) {
  for (const cli::SettingInfo& info : cli::AllSettings()) {
    switch (info.type) {
      case cli::SettingType::kInteger:
        (void)settings.Integer(info.name);
        break;
      case cli::SettingType::kNumber:
        (void)settings.Number(info.name);
        break;
      case cli::SettingType::kBoolean:
        (void)settings.Boolean(info.name);
        break;
      case cli::SettingType::kText:
        (void)settings.Text(info.name);
        break;
      case cli::SettingType::kSize:
        (void)settings.Size(info.name);
        break;
    }
  }
}

}  // namespace
}  // namespace hyprstream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  try {
    const fuzz::MemoryFile file(data, size);
    cli::Settings settings;
    cli::ReadSettingsFile(file.path(), settings);
    ReadBack(settings);
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
