#include "text/tokenizer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/gguf.h"
#include "text/byte_map.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

using InertRanges = std::vector<MarkedText::Range>;

/// The parts of `inert` that lie in `window`, counted from its beginning.
InertRanges Clip(const InertRanges& inert, Range window) {
  InertRanges clipped;
  auto range = std::partition_point(inert.begin(), inert.end(),
                                    [&](const auto& r) { return r.end <= window.begin; });
  for (; range != inert.end() && range->begin < window.end; ++range) {
    const size_t begin = std::max(range->begin, window.begin);
    const size_t end = std::min(range->end, window.end);
    if (begin < end) clipped.push_back({begin - window.begin, end - window.begin});
  }
  return clipped;
}

/// Where the inert ranges of `raw` lie in `normalised`. When normalisation reaches across an edge
/// of a range, everything is inert.
InertRanges MapInert(const Normalizer& normalizer, std::string_view raw, const InertRanges& inert,
                     std::string_view normalised) {
  InertRanges mapped;
  std::string joined;
  size_t done = 0;
  const auto append = [&](size_t end) {
    joined += normalizer.Apply(raw.substr(done, end - done),
                               {.left = done == 0, .right = end == raw.size()});
    done = end;
  };
  for (const MarkedText::Range& range : inert) {
    if (range.begin > done) append(range.begin);
    const size_t begin = joined.size();
    append(range.end);
    mapped.push_back({begin, joined.size()});
  }
  if (done < raw.size()) append(raw.size());
  if (joined != normalised) return {{0, normalised.size()}};
  return mapped;
}

/// One text on its way to ids.
class Encoding {
 public:
  Encoding(const Tokenizer::Impl& tokenizer, SpecialText special_text)
      : tokenizer_(tokenizer), special_text_(special_text) {}

  std::vector<TokenId> Run(std::string_view text, const InertRanges& inert) {
    ids_.reserve(text.size() / 4);
    using Pass = AddedTokens::Pass;
    for (const Segment& segment : tokenizer_.added.Cut(text, Pass::kRaw, special_text_, inert)) {
      if (segment.id) {
        ids_.push_back(*segment.id);
      } else {
        EncodePiece(segment.range.In(text), Clip(inert, segment.range), segment.range.begin == 0);
      }
    }
    return std::move(ids_);
  }

 private:
  void EncodePiece(std::string_view raw, const InertRanges& inert, bool from_start) {
    if (tokenizer_.normalizer.Keeps(raw)) {
      EncodeNormalised(raw, inert, from_start);
      return;
    }
    const std::string normalised = tokenizer_.normalizer.Apply(raw);
    const bool needs_map = !inert.empty() && tokenizer_.added.has(AddedTokens::Pass::kNormalized);
    EncodeNormalised(normalised,
                     needs_map ? MapInert(tokenizer_.normalizer, raw, inert, normalised) : inert,
                     from_start);
  }

  void EncodeNormalised(std::string_view text, const InertRanges& inert, bool from_start) {
    using Pass = AddedTokens::Pass;
    const bool forbids = special_text_ == SpecialText::kInert || !inert.empty();
    const ControlIds control = forbids ? ControlIds::kForbidden : ControlIds::kAllowed;
    if (!tokenizer_.added.has(Pass::kNormalized)) {
      EncodeWords(text, control, from_start);
      return;
    }
    for (const Segment& segment :
         tokenizer_.added.Cut(text, Pass::kNormalized, special_text_, inert)) {
      if (segment.id) {
        ids_.push_back(*segment.id);
      } else {
        EncodeWords(segment.range.In(text), control, from_start && segment.range.begin == 0);
      }
    }
  }

  void EncodeWords(std::string_view text, ControlIds control, bool from_start) {
    const auto pattern = tokenizer_.pre_tokenizer.sole_pattern();
    if (!pattern) {
      const Words words = tokenizer_.pre_tokenizer.Apply(std::string(text), from_start);
      for (const Range& word : words.ranges) EncodeWord(word.In(words.text), control);
      return;
    }
    const WordMatcher next = MatcherOf(*pattern);
    const char* end = text.data() + text.size();
    for (const char* p = text.data(); p < end;) {
      const char* q = next(p, end);
      EncodeWord({p, static_cast<size_t>(q - p)}, control);
      p = q;
    }
  }

  void EncodeWord(std::string_view word, ControlIds control) {
    const Bpe& bpe = *tokenizer_.bpe;
    const bool wants_characters = bpe.rules().symbols == WordSymbols::kCharacters;
    if (wants_characters && tokenizer_.pre_tokenizer.leaves_bytes()) {
      bpe.Encode(MapBytes(word), control, scratch_, ids_);
    } else {
      bpe.Encode(word, control, scratch_, ids_);
    }
  }

  const Tokenizer::Impl& tokenizer_;
  const SpecialText special_text_;
  BpeScratch scratch_;
  std::vector<TokenId> ids_;
};

void CheckUtf8(std::string_view text) {
  if (const auto bad = FindInvalidUtf8(text)) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(text[*bad]);
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the text is not UTF-8",
                 .expected = "well-formed UTF-8",
                 .found = std::string("byte 0x") + kHex[byte >> 4] + kHex[byte & 15],
                 .where = "byte " + std::to_string(*bad)});
  }
}

std::vector<TokenId> Surround(std::vector<TokenId> ids, const Template& around) {
  ids.insert(ids.begin(), around.before.begin(), around.before.end());
  ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

constexpr std::array<std::string_view, 9> kWellKnownEnds = {
    "<|eot_id|>",    "<|im_end|>", "<|end|>",         "<|endoftext|>", "<|eom_id|>",
    "<end_of_turn>", "</s>",       "<|end_of_text|>", "<EOT>"};

}  // namespace

void Tokenizer::Impl::MakeBpe(MergeTable merges, BpeRules rules) {
  bool all_bytes = true;
  for (const uint16_t character : ByteCharacters()) {
    std::string symbol;
    AppendUtf8(symbol, character);
    all_bytes = all_bytes && vocabulary.Find(symbol) != StringTable::kNone;
  }
  const bool has_affixes = !rules.continuing_prefix.empty() || !rules.end_suffix.empty();
  const bool has_fallback = rules.unk.has_value() || rules.byte_fallback;
  if (pre_tokenizer.leaves_bytes() && !has_affixes && (all_bytes || !has_fallback)) {
    rules.symbols = WordSymbols::kBytes;
    rules.unk.reset();
    rules.byte_fallback = false;
  }
  auto made = std::make_unique<Bpe>(vocabulary, std::move(merges), std::move(rules));
  std::vector<TokenId> words, merged;
  for (const AddedToken& token : added.tokens()) {
    words.push_back(token.id);
    if (token.special) merged.push_back(token.id);
  }
  made->Forbid(std::move(words), std::move(merged));
  bpe = std::move(made);
}

void Tokenizer::Impl::AddWellKnownEnds() {
  for (const AddedToken& token : added.tokens()) {
    if (std::find(kWellKnownEnds.begin(), kWellKnownEnds.end(), token.content) !=
        kWellKnownEnds.end()) {
      end_of_generation.push_back(token.id);
    }
  }
  std::sort(end_of_generation.begin(), end_of_generation.end());
  end_of_generation.erase(std::unique(end_of_generation.begin(), end_of_generation.end()),
                          end_of_generation.end());
}

std::string_view Tokenizer::Impl::Spelling(TokenId id) const {
  const AddedToken* token = added.Find(id);
  return token != nullptr ? std::string_view(token->content) : vocabulary[id];
}

std::optional<std::string_view> Tokenizer::Impl::DecodedSpelling(TokenId id,
                                                                 bool skip_special) const {
  if (const AddedToken* token = added.Find(id)) {
    if (skip_special && token->special) return std::nullopt;
    return added.DecodedContent(*token);
  }
  if (!vocabulary.Contains(id)) return std::nullopt;
  return vocabulary[id];
}

int64_t Tokenizer::Impl::EndId() const {
  int64_t end = vocabulary.end_id();
  for (const AddedToken& token : added.tokens()) end = std::max<int64_t>(end, token.id + 1);
  return end;
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::FromJson(std::string_view json,
                                                     std::string_view where) {
  return std::shared_ptr<const Tokenizer>(new Tokenizer(ReadTokenizerJson(json, where)));
}

std::shared_ptr<const Tokenizer> Tokenizer::FromGguf(const formats::GgufFile& file) {
  return std::shared_ptr<const Tokenizer>(new Tokenizer(ReadGgufVocabulary(file)));
}

std::shared_ptr<const Tokenizer> Tokenizer::FromPath(const std::filesystem::path& path) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  const std::filesystem::path file = is_folder ? path / "tokenizer.json" : path;
  const auto mapped = MappedFile::Open(file);
  const std::string_view bytes(reinterpret_cast<const char*>(mapped->bytes().data()),
                               mapped->bytes().size());
  if (bytes.starts_with("GGUF")) return FromGguf(*formats::GgufFile::Open(file));
  return FromJson(bytes, file.string());
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  CheckUtf8(text);
  std::vector<TokenId> ids = Encoding(*impl_, options.special_text).Run(text, {});
  return options.add_special ? Surround(std::move(ids), impl_->around) : ids;
}

std::vector<TokenId> Tokenizer::Encode(const MarkedText& text, bool add_special) const {
  CheckUtf8(text.text);
  std::vector<TokenId> ids = Encoding(*impl_, SpecialText::kParse).Run(text.text, text.inert);
  return add_special ? Surround(std::move(ids), impl_->around) : ids;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<std::string_view> spellings;
  spellings.reserve(ids.size());
  for (const TokenId id : ids) {
    if (const auto spelling = impl_->DecodedSpelling(id, skip_special)) {
      spellings.push_back(*spelling);
    }
  }
  return impl_->decoder.Decode(spellings);
}

int64_t Tokenizer::vocab_size() const { return impl_->EndId(); }

std::optional<TokenId> Tokenizer::IdOf(std::string_view token) const {
  if (const AddedToken* added = impl_->added.Find(token)) return added->id;
  const TokenId id = impl_->vocabulary.Find(token);
  return id == StringTable::kNone ? std::nullopt : std::optional(id);
}

std::string_view Tokenizer::Spelling(TokenId id) const { return impl_->Spelling(id); }

bool Tokenizer::IsSpecial(TokenId id) const {
  const AddedToken* token = impl_->added.Find(id);
  return token != nullptr && token->special;
}

std::optional<TokenId> Tokenizer::bos() const { return impl_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return impl_->eos; }
std::span<const TokenId> Tokenizer::end_of_generation() const { return impl_->end_of_generation; }
std::string_view Tokenizer::chat_template() const { return impl_->chat_template; }

}  // namespace hyprstream::text
