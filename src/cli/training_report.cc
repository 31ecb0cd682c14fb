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

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Range {
  double low;
  double high;
};

Range LossRange(const std::vector<TrainingPoint>& points) {
  Range range{points.front().loss, points.front().loss};
  for (const TrainingPoint& point : points) {
    range.low = std::min({range.low, point.loss, point.eval_loss.value_or(point.loss)});
    range.high = std::max({range.high, point.loss, point.eval_loss.value_or(point.loss)});
  }
  if (range.high == range.low) range.high = range.low + 1.0;
  return range;
}

}  // namespace

TrainingLog::TrainingLog(const Shell& shell, const std::string& csv, int64_t steps, int64_t from)
    : show_(shell.terminal.errors),
      steps_(steps),
      from_(from),
      begin_(Clock::now()),
      last_(begin_) {
  if (csv.empty()) return;
  csv_.open(csv, from > 0 ? std::ios::app : std::ios::trunc);
  if (!csv_) throw Error(ErrorCode::kIo, {.message = "cannot write the CSV file", .where = csv});
  if (from == 0) csv_ << "step,loss,learning_rate,sparsity,tokens_per_second\n";
}

void TrainingLog::Add(const training::StepReport& report) {
  const auto now = Clock::now();
  const double speed = static_cast<double>(report.result.tokens) / Seconds(now - last_);
  last_ = now;
  points_.push_back(
      {.step = report.step, .loss = report.result.loss, .eval_loss = report.eval_loss});
  if (csv_.is_open()) {
    csv_ << fmt::format("{},{:.6f},{:.8f},{:.6f},{:.1f}\n", report.step, report.result.loss,
                        report.learning_rate, report.sparsity, speed);
    csv_.flush();
  }
  if (show_) Show(report, speed);
}

void TrainingLog::Show(const training::StepReport& report, double tokens_per_second) const {
  const auto done = static_cast<double>(report.step - from_);
  const double left = Seconds(last_ - begin_) / done * static_cast<double>(steps_ - report.step);
  const auto filled = static_cast<size_t>(24 * report.step / steps_);
  const std::string line = fmt::format(
      "\r\033[K[{:<24}] {}/{}  loss {:.4f}  {:.0f} tokens/s  {:.0f} s left",
      std::string(filled, '#'), report.step, steps_, report.result.loss, tokens_per_second, left);
  std::fputs(line.c_str(), stderr);
}

void TrainingLog::Finish() {
  if (show_) std::fputs("\r\033[K", stderr);
}

std::string DrawLossCurve(const std::vector<TrainingPoint>& points) {
  constexpr size_t kHeight = 10, kWidth = 64;
  if (points.empty()) return {};
  const Range range = LossRange(points);
  const size_t width = std::min(kWidth, points.size());
  std::vector<std::string> canvas(kHeight, std::string(width, ' '));
  for (size_t column = 0; column < width; ++column) {
    // The mean of the steps that share a column.
    const size_t begin = column * points.size() / width;
    const size_t end = std::max(begin + 1, (column + 1) * points.size() / width);
    double sum = 0.0;
    for (size_t i = begin; i < end; ++i) sum += points[i].loss;
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
                      points.front().step, points.back().step);
  return text;
}

void WriteLossCurve(const std::filesystem::path& path, const std::vector<TrainingPoint>& points) {
  constexpr double kWidth = 640, kHeight = 320, kLeft = 60, kTop = 20, kBottom = 40;
  if (points.empty()) return;
  const Range range = LossRange(points);
  const double first = static_cast<double>(points.front().step);
  const double span = std::max(1.0, static_cast<double>(points.back().step) - first);
  const auto at = [&](int64_t step, double loss) {
    const double x = kLeft + (static_cast<double>(step) - first) / span * (kWidth - kLeft - 20);
    const double y =
        kTop + (range.high - loss) / (range.high - range.low) * (kHeight - kTop - kBottom);
    return fmt::format("{:.1f},{:.1f} ", x, y);
  };
  std::string train, eval;
  for (const TrainingPoint& point : points) {
    train += at(point.step, point.loss);
    if (point.eval_loss) eval += at(point.step, *point.eval_loss);
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
      train, eval, kLeft, kHeight - 12, points.front().step, points.back().step);
  AtomicFile file(path);
  file.Write(svg);
  file.Commit();
}

}  // namespace hyprstream::cli
