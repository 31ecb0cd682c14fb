#include "cli/serve_flags.h"

#include <CLI/CLI.hpp>

namespace hyprstream::cli {

void ServeFlags::Register(CLI::App& verb) {
  verb.add_option("--model,-m", models, "Path or name of a model (repeatable)")
      ->allow_extra_args(false)
      ->required();
  verb.add_option("--name", names, "What a model is called in requests; in the order of --model")
      ->allow_extra_args(false);
  verb.add_option("--host", host, "Address to listen on (default 127.0.0.1)");
  verb.add_option("--port", port, "0: any free one, which is printed (default 8080)");
  engine.Register(verb);
}

}  // namespace hyprstream::cli
