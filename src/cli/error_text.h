// An Error as a person or a program reads it: once, in one form.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "base/error.h"

namespace hyprstream::cli {

/// "error: what (where)\n  expected …\n  found …\nhint: …\n"; control characters are escaped.
std::string ErrorText(const Error& error, bool color);

/// {"error": {"message", "code", "expected"?, "found"?, "where"?, "hint"?}}
boost::json::value ErrorDocument(const Error& error);

/// 2 for wrong usage, 1 for everything else.
int ExitStatus(const Error& error);

}  // namespace hyprstream::cli
