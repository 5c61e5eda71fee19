#include "engine/creation_options.hpp"

#include "engine/creation.hpp"
#include "json/utf8.hpp"

#include <cmath>

namespace fanfold::engine {

namespace {

Error too_large(std::string_view what, std::size_t limit) {
  return {ErrorCode::too_large, std::string(what) + " has at most " + std::to_string(limit) + " bytes", {}};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = detail::utf8_sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return too_large(what, bytes_max);
  if (!is_utf8(text)) return invalid(std::string(what) + " is not valid UTF-8");
  return {};
}

}  // namespace

Result<void> check_key_text(std::string_view what, std::string_view text) {
  if (text.empty()) return invalid(std::string(what) + " is empty");
  return check_text(what, text, idempotency_key_bytes_max);
}

Result<void> check_options(const ClusterOptions& options) {
  if (auto name = check_text("name", options.name, cluster_name_bytes_max); !name) return name;
  if (!options.idempotency_key.empty()) {
    if (auto key = check_key_text("idempotency_key", options.idempotency_key); !key) return key;
  }
  const double percent = options.failures_allowed_percent;
  if (!std::isfinite(percent) || percent < 0 || percent > 100)
    return invalid("failures_allowed_percent goes from 0 to 100");
  if (options.attempts_max && (*options.attempts_max < 1 || *options.attempts_max > attempts_limit)) {
    return invalid("attempts_max goes from 1 to " + std::to_string(attempts_limit));
  }
  if (options.deadline && *options.deadline <= std::chrono::milliseconds{0})
    return invalid("deadline is longer than zero");
  const auto& meta = options.meta.json();
  if (meta && meta->text().size() > cluster_meta_bytes_max) return too_large("meta", cluster_meta_bytes_max);
  const auto& globals = options.globals.json();
  if (globals && globals->text().size() > json_size_bytes_max) return too_large("globals", json_size_bytes_max);
  return {};
}

Result<void> check_expiry(Store& store, const ClusterOptions& options, std::string_view queue_url) {
  auto attributes = with_patience(store, [&] { return store.queue().attributes(queue_url); });
  if (!attributes) return std::move(attributes).error();
  const auto least = std::chrono::ceil<std::chrono::hours>(attributes->retention) + expiry_margin;
  if (options.expires_after >= least) return {};
  return invalid("expires_after is at least " + std::to_string(least.count()) + " h: queue " + std::string(queue_url) +
                 " keeps messages for " +
                 std::to_string(std::chrono::ceil<std::chrono::hours>(attributes->retention).count()) +
                 " h, and records outlive them by " + std::to_string(expiry_margin.count()) + " h");
}

}  // namespace fanfold::engine
