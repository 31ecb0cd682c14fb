// Whole strings in another case, as Python's str methods make them; letters keep their marks.
#pragma once

#include "text/template/marked_string.h"

namespace hyprstream::text::tmpl {

// Precondition of all: a string value.
Value ToUpper(Budget& budget, const Value& text);
Value ToLower(Budget& budget, const Value& text);
Value CaseFold(Budget& budget, const Value& text);
Value Capitalize(Budget& budget, const Value& text);
Value SwapCase(Budget& budget, const Value& text);
/// str.title: a capital after everything that is no letter.
Value TitleWords(Budget& budget, const Value& text);
/// The title filter: a capital after white space and ([{<- only.
Value TitleFilter(Budget& budget, const Value& text);

/// str.center, which puts the odd space left or right by the width's parity.
void Center(TextBuilder& out, Budget& budget, StrView text, uint64_t width, std::string_view fill);

}  // namespace hyprstream::text::tmpl
