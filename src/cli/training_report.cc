#include "cli/training_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "base/atomic_file.h"
#include "base/error.h"

namespace hyprstream::cli {
namespace {

using Clock = std::chrono::steady_clock;
using training::StepReport;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Range {
  double low;
  double high;
};

Range LossRange(std::span<const StepReport> steps) {
  Range range{steps.front().result.loss, steps.front().result.loss};
  for (const StepReport& step : steps) {
    const double eval = step.eval_loss.value_or(step.result.loss);
    range.low = std::min({range.low, step.result.loss, eval});
    range.high = std::max({range.high, step.result.loss, eval});
  }
  if (range.high == range.low) range.high = range.low + 1.0;
  return range;
}

}  // namespace

TrainingLog::TrainingLog(const Shell& shell, const std::string& csv, int64_t steps,
                         std::span<const StepReport> history)
    : show_(shell.terminal.errors),
      steps_(steps),
      from_(std::ssize(history)),
      path_(csv),
      begin_(Clock::now()) {
  if (csv.empty()) return;
  csv_.open(csv, std::ios::trunc);
  if (!csv_) throw Error(ErrorCode::kIo, {.message = "cannot write the CSV file", .where = csv});
  csv_ << "step,loss,learning_rate,sparsity,tokens_per_second\n";
  for (const StepReport& step : history) Write(step);
}

void TrainingLog::Add(const StepReport& report) {
  if (csv_.is_open()) {
    Write(report);
    csv_.flush();
  }
  if (show_) Show(report);
}

void TrainingLog::Write(const StepReport& report) {
  csv_ << fmt::format("{},{:.6f},{:.8f},{:.6f},{:.1f}\n", report.step, report.result.loss,
                      report.learning_rate, report.sparsity, report.tokens_per_second());
}

void TrainingLog::Show(const StepReport& report) const {
  const auto done = static_cast<double>(report.step - from_);
  const double left =
      Seconds(Clock::now() - begin_) / done * static_cast<double>(steps_ - report.step);
  const auto filled = static_cast<size_t>(24 * report.step / steps_);
  const std::string line =
      fmt::format("\r\033[K[{:<24}] {}/{}  loss {:.4f}  {:.0f} tokens/s  {:.0f} s left",
                  std::string(filled, '#'), report.step, steps_, report.result.loss,
                  report.tokens_per_second(), left);
  std::fputs(line.c_str(), stderr);
}

void TrainingLog::Finish() {
  if (show_) std::fputs("\r\033[K", stderr);
  if (!csv_.is_open()) return;
  csv_.close();
  if (!csv_) throw Error(ErrorCode::kIo, {.message = "cannot write the CSV file", .where = path_});
}

std::string DrawLossCurve(std::span<const StepReport> steps) {
  constexpr size_t kHeight = 10, kWidth = 64;
  if (steps.empty()) return {};
  const Range range = LossRange(steps);
  const size_t width = std::min(kWidth, steps.size());
  std::vector<std::string> canvas(kHeight, std::string(width, ' '));
  for (size_t column = 0; column < width; ++column) {
    // The mean of the steps that share a column.
    const size_t begin = column * steps.size() / width;
    const size_t end = std::max(begin + 1, (column + 1) * steps.size() / width);
    double sum = 0.0;
    for (size_t i = begin; i < end; ++i) sum += steps[i].result.loss;
    const double share =
        (sum / static_cast<double>(end - begin) - range.low) / (range.high - range.low);
    const auto row = static_cast<size_t>(std::lround((1.0 - share) * (kHeight - 1)));
    canvas[row][column] = '*';
  }
  std::string text;
  for (size_t row = 0; row < kHeight; ++row) {
    const double value = range.high - (range.high - range.low) * static_cast<double>(row) /
                                          static_cast<double>(kHeight - 1);
    text += fmt::format("{:9.4f} |{}\n", value, canvas[row]);
  }
  text += fmt::format("     loss +{}\n           step {} to {}\n", std::string(width, '-'),
                      steps.front().step, steps.back().step);
  return text;
}

void WriteLossCurve(const std::filesystem::path& path, std::span<const StepReport> steps) {
  constexpr double kWidth = 640, kHeight = 320, kLeft = 60, kTop = 20, kBottom = 40;
  if (steps.empty()) return;
  const Range range = LossRange(steps);
  const double first = static_cast<double>(steps.front().step);
  const double span = std::max(1.0, static_cast<double>(steps.back().step) - first);
  const auto at = [&](int64_t step, double loss) {
    const double x = kLeft + (static_cast<double>(step) - first) / span * (kWidth - kLeft - 20);
    const double y =
        kTop + (range.high - loss) / (range.high - range.low) * (kHeight - kTop - kBottom);
    return fmt::format("{:.1f},{:.1f} ", x, y);
  };
  std::string train, eval;
  for (const StepReport& step : steps) {
    train += at(step.step, step.result.loss);
    if (step.eval_loss) eval += at(step.step, *step.eval_loss);
  }
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  for (int tick = 0; tick <= 4; ++tick) {
    const double loss = range.low + (range.high - range.low) * tick / 4.0;
    const double y =
        kTop + (range.high - loss) / (range.high - range.low) * (kHeight - kTop - kBottom);
    svg += fmt::format(
        "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3f}</text>\n",
        kLeft, y, kWidth - 20, y, kLeft - 6, y + 4, loss);
  }
  svg += fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"1.5\"/>\n"
      "<polyline points=\"{}\" fill=\"none\" stroke=\"#d62728\" stroke-width=\"2\"/>\n"
      "<text x=\"{}\" y=\"{}\">step {} to {}: training loss (blue), held-out loss (red)</text>\n"
      "</svg>\n",
      train, eval, kLeft, kHeight - 12, steps.front().step, steps.back().step);
  AtomicFile file(path);
  file.Write(svg);
  file.Commit();
}

}  // namespace hyprstream::cli
