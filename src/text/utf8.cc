#include "text/utf8.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace hyprstream::text {
namespace {

struct LeadByte {
  uint8_t length = 0;                  // 0: not a lead byte
  uint8_t lower = 0x80, upper = 0xBF;  // of the second byte
};

LeadByte Classify(unsigned char lead) {
  if (lead < 0x80) return {.length = 1};
  if (lead >= 0xC2 && lead <= 0xDF) return {.length = 2};
  if (lead == 0xE0) return {.length = 3, .lower = 0xA0};
  if (lead == 0xED) return {.length = 3, .upper = 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {.length = 3};
  if (lead == 0xF0) return {.length = 4, .lower = 0x90};
  if (lead >= 0xF1 && lead <= 0xF3) return {.length = 4};
  if (lead == 0xF4) return {.length = 4, .upper = 0x8F};
  return {};
}

/// Bytes before the first one that is not ASCII, from `i` on.
size_t SkipAscii(std::string_view text, size_t i) {
  while (i + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080u) break;
    i += 8;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t i = SkipAscii(text, 0); i < text.size(); i = SkipAscii(text, i)) {
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
    const LeadByte lead = Classify(byte(i));
    if (lead.length == 0 || text.size() - i < lead.length) return i;
    if (byte(i + 1) < lead.lower || byte(i + 1) > lead.upper) return i;
    for (size_t k = 2; k < lead.length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return i;
    }
    i += lead.length;
  }
  return std::nullopt;
}

void AppendUtf8(std::string& out, uint32_t c) {
  HYPR_CHECK(c <= 0x10FFFF);
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

size_t CountCodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void Utf8Stream::Push(std::string_view bytes, std::string& out) {
  size_t i = 0;
  while (i < bytes.size()) {
    if (size_ == 0) {
      const size_t end = SkipAscii(bytes, i);
      out.append(bytes, i, end - i);
      i = end;
      if (i == bytes.size()) return;
    }
    PushByte(static_cast<unsigned char>(bytes[i++]), out);
  }
}

void Utf8Stream::PushByte(unsigned char byte, std::string& out) {
  if (size_ > 0) {
    if (byte >= lower_ && byte <= upper_) {
      pending_[size_++] = static_cast<char>(byte);
      lower_ = 0x80;
      upper_ = 0xBF;
      if (size_ == needed_) {
        out.append(pending_, size_);
        size_ = 0;
      }
      return;
    }
    DropPending(out);
  }
  const LeadByte lead = Classify(byte);
  if (lead.length == 0) {
    out += kReplacementCharacter;
  } else if (lead.length == 1) {
    out.push_back(static_cast<char>(byte));
  } else {
    pending_[0] = static_cast<char>(byte);
    size_ = 1;
    needed_ = lead.length;
    lower_ = lead.lower;
    upper_ = lead.upper;
  }
}

void Utf8Stream::DropPending(std::string& out) {
  const int count = broken_ == Broken::kPerByte ? size_ : size_ > 0 ? 1 : 0;
  for (int i = 0; i < count; ++i) out += kReplacementCharacter;
  size_ = 0;
}

void Utf8Stream::Finish(std::string& out) { DropPending(out); }

}  // namespace hyprstream::text
