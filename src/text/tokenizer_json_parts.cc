#include "text/tokenizer_json_parts.h"

#include <map>

#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr size_t kMaxComponents = 64;

/// Calls `read` for `component` or, when it is a Sequence, for every component in it.
template <typename Read>
void ForEach(const JsonField& component, std::string_view list, size_t& count, const Read& read) {
  if (component.Get("type").String() == "Sequence") {
    const JsonField parts = component.Get(list);
    for (size_t i = 0; i < parts.Array().size(); ++i) ForEach(parts.At(i), list, count, read);
    return;
  }
  if (++count > kMaxComponents) {
    component.Fail(ErrorCode::kLimit, {.message = "the tokenizer has too many components",
                                       .expected = "at most " + std::to_string(kMaxComponents)});
  }
  read(component, component.Get("type").String());
}

[[noreturn]] void ThrowUnknown(const JsonField& component, std::string_view kind,
                               std::string_view type) {
  component.Fail(
      ErrorCode::kUnsupported,
      {.message = "the tokenizer needs a " + std::string(kind) + " that is not supported",
       .found = std::string(type),
       .hint = "byte-level and SentencePiece BPE tokenizers are supported"});
}

size_t Count(const JsonField& field) {
  const int64_t value = field.Int();
  if (value < 0 || value > 1024) field.Fail("a number from 0 to 1024");
  return static_cast<size_t>(value);
}

std::string OneCharacter(const JsonField& field) {
  std::string text = field.ShortString();
  if (CountCodePoints(text) != 1) field.Fail("one character");
  return text;
}

Pattern ReadPattern(const JsonField& field) {
  if (const auto literal = field.Find("String")) return {literal->ShortString()};
  const JsonField regex = field.Get("Regex");
  return {std::make_shared<const Regex>(Regex::Compile(regex.String(), regex.path()))};
}

NormalizerStep ReadNormalizerStep(const JsonField& field, std::string_view type) {
  if (type == "NFC") return UnicodeForm{NormalForm::kNfc};
  if (type == "NFD") return UnicodeForm{NormalForm::kNfd};
  if (type == "NFKC") return UnicodeForm{NormalForm::kNfkc};
  if (type == "NFKD") return UnicodeForm{NormalForm::kNfkd};
  if (type == "Lowercase") return LowerCaseText{};
  if (type == "StripAccents") return RemoveMarks{};
  if (type == "ByteLevel") return MapToByteCharacters{};
  if (type == "Prepend") return PrependText{field.Get("prepend").ShortString()};
  if (type == "Strip") {
    return StripSpaces{field.Get("strip_left").Bool(), field.Get("strip_right").Bool()};
  }
  if (type == "Replace") {
    return ReplaceText{ReadPattern(field.Get("pattern")), field.Get("content").ShortString()};
  }
  ThrowUnknown(field, "normalizer", type);
}

SplitBehavior ReadBehavior(const JsonField& field) {
  static const std::map<std::string_view, SplitBehavior> kBehaviors = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  const auto behavior = kBehaviors.find(field.String());
  if (behavior == kBehaviors.end()) {
    field.Fail("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }
  return behavior->second;
}

SplitWords ReadSplit(const JsonField& field) {
  SplitWords split{.behavior = ReadBehavior(field.Get("behavior")),
                   .invert = field.BoolOr("invert", false)};
  const JsonField pattern = field.Get("pattern");
  const auto regex = pattern.Find("Regex");
  const auto known = regex ? FindWordPattern(regex->String()) : std::nullopt;
  if (known) {
    split.pattern = *known;
  } else {
    split.pattern = ReadPattern(pattern);
  }
  return split;
}

PrependScheme ReadPrependScheme(const JsonField& field) {
  if (const auto scheme = field.Find("prepend_scheme")) {
    if (scheme->String() == "always") return PrependScheme::kAlways;
    if (scheme->String() == "first") return PrependScheme::kFirst;
    if (scheme->String() == "never") return PrependScheme::kNever;
    scheme->Fail("always, first or never");
  }
  return field.BoolOr("add_prefix_space", true) ? PrependScheme::kAlways : PrependScheme::kNever;
}

PreTokenizerStep ReadPreTokenizerStep(const JsonField& field, std::string_view type) {
  if (type == "ByteLevel") {
    return ByteLevelWords{.add_prefix_space = field.BoolOr("add_prefix_space", true),
                          .use_regex = field.BoolOr("use_regex", true)};
  }
  if (type == "Split") return ReadSplit(field);
  if (type == "Digits") {
    return DigitWords(field.BoolOr("individual_digits", false) ? SplitBehavior::kIsolated
                                                               : SplitBehavior::kContiguous);
  }
  if (type == "Metaspace") {
    return MetaspaceWords{.replacement = OneCharacter(field.Get("replacement")),
                          .prepend = ReadPrependScheme(field),
                          .split = field.BoolOr("split", true)};
  }
  if (type == "Whitespace") return WhitespaceWords();
  if (type == "WhitespaceSplit") return WhitespaceSplitWords();
  if (type == "Punctuation") {
    const auto behavior = field.Find("behavior");
    return PunctuationWords(behavior ? ReadBehavior(*behavior) : SplitBehavior::kIsolated);
  }
  if (type == "CharDelimiterSplit") {
    return SplitWords{.pattern = Pattern{OneCharacter(field.Get("delimiter"))},
                      .behavior = SplitBehavior::kRemoved};
  }
  ThrowUnknown(field, "pre-tokenizer", type);
}

DecoderStep ReadDecoderStep(const JsonField& field, std::string_view type) {
  if (type == "ByteLevel") return DecodeByteLevel{};
  if (type == "ByteFallback") return DecodeByteFallback{};
  if (type == "Fuse") return DecodeFuse{};
  if (type == "BPEDecoder") return DecodeEndSuffix{field.Get("suffix").ShortString()};
  if (type == "Metaspace") {
    return DecodeMetaspace{OneCharacter(field.Get("replacement")),
                           ReadPrependScheme(field) != PrependScheme::kNever};
  }
  if (type == "Strip") {
    return DecodeStrip{OneCharacter(field.Get("content")), Count(field.Get("start")),
                       Count(field.Get("stop"))};
  }
  if (type == "Replace") {
    return DecodeReplace{ReadPattern(field.Get("pattern")), field.Get("content").ShortString()};
  }
  ThrowUnknown(field, "decoder", type);
}

TokenId ReadId(const JsonField& field) {
  const int64_t id = field.Int();
  if (id < 0 || id > INT32_MAX) field.Fail("an id from 0 to 2^31 - 1");
  return static_cast<TokenId>(id);
}

void AppendSpecial(const JsonField& processor, const JsonField& special,
                   std::vector<TokenId>& ids) {
  const std::string name(special.Get("id").String());
  const JsonField list = processor.Get("special_tokens").Get(name).Get("ids");
  for (size_t i = 0; i < list.Array().size(); ++i) ids.push_back(ReadId(list.At(i)));
}

/// Items of a TemplateProcessing for a single sequence; "A" is the text.
Template ReadTemplate(const JsonField& processor) {
  Template around;
  bool behind_text = false;
  const JsonField items = processor.Get("single");
  for (size_t i = 0; i < items.Array().size(); ++i) {
    const JsonField item = items.At(i);
    if (const auto special = item.Find("SpecialToken")) {
      AppendSpecial(processor, *special, behind_text ? around.after : around.before);
      continue;
    }
    if (item.Get("Sequence").Get("id").String() != "A" || behind_text) {
      item.Fail("the sequence A, once");
    }
    behind_text = true;
  }
  if (!behind_text) items.Fail("a template with the sequence A");
  return around;
}

/// A pair [token, id].
TokenId ReadPairId(const JsonField& field) {
  if (field.Array().size() != 2) field.Fail("a token and its id");
  return ReadId(field.At(1));
}

Template ReadProcessor(const JsonField& field, std::string_view type) {
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return ReadTemplate(field);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {.before = {ReadPairId(field.Get("cls"))}, .after = {ReadPairId(field.Get("sep"))}};
  }
  ThrowUnknown(field, "post-processor", type);
}

template <typename Step, typename Read>
std::vector<Step> ReadSteps(const JsonField& root, std::string_view key, std::string_view list,
                            const Read& read) {
  std::vector<Step> steps;
  size_t count = 0;
  if (const auto component = root.Find(key)) {
    ForEach(*component, list, count, [&](const JsonField& field, std::string_view type) {
      steps.push_back(read(field, type));
    });
  }
  return steps;
}

}  // namespace

Normalizer ReadNormalizer(const JsonField& root) {
  return Normalizer(
      ReadSteps<NormalizerStep>(root, "normalizer", "normalizers", ReadNormalizerStep));
}

PreTokenizer ReadPreTokenizer(const JsonField& root) {
  return PreTokenizer(
      ReadSteps<PreTokenizerStep>(root, "pre_tokenizer", "pretokenizers", ReadPreTokenizerStep));
}

TokenDecoder ReadDecoder(const JsonField& root) {
  if (!root.Find("decoder")) return {};
  return TokenDecoder(ReadSteps<DecoderStep>(root, "decoder", "decoders", ReadDecoderStep));
}

Template ReadPostProcessor(const JsonField& root) {
  Template around;
  for (const Template& next :
       ReadSteps<Template>(root, "post_processor", "processors", ReadProcessor)) {
    around.before.insert(around.before.begin(), next.before.begin(), next.before.end());
    around.after.insert(around.after.end(), next.after.begin(), next.after.end());
  }
  return around;
}

}  // namespace hyprstream::text
