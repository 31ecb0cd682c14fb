#define PCRE2_CODE_UNIT_WIDTH 8
#include "formats/module_pattern.h"

#include <pcre2.h>

#include "base/error.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr size_t kMaxPatternBytes = 1000;
// A module path has some fifty letters; an honest pattern needs a few hundred steps.
constexpr uint32_t kMaxSteps = 10'000;
constexpr uint32_t kMaxHeapKiB = 1024;

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
using Match = std::unique_ptr<pcre2_match_data, FreeMatch>;

}  // namespace

struct ModulePattern::Code {
  explicit Code(pcre2_code* code_in) : code(code_in) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  /// Null when there is no match.
  Match Run(std::string_view pattern, std::string_view path, uint32_t options) const {
    Match match(pcre2_match_data_create_from_pattern(code, nullptr));
    const std::unique_ptr<pcre2_match_context, FreeContext> context(
        pcre2_match_context_create(nullptr));
    if (match == nullptr || context == nullptr) throw std::bad_alloc();
    pcre2_set_match_limit(context.get(), kMaxSteps);
    pcre2_set_depth_limit(context.get(), kMaxSteps);
    pcre2_set_heap_limit(context.get(), kMaxHeapKiB);
    const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(path.data()), path.size(), 0,
                                  options, match.get(), context.get());
    if (found >= 0) return match;
    if (found == PCRE2_ERROR_NOMATCH ||
        (found <= PCRE2_ERROR_UTF8_ERR1 && found >= PCRE2_ERROR_UTF8_ERR21)) {
      return nullptr;
    }
    throw Error(ErrorCode::kLimit, {.message = "a pattern takes too many steps to match",
                                    .expected = "a simple regular expression",
                                    .found = Quote(pattern),
                                    .where = "module " + Quote(path)});
  }

  pcre2_code* code;
};

ModulePattern::ModulePattern(std::string_view pattern, std::string_view what) : pattern_(pattern) {
  const auto fail = [&](std::string found) {
    throw Error(ErrorCode::kDataLoss, {.message = std::string(what) + " has a wrong pattern",
                                       .expected = "a regular expression",
                                       .found = std::move(found),
                                       .where = Quote(pattern)});
  };
  if (pattern.size() > kMaxPatternBytes) fail(std::to_string(pattern.size()) + " bytes");
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code == nullptr) {
    PCRE2_UCHAR text[128] = {};
    pcre2_get_error_message(error, text, sizeof(text));
    fail(std::string(reinterpret_cast<const char*>(text)) + " at " + std::to_string(offset));
  }
  code_ = std::make_shared<Code>(code);
}

bool ModulePattern::Matches(std::string_view path) const {
  return code_->Run(pattern_, path, PCRE2_ANCHORED | PCRE2_ENDANCHORED) != nullptr;
}

std::optional<std::string> ModulePattern::FirstGroup(std::string_view path) const {
  const Match match = code_->Run(pattern_, path, PCRE2_ANCHORED);
  if (match == nullptr || pcre2_get_ovector_count(match.get()) < 2) return std::nullopt;
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
  if (bounds[2] == PCRE2_UNSET || bounds[3] < bounds[2]) return std::nullopt;
  return std::string(path.substr(bounds[2], bounds[3] - bounds[2]));
}

}  // namespace hyprstream::formats
