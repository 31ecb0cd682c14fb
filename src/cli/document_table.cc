#include "cli/document_table.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <vector>

#include "cli/terminal.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

std::string Number(double value) {
  char text[32];
  const double size = std::abs(value);
  std::snprintf(text, sizeof text,
                value != 0 && size < 1e-3 ? "%.3g"
                : size >= 100             ? "%.1f"
                                          : "%.4g",
                value);
  return text;
}

std::string Cell(const json::value& value) {
  if (value.is_string()) return Printable(value.get_string());
  if (value.is_double()) return Number(value.get_double());
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (const json::array* array = value.if_array()) {
    std::string out;
    for (const json::value& item : *array) out += (out.empty() ? "" : ", ") + Cell(item);
    return out;
  }
  return json::serialize(value);
}

/// Columns on a terminal: code points that are not continuation bytes.
size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& text, size_t width) {
  const size_t have = Width(text);
  return have < width ? text + std::string(width - have, ' ') : text;
}

bool IsList(const json::value& value) {
  const json::array* array = value.if_array();
  return array != nullptr && !array->empty() && array->front().is_object();
}

void AppendList(const json::array& rows, const std::string& indent, std::string& out) {
  std::vector<std::string> names;
  for (const json::value& row : rows) {
    for (const auto& entry : row.get_object()) {
      const std::string name(entry.key());
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  std::vector<std::vector<std::string>> cells(rows.size() + 1);
  std::vector<size_t> widths(names.size());
  for (size_t row = 0; row < cells.size(); ++row) {
    for (size_t column = 0; column < names.size(); ++column) {
      const json::value* value =
          row == 0 ? nullptr : rows[row - 1].get_object().if_contains(names[column]);
      cells[row].push_back(row == 0 ? names[column] : value == nullptr ? "-" : Cell(*value));
      widths[column] = std::max(widths[column], Width(cells[row].back()));
    }
  }
  for (const auto& row : cells) {
    std::string line = indent;
    for (size_t column = 0; column < row.size(); ++column) {
      const bool last = column + 1 == row.size();
      line += last ? row[column] : Padded(row[column], widths[column] + 2);
    }
    out += line + "\n";
  }
}

void AppendObject(const json::object& object, size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  size_t width = 0;
  for (const auto& [key, value] : object) {
    if (!value.is_object() && !IsList(value)) width = std::max(width, Width(key));
  }
  for (const auto& [key, value] : object) {
    if (value.is_object()) {
      out += indent + std::string(key) + "\n";
      AppendObject(value.get_object(), depth + 1, out);
    } else if (IsList(value)) {
      out += indent + std::string(key) + "\n";
      AppendList(value.get_array(), indent + "  ", out);
    } else {
      out += indent + Padded(std::string(key), width + 2) + Cell(value) + "\n";
    }
  }
}

}  // namespace

std::string RenderTable(const json::value& document) {
  std::string out;
  if (document.is_object()) {
    AppendObject(document.get_object(), 0, out);
  } else if (IsList(document)) {
    AppendList(document.get_array(), "", out);
  } else if (document.is_array()) {
    for (const json::value& item : document.get_array()) out += Cell(item) + "\n";
  } else {
    out = Cell(document) + "\n";
  }
  return out;
}

}  // namespace hyprstream::cli
