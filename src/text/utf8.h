// UTF-8 for the tokenizer: checking, reading and writing one code point, and decoding bytes that
// arrive in pieces and may be broken. Stateless but for Utf8Stream, which belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::text {

/// Index of the first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7: no
/// surrogates, no overlong forms, nothing above U+10FFFF); nothing when all of `text` is well
/// formed.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

struct CodePoint {
  uint32_t value = 0;
  uint32_t length = 0;  // bytes
};

/// The code point at `p`, which must point into well-formed UTF-8.
inline CodePoint ReadCodePoint(const char* p) {
  const auto byte = [p](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(p[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

/// Start of the code point that ends before `end`, which must lie behind `begin`.
inline const char* PreviousCodePoint(const char* begin, const char* end) {
  const char* p = end - 1;
  while (p > begin && (static_cast<unsigned char>(*p) & 0xC0) == 0x80) --p;
  return p;
}

void AppendUtf8(std::string& out, uint32_t code_point);

/// Number of code points in well-formed `text`.
size_t CountCodePoints(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// Bytes in, well-formed text out. Complete characters come out at once; a maximal part of a
/// character that cannot become one is U+FFFD (the WHATWG Encoding Standard's UTF-8 decoder) or one
/// U+FFFD per byte (SentencePiece).
class Utf8Stream {
 public:
  enum class Broken { kPerPart, kPerByte };
  explicit Utf8Stream(Broken broken = Broken::kPerPart) : broken_(broken) {}

  void Push(std::string_view bytes, std::string& out);
  /// What was left unfinished is broken.
  void Finish(std::string& out);

 private:
  void PushByte(unsigned char byte, std::string& out);
  void DropPending(std::string& out);

  Broken broken_;
  char pending_[4] = {};
  uint8_t size_ = 0;                     // bytes in pending_
  uint8_t needed_ = 0;                   // of the whole character
  uint8_t lower_ = 0x80, upper_ = 0xBF;  // what the next byte may be
};

}  // namespace hyprstream::text
