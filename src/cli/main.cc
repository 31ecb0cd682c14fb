// The program `hyprstream`.
#include "cli/shell.h"

int main(int argc, char** argv) { return hyprstream::cli::RunProgram(argc, argv); }
