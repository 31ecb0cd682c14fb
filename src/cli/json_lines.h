// JSON Lines on standard input, one result line each on standard output in the same order. A line
// that fails becomes {"error": {…}} and the exit status 1 at the end. One thread.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/shell.h"

namespace hyprstream::cli {

/// Calls `answer` for each line as it comes and prints what it returns. Returns the exit status.
int ForEachLine(Shell& shell,
                const std::function<boost::json::object(const std::string& line)>& answer);

/// One line of an input that is read whole before anything is computed.
struct InputLine {
  std::string text;
  std::optional<Error> error;  // it is not a JSON object
};
std::vector<InputLine> ReadLines();
/// Errors: kInvalidArgument when the line is not a JSON object.
boost::json::object ParseLine(const std::string& line);

/// The field "ids". Errors: kInvalidArgument naming what was expected and found.
std::vector<int32_t> IdsOf(const boost::json::object& line, const char* field = "ids");
/// A field that must be a string.
std::string TextOf(const boost::json::object& line, const char* field);

/// Prints {"error": …} for one line.
void PrintLineError(Shell& shell, const Error& error);

}  // namespace hyprstream::cli
