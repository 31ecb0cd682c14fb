#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "text/json_fields.h"
#include "text/tokenizer_impl.h"
#include "text/tokenizer_json_parts.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

namespace json = boost::json;

constexpr size_t kMaxFileBytes = 128u << 20;  // the largest published ones have 35 MB
constexpr size_t kMaxAddedTokens = 1u << 17;

json::value Parse(std::string_view text, std::string_view where, json::storage_ptr storage) {
  if (text.size() > kMaxFileBytes) {
    throw Error(ErrorCode::kLimit,
                {.message = "the tokenizer's file is too large",
                 .expected = "at most " + std::to_string(kMaxFileBytes) + " bytes",
                 .found = std::to_string(text.size()),
                 .where = std::string(where)});
  }
  json::stream_parser parser(std::move(storage));
  json::error_code failure;
  const size_t read = parser.write_some(text.data(), text.size(), failure);
  if (!failure) parser.finish(failure);
  if (failure || text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
    throw Error(ErrorCode::kDataLoss,
                {.message = "the tokenizer's file is not JSON",
                 .expected = "one JSON document",
                 .found = failure ? failure.message() : "more text behind it",
                 .where = std::string(where) + ", byte " + std::to_string(read)});
  }
  return parser.release();
}

[[noreturn]] void FailEntry(const JsonField& list, std::string_view entry, std::string expected,
                            std::string found) {
  list.Fail(ErrorCode::kDataLoss,
            {.message = "the tokenizer's entry " + std::string(entry.substr(0, 60)) + " is wrong",
             .expected = std::move(expected),
             .found = std::move(found)});
}

void CheckCount(const JsonField& list, size_t count, size_t limit) {
  if (count <= limit) return;
  list.Fail(ErrorCode::kLimit, {.message = "the tokenizer has too many entries",
                                .expected = "at most " + std::to_string(limit),
                                .found = std::to_string(count)});
}

StringTable ReadVocabulary(const JsonField& field) {
  const json::object& entries = field.Object();
  CheckCount(field, entries.size(), VocabularyLimits::kTokens);
  // Ids may have holes, but no file makes us keep a table far longer than its vocabulary.
  const int64_t id_limit = static_cast<int64_t>(entries.size()) * 2 + (1 << 16);
  StringTable vocabulary;
  size_t bytes = 0;
  for (const auto& entry : entries) bytes += entry.key().size();
  vocabulary.Reserve(entries.size(), bytes);
  for (const auto& entry : entries) {
    const std::string_view token(entry.key().data(), entry.key().size());
    const int64_t* id = entry.value().if_int64();
    if (id == nullptr || *id < 0 || *id >= id_limit) {
      FailEntry(field, token, "an id from 0 to " + std::to_string(id_limit - 1),
                json::serialize(entry.value()).substr(0, 60));
    }
    if (vocabulary.Contains(static_cast<TokenId>(*id))) {
      FailEntry(field, token, "an id of its own", std::to_string(*id));
    }
    vocabulary.Add(token, static_cast<TokenId>(*id));
  }
  return vocabulary;
}

struct MergeText {
  std::string_view left, right;
};

std::string_view View(const json::string& text) { return {text.data(), text.size()}; }

/// ["a","b"] or, in older files, "a b"; nothing for a version line.
std::optional<MergeText> ReadMerge(const JsonField& list, size_t index, const json::value& value) {
  if (const json::string* line = value.if_string()) {
    const std::string_view text = View(*line);
    if (text.starts_with("#version")) return std::nullopt;
    const size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return MergeText{text.substr(0, space), text.substr(space + 1)};
    }
  } else if (const json::array* pair = value.if_array(); pair != nullptr && pair->size() == 2 &&
                                                         (*pair)[0].is_string() &&
                                                         (*pair)[1].is_string()) {
    return MergeText{View((*pair)[0].get_string()), View((*pair)[1].get_string())};
  }
  list.At(index).Fail("two tokens: [\"a\", \"b\"] or \"a b\"");
}

MergeTable ReadMerges(const JsonField& field, const StringTable& vocabulary,
                      std::string_view continuing_prefix) {
  const json::array& list = field.Array();
  CheckCount(field, list.size(), VocabularyLimits::kMerges);
  MergeTable merges(list.size());
  std::string joined;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto text = ReadMerge(field, i, list[i]);
    if (!text) continue;
    joined = text->left;
    joined += text->right.substr(std::min(continuing_prefix.size(), text->right.size()));
    const TokenId left = vocabulary.Find(text->left);
    const TokenId right = vocabulary.Find(text->right);
    const TokenId result = vocabulary.Find(joined);
    if (left < 0 || right < 0 || result < 0) {
      field.At(i).Fail("a merge whose parts and result are in the vocabulary");
    }
    merges.Add(left, right, {.rank = static_cast<uint32_t>(i), .result = result});
  }
  return merges;
}

/// The id of a token that is not in the vocabulary is the next free one, whatever the file says.
class AddedTokenReader {
 public:
  AddedTokenReader(const StringTable& vocabulary, int64_t vocabulary_size)
      : vocabulary_(vocabulary), next_id_(vocabulary_size) {}

  void Read(const JsonField& field) {
    AddedToken token{.content = field.Get("content").ShortString(),
                     .single_word = field.BoolOr("single_word", false),
                     .lstrip = field.BoolOr("lstrip", false),
                     .rstrip = field.BoolOr("rstrip", false),
                     .special = field.BoolOr("special", false)};
    token.normalized = field.BoolOr("normalized", !token.special);
    if (token.content.empty()) return;
    const auto same = std::find_if(tokens_.begin(), tokens_.end(), [&](const AddedToken& other) {
      return other.content == token.content;
    });
    if (same != tokens_.end()) {
      token.id = same->id;
      *same = std::move(token);
      return;
    }
    const TokenId known = vocabulary_.Find(token.content);
    token.id = known != StringTable::kNone ? known : static_cast<TokenId>(next_id_);
    next_id_ = std::max<int64_t>(next_id_, token.id + 1);
    const int64_t stated = field.Get("id").Int();
    if (stated != token.id) {
      LogWarning(field.path() + ": the token " + token.content + " has id " +
                 std::to_string(token.id) + ", not " + std::to_string(stated));
    }
    tokens_.push_back(std::move(token));
  }
  std::vector<AddedToken> Take() { return std::move(tokens_); }

 private:
  const StringTable& vocabulary_;
  int64_t next_id_;
  std::vector<AddedToken> tokens_;
};

std::vector<AddedToken> ReadAddedTokens(const JsonField& root, const StringTable& vocabulary,
                                        size_t vocabulary_size) {
  const auto list = root.Find("added_tokens");
  if (!list) return {};
  const size_t count = list->Array().size();
  CheckCount(*list, count, kMaxAddedTokens);
  AddedTokenReader reader(vocabulary, static_cast<int64_t>(vocabulary_size));
  for (size_t i = 0; i < count; ++i) reader.Read(list->At(i));
  return reader.Take();
}

void CheckModelType(const JsonField& model) {
  const auto type = model.Find("type");
  if (type ? type->String() == "BPE" : model.Find("merges").has_value()) return;
  model.Fail(ErrorCode::kUnsupported,
             {.message = "the tokenizer's model is not supported",
              .expected = "BPE",
              .found = type ? std::string(type->String()) : "no type and no merges"});
}

BpeRules ReadRules(const JsonField& model, const StringTable& vocabulary) {
  BpeRules rules{.fuse_unk = model.BoolOr("fuse_unk", false),
                 .byte_fallback = model.BoolOr("byte_fallback", false),
                 .ignore_merges = model.BoolOr("ignore_merges", false)};
  if (const auto unk = model.Find("unk_token")) {
    const TokenId id = vocabulary.Find(unk->String());
    if (id == StringTable::kNone) unk->Fail("a token of the vocabulary");
    rules.unk = id;
  }
  if (const auto prefix = model.Find("continuing_subword_prefix")) {
    rules.continuing_prefix = prefix->ShortString();
  }
  if (const auto suffix = model.Find("end_of_word_suffix")) {
    rules.end_suffix = suffix->ShortString();
  }
  return rules;
}

}  // namespace

std::unique_ptr<Tokenizer::Impl> ReadTokenizerJson(std::string_view text, std::string_view where) {
  json::monotonic_resource memory(1 << 20);
  const json::value document = Parse(text, where, &memory);
  const JsonField root(document, std::string(where));
  const JsonField model = root.Get("model");
  CheckModelType(model);

  auto parts = std::make_unique<Tokenizer::Impl>();
  const JsonField vocabulary = model.Get("vocab");
  parts->vocabulary = ReadVocabulary(vocabulary);
  parts->normalizer = ReadNormalizer(root);
  parts->pre_tokenizer = ReadPreTokenizer(root);
  parts->decoder = ReadDecoder(root);
  parts->around = ReadPostProcessor(root);
  parts->added = AddedTokens(ReadAddedTokens(root, parts->vocabulary, vocabulary.Object().size()),
                             parts->normalizer);
  BpeRules rules = ReadRules(model, parts->vocabulary);
  MergeTable merges = ReadMerges(model.Get("merges"), parts->vocabulary, rules.continuing_prefix);
  parts->MakeBpe(std::move(merges), std::move(rules));
  if (!parts->around.before.empty()) parts->bos = parts->around.before.front();
  if (!parts->around.after.empty()) parts->eos = parts->around.after.back();
  parts->AddWellKnownEnds();
  return parts;
}

}  // namespace hyprstream::text
