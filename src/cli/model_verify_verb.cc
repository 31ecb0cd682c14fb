// `model verify [MODEL…]`: for a stored model every byte against what was fetched, then for any
// model: opens everything, looks at every number, loads and computes one token.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/error_text.h"
#include "cli/model_reference.h"
#include "cli/model_store.h"
#include "cli/progress_bar.h"
#include "cli/shell.h"
#include "engine/evaluate.h"
#include "engine/load.h"
#include "engine/scan.h"
#include "formats/safetensors.h"
#include "registry/content_hash.h"
#include "registry/find_local.h"
#include "registry/verify.h"

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
      const std::string& hint = error.detail().hint;
      row["advice"] = hint.empty() ? advice_ : hint;
    }
    rows_.push_back(std::move(row));
  }
  /// What to do where an error does not say.
  void Advise(std::string advice) { advice_ = std::move(advice); }
  bool failed() const { return failed_; }
  json::array Take() { return std::move(rows_); }

 private:
  json::array rows_;
  std::string advice_;
  bool failed_ = false;
};

json::array FaultsOf(const registry::FilesVerdict& verdict) {
  json::array faults;
  for (const registry::FaultyFile& fault : verdict.faults) {
    faults.push_back({{"file", fault.path},
                      {"fault", registry::FileFaultName(fault.fault)},
                      {"expected", fault.expected},
                      {"found", fault.found},
                      {"advice", fault.advice}});
  }
  return faults;
}

/// Throws what the faults come to.
std::string RequireFaultless(const registry::FilesVerdict& verdict) {
  if (verdict.faults.empty()) {
    return std::to_string(verdict.files) + " files, " + FormatBytes({verdict.bytes}) +
           ", all as they were fetched";
  }
  const registry::FaultyFile& first = verdict.faults.front();
  throw Error(ErrorCode::kDataLoss,
              {.message = std::to_string(verdict.faults.size()) +
                          (verdict.faults.size() == 1 ? " file is wrong" : " files are wrong"),
               .found = first.path + ": " + std::string(registry::FileFaultName(first.fault)),
               .hint = first.advice});
}

/// A local Ollama names its blobs by their hash.
std::string RequireBlob(const std::filesystem::path& blob, ProgressBar& bar) {
  Progress progress(bar.Listener(), "checking", std::filesystem::file_size(blob));
  const registry::ContentHash found =
      registry::HashFile(blob, [&](uint64_t bytes) { progress.Advance(bytes); });
  progress.Finish();
  const std::string name = blob.filename().string();
  if (name == "sha256-" + found.sha256) return FormatBytes({found.size}) + ", as its name says";
  throw Error(ErrorCode::kDataLoss, {.message = "the blob is not what its name says",
                                     .expected = name,
                                     .found = "sha256-" + found.sha256,
                                     .where = blob.string()});
}

/// A PEFT repository has no model to load.
bool IsAdapter(const FoundModel& found) {
  return found.record &&
         std::ranges::any_of(found.record->files, [](const registry::FileRecord& file) {
           return file.path == "adapter_config.json";
         });
}

json::object Document(const FoundModel& found, const std::string& reference, Checks& checks,
                      json::array faults) {
  json::object document{{"model", reference},
                        {"path", found.path.string()},
                        {"result", checks.failed() ? "failed" : "ok"}};
  document["checks"] = checks.Take();
  if (!faults.empty()) document["faults"] = std::move(faults);
  return document;
}

json::object Verify(Shell& shell, const std::string& reference, const VerifyFlags& flags,
                    engine::Compute& compute) {
  const FoundModel found = FindModel(reference);
  const std::filesystem::path& path = found.path;
  ProgressBar bar(shell.terminal);
  json::array faults;
  ops::Context context = compute.context();
  std::shared_ptr<const formats::ModelFiles> files;
  std::shared_ptr<const model::Model> loaded;
  Checks checks;
  if (found.record) {
    checks.Advise("the model is as it was published; ask its author");
    checks.Run("checksums", [&] {
      const std::optional<registry::Store> store = StoredModels(shell.settings);
      const registry::FilesVerdict verdict =
          registry::VerifyFiles(*store, *found.record, flags.threads, bar.Listener());
      faults = FaultsOf(verdict);
      return RequireFaultless(verdict);
    });
  } else if (found.reference.starts_with("ollama://")) {
    checks.Advise("ollama pull " + found.name + " repairs it");
    checks.Run("checksums", [&] { return RequireBlob(path, bar); });
  } else {
    checks.Advise("get the model again from where it came from");
  }
  if (IsAdapter(found)) {
    checks.Run("adapter", [&] {
      const auto adapter = formats::SafetensorsFile::Open(path / "adapter_model.safetensors");
      return std::to_string(adapter->tensors().size()) + " tensors";
    });
    return Document(found, reference, checks, std::move(faults));
  }
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
  return Document(found, reference, checks, std::move(faults));
}

/// Without a name: every stored model.
std::vector<std::string> Chosen(Shell& shell, const VerifyFlags& flags) {
  std::vector<std::string> models = flags.models;
  const std::optional<registry::Store> store = StoredModels(shell.settings);
  if (models.empty() && store) {
    for (const registry::ModelRecord& model : store->List()) {
      models.push_back(registry::Spelled(model.key));
    }
  }
  if (!models.empty()) return models;
  throw Error(ErrorCode::kUsage, {.message = "nothing is stored to be verified",
                                  .hint = "give the path or the name of a model"});
}

int VerifyAll(Shell& shell, const VerifyFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  engine::Compute compute(flags.threads);
  json::array documents;
  int status = 0;
  for (const std::string& model : Chosen(shell, flags)) {
    documents.push_back(Verify(shell, model, flags, compute));
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
  verb.add_option("MODEL", flags->models,
                  "Paths, names or references of models (default: all that are stored)");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  verb.add_option("--threads", flags->threads, "Threads to compute with; 0: all processors");
}

}  // namespace hyprstream::cli
