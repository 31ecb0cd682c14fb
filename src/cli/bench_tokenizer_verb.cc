// `bench tokenizer`: how fast text becomes ids and ids text.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/bench_report.h"
#include "cli/document.h"
#include "cli/model_reference.h"
#include "cli/shell.h"
#include "text/tokenizer.h"

namespace hyprstream::cli {
namespace {

struct TokenizerFlags {
  std::string model;
  std::string file;
  std::string format = "table";
  bool as_json = false;
  int64_t repeat = 5;
};

template <typename Work>
Spread Measure(int64_t repeat, Work&& work) {
  std::vector<double> seconds;
  for (int64_t run = 0; run < repeat; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return SpreadOf(std::move(seconds));
}

int Bench(Shell& shell, const TokenizerFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  if (flags.repeat < 1) throw Error(ErrorCode::kUsage, {.message = "--repeat must be at least 1"});
  const auto tokenizer = text::Tokenizer::FromPath(ResolveModel(flags.model));
  const auto file = MappedFile::Open(flags.file);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  std::vector<text::TokenId> ids;
  size_t decoded_bytes = 0;
  const Spread encode = Measure(flags.repeat, [&] { ids = tokenizer->Encode(text); });
  const Spread decode =
      Measure(flags.repeat, [&] { decoded_bytes = tokenizer->Decode(ids).size(); });
  const auto bytes = static_cast<double>(text.size());
  const boost::json::value document = {{"bench", "tokenizer"},
                                       {"bytes", text.size()},
                                       {"tokens", ids.size()},
                                       {"decoded_bytes", decoded_bytes},
                                       {"n", encode.n},
                                       {"encode_median_seconds", encode.median},
                                       {"encode_p95_seconds", encode.p95},
                                       {"encode_megabytes_per_second", bytes / encode.median / 1e6},
                                       {"decode_median_seconds", decode.median},
                                       {"decode_p95_seconds", decode.p95},
                                       {"decode_megabytes_per_second", bytes / decode.median / 1e6},
                                       {"machine", MachineDocument(1)}};
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddBenchTokenizerVerb(CLI::App& bench, Shell& shell) {
  const auto flags = std::make_shared<TokenizerFlags>();
  CLI::App& verb = AddVerb(bench, shell, "tokenizer", "Text to ids and back",
                           "hyprstream bench tokenizer --model willowbrook --file README.md",
                           [&shell, flags] { return Bench(shell, *flags); });
  verb.add_option("--model", flags->model, "Model, folder with tokenizer.json, or GGUF file")
      ->required();
  verb.add_option("--file", flags->file, "Text to encode")->required()->type_name("FILE");
  verb.add_option("--repeat", flags->repeat, "Runs");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
