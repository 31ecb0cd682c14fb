# Language level, warnings and sanitizers for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(HYPR_CCACHE ccache)
if(HYPR_CCACHE)
  # Paths below the sources count as relative: a clone elsewhere hits what this one compiled.
  set(hypr_ccache "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" "${HYPR_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${hypr_ccache}")
  set(CMAKE_C_COMPILER_LAUNCHER "${hypr_ccache}")
endif()

add_library(hypr_options INTERFACE)
target_include_directories(hypr_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(hypr_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
  # gcc 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Fused multiply-adds appear only where a kernel asks for them: bits must not depend on the compiler's mood.
  -ffp-contract=off)
if(HYPR_SANITIZE)
  target_compile_options(hypr_options INTERFACE
    -O1 -g1 -fsanitize=${HYPR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(hypr_options INTERFACE -fsanitize=${HYPR_SANITIZE})
endif()
