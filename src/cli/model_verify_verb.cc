// `model verify PATH…`: opens everything, looks at every number, loads and computes one token.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/error_text.h"
#include "cli/model_reference.h"
#include "cli/progress_bar.h"
#include "cli/shell.h"
#include "engine/evaluate.h"
#include "engine/load.h"
#include "engine/scan.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct VerifyFlags {
  std::vector<std::string> models;
  std::string format = "table";
  bool as_json = false;
  int threads = 0;
};

/// Runs one check and notes it; the next ones run only when it passed.
class Checks {
 public:
  template <typename Check>
  void Run(const char* name, Check&& check) {
    if (failed_) return;
    json::object row{{"check", name}};
    try {
      row["result"] = "ok";
      row["detail"] = std::string(check());
    } catch (const Error& error) {
      failed_ = true;
      row["result"] = "failed";
      row["detail"] = error.what();
    }
    rows_.push_back(std::move(row));
  }
  bool failed() const { return failed_; }
  json::array Take() { return std::move(rows_); }

 private:
  json::array rows_;
  bool failed_ = false;
};

json::object Verify(Shell& shell, const std::string& reference, engine::Compute& compute) {
  const std::filesystem::path path = ResolveModel(reference);
  ProgressBar bar(shell.terminal);
  ops::Context context = compute.context();
  std::shared_ptr<const formats::ModelFiles> files;
  std::shared_ptr<const model::Model> loaded;
  Checks checks;
  checks.Run("files", [&] {
    files = formats::ModelFiles::Open(path);
    return std::to_string(files->tensors().size()) + " tensors, " +
           FormatBytes({files->tensor_bytes()});
  });
  checks.Run("configuration", [&] {
    const model::ModelConfig config = model::ReadConfig(*files);
    return std::string(model::FamilyName(config.family)) + ", " +
           std::to_string(config.num_hidden_layers) + " layers";
  });
  checks.Run("tokenizer", [&] {
    const auto tokenizer = engine::OpenTokenizer(*files, engine::TokenizerNeed::kIfPresent);
    return tokenizer ? std::to_string(tokenizer->vocab_size()) + " tokens" : "none";
  });
  checks.Run("numbers", [&] {
    const uint64_t scanned = engine::RequireFinite(*files, bar.Listener());
    return std::to_string(scanned) + " numbers, all finite";
  });
  checks.Run("shapes and loading", [&] {
    loaded = model::Model::Load(files, context, {.progress = bar.Listener()});
    return FormatBytes({loaded->weight_bytes()}) + " of weights";
  });
  checks.Run("one token", [&] {
    const std::vector<std::vector<int32_t>> sequences = {{0}};
    const auto results = engine::EvaluateSequences(context, *loaded, sequences, {.adapters = {}});
    engine::RequireFinite(results.front().logits.As<float>(), "logits");
    return "logits are finite";
  });
  json::object document{{"model", reference}, {"result", checks.failed() ? "failed" : "ok"}};
  document["checks"] = checks.Take();
  return document;
}

int VerifyAll(Shell& shell, const VerifyFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  engine::Compute compute(flags.threads);
  json::array documents;
  int status = 0;
  for (const std::string& model : flags.models) {
    documents.push_back(Verify(shell, model, compute));
    if (documents.back().at("result") != "ok") status = 1;
  }
  const bool one = documents.size() == 1;
  if (format == Format::kTable) {
    for (const json::value& document : documents) shell.out.Write(Render(document, format));
  } else {
    shell.out.Write(Render(one ? documents.front() : json::value(documents), format));
  }
  return status;
}

}  // namespace

void AddModelVerifyVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<VerifyFlags>();
  CLI::App& verb = AddVerb(model, shell, "verify", "Check that a model is whole and can be used",
                           "hyprstream model verify willowbrook",
                           [&shell, flags] { return VerifyAll(shell, *flags); });
  verb.add_option("MODEL", flags->models, "Paths or names of models")->required();
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  verb.add_option("--threads", flags->threads, "Threads to compute with; 0: all processors");
}

}  // namespace hyprstream::cli
