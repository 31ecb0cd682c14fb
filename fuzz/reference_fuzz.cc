// Model references from a command line or a request. What is accepted can be part of a path and
// means the same when it is written down.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "registry/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  using registry::ModelReference;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ModelReference reference;
  try {
    reference = registry::ParseReference(text);
  } catch (const Error&) {
    return 0;  // refused, as it should be
  }
  HYPR_CHECK(registry::ParseReference(registry::FormatReference(reference)) == reference);
  if (reference.kind == ModelReference::Kind::kPath) return 0;
  HYPR_CHECK(!reference.name.empty() && reference.name.find('/') == std::string::npos);
  for (const std::string& part :
       {reference.organisation, reference.name, reference.revision, reference.quant}) {
    HYPR_CHECK(part.find("..") == std::string::npos && part.find('\\') == std::string::npos);
    HYPR_CHECK(part.empty() || (part.front() != '/' && part.front() != '.'));
    for (const char c : part) HYPR_CHECK(static_cast<unsigned char>(c) > 0x20);
  }
  return 0;
}
