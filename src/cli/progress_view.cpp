#include "cli/progress_view.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fanfold::cli {
namespace {

constexpr std::size_t bar_columns_max = 24;
constexpr std::size_t bar_columns_min = 6;
constexpr std::size_t name_columns_max = 24;
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view color_off = "\x1b[0m";

double seconds_between(RateEstimate::Clock::time_point from, RateEstimate::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::uint64_t ended_count(const Progress& progress) { return progress.done_count + progress.failed_count; }

double fraction(const Progress& progress) {
  if (progress.total_count == 0) return progress.finished ? 1.0 : 0.0;
  return static_cast<double>(ended_count(progress)) / static_cast<double>(progress.total_count);
}

/// Never 100 before the last task ended.
unsigned percent(const Progress& progress) { return static_cast<unsigned>(std::floor(fraction(progress) * 100)); }

std::string bar(double part, std::size_t columns, bool unicode) {
  static constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string text;
  if (unicode) {
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(columns) * 8);
    for (std::size_t i = 0; i < filled / 8; ++i) text += "█";
    text += eighths[filled % 8];
    const std::size_t used = filled / 8 + (filled % 8 != 0 ? 1 : 0);
    text.append(columns - used, ' ');
  } else {
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(columns));
    text.append(filled, '#').append(columns - filled, '-');
  }
  return text;
}

std::string rate_text(double rate) {
  if (rate >= 10) return fmt::format("{}/s", with_thousands(static_cast<std::uint64_t>(std::llround(rate))));
  if (rate >= 0.1) return fmt::format("{:.1f}/s", rate);
  return fmt::format("{:.1f}/min", rate * 60);
}

std::string range_text(const RateEstimate::Range& range, std::string_view dash) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  static constexpr Unit units[] = {{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}};
  const std::int64_t shortest = std::max<std::int64_t>(1, range.shortest.count());
  const std::int64_t longest = std::max(shortest, range.longest.count());
  for (const Unit& unit : units) {
    if (longest < 2 * unit.seconds && unit.seconds > 1) continue;
    const std::int64_t from = shortest / unit.seconds;
    const std::int64_t to = (longest + unit.seconds - 1) / unit.seconds;
    if (from == to) return fmt::format("about {} {} left", to, unit.name);
    return fmt::format("about {}{}{} {} left", from, dash, to, unit.name);
  }
  return "";
}

/// The parts behind the bar, the most important first.
std::vector<std::string> details(const ProgressMoment& moment, std::string_view dash, std::string_view complete) {
  const Progress& progress = moment.progress;
  std::vector<std::string> parts;
  // Complete ones, as in every other line; what failed is counted beside them.
  parts.push_back(fmt::format("{} of {}{}{}", with_thousands(progress.done_count), with_thousands(progress.total_count),
                              progress.sealed ? "" : " so far", complete));
  if (progress.failed_count > 0) parts.push_back(with_thousands(progress.failed_count) + " failed");
  if (progress.paused) parts.emplace_back("paused");
  if (!moment.waiting.empty() && !progress.finished && !progress.paused) {
    parts.push_back(moment.waiting);
    return parts;
  }
  if (moment.rate && *moment.rate > 0 && !progress.finished) parts.push_back(rate_text(*moment.rate));
  if (moment.left && !progress.finished && !progress.paused) parts.push_back(range_text(*moment.left, dash));
  return parts;
}

}  // namespace

void RateEstimate::add(std::uint64_t count, Clock::time_point at) {
  newest_ = Sample{count, at};
  if (!samples_.empty() && at - samples_.back().at < sample_interval) return;
  samples_.push_back({count, at});
  if (samples_.size() > sample_count_max) samples_.pop_front();
}

std::optional<double> RateEstimate::rate() const {
  if (!newest_ || samples_.empty()) return std::nullopt;
  // The oldest sample of the window; where none is that young, the newest that is older.
  const Sample* from = &samples_.front();
  for (const Sample& sample : samples_) {
    if (newest_->at - sample.at < window) break;
    from = &sample;
  }
  const double seconds = seconds_between(from->at, newest_->at);
  if (seconds < 0.2 || newest_->count < from->count) return std::nullopt;
  return static_cast<double>(newest_->count - from->count) / seconds;
}

std::optional<RateEstimate::Range> RateEstimate::time_left(std::uint64_t open_count) const {
  constexpr std::size_t stretch_samples = 4;
  constexpr double uncertainty = 0.15;  // Stretches that agree still say little about the tasks to come.
  static constexpr double seconds_max = 3600.0 * 24 * 365;
  if (samples_.size() <= stretch_samples) return std::nullopt;
  double slowest = INFINITY;
  double fastest = 0;
  for (std::size_t i = stretch_samples; i < samples_.size(); ++i) {
    const Sample& from = samples_[i - stretch_samples];
    const double speed = static_cast<double>(samples_[i].count - from.count) / seconds_between(from.at, samples_[i].at);
    slowest = std::min(slowest, speed);
    fastest = std::max(fastest, speed);
  }
  // A standstill says that something is slow, not that it takes forever: the whole stretch bounds it.
  const double overall = static_cast<double>(samples_.back().count - samples_.front().count) /
                         seconds_between(samples_.front().at, samples_.back().at);
  slowest = std::max(slowest, overall / 2);
  if (!(slowest > 0)) return std::nullopt;
  const auto open = static_cast<double>(open_count);
  const auto whole = [](double seconds) { return std::chrono::seconds(std::llround(std::min(seconds, seconds_max))); };
  return Range{whole(open / fastest * (1 - uncertainty)), whole(open / slowest * (1 + uncertainty))};
}

std::string bar_line(const ProgressMoment& moment, const Terminal& terminal) {
  const std::size_t columns =
      terminal.columns > 1 ? terminal.columns - 1 : 1;  // The last one would wrap on some terminals.
  const std::string share = fmt::format("{:>3}%", percent(moment.progress));
  if (columns < share.size() + 2 + bar_columns_min) return clipped(share, columns);

  const std::vector<std::string> parts = details(moment, terminal.unicode ? "–" : "-", "");
  const std::string name = clipped(moment.name, std::min(name_columns_max, columns / 4));
  // What every line has; then as many details as fit, then the widest bar.
  std::size_t used = share.size() + 2 + bar_columns_min;
  std::string tail;
  for (const std::string& part : parts) {
    const std::size_t width = column_count(part) + 3;
    if (used + width > columns) break;
    used += width;
    const bool is_failure = part.ends_with(" failed");
    tail += "   ";
    tail += terminal.color && is_failure ? std::string(red).append(part).append(color_off) : part;
  }
  const std::size_t name_width = column_count(name) + 2;
  const bool has_name = !name.empty() && used + name_width <= columns;
  if (has_name) used += name_width;
  const std::size_t bar_columns = bar_columns_min + std::min(columns - used, bar_columns_max - bar_columns_min);
  const std::string blocks = bar(fraction(moment.progress), bar_columns, terminal.unicode);
  std::string line = has_name ? name + "  " : "";
  line += terminal.color ? std::string(green).append(blocks).append(color_off) : blocks;
  return line + "  " + share + tail;
}

std::string plain_line(const ProgressMoment& moment) {
  std::string line = fmt::format("{}: {}%", moment.name, percent(moment.progress));
  for (const std::string& part : details(moment, "-", " complete")) line += ", " + part;
  return line;
}

}  // namespace fanfold::cli
