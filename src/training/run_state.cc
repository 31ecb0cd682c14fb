// The saved state of a run: a safetensors file, readable by anybody's tools.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "formats/safetensors.h"
#include "training/run.h"

namespace hyprstream::training {
namespace {

constexpr std::string_view kFormat = "hyprstream training state 2";

// Tensors over vectors that outlive the writing.
class StateWriter {
 public:
  template <typename T>
  void Add(const std::string& name, DType type, const std::vector<T>& values, int64_t width) {
    const auto rows = static_cast<int64_t>(values.size()) / width;
    tensors_.push_back({name, {type, Shape{rows, width}, std::as_bytes(std::span(values))}});
  }
  const std::vector<formats::NamedTensor>& tensors() const { return tensors_; }

 private:
  std::vector<formats::NamedTensor> tensors_;
};

// A step is one row of these.
constexpr int64_t kHistoryWidth = 9;

std::vector<double> WriteHistory(const std::vector<StepReport>& history) {
  std::vector<double> rows;
  for (const StepReport& step : history) {
    rows.insert(
        rows.end(),
        {step.result.loss, step.result.gradient_norm, static_cast<double>(step.result.targets),
         static_cast<double>(step.result.tokens), step.learning_rate, step.sparsity,
         step.eval_loss.value_or(std::numeric_limits<double>::quiet_NaN()),
         static_cast<double>(step.regrown), step.seconds});
  }
  return rows;
}

std::vector<StepReport> ReadHistory(const std::vector<double>& rows) {
  std::vector<StepReport> history;
  for (size_t i = 0; i + kHistoryWidth <= rows.size(); i += kHistoryWidth) {
    const double* row = rows.data() + i;
    StepReport& step = history.emplace_back();
    step.step = std::ssize(history);
    step.result = {.loss = row[0],
                   .gradient_norm = row[1],
                   .targets = static_cast<int64_t>(row[2]),
                   .tokens = static_cast<int64_t>(row[3])};
    step.learning_rate = row[4];
    step.sparsity = row[5];
    if (!std::isnan(row[6])) step.eval_loss = row[6];
    step.regrown = static_cast<int64_t>(row[7]);
    step.seconds = row[8];
  }
  return history;
}

class StateReader {
 public:
  explicit StateReader(const std::filesystem::path& path)
      : file_(formats::SafetensorsFile::Open(path)) {}

  template <typename T>
  std::vector<T> Read(const std::string& name, DType type) const {
    const formats::NamedTensor* tensor = file_->Find(name);
    if (tensor == nullptr || tensor->view.dtype != type) Damaged("tensor " + name);
    std::vector<T> values(tensor->view.bytes.size() / sizeof(T));
    if (!values.empty())
      std::memcpy(values.data(), tensor->view.bytes.data(), values.size() * sizeof(T));
    return values;
  }
  std::string Text(const std::string& key) const {
    const auto found = file_->metadata().find(key);
    if (found == file_->metadata().end()) Damaged("metadata " + key);
    return found->second;
  }
  int64_t Int(const std::string& key) const {
    const std::string text = Text(key);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) Damaged("metadata " + key);
    return value;
  }

 private:
  [[noreturn]] void Damaged(const std::string& what) const {
    throw Error(ErrorCode::kDataLoss, {.message = "a saved training state is damaged",
                                       .expected = what,
                                       .where = file_->path().string(),
                                       .hint = "remove it to train from the beginning"});
  }
  std::shared_ptr<const formats::SafetensorsFile> file_;
};

}  // namespace

void TrainingRun::Save(const std::filesystem::path& path) const {
  const AdapterSnapshot now = TakeSnapshot(trainer_.adapter(), WithMoments::kYes);
  std::vector<int64_t> tiles(now.tiles.begin(), now.tiles.end());
  std::vector<int64_t> best_tiles(best_.tiles.begin(), best_.tiles.end());
  std::vector<int64_t> born;
  for (const auto& [component, step] : trainer_.optimiser().born()) {
    born.insert(born.end(), {static_cast<int64_t>(component.first), component.second, step});
  }
  const std::vector<double> best_loss{best_loss_.value_or(0.0)};
  StateWriter writer;
  writer.Add("tiles", DType::kI64, tiles, 1);
  writer.Add("values", DType::kF32, now.values, vdb::kTileWeights);
  writer.Add("first_moment", DType::kF32, now.first, vdb::kTileWeights);
  writer.Add("second_moment", DType::kF32, now.second, vdb::kTileWeights);
  writer.Add("born", DType::kI64, born, 3);
  writer.Add("best_tiles", DType::kI64, best_tiles, 1);
  writer.Add("best_values", DType::kF32, best_.values, vdb::kTileWeights);
  writer.Add("best_loss", DType::kF64, best_loss, 1);
  const std::vector<double> history = WriteHistory(history_);
  writer.Add("history", DType::kF64, history, kHistoryWidth);
  formats::WriteSafetensors(path, writer.tensors(),
                            {{"format", std::string(kFormat)},
                             {"identity", identity_},
                             {"step", std::to_string(step_)},
                             {"optimiser_steps", std::to_string(trainer_.optimiser().steps())},
                             {"evaluated", best_loss_ ? "1" : "0"},
                             {"best_step", std::to_string(best_step_)},
                             {"worse", std::to_string(worse_)},
                             {"stopped", stopped_ ? "1" : "0"}});
}

void TrainingRun::Restore(const std::filesystem::path& path) {
  const StateReader reader(path);
  if (reader.Text("format") != kFormat || reader.Text("identity") != identity_) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "a saved training state belongs to another run",
                 .expected = "the same model, adapter, samples and options",
                 .where = path.string(),
                 .hint = "repeat the command as it was, or start afresh with --restart"});
  }
  const auto tiles = reader.Read<int64_t>("tiles", DType::kI64);
  const AdapterSnapshot now{.tiles = {tiles.begin(), tiles.end()},
                            .values = reader.Read<float>("values", DType::kF32),
                            .first = reader.Read<float>("first_moment", DType::kF32),
                            .second = reader.Read<float>("second_moment", DType::kF32)};
  const auto rows = reader.Read<int64_t>("born", DType::kI64);
  std::map<std::pair<size_t, int64_t>, int64_t> born;
  for (size_t i = 0; i + 2 < rows.size(); i += 3) {
    born[{static_cast<size_t>(rows[i]), rows[i + 1]}] = rows[i + 2];
  }
  const int64_t steps = reader.Int("optimiser_steps");
  trainer_.ChangeAdapter([&](adapters::TrainableAdapter& adapter, SparseAdamW& optimiser) {
    RestoreSnapshot(now, adapter);
    optimiser.Restore(steps, std::move(born));
  });
  const auto best_tiles = reader.Read<int64_t>("best_tiles", DType::kI64);
  best_.tiles.assign(best_tiles.begin(), best_tiles.end());
  best_.values = reader.Read<float>("best_values", DType::kF32);
  if (reader.Int("evaluated") != 0) {
    const auto loss = reader.Read<double>("best_loss", DType::kF64);
    if (!loss.empty()) best_loss_ = loss.front();
  }
  history_ = ReadHistory(reader.Read<double>("history", DType::kF64));
  best_step_ = reader.Int("best_step");
  worse_ = reader.Int("worse");
  stopped_ = reader.Int("stopped") != 0;
  step_ = reader.Int("step");
  const auto learnt =
      std::ranges::find_if(history_, [this](const StepReport& report) { return Enough(report); });
  learnt_.reset();
  if (learnt != history_.end()) learnt_ = learnt->step;
  prepared_ = true;
}

}  // namespace hyprstream::training
