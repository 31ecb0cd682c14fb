// Letters, numbers, marks and punctuation of Unicode 15.1 and 16.0 (UnicodeData.txt), which the
// utf8proc that Debian 12 carries does not know yet; and what the reference's normaliser does not
// know.
#pragma once

#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace hyprstream::text {

struct AddedRange {
  uint32_t first, last;
  uint8_t bits;
};

inline constexpr std::array kUnicodeAdditions = {
    AddedRange{0x897, 0x897, kMark | kWord},       AddedRange{0x1B4E, 0x1B4F, kPunctuation},
    AddedRange{0x1B7F, 0x1B7F, kPunctuation},      AddedRange{0x1C89, 0x1C8A, kLetter | kWord},
    AddedRange{0xA7CB, 0xA7CD, kLetter | kWord},   AddedRange{0xA7DA, 0xA7DC, kLetter | kWord},
    AddedRange{0x105C0, 0x105F3, kLetter | kWord}, AddedRange{0x10D40, 0x10D49, kNumber | kWord},
    AddedRange{0x10D4A, 0x10D65, kLetter | kWord}, AddedRange{0x10D69, 0x10D6D, kMark | kWord},
    AddedRange{0x10D6E, 0x10D6E, kPunctuation},    AddedRange{0x10D6F, 0x10D85, kLetter | kWord},
    AddedRange{0x10EC2, 0x10EC4, kLetter | kWord}, AddedRange{0x10EFC, 0x10EFC, kMark | kWord},
    AddedRange{0x11380, 0x11389, kLetter | kWord}, AddedRange{0x1138B, 0x1138B, kLetter | kWord},
    AddedRange{0x1138E, 0x1138E, kLetter | kWord}, AddedRange{0x11390, 0x113B5, kLetter | kWord},
    AddedRange{0x113B7, 0x113B7, kLetter | kWord}, AddedRange{0x113B8, 0x113C0, kMark | kWord},
    AddedRange{0x113C2, 0x113C2, kMark | kWord},   AddedRange{0x113C5, 0x113C5, kMark | kWord},
    AddedRange{0x113C7, 0x113CA, kMark | kWord},   AddedRange{0x113CC, 0x113D0, kMark | kWord},
    AddedRange{0x113D1, 0x113D1, kLetter | kWord}, AddedRange{0x113D2, 0x113D2, kMark | kWord},
    AddedRange{0x113D3, 0x113D3, kLetter | kWord}, AddedRange{0x113D4, 0x113D5, kPunctuation},
    AddedRange{0x113D7, 0x113D8, kPunctuation},    AddedRange{0x113E1, 0x113E2, kMark | kWord},
    AddedRange{0x116D0, 0x116E3, kNumber | kWord}, AddedRange{0x11BC0, 0x11BE0, kLetter | kWord},
    AddedRange{0x11BE1, 0x11BE1, kPunctuation},    AddedRange{0x11BF0, 0x11BF9, kNumber | kWord},
    AddedRange{0x11F5A, 0x11F5A, kMark | kWord},   AddedRange{0x13460, 0x143FA, kLetter | kWord},
    AddedRange{0x16100, 0x1611D, kLetter | kWord}, AddedRange{0x1611E, 0x1612F, kMark | kWord},
    AddedRange{0x16130, 0x16139, kNumber | kWord}, AddedRange{0x16D40, 0x16D6C, kLetter | kWord},
    AddedRange{0x16D6D, 0x16D6F, kPunctuation},    AddedRange{0x16D70, 0x16D79, kNumber | kWord},
    AddedRange{0x18CFF, 0x18CFF, kLetter | kWord}, AddedRange{0x1CCF0, 0x1CCF9, kNumber | kWord},
    AddedRange{0x1E5D0, 0x1E5ED, kLetter | kWord}, AddedRange{0x1E5EE, 0x1E5EF, kMark | kWord},
    AddedRange{0x1E5F0, 0x1E5F0, kLetter | kWord}, AddedRange{0x1E5F1, 0x1E5FA, kNumber | kWord},
    AddedRange{0x1E5FF, 0x1E5FF, kPunctuation},    AddedRange{0x2EBF0, 0x2EE5D, kLetter | kWord},
};

/// Characters with a combining class or a canonical decomposition that are newer than the tables of
/// the reference's normaliser (unicode-normalization-alignments 0.1.12): it takes them for
/// unassigned, so that nothing is reordered or composed across them. Found by comparing every code
/// point.
struct CodePointRange {
  uint32_t first, last;
};

inline constexpr std::array kNewerThanNormalization = {
    CodePointRange{0x7FD, 0x7FD},     CodePointRange{0x898, 0x89F},
    CodePointRange{0x8CA, 0x8D3},     CodePointRange{0x9FE, 0x9FE},
    CodePointRange{0xC3C, 0xC3C},     CodePointRange{0xD3B, 0xD3C},
    CodePointRange{0xEBA, 0xEBA},     CodePointRange{0x1715, 0x1715},
    CodePointRange{0x1ABF, 0x1ACE},   CodePointRange{0x1DF6, 0x1DFA},
    CodePointRange{0xA82C, 0xA82C},   CodePointRange{0x10D24, 0x10D27},
    CodePointRange{0x10EAB, 0x10EAC}, CodePointRange{0x10EFD, 0x10EFF},
    CodePointRange{0x10F46, 0x10F50}, CodePointRange{0x10F82, 0x10F85},
    CodePointRange{0x11070, 0x11070}, CodePointRange{0x1133B, 0x1133B},
    CodePointRange{0x1145E, 0x1145E}, CodePointRange{0x11839, 0x1183A},
    CodePointRange{0x11938, 0x11938}, CodePointRange{0x1193D, 0x1193E},
    CodePointRange{0x11943, 0x11943}, CodePointRange{0x119E0, 0x119E0},
    CodePointRange{0x11A34, 0x11A34}, CodePointRange{0x11A47, 0x11A47},
    CodePointRange{0x11A99, 0x11A99}, CodePointRange{0x11D42, 0x11D42},
    CodePointRange{0x11D44, 0x11D45}, CodePointRange{0x11D97, 0x11D97},
    CodePointRange{0x11F41, 0x11F42}, CodePointRange{0x16FF0, 0x16FF1},
    CodePointRange{0x1E08F, 0x1E08F}, CodePointRange{0x1E130, 0x1E136},
    CodePointRange{0x1E2AE, 0x1E2AE}, CodePointRange{0x1E2EC, 0x1E2EF},
    CodePointRange{0x1E4EC, 0x1E4EF},
};

}  // namespace hyprstream::text
