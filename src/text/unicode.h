// What the tokenizer asks of Unicode: the classes of a code point and the normalisation forms. The
// tables come from utf8proc, once. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::text {

/// Bits of a code point's class.
enum CharClass : uint8_t {
  kLetter = 1,        // \p{L}
  kNumber = 2,        // \p{N}
  kSpace = 4,         // White_Space
  kMark = 8,          // \p{M}
  kPunctuation = 16,  // \p{P}
  kWord = 32,         // \w: Alphabetic, M, Nd, Pc, Join_Control
  kNewline = 64,      // CR or LF
  kNfcBreak = 128,  // normalising to NFC what is before and what is from here on separately is safe
};

/// Classes of all code points, in pages of 256 that are shared where they are equal.
class UnicodeClasses {
 public:
  static const UnicodeClasses& Get();

  uint8_t operator[](uint32_t code_point) const {
    if (code_point < 0x80) return ascii_[code_point];
    return pages_[page_of_[code_point >> 8]][code_point & 0xFF];
  }
  const uint8_t* ascii() const { return ascii_.data(); }

 private:
  UnicodeClasses();
  using Page = std::array<uint8_t, 256>;
  std::array<uint8_t, 128> ascii_{};
  std::array<uint16_t, 0x110000 / 256> page_of_{};
  std::vector<Page> pages_;
};

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

/// `text` (well-formed) in the given form. Text that NFC would not change costs one scan.
std::string Normalize(std::string_view text, NormalForm form);
/// True when a scan proves that NFC leaves `text` as it is; false says nothing.
bool IsSurelyNfc(std::string_view text);

/// Each code point's full lower case by itself, without regard to context.
std::string LowerCase(std::string_view text);

}  // namespace hyprstream::text
