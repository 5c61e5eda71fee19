#include "metrics/prometheus_text.hpp"

#include "support/assert.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace fanfold::metrics {
namespace {

constexpr std::string_view bound_label = "le";
constexpr std::size_t number_bytes_max = 32;

std::string_view word_of(MetricType type) {
  switch (type) {
    case MetricType::counter: return "counter";
    case MetricType::gauge: return "gauge";
    case MetricType::histogram: return "histogram";
  }
  return "untyped";
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Colons are for rules, not for what is measured.
bool is_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
}

enum class Quotes : std::uint8_t { keep, escape };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes == Quotes::escape)
      out += "\\\"";
    else
      out += c;
  }
}

template <class Number>
std::string number_text(Number value) {
  std::array<char, number_bytes_max> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

/// The shortest text that reads back as the same value.
std::string text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return number_text(value);
}

}  // namespace

void PrometheusText::family(std::string_view name, MetricType type, std::string_view help) {
  FANFOLD_ASSERT(is_name(name), "a metric's name is letters, digits and underscores");
  FANFOLD_ASSERT((type == MetricType::counter) == name.ends_with("_total"), "a counter, and nothing else, is a total");
  name_ = name;
  type_ = type;
  text_.append("# HELP ").append(name_).append(" ");
  append_escaped(text_, help, Quotes::keep);
  text_.append("\n# TYPE ").append(name_).append(" ").append(word_of(type)).append("\n");
}

void PrometheusText::sample(std::span<const Label> labels, std::uint64_t value) {
  FANFOLD_ASSERT(type_ != MetricType::histogram, "a histogram is no single number");
  begin_sample({}, labels);
  text_.append(" ").append(number_text(value)).append("\n");
}

void PrometheusText::sample(std::span<const Label> labels, double value) {
  FANFOLD_ASSERT(type_ != MetricType::histogram, "a histogram is no single number");
  begin_sample({}, labels);
  text_.append(" ").append(text_of(value)).append("\n");
}

void PrometheusText::histogram(std::span<const Label> labels, const Distribution& observed) {
  FANFOLD_ASSERT(type_ == MetricType::histogram, "this family is no histogram");
  FANFOLD_ASSERT(observed.counts.size() == observed.upper_bounds.size() + 1, "what is above the last bound counts too");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < observed.counts.size(); ++i) {
    count += observed.counts[i];
    const bool is_last = i == observed.upper_bounds.size();
    text_.append(name_).append("_bucket");
    append_labels(labels, is_last ? "+Inf" : text_of(observed.upper_bounds[i]));
    text_.append(" ").append(number_text(count)).append("\n");
  }
  begin_sample("_sum", labels);
  text_.append(" ").append(text_of(observed.sum)).append("\n");
  begin_sample("_count", labels);
  text_.append(" ").append(number_text(count)).append("\n");
}

void PrometheusText::begin_sample(std::string_view suffix, std::span<const Label> labels) {
  FANFOLD_ASSERT(!name_.empty(), "a sample belongs to a family");
  text_.append(name_).append(suffix);
  append_labels(labels, {});
}

void PrometheusText::append_labels(std::span<const Label> labels, std::string_view upper_bound) {
  if (labels.empty() && upper_bound.empty()) return;
  auto append = [this, separator = '{'](const Label& label) mutable {
    FANFOLD_ASSERT(is_name(label.name) && !label.name.starts_with("__"), "a label's name is none");
    text_ += separator;
    text_.append(label.name).append("=\"");
    append_escaped(text_, label.value, Quotes::escape);
    text_ += '"';
    separator = ',';
  };
  for (const Label& label : labels) append(label);
  if (!upper_bound.empty()) append({bound_label, upper_bound});
  text_ += '}';
}

}  // namespace fanfold::metrics
