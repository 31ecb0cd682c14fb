#include "engine/evaluate.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "engine/exponential.h"
#include "engine/page_memory.h"
#include "engine/request_check.h"
#include "model/batch.h"

namespace hyprstream::engine {
namespace {

constexpr int64_t kMostRows = 512;                        // of one forward pass
constexpr int64_t kMostLogits = (int64_t{64} << 20) / 4;  // floats of one forward pass

struct Piece {
  size_t sequence;
  int64_t begin;
  int64_t count;
};

class Evaluator {
 public:
  Evaluator(ops::Context& context, const model::Model& model,
            std::span<const std::vector<int32_t>> sequences, const EvaluateOptions& options)
      : context_(context),
        model_(model),
        sequences_(sequences),
        options_(options),
        vocab_(model.config().vocab_size),
        most_rows_(std::clamp<int64_t>(kMostLogits / vocab_, 1, kMostRows)),
        page_tables_(PageTables()),
        memory_(pages_, model.CacheLayout(nullptr, options.cache_dtype).page_bytes(),
                options.budget) {
    if (options.budget == nullptr) return;
    logits_ = Reservation(*options.budget, MemoryUse::kScratch, LogitBytes(), "the logits");
  }

  std::vector<Evaluation> Run();

 private:
  std::vector<std::vector<int32_t>> PageTables();
  int64_t Kept(size_t sequence) const;
  /// Of all that is kept, and of one forward pass.
  Bytes LogitBytes() const;
  /// Step after step, as many pieces as one forward pass takes.
  void RunPieces(std::span<const Piece> pieces);
  void Score(const Piece& piece, ConstMatrix logits);
  const std::vector<int32_t>& TokensOf(const Piece& piece) const {
    return sequences_[piece.sequence];
  }

  ops::Context& context_;
  const model::Model& model_;
  std::span<const std::vector<int32_t>> sequences_;
  const EvaluateOptions& options_;
  int64_t vocab_;
  int64_t most_rows_;
  int64_t pages_ = 0;
  std::vector<std::vector<int32_t>> page_tables_;
  PageMemory memory_;
  Reservation logits_;
  std::vector<Evaluation> results_;
};

std::vector<std::vector<int32_t>> Evaluator::PageTables() {
  std::vector<std::vector<int32_t>> tables(sequences_.size());
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const size_t count = (sequences_[i].size() + ops::kPageTokens - 1) / ops::kPageTokens;
    for (size_t page = 0; page < count; ++page) {
      tables[i].push_back(static_cast<int32_t>(pages_++));
    }
  }
  return tables;
}

int64_t Evaluator::Kept(size_t sequence) const {
  const auto length = static_cast<int64_t>(sequences_[sequence].size());
  return options_.last == 0 ? length : std::min(length, options_.last);
}

Bytes Evaluator::LogitBytes() const {
  int64_t rows = most_rows_;
  for (size_t i = 0; i < sequences_.size(); ++i) rows += Kept(i);
  return {static_cast<uint64_t>(rows) * static_cast<uint64_t>(vocab_) * sizeof(float)};
}

std::vector<Evaluation> Evaluator::Run() {
  int64_t longest = 0;
  for (size_t i = 0; i < sequences_.size(); ++i) {
    results_.push_back({Tensor(DType::kF32, {Kept(i), vocab_}), 0});
    longest = std::max(longest, static_cast<int64_t>(sequences_[i].size()));
  }
  const int64_t step = options_.step == 0 ? longest : options_.step;
  for (int64_t begin = 0; begin < longest; begin += step) {
    std::vector<Piece> pieces;
    int64_t rows = 0;
    for (size_t i = 0; i < sequences_.size(); ++i) {
      const int64_t end = std::min(begin + step, static_cast<int64_t>(sequences_[i].size()));
      for (int64_t at = begin; at < end;) {
        const int64_t count = std::min(end - at, most_rows_ - rows);
        pieces.push_back({i, at, count});
        rows += count;
        at += count;
        if (rows < most_rows_) continue;
        RunPieces(pieces);
        pieces.clear();
        rows = 0;
      }
    }
    if (!pieces.empty()) RunPieces(pieces);
  }
  return std::move(results_);
}

void Evaluator::RunPieces(std::span<const Piece> pieces) {
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int32_t> outputs;
  std::vector<ops::SequenceRows> rows;
  std::vector<int64_t> prompt_lengths;
  for (const Piece& piece : pieces) {
    const auto row_begin = static_cast<int64_t>(tokens.size());
    for (int64_t i = 0; i < piece.count; ++i) {
      outputs.push_back(static_cast<int32_t>(tokens.size()));
      tokens.push_back(TokensOf(piece)[static_cast<size_t>(piece.begin + i)]);
      positions.push_back(static_cast<int32_t>(piece.begin + i));
    }
    rows.push_back({row_begin, row_begin + piece.count, piece.begin, page_tables_[piece.sequence]});
    prompt_lengths.push_back(static_cast<int64_t>(TokensOf(piece).size()));
  }
  std::vector<model::AdapterUse> adapters;
  for (const AdapterChoice& choice : options_.adapters) {
    adapters.push_back(
        {0, static_cast<int64_t>(tokens.size()), &choice.adapter->views, choice.scale});
  }
  const ops::Scratch::Frame frame(context_.scratch);
  const Matrix logits =
      context_.scratch.AllocateMatrix(static_cast<int64_t>(tokens.size()), vocab_);
  model_.Forward(context_, {tokens, positions, rows, outputs, adapters, prompt_lengths},
                 model_.CacheLayout(memory_.base(), options_.cache_dtype), logits);
  for (size_t i = 0; i < pieces.size(); ++i) {
    Score(pieces[i], logits.Rows(rows[i].row_begin, pieces[i].count));
  }
}

// Adds log p of each next token and keeps the rows that were asked for.
void Evaluator::Score(const Piece& piece, ConstMatrix logits) {
  Evaluation& result = results_[piece.sequence];
  const std::vector<int32_t>& tokens = TokensOf(piece);
  const auto length = static_cast<int64_t>(tokens.size());
  const int64_t first_kept = length - Kept(piece.sequence);
  const std::span<float> kept = result.logits.As<float>();
  for (int64_t i = 0; i < piece.count; ++i) {
    const int64_t position = piece.begin + i;
    const std::span<const float> row(logits.row(i), static_cast<size_t>(vocab_));
    if (position + 1 < length) {
      const auto target = static_cast<size_t>(tokens[static_cast<size_t>(position + 1)]);
      const float largest = *std::max_element(row.begin(), row.end());
      result.logprob_sum += static_cast<double>(row[target]) - LogSumExp(row, largest);
    }
    if (position < first_kept) continue;
    std::copy(row.begin(), row.end(), kept.begin() + (position - first_kept) * vocab_);
  }
}

void CheckSequences(const model::Model& model, std::span<const std::vector<int32_t>> sequences,
                    const EvaluateOptions& options) {
  const model::ModelConfig& config = model.config();
  if (options.step < 0 || options.last < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "step and last count tokens",
                 .expected = "0 or more",
                 .found = std::to_string(std::min(options.step, options.last))});
  }
  CheckAdapters(options.adapters);
  for (const std::vector<int32_t>& tokens : sequences) {
    CheckTokens(tokens, config.vocab_size);
    if (static_cast<int64_t>(tokens.size()) <= config.context_length()) continue;
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "a sequence is longer than the model's context",
                 .expected = "at most " + std::to_string(config.context_length()),
                 .found = std::to_string(tokens.size()) + " tokens",
                 .where = "context"});
  }
}

}  // namespace

std::vector<Evaluation> EvaluateSequences(ops::Context& context, const model::Model& model,
                                          std::span<const std::vector<int32_t>> sequences,
                                          const EvaluateOptions& options) {
  CheckSequences(model, sequences, options);
  if (sequences.empty()) return {};
  return Evaluator(context, model, sequences, options).Run();
}

}  // namespace hyprstream::engine
