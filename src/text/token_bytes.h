// The bytes that a single token stands for, which need not be whole characters.
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace hyprstream::text {

/// As the token adds them in the middle of a text. Empty for an unknown id.
std::string TokenBytes(const Tokenizer& tokenizer, TokenId id);

/// The same as text: what is no character is U+FFFD.
std::string TokenText(const std::string& bytes);

}  // namespace hyprstream::text
