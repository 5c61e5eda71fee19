#include "cli/progress_reporter.hpp"

#include <fmt/format.h>

#include <cstdio>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::chrono::milliseconds redraw_interval{120};
constexpr std::chrono::seconds first_line_after{2};
constexpr std::chrono::seconds line_interval{5};
constexpr std::chrono::seconds line_interval_later{30};
constexpr std::uint64_t frequent_line_count = 12;  ///< A log of a long job is not to be mostly progress.
constexpr std::string_view erase = "\r\x1b[J";

void show_now(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  static_cast<void>(std::fflush(stderr));
}

}  // namespace

ProgressReporter::ProgressReporter(Client client, MessageKey cluster, std::string name)
    : client_(std::move(client)),
      cluster_(std::move(cluster)),
      name_(std::move(name)),
      next_line_(std::chrono::steady_clock::now() + first_line_after) {
  thread_ = std::jthread([this](std::stop_token stop) { show(std::move(stop)); });
}

ProgressReporter::~ProgressReporter() { end(); }

void ProgressReporter::end() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  const std::unique_lock lock(mutex_);
  if (bar_shown_) show_now(erase);
  bar_shown_ = false;
}

void ProgressReporter::say(const std::string& line) {
  const std::unique_lock lock(mutex_);
  if (bar_shown_) show_now(erase);
  bar_shown_ = false;
  show_now(line + "\n");
}

void ProgressReporter::show(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto progress = client_.progress(cluster_);
    std::unique_lock lock(mutex_);
    if (progress) draw(*progress, lock);
    changed_.wait_for(lock, stop, redraw_interval, [] { return false; });
  }
}

void ProgressReporter::draw(const Progress& progress, std::unique_lock<std::mutex>&) {
  const auto now = RateEstimate::Clock::now();
  const std::uint64_t ended = progress.done_count + progress.failed_count;
  estimate_.add(ended, now);
  const std::uint64_t open = progress.total_count > ended ? progress.total_count - ended : 0;
  const ProgressMoment moment{name_, progress, estimate_.rate(), open > 0 ? estimate_.time_left(open) : std::nullopt};
  const Terminal terminal = inspect_terminal(STDERR_FILENO);
  if (terminal.is_terminal) {
    show_now(std::string(erase) + bar_line(moment, terminal));
    bar_shown_ = true;
  } else if (now >= next_line_) {
    show_now(plain_line(moment) + "\n");
    next_line_ = now + (++lines_ < frequent_line_count ? line_interval : line_interval_later);
  }
}

}  // namespace fanfold::cli
