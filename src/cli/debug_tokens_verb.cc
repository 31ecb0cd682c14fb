// `debug tokenize` and `debug detokenize`.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/json_lines.h"
#include "cli/model_reference.h"
#include "text/tokenizer.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct TokenizeFlags {
  std::string model;
  bool add_special = false;
  bool parse_special = true;
};

struct DetokenizeFlags {
  std::string model;
  bool skip_special = false;
};

int Tokenize(Shell& shell, const TokenizeFlags& flags) {
  const auto tokenizer = text::Tokenizer::FromPath(ResolveModel(flags.model));
  const text::EncodeOptions options{
      .special_text = flags.parse_special ? text::SpecialText::kParse : text::SpecialText::kPlain,
      .add_special = flags.add_special};
  return ForEachLine(shell, [&](const std::string& line) {
    const auto ids = tokenizer->Encode(TextOf(ParseLine(line), "text"), options);
    return json::object{{"ids", json::array(ids.begin(), ids.end())}};
  });
}

int Detokenize(Shell& shell, const DetokenizeFlags& flags) {
  const auto tokenizer = text::Tokenizer::FromPath(ResolveModel(flags.model));
  return ForEachLine(shell, [&](const std::string& line) {
    text::StreamDecoder decoder(tokenizer, flags.skip_special);
    json::array pieces;
    std::string whole;
    for (const int32_t id : IdsOf(ParseLine(line))) {
      const std::string piece = decoder.Push(id);
      whole += piece;
      pieces.emplace_back(piece);
    }
    // What a stream holds back at the end joins the last piece.
    const std::string rest = decoder.Flush();
    whole += rest;
    if (!pieces.empty() && !rest.empty()) {
      pieces.back() = std::string(pieces.back().get_string()) + rest;
    }
    return json::object{{"text", whole}, {"pieces", std::move(pieces)}};
  });
}

}  // namespace

void AddDebugTokenVerbs(CLI::App& debug, Shell& shell) {
  const auto encode = std::make_shared<TokenizeFlags>();
  CLI::App& tokenize =
      AddVerb(debug, shell, "tokenize", "{\"text\"} lines to {\"ids\"} lines",
              "echo '{\"text\": \"Hello\"}' | hyprstream debug tokenize willowbrook",
              [&shell, encode] { return Tokenize(shell, *encode); });
  tokenize.add_option("MODEL", encode->model, "Model, folder with tokenizer.json, or GGUF file")
      ->required();
  tokenize.add_flag("--add-special", encode->add_special, "Add BOS and EOS as the tokenizer does");
  tokenize.add_flag("!--no-parse-special", encode->parse_special,
                    "Special tokens written in the text are ordinary text");

  const auto decode = std::make_shared<DetokenizeFlags>();
  CLI::App& detokenize =
      AddVerb(debug, shell, "detokenize", "{\"ids\"} lines to {\"text\", \"pieces\"} lines",
              "echo '{\"ids\": [72, 101]}' | hyprstream debug detokenize willowbrook",
              [&shell, decode] { return Detokenize(shell, *decode); });
  detokenize.add_option("MODEL", decode->model, "Model, folder with tokenizer.json, or GGUF file")
      ->required();
  detokenize.add_flag("--skip-special", decode->skip_special, "Leave special tokens out");
}

}  // namespace hyprstream::cli
