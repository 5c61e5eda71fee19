#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fanfold::metrics {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

/// One pair of a sample's braces. The name is ours, the value may be any UTF-8 text.
struct Label {
  std::string_view name{};
  std::string_view value{};
};

/// Distribution of a histogram's observations. `counts` has one element more than `upper_bounds`: those that are above
/// the last bound. `counts[i]` are those at most `upper_bounds[i]` and above the bound before, each counted once.
struct Distribution {
  std::span<const double> upper_bounds{};  ///< Ascending.
  std::span<const std::uint64_t> counts{};
  double sum = 0;
};

/// Writes what Prometheus scrapes: its text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/). Families come one after the other, each with all its
/// samples; counters are named `…_total`; units are base units (`…_seconds`). Names that are none are defects of ours.
/// Not thread-safe.
class PrometheusText {
 public:
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Begins a family, whose samples follow. `help` is one sentence.
  void family(std::string_view name, MetricType type, std::string_view help);
  /// A sample of the family that was begun last, a counter or a gauge.
  void sample(std::span<const Label> labels, std::uint64_t value);
  void sample(std::span<const Label> labels, double value);
  void sample(std::uint64_t value) { sample({}, value); }
  /// The samples of a histogram: `_bucket` (each with all below it, up to +Inf), `_sum` and `_count`.
  void histogram(std::span<const Label> labels, const Distribution& observed);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  void begin_sample(std::string_view suffix, std::span<const Label> labels);
  void append_labels(std::span<const Label> labels, std::string_view upper_bound);

  std::string text_{};
  std::string name_{};  // Of the family.
  MetricType type_ = MetricType::counter;
};

}  // namespace fanfold::metrics
