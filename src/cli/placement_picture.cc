#include "cli/placement_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace hyprstream::cli {
namespace {

constexpr std::array<const char*, 5> kShades = {"  ", "░░", "▒▒", "▓▓", "██"};

/// 0 for none, else 1 to 4: a quarter each of the largest count.
size_t ShadeOf(int64_t count, int64_t largest) {
  if (count == 0) return 0;
  return static_cast<size_t>((4 * count + largest - 1) / largest);
}

/// "q_proj" as "q".
std::string ShortName(model::Module module) {
  const std::string name(model::ModuleName(module));
  return name.substr(0, name.find('_'));
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string DrawPlacement(const adapters::PlacementMap& map) {
  const int64_t largest = map.largest();
  std::string text =
      fmt::format("{} components, at most {} in a module\n{:9}", map.total(), largest, "layer");
  for (const model::Module module : map.modules) text += fmt::format("{:<8}", ShortName(module));
  const auto end_line = [&text] {
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  end_line();
  for (int64_t layer = 0; layer < map.layers; ++layer) {
    text += fmt::format("{:>5}    ", layer);
    for (size_t m = 0; m < map.modules.size(); ++m) {
      const int64_t count = map.At(layer, m);
      text += kShades[ShadeOf(count, largest)];
      text += count == 0 ? "      " : fmt::format(" {:<5}", count);
    }
    end_line();
  }
  return text;
}

std::string PlacementSvg(const adapters::PlacementMap& map, const std::string& title) {
  constexpr int64_t kCellWidth = 64, kCellHeight = 22, kLeft = 70, kTop = 70, kMargin = 20;
  const int64_t largest = std::max<int64_t>(1, map.largest());
  const int64_t width = kLeft + kCellWidth * std::ssize(map.modules) + kMargin;
  const int64_t height = kTop + kCellHeight * map.layers + kMargin;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"24\" font-size=\"14\">{3}</text>\n"
      "<text x=\"{2}\" y=\"42\" fill=\"#666\">{4} components, at most {5} in a module</text>\n",
      width, height, kMargin, Escaped(title), map.total(), map.largest());
  for (size_t m = 0; m < map.modules.size(); ++m) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       kLeft + kCellWidth * static_cast<int64_t>(m) + kCellWidth / 2, kTop - 8,
                       ShortName(map.modules[m]));
  }
  for (int64_t layer = 0; layer < map.layers; ++layer) {
    const int64_t y = kTop + kCellHeight * layer;
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">layer {}</text>\n", kLeft - 8,
                       y + 15, layer);
    for (size_t m = 0; m < map.modules.size(); ++m) {
      const int64_t count = map.At(layer, m);
      const int64_t x = kLeft + kCellWidth * static_cast<int64_t>(m);
      const double share = static_cast<double>(count) / static_cast<double>(largest);
      svg += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#08519c\" "
          "fill-opacity=\"{:.3f}\" stroke=\"#ccc\"/>\n",
          x, y, kCellWidth, kCellHeight, share);
      if (count == 0) continue;
      svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text>\n",
                         x + kCellWidth / 2, y + 15, share > 0.5 ? "white" : "black", count);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace hyprstream::cli
