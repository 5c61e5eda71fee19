#pragma once

#include "engine/store.hpp"

#include <fanfold/options.hpp>

namespace fanfold::engine {

/// Errors: invalid_argument, too_large; the message names the option and its limit.
[[nodiscard]] Result<void> check_options(const ClusterOptions& options);

/// Records have to outlive their messages. Errors: invalid_argument with the queue's retention.
[[nodiscard]] Result<void> check_expiry(Store& store, const ClusterOptions& options, std::string_view queue_url);

/// Valid and short enough to be a key of ours. Errors: invalid_argument, too_large; both name `what`.
[[nodiscard]] Result<void> check_key_text(std::string_view what, std::string_view text);

}  // namespace fanfold::engine
