# cmake -DHYPR_OUTPUT=page_files.cc "-DHYPR_FILES=a;b" -P embed.cmake
#   Writes files as a C++ source that holds them, found by name.
set(arrays "")
set(entries "")
set(number 0)
foreach(path IN LISTS HYPR_FILES)
  get_filename_component(name "${path}" NAME)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${bytes}};\n")
  string(APPEND entries "    {\"${name}\", View(kFile${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${HYPR_OUTPUT}" "// Made by embed.cmake.
#include \"server/page/page_files.h\"

namespace hyprstream::server {
namespace {

${arrays}
template <size_t kSize>
std::string_view View(const unsigned char (&bytes)[kSize]) {
  return {reinterpret_cast<const char*>(bytes), kSize};
}

}  // namespace

std::span<const PageFile> PageFiles() {
  static const PageFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace hyprstream::server
")
