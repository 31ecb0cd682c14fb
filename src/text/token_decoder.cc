#include "text/token_decoder.h"

#include <algorithm>
#include <utility>

#include "text/byte_map.h"

namespace hyprstream::text {
namespace {

using Tokens = std::vector<std::string>;

/// The byte that <0xHH> stands for.
std::optional<char> FallbackByte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int byte = 0;
  for (const char c : token.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    byte = byte * 16 + digit;
  }
  return static_cast<char>(byte);
}

std::string Lossy(std::string_view bytes, Utf8Stream::Broken broken) {
  std::string text;
  Utf8Stream stream(broken);
  stream.Push(bytes, text);
  stream.Finish(text);
  return text;
}

std::string ByteLevelBytes(std::string_view token) {
  if (auto bytes = UnmapBytes(token)) return *std::move(bytes);
  return std::string(token);
}

std::string DropOrSpace(std::string_view token, const DecodeMetaspace& step, bool is_first) {
  const Pattern replacement{step.replacement};
  return ReplaceAll(token, replacement, is_first && step.drop_first ? "" : " ");
}

/// Takes up to `start` times `content` from the front and up to `stop` times from the back.
std::string Strip(std::string_view text, const DecodeStrip& step) {
  if (step.content.empty()) return std::string(text);
  for (size_t i = 0; i < step.start && text.starts_with(step.content); ++i) {
    text.remove_prefix(step.content.size());
  }
  for (size_t i = 0; i < step.stop && text.ends_with(step.content); ++i) {
    text.remove_suffix(step.content.size());
  }
  return std::string(text);
}

std::string TextOfRun(const std::string& run, DecodeByteFallback::Broken broken) {
  if (broken == DecodeByteFallback::Broken::kCharacters) {
    return Lossy(run, Utf8Stream::Broken::kPerByte);
  }
  if (!FindInvalidUtf8(run)) return run;
  std::string text;
  for (size_t i = 0; i < run.size(); ++i) text += kReplacementCharacter;
  return text;
}

struct ApplyToAll {
  Tokens tokens;

  Tokens operator()(const DecodeByteLevel&) {
    std::string bytes;
    for (const std::string& token : tokens) bytes += ByteLevelBytes(token);
    return {Lossy(bytes, Utf8Stream::Broken::kPerPart)};
  }
  Tokens operator()(const DecodeReplace& step) {
    for (std::string& token : tokens) token = ReplaceAll(token, step.pattern, step.content);
    return std::move(tokens);
  }
  Tokens operator()(const DecodeByteFallback& step) {
    Tokens out;
    std::string run;
    const auto end_run = [&] {
      if (!run.empty()) out.push_back(TextOfRun(run, step.broken));
      run.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = FallbackByte(token)) {
        run.push_back(*byte);
      } else {
        end_run();
        out.push_back(std::move(token));
      }
    }
    end_run();
    return out;
  }
  Tokens operator()(const DecodeFuse&) {
    std::string fused;
    for (const std::string& token : tokens) fused += token;
    return {std::move(fused)};
  }
  Tokens operator()(const DecodeStrip& step) {
    for (std::string& token : tokens) token = Strip(token, step);
    return std::move(tokens);
  }
  Tokens operator()(const DecodeMetaspace& step) {
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = DropOrSpace(tokens[i], step, i == 0);
    return std::move(tokens);
  }
  Tokens operator()(const DecodeEndSuffix& step) {
    const Pattern suffix{step.suffix};
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = ReplaceAll(tokens[i], suffix, i + 1 < tokens.size() ? " " : "");
    }
    return std::move(tokens);
  }
};

}  // namespace

std::string TokenDecoder::Decode(const std::vector<std::string_view>& spellings) const {
  Tokens tokens(spellings.begin(), spellings.end());
  for (const DecoderStep& step : steps_) tokens = std::visit(ApplyToAll{std::move(tokens)}, step);
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (joins_ && i > 0) text += ' ';
    text += tokens[i];
  }
  return text;
}

std::string TokenDecoder::BytesInside(std::string_view spelling) const {
  TokenStream stream(*this);
  stream.is_first_ = false;
  return stream.BytesOf(spelling);
}

TokenStream::TokenStream(const TokenDecoder& decoder) : decoder_(&decoder) {
  bool fused = false;
  ends_.content.clear();
  for (const DecoderStep& step : decoder.steps_) {
    fused = fused || std::holds_alternative<DecodeFuse>(step) ||
            std::holds_alternative<DecodeByteLevel>(step);
    if (const auto* strip = std::get_if<DecodeStrip>(&step); strip != nullptr && fused) {
      ends_ = *strip;
    }
    const auto* bytes = std::get_if<DecodeByteFallback>(&step);
    if (bytes != nullptr && bytes->broken == DecodeByteFallback::Broken::kCharacters) {
      utf8_ = Utf8Stream(Utf8Stream::Broken::kPerByte);
    }
  }
}

std::string TokenStream::BytesOf(std::string_view spelling) {
  std::string token = std::string(spelling);
  std::string before = std::exchange(owes_space_, false) ? " " : "";
  if (decoder_->joins_ && !is_first_) before = " ";
  for (const DecoderStep& step : decoder_->steps_) {
    if (std::holds_alternative<DecodeByteLevel>(step)) return before + ByteLevelBytes(token);
    if (std::holds_alternative<DecodeFuse>(step)) break;
    if (const auto* replace = std::get_if<DecodeReplace>(&step)) {
      token = ReplaceAll(token, replace->pattern, replace->content);
    } else if (std::holds_alternative<DecodeByteFallback>(step)) {
      if (const auto byte = FallbackByte(token)) return before + *byte;
    } else if (const auto* strip = std::get_if<DecodeStrip>(&step)) {
      token = Strip(token, *strip);
    } else if (const auto* metaspace = std::get_if<DecodeMetaspace>(&step)) {
      token = DropOrSpace(token, *metaspace, is_first_);
    } else if (const auto* end = std::get_if<DecodeEndSuffix>(&step)) {
      if (end->suffix.empty() || !token.ends_with(end->suffix)) continue;
      token.resize(token.size() - end->suffix.size());
      owes_space_ = true;
    }
  }
  return before + token;
}

/// Strips the whole text's ends from `text`, its next part; holds back what may be its last.
std::string TokenStream::Trim(std::string text) {
  if (ends_.content.empty() || text.empty()) return text;
  const size_t size = ends_.content.size();
  while (ends_.start > 0 && text.starts_with(ends_.content)) {
    text.erase(0, size);
    --ends_.start;
  }
  if (!text.empty()) ends_.start = 0;
  if (ends_.stop == 0) return text;
  text = std::exchange(held_, {}) + text;
  size_t keep = text.size();
  for (size_t i = 0; i < ends_.stop; ++i) {
    if (!std::string_view(text).substr(0, keep).ends_with(ends_.content)) break;
    keep -= size;
  }
  held_ = text.substr(keep);
  text.resize(keep);
  return text;
}

std::string TokenStream::Push(std::string_view spelling) {
  std::string text;
  utf8_.Push(BytesOf(spelling), text);
  is_first_ = false;
  return Trim(std::move(text));
}

std::string TokenStream::Flush() {
  std::string text;
  utf8_.Finish(text);
  text = Trim(std::move(text));
  held_.clear();
  return text;
}

}  // namespace hyprstream::text
