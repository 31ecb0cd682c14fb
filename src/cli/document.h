// What is shown or listed, printed as a table for people or as JSON or YAML for programs. The
// document itself is a JSON value; its keys are the contract, the table is not.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

namespace hyprstream::cli {

enum class Format { kTable, kJson, kYaml };

/// Errors: kUsage naming the three.
Format ParseFormat(std::string_view text);

/// Ends with a newline. JSON is one indented document. In a table an object is one "key  value"
/// line each, nested objects are indented, and an array of objects has a column for every key.
std::string Render(const boost::json::value& document, Format format);

}  // namespace hyprstream::cli
