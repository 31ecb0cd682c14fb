#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "text/unicode_additions.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

bool IsWhiteSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/// Alphabetic symbols that are neither letters, marks nor numbers: circled and squared letters.
bool IsAlphabeticSymbol(uint32_t c) {
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

/// Classes of a character that is newer than utf8proc's tables.
uint8_t AdditionClass(uint32_t c) {
  const auto* range = std::find_if(kUnicodeAdditions.begin(), kUnicodeAdditions.end(),
                                   [c](const AddedRange& r) { return c <= r.last; });
  return range != kUnicodeAdditions.end() && c >= range->first ? range->bits : 0;
}

uint8_t CategoryClass(uint32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter | kWord;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kMark | kWord;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
      return kNumber | kWord;
    case UTF8PROC_CATEGORY_NO:
      return kNumber;
    case UTF8PROC_CATEGORY_PC:
      return kPunctuation | kWord;
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kPunctuation;
    case UTF8PROC_CATEGORY_CN:
      return AdditionClass(c);
    default:
      return 0;
  }
}

utf8proc_int32_t Signed(uint32_t c) { return static_cast<utf8proc_int32_t>(c); }

int CombiningClass(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

[[noreturn]] void ThrowNormalizationError(utf8proc_ssize_t code) {
  throw Error(ErrorCode::kResourceExhausted,
              {.message = "text cannot be normalised", .found = utf8proc_errmsg(code)});
}

/// Full decomposition, marks in canonical order. utf8proc's own ordering takes quadratic time on a
/// long run of marks, so the runs are sorted here.
std::vector<utf8proc_int32_t> Decompose(std::string_view text, int options) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  std::array<utf8proc_int32_t, 64> buffer;  // the longest decomposition has 18 code points
  int last_boundary = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(Signed(c.value), buffer.data(), buffer.size(),
                                static_cast<utf8proc_option_t>(options), &last_boundary);
    if (count < 0) ThrowNormalizationError(count);
    out.insert(out.end(), buffer.begin(), buffer.begin() + count);
    i += c.length;
  }
  const auto is_starter = [](utf8proc_int32_t c) { return CombiningClass(c) == 0; };
  for (auto run = out.begin(); run != out.end();) {
    run = std::find_if_not(run, out.end(), is_starter);
    const auto end = std::find_if(run, out.end(), is_starter);
    std::stable_sort(run, end, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return CombiningClass(a) < CombiningClass(b);
    });
    run = end;
  }
  return out;
}

constexpr int kDecompose = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE;
constexpr int kCompose = UTF8PROC_COMPOSE | UTF8PROC_STABLE;

bool IsNewerThanNormalization(uint32_t c) {
  const auto range = std::find_if(kNewerThanNormalization.begin(), kNewerThanNormalization.end(),
                                  [c](const CodePointRange& r) { return c <= r.last; });
  return range != kNewerThanNormalization.end() && c >= range->first;
}

void AppendMapped(std::string_view text, int options, std::string& out) {
  std::vector<utf8proc_int32_t> characters = Decompose(text, options);
  if (options & UTF8PROC_COMPOSE) {
    const utf8proc_ssize_t size = utf8proc_normalize_utf32(
        characters.data(), static_cast<utf8proc_ssize_t>(characters.size()),
        static_cast<utf8proc_option_t>(options));
    if (size < 0) ThrowNormalizationError(size);
    characters.resize(static_cast<size_t>(size));
  }
  for (const utf8proc_int32_t c : characters) AppendUtf8(out, static_cast<uint32_t>(c));
}

std::string Map(std::string_view text, int options) {
  std::string out;
  out.reserve(text.size());
  size_t done = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (IsNewerThanNormalization(c.value)) {
      AppendMapped(text.substr(done, i - done), options, out);
      out.append(text, i, c.length);
      done = i + c.length;
    }
    i += c.length;
  }
  AppendMapped(text.substr(done), options, out);
  return out;
}

/// Starters that never compose with what is before them and that NFC keeps (NFC_Quick_Check = Yes).
bool IsNfcBreak(uint32_t c) {
  if (c < 0x300) return true;
  const bool composes_backward_in_hangul =
      (c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2);
  if (composes_backward_in_hangul) return false;
  const utf8proc_property_t* property = utf8proc_get_property(Signed(c));
  if (property->combining_class != 0) return false;
  // utf8proc 2.x: indices with the top bit set belong to second parts of compositions.
  if (property->comb_index != UINT16_MAX && property->comb_index >= 0x8000) return false;
  if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0) return true;
  std::string self;
  AppendUtf8(self, c);
  return Map(self, kCompose) == self;
}

uint8_t Classify(uint32_t c) {
  uint8_t bits = CategoryClass(c);
  if (IsWhiteSpace(c)) bits |= kSpace;
  if (c == '\r' || c == '\n') bits |= kNewline;
  if (IsAlphabeticSymbol(c) || c == 0x200C || c == 0x200D) bits |= kWord;
  if (IsNfcBreak(c)) bits |= kNfcBreak;
  return bits;
}

bool IsSurrogatePage(uint32_t page) { return page >= 0xD8 && page <= 0xDF; }

/// Position of the first character that NFC might change or join to the one before; npos if none.
size_t FindNfcSuspect(std::string_view text, size_t from) {
  const UnicodeClasses& classes = UnicodeClasses::Get();
  for (size_t i = from; i < text.size();) {
    // Lead bytes below 0xCC belong to code points below U+0300.
    if (static_cast<unsigned char>(text[i]) < 0xCC) {
      ++i;
      continue;
    }
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (!(classes[c.value] & kNfcBreak)) return i;
    i += c.length;
  }
  return std::string_view::npos;
}

/// Composes only around the characters that might change; the rest is copied.
std::string ComposeSuspects(std::string_view text) {
  const UnicodeClasses& classes = UnicodeClasses::Get();
  std::string out;
  out.reserve(text.size());
  size_t done = 0;
  for (size_t suspect = FindNfcSuspect(text, 0); suspect != std::string_view::npos;
       suspect = FindNfcSuspect(text, done)) {
    size_t begin = suspect;
    if (begin > done) {
      begin =
          static_cast<size_t>(PreviousCodePoint(text.data(), text.data() + begin) - text.data());
    }
    size_t end = suspect;
    while (end < text.size()) {
      const CodePoint c = ReadCodePoint(text.data() + end);
      if (classes[c.value] & kNfcBreak) break;
      end += c.length;
    }
    out.append(text, done, begin - done);
    out += Map(text.substr(begin, end - begin), kCompose);
    done = end;
  }
  out.append(text, done);
  return out;
}

}  // namespace

UnicodeClasses::UnicodeClasses() {
  std::map<Page, uint16_t> seen;
  for (uint32_t page = 0; page < page_of_.size(); ++page) {
    Page bits{};
    for (uint32_t i = 0; i < 256 && !IsSurrogatePage(page); ++i) bits[i] = Classify(page << 8 | i);
    const auto [place, is_new] = seen.emplace(bits, static_cast<uint16_t>(pages_.size()));
    if (is_new) pages_.push_back(bits);
    page_of_[page] = place->second;
  }
  for (uint32_t c = 0; c < 128; ++c) ascii_[c] = Classify(c);
}

const UnicodeClasses& UnicodeClasses::Get() {
  static const UnicodeClasses classes;
  return classes;
}

bool IsSurelyNfc(std::string_view text) {
  return FindNfcSuspect(text, 0) == std::string_view::npos;
}

std::string Normalize(std::string_view text, NormalForm form) {
  switch (form) {
    case NormalForm::kNfc:
      return ComposeSuspects(text);
    case NormalForm::kNfd:
      return Map(text, kDecompose);
    case NormalForm::kNfkc:
      return Map(text, kCompose | UTF8PROC_COMPAT);
    case NormalForm::kNfkd:
      return Map(text, kDecompose | UTF8PROC_COMPAT);
  }
  HYPR_CHECK(false);
  return {};
}

std::string LowerCase(std::string_view text) {
  constexpr uint32_t kCapitalDottedI = 0x130;  // the one code point whose lower case has two
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (c.value == kCapitalDottedI) {
      out += "i\xCC\x87";
    } else {
      AppendUtf8(out,
                 static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
    i += c.length;
  }
  return out;
}

}  // namespace hyprstream::text
