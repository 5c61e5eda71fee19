#include "cli/progress_reporter.hpp"

#include "cli/cluster_state.hpp"

#include <cstdio>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::chrono::milliseconds redraw_interval{120};
constexpr std::chrono::seconds first_line_after{2};
constexpr std::chrono::seconds line_interval{5};
constexpr std::chrono::seconds line_interval_later{30};
constexpr std::uint64_t frequent_line_count = 12;  ///< A log of a long job is not to be mostly progress.
/// Each look is up to a hundred reads there.
constexpr std::chrono::milliseconds look_interval_on_aws{1'000};
constexpr std::string_view erase = "\r\x1b[J";

std::uint64_t ended_of(const Progress& progress) { return progress.done_count + progress.failed_count; }

std::uint64_t open_of(const Progress& progress) {
  return progress.total_count > ended_of(progress) ? progress.total_count - ended_of(progress) : 0;
}

void show_now(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  static_cast<void>(std::fflush(stderr));
}

}  // namespace

ProgressReporter::ProgressReporter(Client client, ProgressReporterOptions options)
    : client_(std::move(client)),
      options_(std::move(options)),
      standstill_clock_(options_.is_on_aws ? StandstillClock::look_interval_on_aws : StandstillClock::look_interval),
      next_line_(std::chrono::steady_clock::now() + first_line_after) {
  route_.emplace([this](std::string_view line) { say(line); });
  thread_ = std::jthread([this](std::stop_token stop) { show(std::move(stop)); });
}

ProgressReporter::~ProgressReporter() { end(); }

void ProgressReporter::end() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  route_.reset();
  const std::unique_lock lock(mutex_);
  if (bar_shown_) show_now(erase);
  bar_shown_ = false;
}

void ProgressReporter::say(std::string_view line) {
  const std::unique_lock lock(mutex_);
  if (bar_shown_) show_now(erase);
  bar_shown_ = false;
  show_now(std::string(line) + "\n");
}

void ProgressReporter::show(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (std::chrono::steady_clock::now() >= next_look_) look();
    std::unique_lock lock(mutex_);
    if (progress_) draw(*progress_, lock);
    changed_.wait_for(lock, stop, redraw_interval, [] { return false; });
  }
}

void ProgressReporter::look() {
  auto progress = client_.progress(options_.cluster);
  const auto now = std::chrono::steady_clock::now();
  next_look_ = now + (options_.is_on_aws ? look_interval_on_aws : redraw_interval);
  trouble_ = progress                                        ? ""
             : progress.error().code == ErrorCode::throttled ? "the store throttles"
                                                             : "the store does not answer";
  if (!progress) return;
  progress_ = *progress;
  estimate_.add(ended_of(*progress), now);
  standstill_clock_.see(*progress, options_.is_busy && options_.is_busy(), now);
  if (!standstill_clock_.is_standing()) standstill_search_.clear();
  if (standstill_clock_.take_look(standstill_search_.is_outdated(cli::now()), now)) look_at_standstill();
  standstill_ = standstill_search_.found();
  if (!standstill_) return;
  standstill_->open_count = open_of(*progress);
  standstill_->deaths_are_known = !options_.is_on_aws;
}

/// On AWS one page, which is up to a hundred reads; the next look goes on from there.
void ProgressReporter::look_at_standstill() {
  do {
    auto page = client_.list_task_states(options_.cluster, {.status = Status::in_progress},
                                         standstill_search_.first_index(), StandstillSearch::page_count_max);
    if (!page) return;
    standstill_search_.take(*page, cli::now());
  } while (standstill_search_.is_under_way() && !options_.is_on_aws);
}

/// What is waited for is worth a line sooner, but not where tasks end every few seconds.
bool ProgressReporter::is_standstill_news(std::chrono::steady_clock::time_point now) const {
  return standstill_ && !is_standstill_told_ && now - last_line_ >= line_interval;
}

void ProgressReporter::draw(const Progress& progress, std::unique_lock<std::mutex>&) {
  const auto now = RateEstimate::Clock::now();
  const std::uint64_t open = open_of(progress);
  ProgressMoment moment{options_.name, progress, estimate_.rate(), open > 0 ? estimate_.time_left(open) : std::nullopt};
  const Terminal terminal = inspect_terminal(STDERR_FILENO);
  if (!trouble_.empty())
    moment.waiting = trouble_;
  else if (standstill_)
    moment.waiting = terminal.is_terminal ? short_text(*standstill_, cli::now()) : long_text(*standstill_, cli::now());
  if (terminal.is_terminal) {
    show_now(std::string(erase) + bar_line(moment, terminal));
    bar_shown_ = true;
  } else if (now >= next_line_ || is_standstill_news(now)) {
    show_now(plain_line(moment) + "\n");
    last_line_ = now;
    is_standstill_told_ = standstill_.has_value();
    next_line_ = now + (++lines_ < frequent_line_count ? line_interval : line_interval_later);
  }
}

}  // namespace fanfold::cli
