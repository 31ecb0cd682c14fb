// The two ways Python formats text: "%s" % value, and "{}".format(value).
#pragma once

#include <string_view>

#include "text/template/marked_string.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

/// [[fill]align][sign][#][0][width][grouping][.precision][type]
struct FormatSpec {
  std::string fill = " ";
  char align = 0;  // '<', '>', '^', '=' or none
  char sign = '-';
  bool alternate = false;
  uint64_t width = 0;
  char grouping = 0;
  int precision = -1;
  char type = 0;
};

/// Errors: kRuntime for a malformed specification, kLimit for a huge width.
FormatSpec ParseFormatSpec(std::string_view text);
/// format(value, spec). Errors: kRuntime when the type has no such format.
void FormatTo(TextBuilder& out, Budget& budget, const Value& value, const FormatSpec& spec);
/// A finite or infinite float in one of the forms e, f, g, %, with "#" and grouping.
std::string FormatFloat(double value, const FormatSpec& spec);
/// Pads `body` to the width of `spec`, in code points.
void PadTo(TextBuilder& out, Budget& budget, StrView body, const FormatSpec& spec,
           char default_align);

/// format % values. `values` is a tuple, an object for "%(name)s", or a single value.
Value FormatPercent(Budget& budget, const Value& format, const Value& values);
/// format.format(*args, **kwargs), with the sandbox's rules for attributes.
Value FormatBraces(Interp& interp, const Value& format, const CallArgs& args);

}  // namespace hyprstream::text::tmpl
