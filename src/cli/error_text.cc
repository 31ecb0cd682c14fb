#include "cli/error_text.h"

#include <boost/json.hpp>

#include "cli/terminal.h"

namespace hyprstream::cli {

std::string ErrorText(const Error& error, bool color) {
  const ErrorDetail& detail = error.detail();
  std::string text = Styled("error:", Style::kRed, color) + " " + Printable(detail.message);
  if (!detail.where.empty()) text += " (" + Printable(detail.where) + ")";
  text += "\n";
  if (!detail.expected.empty()) text += "  expected " + Printable(detail.expected) + "\n";
  if (!detail.found.empty()) text += "  found    " + Printable(detail.found) + "\n";
  if (!detail.hint.empty()) {
    text += Styled("hint:", Style::kBold, color) + " " + Printable(detail.hint) + "\n";
  }
  return text;
}

boost::json::value ErrorDocument(const Error& error) {
  const ErrorDetail& detail = error.detail();
  boost::json::object fields;
  fields["message"] = detail.message;
  fields["code"] = ErrorCodeName(error.code());
  if (!detail.expected.empty()) fields["expected"] = detail.expected;
  if (!detail.found.empty()) fields["found"] = detail.found;
  if (!detail.where.empty()) fields["where"] = detail.where;
  if (!detail.hint.empty()) fields["hint"] = detail.hint;
  return boost::json::object{{"error", std::move(fields)}};
}

int ExitStatus(const Error& error) { return error.code() == ErrorCode::kUsage ? 2 : 1; }

}  // namespace hyprstream::cli
