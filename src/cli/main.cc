// The program `hyprstream`.
#include "base/mapping_fault.h"
#include "cli/shell.h"

int main(int argc, char** argv) {
  hyprstream::InstallMappingFaultHandler(1);
  return hyprstream::cli::RunProgram(argc, argv);
}
