#include "text/bpe.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "text/byte_map.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr uint8_t kUnknown = 0, kYes = 1, kNo = 2;

std::string FallbackSpelling(int byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + '>';
}

bool Contains(const std::vector<TokenId>& sorted, TokenId id) {
  return !sorted.empty() && std::binary_search(sorted.begin(), sorted.end(), id);
}

/// The vocabulary in the symbols of a word: as it is, or as the bytes its spellings stand for.
StringTable WordsOf(const StringTable& vocabulary, WordSymbols symbols) {
  if (symbols == WordSymbols::kCharacters) return vocabulary;
  StringTable words;
  words.Reserve(static_cast<size_t>(vocabulary.end_id()), 0);
  for (TokenId id = 0; id < vocabulary.end_id(); ++id) {
    if (!vocabulary.Contains(id) || vocabulary[id].empty()) continue;
    if (const auto bytes = UnmapBytes(vocabulary[id])) words.Add(*bytes, id);
  }
  return words;
}

}  // namespace

WordCache::Entry* WordCache::Find(std::string_view word) {
  if (word.size() > Entry::kMaxBytes) return nullptr;
  if (entries_.empty()) entries_.resize(kEntries);
  return &entries_[HashBytes(word, 0) % kEntries];
}

bool WordCache::Holds(const Entry& entry, std::string_view word) {
  return entry.size == word.size() && std::memcmp(entry.bytes, word.data(), word.size()) == 0;
}

void WordCache::Fill(Entry& entry, std::string_view word, const std::vector<TokenId>& ids) {
  if (ids.size() > Entry::kMaxIds) return;
  entry.size = static_cast<uint8_t>(word.size());
  std::memcpy(entry.bytes, word.data(), word.size());
  entry.count = static_cast<uint32_t>(ids.size());
  std::copy(ids.begin(), ids.end(), entry.ids);
}

Bpe::Bpe(const StringTable& vocabulary, MergeTable merges, BpeRules rules)
    : rules_(std::move(rules)),
      merges_(std::move(merges)),
      words_(WordsOf(vocabulary, rules_.symbols)),
      byte_symbols_(256, StringTable::kNone),
      fallback_(256, StringTable::kNone),
      own_result_(new std::atomic<uint8_t>[static_cast<size_t>(vocabulary.end_id())]()) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string symbol;
    AppendUtf8(symbol, ByteCharacters()[byte]);
    byte_symbols_[byte] = vocabulary.Find(symbol);
    fallback_[byte] = vocabulary.Find(FallbackSpelling(byte));
  }
  const bool has_affixes = !rules_.continuing_prefix.empty() || !rules_.end_suffix.empty();
  HYPR_CHECK(rules_.symbols == WordSymbols::kCharacters ||
             (!has_affixes && !rules_.unk && !rules_.byte_fallback));
}

void Bpe::Forbid(std::vector<TokenId> whole_words, std::vector<TokenId> merged) {
  forbidden_words_ = std::move(whole_words);
  forbidden_merges_ = std::move(merged);
  std::sort(forbidden_words_.begin(), forbidden_words_.end());
  std::sort(forbidden_merges_.begin(), forbidden_merges_.end());
}

void Bpe::StartWithBytes(std::string_view word, std::vector<TokenId>& ids) const {
  for (const char byte : word) {
    const TokenId id = byte_symbols_[static_cast<unsigned char>(byte)];
    if (id != StringTable::kNone) ids.push_back(id);
  }
}

bool Bpe::AppendFallback(std::string_view symbol, std::vector<TokenId>& ids) const {
  if (!rules_.byte_fallback) return false;
  const auto fallback = [this](char c) { return fallback_[static_cast<unsigned char>(c)]; };
  const auto is_missing = [&](char c) { return fallback(c) == StringTable::kNone; };
  if (std::any_of(symbol.begin(), symbol.end(), is_missing)) return false;
  for (const char c : symbol) ids.push_back(fallback(c));
  return true;
}

void Bpe::StartWithCharacters(std::string_view word, std::vector<TokenId>& ids) const {
  std::string affixed;
  bool owes_unk = false;  // an unknown symbol waits for more of its kind
  for (size_t i = 0; i < word.size();) {
    const size_t length = ReadCodePoint(word.data() + i).length;
    std::string_view symbol = word.substr(i, length);
    const bool is_first = i == 0, is_last = i + length == word.size();
    const bool prefixed = !is_first && !rules_.continuing_prefix.empty();
    if (prefixed || (is_last && !rules_.end_suffix.empty())) {
      affixed = (is_first ? "" : rules_.continuing_prefix) + std::string(symbol) +
                (is_last ? rules_.end_suffix : "");
      symbol = affixed;
    }
    const TokenId id = words_.Find(symbol);
    if (id != StringTable::kNone) {
      if (owes_unk) ids.push_back(*rules_.unk);
      owes_unk = false;
      ids.push_back(id);
    } else if (!AppendFallback(symbol, ids) && rules_.unk) {
      if (owes_unk && !rules_.fuse_unk) ids.push_back(*rules_.unk);
      owes_unk = true;
    }
    i += length;
  }
  if (owes_unk) ids.push_back(*rules_.unk);
}

void Bpe::Merge(std::string_view word, ControlIds control, BpeScratch& scratch) const {
  static const std::vector<TokenId> kNothing;
  std::vector<TokenId>& ids = scratch.merge.ids;
  ids.clear();
  if (rules_.symbols == WordSymbols::kBytes) {
    StartWithBytes(word, ids);
  } else {
    StartWithCharacters(word, ids);
  }
  MergeSymbols(merges_, control == ControlIds::kForbidden ? forbidden_merges_ : kNothing,
               scratch.merge);
}

bool Bpe::IsItsOwnResult(TokenId id, std::string_view word, BpeScratch& scratch) const {
  std::atomic<uint8_t>& memo = own_result_[static_cast<size_t>(id)];
  uint8_t state = memo.load(std::memory_order_relaxed);
  if (state == kUnknown) {
    Merge(word, ControlIds::kAllowed, scratch);
    const std::vector<TokenId>& ids = scratch.merge.ids;
    state = ids.size() == 1 && ids[0] == id ? kYes : kNo;
    memo.store(state, std::memory_order_relaxed);
  }
  return state == kYes;
}

void Bpe::EncodeUncached(std::string_view word, ControlIds control, BpeScratch& scratch) const {
  const bool forbids = control == ControlIds::kForbidden;
  const TokenId whole = words_.Find(word);
  if (whole != StringTable::kNone && !(forbids && Contains(forbidden_merges_, whole))) {
    const bool taken_whole =
        rules_.ignore_merges && !(forbids && Contains(forbidden_words_, whole));
    if (taken_whole || IsItsOwnResult(whole, word, scratch)) {
      scratch.merge.ids.assign(1, whole);
      return;
    }
  }
  Merge(word, control, scratch);
}

void Bpe::Encode(std::string_view word, ControlIds control, BpeScratch& scratch,
                 std::vector<TokenId>& out) const {
  WordCache& cache = scratch.caches[static_cast<size_t>(control)];
  WordCache::Entry* entry = cache.Find(word);
  if (entry != nullptr && WordCache::Holds(*entry, word)) {
    out.insert(out.end(), entry->ids, entry->ids + entry->count);
    return;
  }
  EncodeUncached(word, control, scratch);
  const std::vector<TokenId>& ids = scratch.merge.ids;
  if (entry != nullptr) WordCache::Fill(*entry, word, ids);
  out.insert(out.end(), ids.begin(), ids.end());
}

}  // namespace hyprstream::text
