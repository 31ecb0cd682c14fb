// The byte-to-character map of byte-level BPE (GPT-2): every byte has a printable character, so
// that a vocabulary of arbitrary byte strings can be written as text. Stateless.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::text {

/// The code point that stands for each byte: itself for 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF; the
/// other 68 bytes, ascending, are U+0100 and up.
const std::array<uint16_t, 256>& ByteCharacters();

/// `bytes` with every byte replaced by its character.
std::string MapBytes(std::string_view bytes);

/// The bytes that well-formed `text` stands for; nothing when one of its characters stands for
/// none.
std::optional<std::string> UnmapBytes(std::string_view text);

}  // namespace hyprstream::text
