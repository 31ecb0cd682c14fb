#include "engine/load_adapter.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "adapters/open_adapter.h"
#include "engine/load.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;

struct Reference {
  fs::path path;
  float scale = 1.0f;
};

Reference Parse(const std::string& text) {
  std::error_code ignored;
  const size_t colon = text.rfind(':');
  if (fs::exists(text, ignored) || colon == std::string::npos) return {.path = text};
  Reference reference{.path = text.substr(0, colon)};
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(begin, end, reference.scale);
  if (status != std::errc() || stop != end || !std::isfinite(reference.scale)) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "wrong scale of an adapter",
                                              .expected = "PATH:SCALE, such as tone:0.7",
                                              .found = "\"" + text + "\""});
  }
  return reference;
}

}  // namespace

AdapterChoice OpenAdapter(const std::string& text, const model::ModelConfig& config) {
  const Reference reference = Parse(text);
  const auto dense = adapters::OpenAdapter(reference.path, config);
  auto loaded = std::make_shared<LoadedAdapter>(LoadedAdapter{.name = ModelNameOf(reference.path),
                                                              .content_hash = dense->content_hash(),
                                                              .views = dense->views(),
                                                              .storage = dense});
  return {.adapter = std::move(loaded), .scale = reference.scale};
}

}  // namespace hyprstream::engine
