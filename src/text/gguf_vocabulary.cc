#include "text/gguf_vocabulary.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "text/gguf_pieces.h"
#include "text/json_fields.h"
#include "text/tokenizer_impl.h"

namespace hyprstream::text {
namespace {

namespace json = boost::json;
using Fields = std::vector<std::pair<std::string, formats::GgufField>>;

// Kinds of tokens, as llama.cpp numbers them.
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

[[noreturn]] void Refuse(std::string_view where, std::string expected, std::string found) {
  throw Error(ErrorCode::kUnsupported, {.message = "GGUF has no way to say this of a tokenizer",
                                        .expected = std::move(expected),
                                        .found = std::move(found),
                                        .where = std::string(where),
                                        .hint = "write the model as safetensors"});
}

std::string_view PresetName(WordPattern pattern) {
  switch (pattern) {
    case WordPattern::kGpt2:
      return "gpt-2";
    case WordPattern::kSmolLm:
      return "smollm";
    case WordPattern::kQwen2:
      return "qwen2";
    case WordPattern::kQwen35:
      return "qwen35";
    case WordPattern::kLlama3:
      return "llama-bpe";
  }
  return {};
}

class Writer {
 public:
  explicit Writer(const GgufVocabularyInput& input)
      : input_(input),
        tokenizer_(Tokenizer::FromJson(input.tokenizer_json, input.where)),
        parts_(tokenizer_->impl()),
        document_(json::parse(input.tokenizer_json)),
        root_(document_, std::string(input.where)) {}

  Fields Write() && {
    const std::vector<std::string> merges = Merges();
    if (parts_.bpe->rules().byte_fallback) {
      const PieceScores pieces = ScorePieces({parts_, root_, merges, input_.where});
      Add("model", std::string("llama"));
      Add("pre", std::string("default"));
      AddTokens();
      AddPieces(pieces);
    } else {
      Add("model", std::string("gpt2"));
      Add("pre", std::string(Preset()));
      AddTokens();
      Add("merges", merges);
    }
    AddRoles();
    const std::string& chat =
        input_.chat_template.empty() ? input_.config.chat_template : input_.chat_template;
    if (!chat.empty()) fields_.emplace_back("tokenizer.chat_template", chat);
    return std::move(fields_);
  }

 private:
  void Add(const std::string& name, formats::GgufField value) {
    fields_.emplace_back("tokenizer.ggml." + name, std::move(value));
  }

  /// The name under which readers find how text is cut. Whatever else follows from the name there
  /// must hold here.
  std::string_view Preset() const {
    const std::optional<WordPattern> pattern = parts_.pre_tokenizer.sole_pattern();
    if (!pattern) {
      Refuse(input_.where, "a byte-level tokenizer with a published pattern of words",
             parts_.pre_tokenizer.leaves_bytes() ? "another pattern" : "another kind of tokenizer");
    }
    const BpeRules& rules = parts_.bpe->rules();
    if (rules.ignore_merges != (*pattern == WordPattern::kLlama3)) {
      Refuse(input_.where, "ignore_merges with Llama 3's pattern of words only",
             rules.ignore_merges ? "true with another" : "false with that");
    }
    if (!rules.continuing_prefix.empty() || !rules.end_suffix.empty() || rules.unk) {
      Refuse(input_.where, "no affixes and no unknown token", "some of them");
    }
    const bool composes = *pattern == WordPattern::kQwen2 || *pattern == WordPattern::kQwen35;
    const std::string_view wanted = composes ? "NFC" : "none";
    if (const std::string found = NormalizerName(); found != wanted) {
      Refuse(input_.where,
             "normalizer " + std::string(wanted) + " with the words of " +
                 std::string(PresetName(*pattern)),
             found);
    }
    return PresetName(*pattern);
  }

  /// Of one step alone, or "none".
  std::string NormalizerName() const {
    std::optional<JsonField> normalizer = root_.Find("normalizer");
    if (!normalizer) return "none";
    if (normalizer->Get("type").String() == "Sequence") {
      const JsonField steps = normalizer->Get("normalizers");
      if (steps.Array().empty()) return "none";
      if (steps.Array().size() > 1) return "several";
      normalizer = steps.At(0);
    }
    return std::string(normalizer->Get("type").String());
  }

  void AddTokens() {
    if (tokenizer_->vocab_size() > input_.vocab_size) {
      Refuse(input_.where, "at most " + std::to_string(input_.vocab_size) + " tokens, as the model",
             std::to_string(tokenizer_->vocab_size()));
    }
    const auto count = static_cast<size_t>(input_.vocab_size);
    std::vector<std::string> tokens(count);
    std::vector<int32_t> types(count, kNormal);
    for (size_t i = 0; i < count; ++i) {
      const auto id = static_cast<TokenId>(i);
      tokens[i] = std::string(tokenizer_->Spelling(id));
      if (tokens[i].empty()) {
        tokens[i] = "[PAD" + std::to_string(i) + "]";
        types[i] = kUnused;
      }
    }
    for (const AddedToken& added : parts_.added.tokens()) {
      const auto i = static_cast<size_t>(added.id);
      tokens[i] = added.content;
      types[i] = added.special ? kControl : kUserDefined;
      if (added.lstrip || added.rstrip || added.single_word) {
        LogWarning(std::string(input_.where) + ": GGUF cannot say that the token " + added.content +
                   " takes white space along or stands alone");
      }
    }
    Add("tokens", std::move(tokens));
    Add("token_type", std::move(types));
  }

  /// SentencePiece's scores, by id, and the types of its bytes and its unknown token.
  void AddPieces(const PieceScores& pieces) {
    std::vector<float> scores = pieces.scores;
    scores.resize(static_cast<size_t>(input_.vocab_size), pieces.lowest);
    Add("scores", std::move(scores));
    auto& types = std::get<std::vector<int32_t>>(
        std::ranges::find(fields_, "tokenizer.ggml.token_type", &Fields::value_type::first)
            ->second);
    for (size_t i = 0; i < types.size(); ++i) {
      if (IsByteToken(tokenizer_->Spelling(static_cast<TokenId>(i)))) types[i] = kByte;
    }
    if (const std::optional<TokenId> unknown = parts_.bpe->rules().unk) {
      types[static_cast<size_t>(*unknown)] = kUnknown;
    }
    Add("add_space_prefix", pieces.space_prefix);
  }

  std::vector<std::string> Merges() const {
    std::vector<std::string> merges;
    const JsonField list = root_.Get("model").Get("merges");
    for (size_t i = 0; i < list.Array().size(); ++i) {
      const JsonField merge = list.At(i);
      const json::value& value = list.Array()[i];
      if (value.is_array()) {
        merges.push_back(std::string(merge.At(0).String()) + " " +
                         std::string(merge.At(1).String()));
      } else if (const std::string_view line = merge.String(); !line.starts_with("#version")) {
        merges.emplace_back(line);
      }
    }
    return merges;
  }

  std::optional<TokenId> RoleOf(std::string_view name) const {
    for (const auto& [role, token] : input_.config.special_tokens) {
      if (role == name) return tokenizer_->IdOf(token);
    }
    return std::nullopt;
  }

  void AddId(const char* name, std::optional<TokenId> id) {
    if (id) Add(name, static_cast<uint32_t>(*id));
  }

  void AddRoles() {
    std::optional<TokenId> bos = RoleOf("bos_token");
    if (!bos) bos = tokenizer_->bos();
    if (!bos) bos = input_.bos_id;
    std::vector<TokenId> ends;
    const auto end = [&](std::optional<TokenId> id) {
      if (id && std::ranges::find(ends, *id) == ends.end()) ends.push_back(*id);
    };
    end(RoleOf("eos_token"));
    for (const int32_t id : input_.eos_ids) end(id);
    constexpr const char* kEnds[] = {"eos_token_id", "eot_token_id", "eom_token_id"};
    for (size_t i = 0; i < std::min(ends.size(), std::size(kEnds)); ++i) AddId(kEnds[i], ends[i]);
    AddId("bos_token_id", bos);
    const std::optional<TokenId> unknown = RoleOf("unk_token");
    AddId("unknown_token_id", unknown ? unknown : parts_.bpe->rules().unk);
    AddId("padding_token_id", RoleOf("pad_token"));
    const Template& around = parts_.around;
    const bool adds_bos = bos && around.before == std::vector<TokenId>{*bos};
    const bool adds_eos = !ends.empty() && around.after == std::vector<TokenId>{ends.front()};
    if ((!around.before.empty() && !adds_bos) || (!around.after.empty() && !adds_eos)) {
      LogWarning(std::string(input_.where) +
                 ": GGUF cannot say which tokens this tokenizer puts around a text");
    }
    Add("add_bos_token", adds_bos);
    if (adds_eos) Add("add_eos_token", true);
  }

  const GgufVocabularyInput& input_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const Tokenizer::Impl& parts_;
  const json::value document_;
  const JsonField root_;
  Fields fields_;
};

}  // namespace

Fields GgufVocabulary(const GgufVocabularyInput& input) { return Writer(input).Write(); }

Fields NoGgufVocabulary(const std::vector<int32_t>& eos_ids, std::optional<int32_t> bos_id) {
  Fields fields{{"tokenizer.ggml.model", std::string("none")}};
  if (!eos_ids.empty()) {
    fields.emplace_back("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(eos_ids[0]));
  }
  if (eos_ids.size() > 1) {
    fields.emplace_back("tokenizer.ggml.eot_token_id", static_cast<uint32_t>(eos_ids[1]));
  }
  if (bos_id) fields.emplace_back("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(*bos_id));
  return fields;
}

}  // namespace hyprstream::text
