#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "formats/gguf.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

using formats::GgufFile;
using formats::GgufValue;

constexpr std::string_view kPrefix = "tokenizer.ggml.";
constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space

/// Kinds of tokens, as llama.cpp numbers them.
enum class TokenType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

std::string Key(std::string_view name) { return std::string(kPrefix) + std::string(name); }

[[noreturn]] void Fail(const GgufFile& file, ErrorCode code, std::string_view name,
                       ErrorDetail detail) {
  detail.where = file.path().string() + ": " + Key(name);
  throw Error(code, std::move(detail));
}

[[noreturn]] void FailData(const GgufFile& file, std::string name, std::string expected,
                           std::string found) {
  Fail(file, ErrorCode::kDataLoss, name,
       {.message = "the vocabulary is damaged",
        .expected = std::move(expected),
        .found = std::move(found)});
}

/// The array `name`; null when it is absent.
template <typename T>
const T* FindArray(const GgufFile& file, std::string_view name) {
  const GgufValue* value = file.Get(Key(name));
  if (value == nullptr) return nullptr;
  const T* array = std::get_if<T>(&value->value);
  if (array == nullptr)
    FailData(file, std::string(name), "an array of the right type", "another type");
  return array;
}

StringTable ReadTokens(const GgufFile& file) {
  const auto* tokens = FindArray<GgufValue::Strings>(file, "tokens");
  if (tokens == nullptr) FailData(file, "tokens", "the vocabulary's strings", "nothing");
  if (tokens->size() > VocabularyLimits::kTokens) {
    FailData(file, "tokens", "at most " + std::to_string(VocabularyLimits::kTokens),
             std::to_string(tokens->size()));
  }
  StringTable vocabulary;
  vocabulary.Reserve(tokens->size(), 0);
  size_t bytes = 0;
  for (size_t i = 0; i < tokens->size(); ++i) {
    const std::string_view token = (*tokens)[i];
    const std::string place = "tokens[" + std::to_string(i) + ']';
    bytes += token.size();
    if (bytes > VocabularyLimits::kTotalBytes) FailData(file, place, "a smaller vocabulary", "");
    if (FindInvalidUtf8(token)) FailData(file, place, "UTF-8", "other bytes");
    if (vocabulary.Find(token) != StringTable::kNone) {
      FailData(file, place, "a token that occurs once", std::string(token.substr(0, 60)));
    }
    vocabulary.Add(token, static_cast<TokenId>(i));
  }
  return vocabulary;
}

std::vector<TokenType> ReadTypes(const GgufFile& file, size_t count) {
  std::vector<TokenType> types(count, TokenType::kNormal);
  const GgufValue* value = file.Get(Key("token_type"));
  if (value == nullptr) return types;
  const auto copy = [&](const auto& numbers) {
    if (numbers.size() != count) {
      FailData(file, "token_type", std::to_string(count) + " types",
               std::to_string(numbers.size()));
    }
    for (size_t i = 0; i < count; ++i) types[i] = static_cast<TokenType>(numbers[i]);
  };
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value->value)) {
    copy(*numbers);
  } else if (const auto* unsigned_numbers = std::get_if<std::vector<uint64_t>>(&value->value)) {
    copy(*unsigned_numbers);
  } else {
    FailData(file, "token_type", "an array of whole numbers", "another type");
  }
  return types;
}

std::vector<AddedToken> ControlAndUserTokens(const StringTable& vocabulary,
                                             const std::vector<TokenType>& types) {
  std::vector<AddedToken> added;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool is_control = types[i] == TokenType::kControl;
    const bool is_added = is_control || types[i] == TokenType::kUserDefined;
    if (!is_added || vocabulary[id].empty() || vocabulary[id].size() > AddedToken::kMaxBytes)
      continue;
    added.push_back({.id = id, .content = std::string(vocabulary[id]), .special = is_control});
  }
  return added;
}

std::optional<TokenId> ReadId(const GgufFile& file, std::string_view name, size_t count) {
  const auto id = file.GetUint(Key(name));
  if (!id) return std::nullopt;
  if (*id >= count) {
    FailData(file, std::string(name), "an id below " + std::to_string(count), std::to_string(*id));
  }
  return static_cast<TokenId>(*id);
}

/// Ids that the file names, with the defaults of the kind of vocabulary.
struct Defaults {
  std::optional<TokenId> bos = {}, eos = {};
  bool add_bos = false;
};

void ReadSpecialIds(const GgufFile& file, const Defaults& defaults, Tokenizer::Impl& parts) {
  const auto count = static_cast<size_t>(parts.vocabulary.end_id());
  const auto or_default = [&](std::optional<TokenId> id, std::optional<TokenId> otherwise) {
    const bool is_control = otherwise && parts.added.Find(*otherwise) != nullptr;
    return id ? id : is_control ? otherwise : std::nullopt;
  };
  parts.bos = or_default(ReadId(file, "bos_token_id", count), defaults.bos);
  parts.eos = or_default(ReadId(file, "eos_token_id", count), defaults.eos);
  if (file.GetBool(Key("add_bos_token")).value_or(defaults.add_bos) && parts.bos) {
    parts.around.before = {*parts.bos};
  }
  if (file.GetBool(Key("add_eos_token")).value_or(false) && parts.eos) {
    parts.around.after = {*parts.eos};
  }
  if (parts.eos) parts.end_of_generation.push_back(*parts.eos);
  for (const std::string_view name : {"eot_token_id", "eom_token_id"}) {
    if (const auto id = ReadId(file, name, count)) parts.end_of_generation.push_back(*id);
  }
  parts.AddWellKnownEnds();
}

/// What tokenizer.ggml.pre says about a byte-level vocabulary.
struct BytePreset {
  WordPattern pattern = WordPattern::kGpt2;
  bool normalizes = false;  // to NFC
  bool ignores_merges = false;
  bool adds_bos = false;
};

BytePreset PresetOf(const GgufFile& file) {
  static const std::map<std::string_view, BytePreset> kPresets = {
      {"gpt-2", {.pattern = WordPattern::kGpt2}},
      {"smollm", {.pattern = WordPattern::kSmolLm}},
      {"qwen2", {.pattern = WordPattern::kQwen2, .normalizes = true}},
      {"qwen35", {.pattern = WordPattern::kQwen35, .normalizes = true}},
      {"llama-bpe", {.pattern = WordPattern::kLlama3, .ignores_merges = true, .adds_bos = true}},
      {"llama3", {.pattern = WordPattern::kLlama3, .ignores_merges = true, .adds_bos = true}},
      {"llama-v3", {.pattern = WordPattern::kLlama3, .ignores_merges = true, .adds_bos = true}}};
  const auto name = file.GetString(Key("pre"));
  if (!name || *name == "default") {
    LogWarning(file.path().string() + ": " + Key("pre") +
               " does not say how words are cut; GPT-2's pattern is used and ids may be wrong");
    return {};
  }
  const auto preset = kPresets.find(*name);
  if (preset == kPresets.end()) {
    Fail(file, ErrorCode::kUnsupported, "pre",
         {.message = "the vocabulary's pre-tokenizer is not supported",
          .expected = "qwen2, qwen35, llama-bpe, llama3, llama-v3, smollm or gpt-2",
          .found = std::string(*name)});
  }
  return preset->second;
}

std::vector<PreTokenizerStep> StepsOf(WordPattern pattern) {
  constexpr ByteLevelWords kBytesOnly{.add_prefix_space = false, .use_regex = false};
  if (pattern == WordPattern::kSmolLm) {
    return {DigitWords(SplitBehavior::kIsolated),
            ByteLevelWords{.add_prefix_space = false, .use_regex = true}};
  }
  return {SplitWords{.pattern = pattern}, kBytesOnly};
}

MergeTable ReadMerges(const GgufFile& file, const StringTable& vocabulary) {
  const auto* lines = FindArray<GgufValue::Strings>(file, "merges");
  if (lines == nullptr)
    FailData(file, "merges", "the merges of a byte-level vocabulary", "nothing");
  if (lines->size() > VocabularyLimits::kMerges) {
    FailData(file, "merges", "at most " + std::to_string(VocabularyLimits::kMerges),
             std::to_string(lines->size()));
  }
  MergeTable merges(lines->size());
  for (size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const size_t space = line.find(' ', 1);
    const std::string_view left = line.substr(0, space);
    const std::string_view right =
        space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    const TokenId left_id = vocabulary.Find(left), right_id = vocabulary.Find(right);
    const TokenId result = vocabulary.Find(std::string(left) + std::string(right));
    if (right.empty() || left_id < 0 || right_id < 0 || result < 0) {
      FailData(file, "merges[" + std::to_string(i) + ']',
               "two tokens and a space, the tokens and their sum in the vocabulary",
               std::string(line.substr(0, 60)));
    }
    // llama.cpp keeps the first of several merges of one pair.
    if (merges.Find(left_id, right_id).rank != Merge::kNoRank) continue;
    merges.Add(left_id, right_id, {.rank = static_cast<uint32_t>(i), .result = result});
  }
  return merges;
}

std::unique_ptr<Tokenizer::Impl> ReadByteLevel(const GgufFile& file) {
  const BytePreset preset = PresetOf(file);
  auto parts = std::make_unique<Tokenizer::Impl>();
  parts->vocabulary = ReadTokens(file);
  const auto types = ReadTypes(file, static_cast<size_t>(parts->vocabulary.end_id()));
  if (preset.normalizes) parts->normalizer = Normalizer({UnicodeForm{NormalForm::kNfc}});
  parts->pre_tokenizer = PreTokenizer(StepsOf(preset.pattern));
  parts->decoder = TokenDecoder({DecodeByteLevel{}});
  parts->added = AddedTokens(ControlAndUserTokens(parts->vocabulary, types), parts->normalizer);
  parts->MakeBpe(ReadMerges(file, parts->vocabulary), {.ignore_merges = preset.ignores_merges});
  ReadSpecialIds(file, {.bos = 11, .eos = 11, .add_bos = preset.adds_bos}, *parts);
  return parts;
}

/// SentencePiece joins the neighbours whose sum is the token with the best score. Written as
/// merges: every way of cutting a normal token in two, ranked by the token's score.
MergeTable MergesFromScores(const GgufFile& file, const StringTable& vocabulary,
                            const std::vector<TokenType>& types) {
  constexpr size_t kMaxPieceBytes = 1024;
  const auto* scores = FindArray<std::vector<double>>(file, "scores");
  if (scores == nullptr || scores->size() != types.size()) {
    FailData(file, "scores", std::to_string(types.size()) + " scores",
             scores == nullptr ? "nothing" : std::to_string(scores->size()));
  }
  std::vector<double> ordered;
  for (size_t i = 0; i < scores->size(); ++i) {
    if (std::isnan((*scores)[i]))
      FailData(file, "scores[" + std::to_string(i) + ']', "a number", "NaN");
    ordered.push_back((*scores)[i]);
  }
  std::sort(ordered.begin(), ordered.end(), std::greater<>());
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());

  const auto is_normal = [&](TokenId id) {
    return id >= 0 && types[static_cast<size_t>(id)] == TokenType::kNormal;
  };
  MergeTable merges(types.size() * 4);
  for (TokenId id = 0; id < vocabulary.end_id(); ++id) {
    const std::string_view token = vocabulary[id];
    if (!is_normal(id)) continue;
    if (token.size() > kMaxPieceBytes) {
      FailData(file, "tokens[" + std::to_string(id) + ']',
               "at most " + std::to_string(kMaxPieceBytes) + " bytes",
               std::to_string(token.size()));
    }
    const auto rank = std::lower_bound(ordered.begin(), ordered.end(),
                                       (*scores)[static_cast<size_t>(id)], std::greater<>()) -
                      ordered.begin();
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const TokenId left = vocabulary.Find(token.substr(0, cut));
      const TokenId right = vocabulary.Find(token.substr(cut));
      if (!is_normal(left) || !is_normal(right)) continue;
      merges.Add(left, right, {.rank = static_cast<uint32_t>(rank), .result = id});
    }
  }
  return merges;
}

std::unique_ptr<Tokenizer::Impl> ReadSentencePiece(const GgufFile& file) {
  auto parts = std::make_unique<Tokenizer::Impl>();
  parts->vocabulary = ReadTokens(file);
  const auto count = static_cast<size_t>(parts->vocabulary.end_id());
  const auto types = ReadTypes(file, count);
  const bool prefixes = file.GetBool(Key("add_space_prefix")).value_or(true);
  std::vector<NormalizerStep> steps;
  if (prefixes) steps.push_back(PrependText{std::string(kSpace)});
  steps.push_back(ReplaceText{Pattern{std::string(" ")}, std::string(kSpace)});
  parts->normalizer = Normalizer(std::move(steps));
  parts->decoder = TokenDecoder({DecodeReplace{Pattern{std::string(kSpace)}, " "},
                                 DecodeByteFallback{DecodeByteFallback::Broken::kCharacters},
                                 DecodeFuse{}, DecodeStrip{.start = prefixes ? 1u : 0u}});
  parts->added = AddedTokens(ControlAndUserTokens(parts->vocabulary, types), parts->normalizer);
  BpeRules rules{.fuse_unk = true, .byte_fallback = true};
  rules.unk = ReadId(file, "unknown_token_id", count);
  if (!rules.unk && count > 0) rules.unk = 0;
  parts->MakeBpe(MergesFromScores(file, parts->vocabulary, types), std::move(rules));
  ReadSpecialIds(file, {.bos = 1, .eos = 2, .add_bos = true}, *parts);
  return parts;
}

std::unique_ptr<Tokenizer::Impl> ReadModel(const GgufFile& file) {
  if (const auto json = file.GetString("tokenizer.huggingface.json")) {
    auto parts = ReadTokenizerJson(*json, file.path().string() + ": tokenizer.huggingface.json");
    const Template around = parts->around;
    ReadSpecialIds(file, {.bos = parts->bos, .eos = parts->eos}, *parts);
    parts->around = around;  // the embedded file's post-processor is the better authority
    return parts;
  }
  const auto model = file.GetString(Key("model"));
  if (model && *model == "gpt2") return ReadByteLevel(file);
  if (model && *model == "llama") return ReadSentencePiece(file);
  Fail(file, model ? ErrorCode::kUnsupported : ErrorCode::kDataLoss, "model",
       {.message = "the file has no vocabulary that can be read",
        .expected = "gpt2 or llama",
        .found = model ? std::string(*model) : "nothing"});
}

}  // namespace

std::unique_ptr<Tokenizer::Impl> ReadGgufVocabulary(const GgufFile& file) {
  auto parts = ReadModel(file);
  parts->chat_template = std::string(file.GetString("tokenizer.chat_template").value_or(""));
  return parts;
}

}  // namespace hyprstream::text
