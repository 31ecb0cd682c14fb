// Byte-pair encoding of one word after another: from a word's bytes or characters to ids. Immutable
// after construction but for a memo that any thread may fill: any thread may encode, each with its
// own BpeScratch.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_merge.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace hyprstream::text {

/// kBytes: words are raw bytes and every byte is a symbol, spelled in the vocabulary by its
/// character of the byte map. kCharacters: words are text and every character is a symbol.
enum class WordSymbols { kBytes, kCharacters };

struct BpeRules {
  WordSymbols symbols = WordSymbols::kCharacters;
  std::optional<TokenId> unk = {};
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;          // a word that is a token is that token
  std::string continuing_prefix = {};  // before every symbol of a word but the first
  std::string end_suffix = {};         // behind the last
};

/// What kInert forbids: ids of control tokens never come out of the merging.
enum class ControlIds { kAllowed, kForbidden };

/// Ids of words met before in this encoding; bounded, a newer word takes an older one's place.
class WordCache {
 public:
  struct Entry {
    static constexpr size_t kMaxBytes = 23, kMaxIds = 8;
    uint8_t size = 0;
    char bytes[kMaxBytes] = {};
    uint32_t count = 0;
    TokenId ids[kMaxIds] = {};
  };
  /// The entry where `word` is or would be; nothing for words that are too long.
  Entry* Find(std::string_view word);
  static bool Holds(const Entry& entry, std::string_view word);
  static void Fill(Entry& entry, std::string_view word, const std::vector<TokenId>& ids);

 private:
  static constexpr size_t kEntries = 1024;
  std::vector<Entry> entries_;
};

struct BpeScratch {
  MergeScratch merge;
  std::array<WordCache, 2> caches;  // by ControlIds
};

class Bpe {
 public:
  Bpe(const StringTable& vocabulary, MergeTable merges, BpeRules rules);

  /// Ids that ControlIds::kForbidden keeps out: `whole_words`, when a word is the token's spelling,
  /// and `merged`, whatever way they are reached.
  void Forbid(std::vector<TokenId> whole_words, std::vector<TokenId> merged);

  void Encode(std::string_view word, ControlIds control, BpeScratch& scratch,
              std::vector<TokenId>& out) const;
  const BpeRules& rules() const { return rules_; }

 private:
  void StartWithBytes(std::string_view word, std::vector<TokenId>& ids) const;
  void StartWithCharacters(std::string_view word, std::vector<TokenId>& ids) const;
  bool AppendFallback(std::string_view symbol, std::vector<TokenId>& ids) const;
  void Merge(std::string_view word, ControlIds control, BpeScratch& scratch) const;
  /// Leaves the word's ids in scratch.merge.ids.
  void EncodeUncached(std::string_view word, ControlIds control, BpeScratch& scratch) const;
  bool IsItsOwnResult(TokenId id, std::string_view word, BpeScratch& scratch) const;

  BpeRules rules_;
  MergeTable merges_;
  StringTable words_;                  // what each token stands for, in the symbols of a word
  std::vector<TokenId> byte_symbols_;  // id of each byte's symbol, or none
  std::vector<TokenId> fallback_;      // id of <0xHH> for each byte, or none
  std::vector<TokenId> forbidden_words_, forbidden_merges_;  // sorted
  // Whether merging a token's own spelling gives that token: unknown, yes, no.
  std::unique_ptr<std::atomic<uint8_t>[]> own_result_;
};

}  // namespace hyprstream::text
