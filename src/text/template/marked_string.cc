#include "text/template/marked_string.h"

#include <algorithm>
#include <memory>

#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

using Range = MarkedText::Range;

StrView::StrView(const Value& value) : text_(value.as_string()), all_inert_(value.from_input()) {
  inert_ = ValueAccess::String(value).inert;
}

StrView StrView::Sub(size_t begin, size_t end) const {
  StrView piece = *this;
  piece.text_ = text_.substr(begin, end - begin);
  piece.base_ = base_ + begin;
  return piece;
}

namespace {

// The first range that ends after `at`.
std::span<const Range>::iterator FirstAfter(std::span<const Range> ranges, size_t at) {
  return std::upper_bound(ranges.begin(), ranges.end(), at,
                          [](size_t a, const Range& r) { return a < r.end; });
}

}  // namespace

bool StrView::InertAt(size_t at) const {
  if (all_inert_) return true;
  const auto range = FirstAfter(inert_, base_ + at);
  return range != inert_.end() && range->begin <= base_ + at;
}

bool StrView::AnyInert() const {
  if (text_.empty()) return false;
  if (all_inert_) return true;
  const auto range = FirstAfter(inert_, base_);
  return range != inert_.end() && range->begin < base_ + text_.size();
}

namespace {
constexpr uint64_t kBuilderBytes = 96;
}  // namespace

TextBuilder::TextBuilder(Budget& budget) : budget_(budget), charge_(budget, kBuilderBytes) {}

void TextBuilder::Grow(uint64_t more) {
  budget_.Step();
  budget_.Touch(more);
  const size_t capacity = out_.text.capacity();
  if (more <= capacity - out_.text.size()) return;
  const uint64_t limit = budget_.limits().memory_bytes;
  if (more > limit || out_.text.size() + more > limit) {
    RaiseLimit("a text of the template grows too large");
  }
  const uint64_t wanted = std::max<uint64_t>(2 * capacity, out_.text.size() + more);
  const uint64_t marks = out_.inert.capacity() * sizeof(Range);
  charge_.Resize(kBuilderBytes + capacity + wanted + marks);
  out_.text.reserve(wanted);
  charge_.Resize(kBuilderBytes + out_.text.capacity() + marks);
}

void TextBuilder::Mark(size_t begin, size_t end) {
  if (begin == end) return;
  if (!out_.inert.empty() && out_.inert.back().end == begin) {
    out_.inert.back().end = end;
    return;
  }
  if (out_.inert.size() == out_.inert.capacity()) {
    const size_t wanted = std::max<size_t>(4, 2 * out_.inert.capacity());
    charge_.Resize(kBuilderBytes + out_.text.capacity() + 2 * wanted * sizeof(Range));
    out_.inert.reserve(wanted);
  }
  out_.inert.push_back({begin, end});
}

void TextBuilder::Append(std::string_view text, bool inert) {
  if (text.empty()) return;
  Grow(text.size());
  const size_t begin = out_.text.size();
  out_.text += text;
  if (inert) Mark(begin, out_.text.size());
}

void TextBuilder::Append(StrView piece) {
  if (piece.empty()) return;
  const size_t begin = out_.text.size();
  Append(piece.text_, piece.all_inert_);
  if (piece.all_inert_) return;
  const size_t piece_end = piece.base_ + piece.size();
  for (auto range = FirstAfter(piece.inert_, piece.base_);
       range != piece.inert_.end() && range->begin < piece_end; ++range) {
    budget_.Step();
    const size_t from = std::max(range->begin, piece.base_) - piece.base_;
    const size_t to = std::min(range->end, piece_end) - piece.base_;
    Mark(begin + from, begin + to);
  }
}

void TextBuilder::Repeat(StrView piece, uint64_t count) {
  if (piece.empty() || count == 0) return;
  if (count > budget_.limits().memory_bytes / piece.size()) {
    RaiseLimit("a text of the template grows too large");
  }
  Grow(count * piece.size());
  if (piece.AnyInert() && !piece.all_inert_) {
    for (uint64_t i = 0; i < count; ++i) Append(piece);
    return;
  }
  const size_t begin = out_.text.size();
  if (piece.size() == 1) {
    out_.text.append(count, piece.text_[0]);
  } else {
    for (uint64_t i = 0; i < count; ++i) out_.text += piece.text_;
  }
  if (piece.all_inert_) Mark(begin, out_.text.size());
}

Value TextBuilder::Finish(bool markup) {
  auto rep = std::make_shared<StringRep>();
  rep->text = std::move(out_.text);
  rep->inert = std::move(out_.inert);
  rep->charge = std::move(charge_);
  return ValueAccess::WithMarkup(ValueAccess::Make(Value::Kind::kString, std::move(rep)), markup);
}

MarkedText TextBuilder::Take() { return std::move(out_); }

Value MakeString(Budget& budget, StrView piece, bool markup) {
  TextBuilder out(budget);
  out.Append(piece);
  return out.Finish(markup);
}

StrView Strip(Budget& budget, StrView text, Side side, std::optional<std::string_view> characters) {
  std::u32string set;
  if (characters.has_value()) {
    budget.Touch(characters->size());
    for (size_t at = 0; at < characters->size();) {
      const CodePoint c = DecodeAt(*characters, at);
      set.push_back(c.value);
      at += c.length;
    }
    std::sort(set.begin(), set.end());
  }
  const auto strips = [&](char32_t c) {
    budget.Touch(4);
    return characters.has_value() ? std::binary_search(set.begin(), set.end(), c) : IsSpace(c);
  };
  size_t begin = 0;
  size_t end = text.size();
  while (side != Side::kRight && begin < end) {
    const CodePoint c = DecodeAt(text.text(), begin);
    if (!strips(c.value)) break;
    begin += c.length;
  }
  while (side != Side::kLeft && end > begin) {
    const size_t start = PreviousStart(text.text(), end);
    if (!strips(DecodeAt(text.text(), start).value)) break;
    end = start;
  }
  budget.Touch(text.size() - (end - begin));
  return text.Sub(begin, end);
}

Value Replace(Budget& budget, StrView text, StrView from, StrView to, int64_t count, bool markup) {
  TextBuilder out(budget);
  int64_t left = count < 0 ? INT64_MAX : count;
  size_t at = 0;
  if (from.empty()) {
    // Between all letters, before the first and after the last.
    for (; left > 0 && at < text.size(); --left) {
      out.Append(to);
      const size_t next = at + DecodeAt(text.text(), at).length;
      out.Append(text.Sub(at, next));
      at = next;
    }
    out.Append(text.Sub(at, text.size()));
    if (left > 0) out.Append(to);
    return out.Finish(markup);
  }
  for (; left > 0; --left) {
    const size_t hit = Find(budget, text.text(), from.text(), at);
    if (hit == std::string_view::npos) break;
    out.Append(text.Sub(at, hit));
    out.Append(to);
    at = hit + from.size();
  }
  out.Append(text.Sub(at, text.size()));
  return out.Finish(markup);
}

}  // namespace hyprstream::text::tmpl
