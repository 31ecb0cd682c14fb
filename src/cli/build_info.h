// Facts about this build. Written by CMake into build_info.cc.
#pragma once

namespace hyprstream::cli {

extern const char* const kVersion;       // "0.1.0"
extern const char* const kGitDescribe;   // empty outside a git work tree
extern const char* const kCompiler;      // "GNU 12.2.0"
extern const char* const kBuildType;     // "Release"
extern const char* const kSourceModels;  // `models` in the source tree

}  // namespace hyprstream::cli
