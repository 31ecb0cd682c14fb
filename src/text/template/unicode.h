// Code points: decoding, case as Python's str does it, character classes. Text that is not UTF-8
// decodes one byte at a time to U+FFFD; operations that copy keep such bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hyprstream::text::tmpl {

struct CodePoint {
  char32_t value;
  size_t length;  // bytes
};

/// Precondition: at < text.size().
CodePoint DecodeAt(std::string_view text, size_t at);
/// Where the code point that ends before `end` begins. Precondition: end > 0.
size_t PreviousStart(std::string_view text, size_t end);
void AppendUtf8(std::string& out, char32_t code_point);
/// The first byte that is not UTF-8, or npos.
size_t FindInvalidUtf8(std::string_view text);
bool IsAscii(std::string_view text);
size_t CountCodePoints(std::string_view text);
/// The byte at which the code point with this index begins; text.size() when there are fewer.
size_t ByteOffset(std::string_view text, size_t code_point_index);

enum class Case { kUpper, kLower, kTitle };
/// With the multi-letter mappings of Unicode's SpecialCasing, but no context (final sigma is the
/// caller's).
void AppendCased(std::string& out, char32_t code_point, Case to);

bool IsSpace(char32_t c);      // str.isspace, and \s
bool IsPrintable(char32_t c);  // str.isprintable, which decides what repr escapes
bool IsAlpha(char32_t c);
bool IsDecimal(char32_t c);
bool IsAlnum(char32_t c);
bool IsWord(char32_t c);  // \w
bool IsUpper(char32_t c);
bool IsLower(char32_t c);
bool IsCased(char32_t c);
bool IsCaseIgnorable(char32_t c);

}  // namespace hyprstream::text::tmpl
