// Characters of UTF-8 as bytes of a grammar. Plain functions over the grammar that is being built.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/grammar.h"

namespace hyprstream::engine {

/// Ascending ranges of code points, both ends included, that do not touch.
using CodePointRanges = std::vector<std::pair<uint32_t, uint32_t>>;

/// `ranges` without some code points, which are ascending.
CodePointRanges Without(const CodePointRanges& ranges, const std::vector<uint32_t>& left_out);

/// One character of `ranges`, none of which holds a surrogate.
Grammar::Symbol OneOf(Grammar& grammar, const CodePointRanges& ranges);

}  // namespace hyprstream::engine
