// Text to token ids and back, exactly as Hugging Face `tokenizers` does it for the byte-level BPE
// (GPT-2, Qwen, Llama 3, SmolLM2) and SentencePiece BPE (Llama 2, Mistral) families, read from
// tokenizer.json or from GGUF metadata. Immutable after loading: any thread may use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/marked_text.h"

namespace hyprstream::formats {
class GgufFile;
}

namespace hyprstream::text {

using TokenId = int32_t;

/// kParse: special tokens written in the text become single ids. kPlain: tokens marked special are
/// ordinary text (the library's encode_special_tokens). kInert: no added token of any kind is read,
/// not even those with special = false (<think>, <tool_call>).
enum class SpecialText { kParse, kPlain, kInert };

struct EncodeOptions {
  SpecialText special_text = SpecialText::kParse;
  bool add_special = false;  // what the post-processor adds: BOS, EOS
};

class Tokenizer {
 public:
  /// `json` is a whole tokenizer.json; `where` names it in errors.
  /// Errors: kDataLoss for a damaged file, kUnsupported naming the component we do not have.
  static std::shared_ptr<const Tokenizer> FromJson(std::string_view json, std::string_view where);
  static std::shared_ptr<const Tokenizer> FromGguf(const formats::GgufFile& file);
  /// A folder with tokenizer.json, a tokenizer.json itself, or a GGUF file.
  static std::shared_ptr<const Tokenizer> FromPath(const std::filesystem::path& path);

  ~Tokenizer();

  /// Errors: kInvalidArgument when the text is not UTF-8, naming the byte.
  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Outside the inert ranges special text is parsed, inside them never.
  std::vector<TokenId> Encode(const MarkedText& text, bool add_special = false) const;

  /// Ids beyond the vocabulary decode to nothing.
  std::string Decode(std::span<const TokenId> ids, bool skip_special = false) const;

  /// One more than the largest id.
  int64_t vocab_size() const;
  std::optional<TokenId> IdOf(std::string_view token) const;
  /// The token as the vocabulary spells it ("Ġthe", "<0x0A>"); empty for an unknown id.
  std::string_view Spelling(TokenId id) const;
  bool IsSpecial(TokenId id) const;
  /// From the file (GGUF) or from the post-processor; nothing when it names none.
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  /// Ids that end a generation as far as the tokenizer's file says (GGUF eos, eot, eom and the
  /// well-known spellings). A model's configuration may add more.
  std::span<const TokenId> end_of_generation() const;
  /// The chat template stored with the vocabulary in GGUF; empty when there is none.
  std::string_view chat_template() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Decodes a stream of ids: what may be shown after each token, never a broken character. A byte
/// that cannot begin or continue a character becomes U+FFFD at once. One thread, one stream.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special = false);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  std::string Push(TokenId id);
  /// What is still held back; the stream is over afterwards.
  std::string Flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hyprstream::text
