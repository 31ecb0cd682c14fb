// The files of the web page, as the build has put them into the binary. Immutable.
#pragma once

#include <span>
#include <string_view>

namespace hyprstream::server {

struct PageFile {
  std::string_view name;  // "style.css"
  std::string_view content;
};

std::span<const PageFile> PageFiles();

}  // namespace hyprstream::server
