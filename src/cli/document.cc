#include "cli/document.h"

#include <boost/json.hpp>

#include "base/error.h"
#include "cli/document_json.h"
#include "cli/document_table.h"
#include "cli/document_yaml.h"

namespace hyprstream::cli {

Format ParseFormat(std::string_view text) {
  if (text == "table") return Format::kTable;
  if (text == "json") return Format::kJson;
  if (text == "yaml") return Format::kYaml;
  throw Error(ErrorCode::kUsage, {.message = "unknown output format",
                                  .expected = "table, json or yaml",
                                  .found = "\"" + std::string(text) + "\"",
                                  .where = "--format"});
}

std::string Render(const boost::json::value& document, Format format) {
  switch (format) {
    case Format::kTable:
      return RenderTable(document);
    case Format::kJson:
      return RenderJson(document);
    case Format::kYaml:
      return RenderYaml(document);
  }
  return {};
}

}  // namespace hyprstream::cli
