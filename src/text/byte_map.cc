#include "text/byte_map.h"

#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr int kOtherBytes = 68;

constexpr std::array<uint16_t, 256> MakeCharacters() {
  std::array<uint16_t, 256> characters{};
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    characters[byte] = StandsForItself(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return characters;
}

constexpr std::array<int16_t, 0x100 + kOtherBytes> MakeBytes() {
  std::array<int16_t, 0x100 + kOtherBytes> bytes{};
  bytes.fill(-1);
  const auto characters = MakeCharacters();
  for (int16_t byte = 0; byte < 256; ++byte) bytes[characters[byte]] = byte;
  return bytes;
}

constexpr auto kCharacters = MakeCharacters();
constexpr auto kBytes = MakeBytes();
static_assert(kCharacters[0x20] == 0x120 && kCharacters[0xAD] == 0x143);

}  // namespace

const std::array<uint16_t, 256>& ByteCharacters() { return kCharacters; }

std::string MapBytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 4);
  for (const char byte : bytes) AppendUtf8(text, kCharacters[static_cast<unsigned char>(byte)]);
  return text;
}

std::optional<std::string> UnmapBytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (c.value >= kBytes.size() || kBytes[c.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kBytes[c.value]));
    i += c.length;
  }
  return bytes;
}

}  // namespace hyprstream::text
