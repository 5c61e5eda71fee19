#pragma once

#include <fanfold/result.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// Reads "250ms", "30s", "5m", "12h", "4d", or several of them from large to small: "1h30m". "0" is zero.
/// Errors: bad_input names the place. At most ten years.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact text that parse_duration reads: "1h30m", "250ms", "0s".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

/// An option whose value is a duration; a wrong one is a usage error that names option and place.
template <class Duration>
CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& target, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            auto duration = parse_duration(text);
            if (!duration) throw CLI::ValidationError(name, duration.error().message);
            if constexpr (requires { target.emplace(); }) {
              target = *duration;
            } else {
              target = std::chrono::duration_cast<Duration>(*duration);
              if (target != *duration) throw CLI::ValidationError(name, "'" + text + "' is finer than this option can be");
            }
          },
          help)
      ->type_name("DURATION");
}

}  // namespace fanfold::cli
