#include "engine/json_grammar.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/utf8.h"

namespace hyprstream::engine {
namespace {

using Symbols = Grammar::Symbols;

constexpr int64_t kMostIndent = 20;
constexpr int64_t kMostDigits = 15;  // after the first one
constexpr uint64_t kLargest = 9'999'999'999'999'999;

/// What stands in a string as itself.
const CodePointRanges kPlain{{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0xD7FF}, {0xE000, 0x10FFFF}};

bool IsPlain(uint32_t point) {
  return std::ranges::any_of(
      kPlain, [&](const auto& range) { return point >= range.first && point <= range.second; });
}

}  // namespace

JsonGrammar::JsonGrammar(Grammar& grammar) : grammar_(grammar) {
  const Symbol blank = grammar_.AnyOf(BytesOf(" "));
  space_ = grammar_.Choice(
      {{}, {blank}, Join({grammar_.Literal("\n"), grammar_.Repeat({blank}, 0, kMostIndent)})});
  AddStrings();
  AddNumbers();
  AddValues();
}

void JsonGrammar::AddStrings() {
  const ByteSet digits = ByteRange('0', '9');
  const Symbol hex = grammar_.AnyOf(digits | ByteRange('a', 'f') | ByteRange('A', 'F'));
  const Symbol low_hex = grammar_.AnyOf(ByteRange('0', '7'));
  const Symbol plain = OneOf(grammar_, kPlain);
  const Symbols d = {grammar_.AnyOf(BytesOf("dD"))};
  const Symbols escape = grammar_.Literal("\\");
  const Symbols unicode = grammar_.Literal("\\u");
  character_ = grammar_.Choice({
      {plain},
      Join({escape, {grammar_.AnyOf(BytesOf("\"\\/bfnrt"))}}),
      Join({unicode, {grammar_.AnyOf(digits | BytesOf("abcefABCEF")), hex, hex, hex}}),
      Join({unicode, d, {low_hex, hex, hex}}),
      // A high surrogate and a low one.
      Join({unicode,
            d,
            {grammar_.AnyOf(BytesOf("89abAB")), hex, hex},
            unicode,
            d,
            {grammar_.AnyOf(BytesOf("cdefCDEF")), hex, hex}}),
  });
  plain_rest_ = grammar_.NewRule();
  grammar_.AddAlternative(plain_rest_, grammar_.Literal("\""));
  grammar_.AddAlternative(plain_rest_, {plain, plain_rest_});
}

void JsonGrammar::AddNumbers() {
  digit_ = grammar_.AnyOf(ByteRange('0', '9'));
  const Symbols sign = {grammar_.Optional(grammar_.Literal("-"))};
  const Symbol whole = Magnitude(0, kLargest);
  const Symbol fraction = grammar_.Optional(
      Join({grammar_.Literal("."), {digit_}, grammar_.Repeat({digit_}, 0, kMostDigits)}));
  const Symbol exponent = grammar_.Optional(Join(
      {{grammar_.AnyOf(BytesOf("eE"))},
       {grammar_.Optional({grammar_.AnyOf(BytesOf("+-"))}), digit_, grammar_.Optional({digit_})}}));
  number_ = grammar_.Choice({Join({sign, {whole, fraction, exponent}})});
  boolean_ = grammar_.Choice({grammar_.Literal("true"), grammar_.Literal("false")});
}

void JsonGrammar::AddValues() {
  any_value_ = grammar_.NewRule();
  any_object_ = grammar_.NewRule();
  any_array_ = grammar_.NewRule();
  const Symbols string = String(0, -1);
  const Symbols member = Member(string, any_value_);
  const Symbols members = Join({member, grammar_.Repeat(Join({Comma(), member}), 0, -1)});
  const Symbols items = Join({{any_value_}, grammar_.Repeat(Join({Comma(), {any_value_}}), 0, -1)});
  grammar_.AddAlternative(any_object_, Join({grammar_.Literal("{"),
                                             {space_, grammar_.Optional(members), space_},
                                             grammar_.Literal("}")}));
  grammar_.AddAlternative(any_array_, Join({grammar_.Literal("["),
                                            {space_, grammar_.Optional(items), space_},
                                            grammar_.Literal("]")}));
  for (const Symbols& value :
       {string, Symbols{number_}, Symbols{boolean_}, grammar_.Literal("null"), Symbols{any_object_},
        Symbols{any_array_}}) {
    grammar_.AddAlternative(any_value_, value);
  }
}

Symbols JsonGrammar::String(int64_t least, int64_t most) {
  const Symbols quote = grammar_.Literal("\"");
  return Join({quote, grammar_.Repeat({character_}, least, most), quote});
}

Symbols JsonGrammar::Member(Symbols name, Symbol value) {
  return Join({std::move(name), grammar_.Literal(":"), {space_, value}});
}

Symbols JsonGrammar::Comma() { return Join({grammar_.Literal(","), {space_}}); }

// Escapes could spell one of the names in another way, so there are none. Names that cannot be
// written without are told apart by that.
Grammar::Symbol JsonGrammar::NameOtherThan(const std::vector<std::string>& names) {
  std::vector<Name> spelled;
  for (const std::string& name : names) {
    Name points;
    for (size_t at = 0; at < name.size();) {
      const text::CodePoint point = text::ReadCodePoint(name.data() + at);
      points.push_back(point.value);
      at += point.length;
    }
    if (std::ranges::all_of(points, IsPlain)) spelled.push_back(std::move(points));
  }
  std::ranges::sort(spelled);
  return grammar_.Choice({Join({grammar_.Literal("\""), {NameRest(spelled, 0)}})});
}

/// `names` are sorted and begin alike up to `at`.
Grammar::Symbol JsonGrammar::NameRest(const std::vector<Name>& names, size_t at) {
  const Symbol rest = grammar_.NewRule();
  std::vector<uint32_t> next;
  bool ends = false;
  for (auto begin = names.begin(); begin != names.end();) {
    if (begin->size() == at) {
      ends = true;
      ++begin;
      continue;
    }
    const uint32_t point = (*begin)[at];
    const auto end =
        std::find_if(begin, names.end(), [&](const Name& name) { return name[at] != point; });
    std::string bytes;
    text::AppendUtf8(bytes, point);
    grammar_.AddAlternative(rest,
                            Join({grammar_.Literal(bytes), {NameRest({begin, end}, at + 1)}}));
    next.push_back(point);
    begin = end;
  }
  if (!ends) grammar_.AddAlternative(rest, grammar_.Literal("\""));
  grammar_.AddAlternative(rest, {OneOf(grammar_, Without(kPlain, next)), plain_rest_});
  return rest;
}

Grammar::Symbol JsonGrammar::Integer(std::optional<int64_t> least, std::optional<int64_t> most) {
  // Negative numbers as their distance from zero, which for the smallest is no int64_t.
  const auto distance = [](int64_t value) { return uint64_t{0} - static_cast<uint64_t>(value); };
  const Symbol integer = grammar_.NewRule();
  const bool below = !least || *least < 0;
  const bool above = !most || *most >= 0;
  if (below) {
    const uint64_t nearest = most && *most < 0 ? distance(*most) : 1;
    const uint64_t farthest = least ? distance(*least) : std::max(kLargest, nearest);
    if (nearest <= farthest) {
      grammar_.AddAlternative(integer,
                              Join({grammar_.Literal("-"), {Magnitude(nearest, farthest)}}));
    }
  }
  if (above) {
    const uint64_t nearest = least && *least > 0 ? static_cast<uint64_t>(*least) : 0;
    const uint64_t farthest = most ? static_cast<uint64_t>(*most) : std::max(kLargest, nearest);
    if (nearest <= farthest) grammar_.AddAlternative(integer, {Magnitude(nearest, farthest)});
  }
  return integer;
}

Grammar::Symbol JsonGrammar::Magnitude(uint64_t least, uint64_t most) {
  const Symbol magnitude = grammar_.NewRule();
  const std::string last = std::to_string(most);
  for (std::string first = std::to_string(least); first.size() <= last.size();
       first = "1" + std::string(first.size(), '0')) {
    const std::string nines(first.size(), '9');
    grammar_.AddAlternative(magnitude,
                            SameLength(first, first.size() == last.size() ? last : nines));
  }
  return magnitude;
}

Symbols JsonGrammar::SameLength(const std::string& least, const std::string& most) {
  if (least.empty()) return {};
  if (least.find_first_not_of('0') == std::string::npos &&
      most.find_first_not_of('9') == std::string::npos) {
    return Symbols(least.size(), digit_);
  }
  const auto digits = [&](char first, char last) {
    return grammar_.AnyOf(
        ByteRange(static_cast<unsigned char>(first), static_cast<unsigned char>(last)));
  };
  const char low = least.front();
  const char high = most.front();
  const std::string low_rest = least.substr(1);
  const std::string high_rest = most.substr(1);
  if (low == high) return Join({{digits(low, low)}, SameLength(low_rest, high_rest)});
  const std::string zeros(low_rest.size(), '0');
  const std::string nines(low_rest.size(), '9');
  std::vector<Symbols> alternatives{Join({{digits(low, low)}, SameLength(low_rest, nines)}),
                                    Join({{digits(high, high)}, SameLength(zeros, high_rest)})};
  if (high - low > 1) {
    alternatives.push_back(Join({{digits(static_cast<char>(low + 1), static_cast<char>(high - 1))},
                                 SameLength(zeros, nines)}));
  }
  return {grammar_.Choice(std::move(alternatives))};
}

}  // namespace hyprstream::engine
