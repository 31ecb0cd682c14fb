#include "engine/grammar.h"

#include <algorithm>

#include "base/error.h"

namespace hyprstream::engine {

ByteSet ByteRange(unsigned char first, unsigned char last) {
  ByteSet set;
  for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
  return set;
}

ByteSet BytesOf(std::string_view bytes) {
  ByteSet set;
  for (const char c : bytes) set.set(static_cast<unsigned char>(c));
  return set;
}

void Grammar::Count(size_t symbols) {
  symbols_ += symbols;
  if (symbols_ <= kMostSymbols) return;
  throw Error(ErrorCode::kLimit,
              {.message = "the form that is asked for is too large",
               .expected = "at most " + std::to_string(kMostSymbols) + " symbols of a grammar"});
}

Grammar::Symbol Grammar::NewRule() {
  Count(1);
  rules_.emplace_back();
  return {Symbol::Kind::kRule, static_cast<int32_t>(rules_.size() - 1)};
}

void Grammar::AddAlternative(Symbol rule, Symbols symbols) {
  HYPR_CHECK(rule.kind == Symbol::Kind::kRule);
  Count(symbols.size() + 1);
  rules_[static_cast<size_t>(rule.index)].push_back(std::move(symbols));
}

Grammar::Symbol Grammar::AnyOf(const ByteSet& bytes) {
  const auto known = std::ranges::find(byte_sets_, bytes);
  const auto index = static_cast<int32_t>(known - byte_sets_.begin());
  if (known == byte_sets_.end()) byte_sets_.push_back(bytes);
  return {Symbol::Kind::kBytes, index};
}

Grammar::Symbols Grammar::Literal(std::string_view text) {
  Symbols symbols;
  for (const char c : text) symbols.push_back(AnyOf(BytesOf(std::string_view(&c, 1))));
  return symbols;
}

Grammar::Symbol Grammar::Choice(std::vector<Symbols> alternatives) {
  const Symbol rule = NewRule();
  for (Symbols& alternative : alternatives) AddAlternative(rule, std::move(alternative));
  return rule;
}

Grammar::Symbol Grammar::Optional(Symbols symbols) { return Choice({{}, std::move(symbols)}); }

Grammar::Symbols Grammar::Repeat(const Symbols& symbols, int64_t least, int64_t most) {
  Symbols repeated;
  for (int64_t i = 0; i < least; ++i) {
    Count(symbols.size());
    repeated.insert(repeated.end(), symbols.begin(), symbols.end());
  }
  if (most < 0) {
    const Symbol rest = NewRule();
    AddAlternative(rest, {});
    AddAlternative(rest, Join({symbols, {rest}}));
    repeated.push_back(rest);
    return repeated;
  }
  // From the inside out: (x (x (x)?)?)?
  Symbols inner;
  for (int64_t i = least; i < most; ++i) inner = {Optional(Join({symbols, inner}))};
  repeated.insert(repeated.end(), inner.begin(), inner.end());
  return repeated;
}

Grammar::Symbols Join(std::initializer_list<Grammar::Symbols> parts) {
  Grammar::Symbols joined;
  for (const Grammar::Symbols& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

}  // namespace hyprstream::engine
