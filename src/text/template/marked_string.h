// Strings with origin: a view that knows which of its bytes came from input, and a builder that
// carries the marks along. Every operation that makes text is written as appending pieces of its
// sources, so a byte keeps its mark wherever it goes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/marked_text.h"
#include "text/template/budget.h"
#include "text/template/value.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

/// A piece of a string value, which must outlive it; or live text.
class StrView {
 public:
  // A literal is a piece of live text.
  StrView(std::string_view live) : text_(live) {}    // NOLINT
  StrView(const std::string& live) : text_(live) {}  // NOLINT
  StrView(const char* live) : text_(live) {}         // NOLINT
  /// Precondition: a string or bytes value.
  explicit StrView(const Value& value);

  std::string_view text() const { return text_; }
  size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  StrView Sub(size_t begin, size_t end) const;
  /// Whether the byte at `at` came from input.
  bool InertAt(size_t at) const;
  bool AnyInert() const;

 private:
  friend class TextBuilder;
  std::string_view text_;
  size_t base_ = 0;  // where text_ begins in the coordinates of inert_
  std::span<const MarkedText::Range> inert_;
  bool all_inert_ = false;
};

class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget);

  void Append(StrView piece);
  void Append(std::string_view text, bool inert);
  /// `count` times. Errors: kLimit before anything is allocated.
  void Repeat(StrView piece, uint64_t count);
  size_t size() const { return out_.text.size(); }
  std::string_view text() const { return out_.text; }

  Value Finish(bool markup = false);
  MarkedText Take();

 private:
  void Grow(uint64_t more);
  void Mark(size_t begin, size_t end);

  Budget& budget_;
  Charge charge_;
  MarkedText out_;
};

/// A string value that is a piece of another.
Value MakeString(Budget& budget, StrView piece, bool markup = false);

/// str.strip and its like; `characters` empty means white space.
enum class Side { kBoth, kLeft, kRight };
StrView Strip(Budget& budget, StrView text, Side side,
              std::optional<std::string_view> characters = std::nullopt);

/// Byte position of `needle` at or after `from`, in linear time; npos when it is not there.
size_t Find(Budget& budget, std::string_view text, std::string_view needle, size_t from = 0);
size_t FindLast(Budget& budget, std::string_view text, std::string_view needle);

/// str.split with a separator. `max_splits` negative: no limit. Errors: kRuntime, empty separator.
std::vector<StrView> Split(Budget& budget, StrView text, std::string_view separator,
                           int64_t max_splits);
std::vector<StrView> SplitFromRight(Budget& budget, StrView text, std::string_view separator,
                                    int64_t max_splits);
/// str.split() by runs of white space.
std::vector<StrView> SplitSpace(Budget& budget, StrView text, int64_t max_splits);
std::vector<StrView> SplitSpaceFromRight(Budget& budget, StrView text, int64_t max_splits);
enum class LineEnds { kDrop, kKeep };
std::vector<StrView> SplitLines(Budget& budget, StrView text, LineEnds ends);

/// str.replace; `count` negative: all.
Value Replace(Budget& budget, StrView text, StrView from, StrView to, int64_t count, bool markup);

/// Calls `append(out, code_point)` for each code point; what it appends keeps the letter's mark.
template <typename Fn>
void MapCodePoints(Budget& budget, StrView text, TextBuilder& out, Fn&& append);

}  // namespace hyprstream::text::tmpl

#include "text/template/unicode.h"

namespace hyprstream::text::tmpl {

template <typename Fn>
void MapCodePoints(Budget& budget, StrView text, TextBuilder& out, Fn&& append) {
  budget.Step(text.size() / 4);
  std::string run;
  bool run_inert = false;
  for (size_t at = 0; at < text.size();) {
    const bool inert = text.InertAt(at);
    if (inert != run_inert || run.size() > 4096) {
      out.Append(run, run_inert);
      run.clear();
      run_inert = inert;
    }
    const CodePoint c = DecodeAt(text.text(), at);
    append(run, c.value);
    at += c.length;
  }
  out.Append(run, run_inert);
}

}  // namespace hyprstream::text::tmpl
