#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "base/error.h"

namespace hyprstream::text {
namespace {

constexpr size_t kMaxPatternBytes = 16 << 10;
constexpr uint32_t kMatchLimit = 20'000'000;  // backtracking steps of one match
constexpr uint32_t kHeapLimitKiB = 64 << 10;
constexpr size_t kJitStackStart = 32 << 10, kJitStackMax = 4 << 20;

/// Oniguruma's \w; PCRE2's has no marks and no circled letters.
constexpr std::string_view kWordClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";

[[noreturn]] void ThrowUnsupported(std::string_view pattern, std::string found,
                                   std::string_view where) {
  throw Error(ErrorCode::kUnsupported,
              {.message = "a regular expression of the tokenizer cannot be used",
               .expected = "an Oniguruma pattern that means the same in PCRE2",
               .found = std::move(found) + ": " + std::string(pattern.substr(0, 200)),
               .where = std::string(where)});
}

/// Rewrites what PCRE2 reads differently (\s is White_Space in Oniguruma) and refuses what has no
/// equal.
class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : in_(pattern), where_(where) {}

  std::string Run() {
    while (i_ < in_.size()) {
      if (in_[i_] == '\\') {
        Escape();
      } else if (class_depth_ > 0) {
        InClass();
      } else {
        Outside();
      }
    }
    return std::move(out_);
  }

 private:
  bool At(std::string_view text) const { return in_.substr(i_).starts_with(text); }
  void Copy(size_t count) {
    out_ += in_.substr(i_, count);
    i_ += count;
  }

  void Escape() {
    if (i_ + 1 == in_.size()) ThrowUnsupported(in_, "a lone backslash at the end", where_);
    switch (in_[i_ + 1]) {
      case 's':
        out_ += "\\p{White_Space}";
        i_ += 2;
        return;
      case 'S':
        out_ += "\\P{White_Space}";
        i_ += 2;
        return;
      case 'w':
        out_ += class_depth_ > 0 ? std::string(kWordClass) : '[' + std::string(kWordClass) + ']';
        i_ += 2;
        return;
      case 'W':
        if (class_depth_ > 0) ThrowUnsupported(in_, "\\W inside a class", where_);
        out_ += "[^" + std::string(kWordClass) + ']';
        i_ += 2;
        return;
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'K':
      case 'G':
      case 'Q':
      case 'N':
      case 'C':
        ThrowUnsupported(in_, std::string("escape \\") + in_[i_ + 1], where_);
      default:
        Copy(2);
    }
  }

  void InClass() {
    if (At("&&")) ThrowUnsupported(in_, "class intersection &&", where_);
    if (At("[:")) {
      Copy(2);
    } else if (in_[i_] == '[') {
      ThrowUnsupported(in_, "a class inside a class", where_);
    } else if (At(":]")) {
      Copy(2);
    } else {
      if (in_[i_] == ']') --class_depth_;
      Copy(1);
    }
  }

  void Outside() {
    if (At("(*")) ThrowUnsupported(in_, "a PCRE2 verb", where_);
    if (At("(?")) Group();
    if (i_ < in_.size() && in_[i_] == '[') {
      ++class_depth_;
      Copy(At("[^") ? 2 : 1);
      if (i_ < in_.size() && in_[i_] == ']') out_ += '\\', Copy(1);
    } else if (i_ < in_.size() && in_[i_] != '\\') {
      Copy(1);
    }
  }

  void Group() {
    Copy(2);
    if (At(":") || At("=") || At("!") || At(">") || At("<")) return;
    for (; i_ < in_.size() && in_[i_] != ':' && in_[i_] != ')'; Copy(1)) {
      const char c = in_[i_];
      if (c != 'i' && c != 'x' && c != '-') {
        ThrowUnsupported(in_, std::string("inline flag or group (?") + c, where_);
      }
    }
  }

  std::string_view in_;
  std::string_view where_;
  std::string out_;
  size_t i_ = 0;
  int class_depth_ = 0;
};

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Deleter<&pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Deleter<&pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Deleter<&pcre2_jit_stack_free>>;
using Code = std::unique_ptr<pcre2_code, Deleter<&pcre2_code_free>>;

std::string ErrorText(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

Code CompileCode(const std::string& pattern, std::string_view shown, std::string_view where) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  Code compiled(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                              &code, &offset, nullptr));
  if (!compiled) ThrowUnsupported(shown, ErrorText(code), where);
  pcre2_jit_compile(compiled.get(), PCRE2_JIT_COMPLETE);  // without JIT the interpreter is used
  return compiled;
}

}  // namespace

struct Regex::Impl {
  Code code;
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Regex Regex::Compile(std::string_view pattern, std::string_view where) {
  if (pattern.size() > kMaxPatternBytes) {
    ThrowUnsupported(pattern, std::to_string(pattern.size()) + " bytes", where);
  }
  auto impl = std::make_unique<Impl>();
  impl->code = CompileCode(Translator(pattern, where).Run(), pattern, where);
  return Regex(std::move(impl));
}

std::vector<Match> Regex::FindAll(std::string_view text) const {
  const pcre2_code* code = impl_->code.get();
  const MatchData data(pcre2_match_data_create(1, nullptr));
  const MatchContext context(pcre2_match_context_create(nullptr));
  const JitStack stack(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr));
  if (!data || !context) throw std::bad_alloc();
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKiB);
  pcre2_jit_stack_assign(context.get(), nullptr, stack.get());

  std::vector<Match> matches;
  size_t gap = 0, from = 0;
  while (from <= text.size()) {
    uint32_t options = PCRE2_NO_UTF_CHECK;
    const auto run = [&] {
      return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                         options, data.get(), context.get());
    };
    int result = run();
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
      options |= PCRE2_NO_JIT;
      result = run();
    }
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw Error(ErrorCode::kLimit,
                  {.message = "the tokenizer's regular expression gave up on this text",
                   .found = ErrorText(result),
                   .where = "byte " + std::to_string(from)});
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(data.get());
    if (span[1] < span[0]) break;  // \K in a lookahead; refused by the translator
    if (gap < span[0]) matches.push_back({{gap, span[0]}, false});
    matches.push_back({{span[0], span[1]}, true});
    gap = span[1];
    from = gap;
    if (span[0] == span[1]) {  // an empty match: go on behind the next character
      do {
        ++from;
      } while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80);
    }
  }
  if (gap < text.size()) matches.push_back({{gap, text.size()}, false});
  return matches;
}

}  // namespace hyprstream::text
