// `model info PATH`: what a model is and what it needs. Opens the files, loads no weights.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <memory>

#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/model_reference.h"
#include "cli/model_store.h"
#include "cli/shell.h"
#include "engine/load.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

constexpr int64_t kDefaultContext = 4096;

struct InfoFlags {
  std::string model;
  std::string format = "table";
  bool as_json = false;
  bool tensors = false;
};

/// An empty value is left out.
void Put(json::object& object, const char* name, json::value value) {
  if (!value.is_null()) object[name] = std::move(value);
}

/// Counted, not computed from the shapes of the configuration.
int64_t ParametersIn(const formats::ModelFiles& files) {
  int64_t count = 0;
  for (const auto& [name, view] : files.tensors()) count += view.elements();
  return count;
}

json::object Architecture(const model::ModelConfig& config) {
  json::object out{{"family", model::FamilyName(config.family)},
                   {"layers", config.num_hidden_layers},
                   {"hidden_size", config.hidden_size},
                   {"intermediate_size", config.intermediate_size},
                   {"attention_heads", config.num_attention_heads},
                   {"key_value_heads", config.num_key_value_heads},
                   {"head_dim", config.head_dim},
                   {"vocab_size", config.vocab_size},
                   {"context", config.context_length()},
                   {"tied_embeddings", config.tie_word_embeddings},
                   {"rope_theta", config.rope.theta}};
  if (config.moe.experts > 0) {
    out["experts"] = config.moe.experts;
    out["experts_per_token"] = config.moe.experts_per_token;
    out["active_parameters"] = config.active_parameters();
  }
  const auto window = std::max_element(config.window.begin(), config.window.end());
  if (window != config.window.end() && *window > 0) out["sliding_window"] = *window;
  out["end_ids"] = json::array(config.eos_ids.begin(), config.eos_ids.end());
  return out;
}

json::array TypesOf(const formats::ModelFiles& files) {
  struct Sum {
    int64_t count = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, Sum> sums;
  for (const auto& [name, view] : files.tensors()) {
    Sum& sum = sums[std::string(Name(view.dtype))];
    ++sum.count;
    sum.bytes += view.bytes.size();
  }
  json::array out;
  for (const auto& [type, sum] : sums) {
    out.push_back({{"type", type}, {"tensors", sum.count}, {"bytes", sum.bytes}});
  }
  return out;
}

json::array TensorsOf(const formats::ModelFiles& files) {
  json::array out;
  for (const auto& [name, view] : files.tensors()) {
    const auto extents = view.shape.extents();
    out.push_back({{"name", name},
                   {"dtype", Name(view.dtype)},
                   {"shape", json::array(extents.begin(), extents.end())},
                   {"bytes", view.bytes.size()}});
  }
  return out;
}

json::object MemoryOf(const formats::ModelFiles& files, const model::ModelConfig& config) {
  const int64_t context = std::min(config.context_length(), kDefaultContext);
  const uint64_t page =
      static_cast<uint64_t>(config.num_hidden_layers) *
      ops::KvLayerView::PageBytes(DType::kBF16, config.num_key_value_heads, config.head_dim);
  const auto pages = static_cast<uint64_t>((context + ops::kPageTokens - 1) / ops::kPageTokens);
  const uint64_t weights = files.tensor_bytes();
  return {
      {"weights", FormatBytes({weights})}, {"cache_for_one_context", FormatBytes({pages * page})},
      {"context_counted", context},        {"together", FormatBytes({weights + pages * page})},
      {"weight_bytes", weights},           {"cache_bytes_per_token", page / ops::kPageTokens}};
}

json::value TokenizerOf(const formats::ModelFiles& files) {
  const auto tokenizer = engine::OpenTokenizer(files, engine::TokenizerNeed::kIfPresent);
  if (!tokenizer) return nullptr;
  json::object out{{"vocabulary", tokenizer->vocab_size()}};
  if (const auto bos = tokenizer->bos()) Put(out, "bos", json::value(tokenizer->Spelling(*bos)));
  json::array ends;
  for (const text::TokenId id : tokenizer->end_of_generation()) {
    ends.emplace_back(tokenizer->Spelling(id));
  }
  out["ends"] = std::move(ends);
  const auto prompts = engine::PromptBuilder::Create(files, tokenizer);
  using Source = engine::PromptBuilder::Source;
  out["chat_template"] = prompts->source() == Source::kModel    ? "the model's own"
                         : prompts->source() == Source::kChatMl ? "none; ChatML is used"
                                                                : "none; plain text is used";
  return out;
}

int Info(Shell& shell, const InfoFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const FoundModel found = FindModel(flags.model);
  const auto files = formats::ModelFiles::Open(found.path);
  const model::ModelConfig config = model::ReadConfig(*files);
  json::object document{{"name", found.name},
                        {"path", found.path.string()},
                        {"format", files->gguf() != nullptr ? "gguf" : "safetensors"},
                        {"parameters", ParametersIn(*files)},
                        {"dtype", config.dtype}};
  document["architecture"] = Architecture(config);
  Put(document, "tokenizer", TokenizerOf(*files));
  document["types"] = TypesOf(*files);
  document["memory"] = MemoryOf(*files, config);
  if (found.record) document["stored"] = StoredDocument(*found.record);
  if (flags.tensors) document["tensors"] = TensorsOf(*files);
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddModelInfoVerb(CLI::App& model, Shell& shell, const std::string& name) {
  const auto flags = std::make_shared<InfoFlags>();
  const std::string spelled = model.get_parent() == nullptr ? name : "model " + name;
  CLI::App& verb = AddVerb(model, shell, name, "What a model is and what it needs",
                           "hyprstream " + spelled + " willowbrook --tensors",
                           [&shell, flags] { return Info(shell, *flags); });
  verb.add_option("MODEL", flags->model, "Path or name of a model")->required();
  verb.add_flag("--tensors", flags->tensors, "List every tensor");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
