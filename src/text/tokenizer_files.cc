#include "text/tokenizer_files.h"

#include <algorithm>
#include <boost/json.hpp>

#include "text/tokenizer_impl.h"
#include "text/word_matcher.h"

namespace hyprstream::text {
namespace {

namespace json = boost::json;
using formats::GgufFile;
using formats::GgufValue;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space
constexpr int64_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;

std::string Key(std::string_view name) { return "tokenizer.ggml." + std::string(name); }

json::object ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

json::object Sequence(std::string_view list, json::array steps) {
  return {{"type", "Sequence"}, {list, std::move(steps)}};
}

json::object Replace(std::string_view what, std::string_view by) {
  return {{"type", "Replace"}, {"pattern", json::object{{"String", what}}}, {"content", by}};
}

template <typename T>
json::array One(T value) {
  json::array one;
  one.emplace_back(value);
  return one;
}

json::array Two(std::string_view first, std::string_view second) {
  json::array two;
  two.emplace_back(first);
  two.emplace_back(second);
  return two;
}

json::value PreTokenizerOf(WordPattern pattern) {
  if (pattern == WordPattern::kGpt2) return ByteLevel(true);
  if (pattern == WordPattern::kSmolLm) {
    return Sequence("pretokenizers", {json::object{{"type", "Digits"}, {"individual_digits", true}},
                                      ByteLevel(true)});
  }
  return Sequence("pretokenizers",
                  {json::object{{"type", "Split"},
                                {"pattern", json::object{{"Regex", RegexOf(pattern)}}},
                                {"behavior", "Isolated"},
                                {"invert", false}},
                   ByteLevel(false)});
}

class Writer {
 public:
  explicit Writer(const GgufFile& file)
      : file_(file),
        tokenizer_(Tokenizer::FromGguf(file)),
        parts_(tokenizer_->impl()),
        tokens_(std::get<GgufValue::Strings>(file.Get(Key("tokens"))->value)),
        types_(Types()) {}

  TokenizerFiles Write() const {
    const auto whole = file_.GetString("tokenizer.huggingface.json");
    return {.tokenizer_json = whole ? std::string(*whole) : json::serialize(TokenizerJson()),
            .tokenizer_config_json = json::serialize(ConfigJson()) + "\n"};
  }

 private:
  std::vector<int64_t> Types() const {
    std::vector<int64_t> types(tokens_.size(), kNormal);
    const GgufValue* value = file_.Get(Key("token_type"));
    if (value == nullptr) return types;
    std::visit(
        [&](const auto& list) {
          if constexpr (requires { static_cast<int64_t>(list[0]); }) {
            for (size_t i = 0; i < types.size(); ++i) types[i] = static_cast<int64_t>(list[i]);
          }
        },
        value->value);
    return types;
  }

  bool IsSentencePiece() const { return file_.GetString(Key("model")) == "llama"; }

  json::object TokenizerJson() const {
    const bool pieces = IsSentencePiece();
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", AddedJson()},
            {"normalizer", pieces ? PieceNormalizer() : ByteNormalizer()},
            {"pre_tokenizer",
             pieces ? json::value(nullptr) : PreTokenizerOf(*parts_.pre_tokenizer.sole_pattern())},
            {"post_processor", PostProcessor()},
            {"decoder", pieces ? PieceDecoder() : json::value(ByteLevel(true))},
            {"model", ModelJson()}};
  }

  json::array AddedJson() const {
    json::array added;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (types_[i] != kControl && types_[i] != kUserDefined && types_[i] != kUnknown) continue;
      added.push_back(json::object{{"id", i},
                                   {"content", tokens_[i]},
                                   {"single_word", false},
                                   {"lstrip", false},
                                   {"rstrip", false},
                                   {"normalized", false},
                                   {"special", types_[i] != kUserDefined}});
    }
    return added;
  }

  json::value ByteNormalizer() const {
    const WordPattern pattern = *parts_.pre_tokenizer.sole_pattern();
    const bool composes = pattern == WordPattern::kQwen2 || pattern == WordPattern::kQwen35;
    return composes ? json::value(json::object{{"type", "NFC"}}) : json::value(nullptr);
  }

  bool PrefixesSpace() const { return file_.GetBool(Key("add_space_prefix")).value_or(true); }

  json::value PieceNormalizer() const {
    json::array steps;
    if (PrefixesSpace()) steps.push_back(json::object{{"type", "Prepend"}, {"prepend", kSpace}});
    steps.push_back(Replace(" ", kSpace));
    return Sequence("normalizers", std::move(steps));
  }

  json::value PieceDecoder() const {
    json::array steps;
    steps.push_back(Replace(kSpace, " "));
    steps.push_back(json::object{{"type", "ByteFallback"}});
    steps.push_back(json::object{{"type", "Fuse"}});
    if (PrefixesSpace()) {
      steps.push_back(json::object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    return Sequence("decoders", std::move(steps));
  }

  /// What the tokenizer puts around a text.
  json::value PostProcessor() const {
    const Template& around = parts_.around;
    if (around.before.empty() && around.after.empty()) {
      return IsSentencePiece() ? json::value(nullptr) : json::value(ByteLevel(true));
    }
    json::object special;
    json::array single, pair;
    const auto add = [&](const std::vector<TokenId>& ids, int segment, json::array& items) {
      for (const TokenId id : ids) {
        const std::string_view token = tokenizer_->Spelling(id);
        items.push_back(
            json::object{{"SpecialToken", json::object{{"id", token}, {"type_id", segment}}}});
        special[token] = json::object{{"id", token}, {"ids", One(id)}, {"tokens", One(token)}};
      }
    };
    const auto text = [](const char* name, int segment) {
      return json::object{{"Sequence", json::object{{"id", name}, {"type_id", segment}}}};
    };
    add(around.before, 0, single);
    single.push_back(text("A", 0));
    add(around.after, 0, single);
    pair = single;
    add(around.before, 1, pair);
    pair.push_back(text("B", 1));
    add(around.after, 1, pair);
    json::object around_text{{"type", "TemplateProcessing"},
                             {"single", std::move(single)},
                             {"pair", std::move(pair)},
                             {"special_tokens", std::move(special)}};
    if (IsSentencePiece()) return around_text;
    return Sequence("processors", json::array{ByteLevel(true), std::move(around_text)});
  }

  json::object ModelJson() const {
    const bool pieces = IsSentencePiece();
    json::object vocabulary;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (types_[i] != kUnused) vocabulary[tokens_[i]] = i;
    }
    json::value unknown = nullptr;
    if (pieces && parts_.bpe->rules().unk) {
      unknown = json::string(tokenizer_->Spelling(*parts_.bpe->rules().unk));
    }
    return {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", std::move(unknown)},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", pieces},
            {"byte_fallback", pieces},
            {"ignore_merges", parts_.bpe->rules().ignore_merges},
            {"vocab", std::move(vocabulary)},
            {"merges", pieces ? PieceMerges() : ByteMerges()}};
  }

  json::array ByteMerges() const {
    json::array merges;
    for (const std::string_view line :
         std::get<GgufValue::Strings>(file_.Get(Key("merges"))->value)) {
      const size_t space = line.find(' ', 1);
      merges.push_back(Two(line.substr(0, space), line.substr(space + 1)));
    }
    return merges;
  }

  /// Every way of cutting a normal token in two, the token with the best score first: the order in
  /// which SentencePiece joins neighbours.
  json::array PieceMerges() const {
    const auto& scores = std::get<std::vector<double>>(file_.Get(Key("scores"))->value);
    const auto is_normal = [&](TokenId id) {
      return id >= 0 && types_[static_cast<size_t>(id)] == kNormal;
    };
    std::vector<TokenId> order;
    for (TokenId id = 0; id < parts_.vocabulary.end_id(); ++id) {
      if (is_normal(id)) order.push_back(id);
    }
    std::ranges::stable_sort(order, std::greater<>(),
                             [&](TokenId id) { return scores[static_cast<size_t>(id)]; });
    json::array merges;
    for (const TokenId id : order) {
      const std::string_view token = parts_.vocabulary[id];
      for (size_t cut = 1; cut < token.size(); ++cut) {
        const std::string_view left = token.substr(0, cut), right = token.substr(cut);
        if (is_normal(parts_.vocabulary.Find(left)) && is_normal(parts_.vocabulary.Find(right))) {
          merges.push_back(Two(left, right));
        }
      }
    }
    return merges;
  }

  json::value RoleOf(std::string_view key) const {
    const auto id = file_.GetUint(Key(key));
    if (!id || *id >= tokens_.size()) return nullptr;
    return json::string(tokens_[*id]);
  }

  json::object ConfigJson() const {
    json::object fields{
        {"tokenizer_class", "PreTrainedTokenizerFast"}, {"bos_token", RoleOf("bos_token_id")},
        {"eos_token", RoleOf("eos_token_id")},          {"pad_token", RoleOf("padding_token_id")},
        {"unk_token", RoleOf("unknown_token_id")},      {"clean_up_tokenization_spaces", false}};
    if (!parts_.chat_template.empty()) fields["chat_template"] = parts_.chat_template;
    return fields;
  }

  const GgufFile& file_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const Tokenizer::Impl& parts_;
  const GgufValue::Strings& tokens_;
  const std::vector<int64_t> types_;
};

}  // namespace

std::optional<TokenizerFiles> TokenizerFilesOf(const GgufFile& file) {
  const auto model = file.GetString(Key("model"));
  if (!model || *model == "none" || *model == "no_vocab") return std::nullopt;
  return Writer(file).Write();
}

}  // namespace hyprstream::text
